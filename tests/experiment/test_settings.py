"""An experiment once it is read: its defaults, and the runs of its grid."""

from itertools import product

import pytest
from pydantic import ValidationError

from alrun.data.load import load
from alrun.errors import DatasetError
from alrun.experiment.settings import Experiment
from alrun.spec import run_id
from alrun.spec_parts import InitialSpec
from alrun.sweep.grid import expand

LEAST = {"strategies": ["random"], "seeds": 2, "budget": 60, "dataset": {"name": "iris"}}
LOGISTIC = {"C": 1.0, "class_weight": None}


def made(**changes):
    """An experiment whose names are not looked up, as a report reads it."""
    return Experiment.model_validate(LEAST | changes)


def runs_of(experiment, **sources):
    sources = sources or {
        str(entry.label): load(entry.name, {}, scale=entry.scale) for entry in experiment.dataset
    }
    return list(expand(experiment, sources))


def first(**changes):
    return runs_of(made(**changes))[0]


# Defaults


def test_the_defaults_are_those_of_the_contract():
    experiment = made()
    assert experiment.batch_sizes == [10]
    assert experiment.targets == []
    assert experiment.metric == "accuracy"
    assert experiment.seed_list == [0, 1]
    assert experiment.initial[0].per_class == 2
    assert [model.name for model in experiment.model] == ["logistic"]
    (dataset,) = experiment.dataset
    assert (dataset.scale, dataset.test_size, dataset.target) == (None, 0.25, "target")
    assert (dataset.per_seed, dataset.splits) == (False, None)
    assert experiment.strategies[0].replica == 0


@pytest.mark.parametrize(
    ("seeds", "numbers"), [(1, [0]), (4, [0, 1, 2, 3]), ([7], [7]), ([5, 0, 9], [5, 0, 9])]
)
def test_seeds_are_a_count_or_a_list(seeds, numbers):
    assert made(seeds=seeds).seed_list == numbers


def test_an_initial_size_is_stratified_unless_said_otherwise():
    assert made(initial={"size": 20}).initial[0].method == "stratified"
    assert made(initial={"size": 20, "method": "random"}).initial[0].method == "random"


@pytest.mark.parametrize("key", ["dataset", "model"])
def test_one_table_is_a_list_of_one(key):
    table = {"name": "iris" if key == "dataset" else "logistic"}
    assert made(**{key: table}) == made(**{key: [table]})


@pytest.mark.parametrize(
    ("strategy", "label"),
    [
        ("margin", "margin"),
        ({"name": "margin"}, "margin"),
        ({"name": "density", "beta": 2.0, "label": "density 2"}, "density 2"),
    ],
)
def test_a_strategy_is_labelled_by_its_label_or_its_name(strategy, label):
    assert made(strategies=[strategy]).strategies[0].label == label


def test_parameters_and_replicas_are_told_apart_without_labels():
    strategies = [
        "density",
        {"name": "density", "beta": 2.0},
        {"name": "density", "beta": 3.0},
        {"name": "density", "replica": 1},
        {"name": "density", "replica": 2, "beta": 2.0},
    ]
    labels = [entry.label for entry in made(strategies=strategies).strategies]
    assert len(set(labels)) == 5
    assert labels[0] == "density"
    assert all(label.startswith("density") for label in labels)
    assert "beta" in labels[1]
    assert "replica" in labels[3]


def test_what_is_not_an_own_key_is_a_parameter():
    strategy = made(strategies=[{"name": "d", "beta": 2.0, "label": "x", "replica": 1}])
    assert strategy.strategies[0].parameters == {"beta": 2.0}
    model = made(model={"name": "logistic", "C": 0.5, "label": "x"}).model[0]
    assert (model.parameters, model.label) == ({"C": 0.5}, "x")
    dataset = made(dataset={"name": "make_classification", "n_samples": 5, "scale": 2}).dataset[0]
    assert (dataset.parameters, dataset.scale) == ({"n_samples": 5}, 2.0)


# The grid


def test_the_grid_is_every_combination_and_each_once():
    experiment = made(
        strategies=["random", "margin", {"name": "margin", "replica": 1}],
        batch_sizes=[5, 10],
        seeds=[3, 8],
        dataset=[{"name": "iris"}, {"name": "wine", "label": "w"}],
        model=[{"name": "logistic"}, {"name": "logistic", "C": 2, "label": "loose"}],
    )
    runs = runs_of(experiment, iris=load("iris", {}), w=load("wine", {}))
    cells = [
        (
            run.dataset.display_name,
            run.model.display_name,
            run.strategy.name,
            run.strategy.replica,
            run.batch_size,
            run.seed,
        )
        for run in runs
    ]
    strategies = [("random", 0), ("margin", 0), ("margin", 1)]
    expected = {
        (dataset, model, *strategy, batch_size, seed)
        for dataset, model, strategy, batch_size, seed in product(
            ["iris", "w"], ["logistic", "loose"], strategies, [5, 10], [3, 8]
        )
    }
    assert len(cells) == 48
    assert set(cells) == expected
    assert len({run_id(run) for run in runs}) == 48


def test_a_run_holds_what_is_resolved():
    run = first(model={"name": "logistic", "C": 3}, dataset={"name": "iris", "scale": 4})
    assert run.model.parameters == {"C": 3.0, "class_weight": None}
    assert run.strategy.version == 1
    assert run.dataset.fingerprint == load("iris", {}).fingerprint
    assert (run.dataset.name, run.dataset.scale) == ("iris", 4.0)
    assert (run.budget, run.batch_size, run.seed) == (60, 10, 0)
    assert first().model.parameters == LOGISTIC


@pytest.mark.parametrize(
    ("test_size", "count"), [(30, 30), (0.3, 45), (0.2, 30), (0.1, 15), (0.249, 37), (0.251, 38)]
)
def test_a_fraction_to_test_is_that_of_the_examples_as_a_count(test_size, count):
    assert first(dataset={"name": "iris", "test_size": test_size}).dataset.test_size == count


@pytest.mark.parametrize(("size", "count"), [(20, 20), (0.2, 24), (0.101, 12), (0.001, 1)])
@pytest.mark.parametrize("method", ["random", "stratified", "kmeans"])
def test_a_fraction_at_first_is_that_of_the_training_part_as_a_count(size, count, method):
    dataset = {"name": "iris", "test_size": 30}
    run = first(dataset=dataset, initial={"size": size, "method": method})
    assert run.initial == InitialSpec(method, count)


def test_per_class_is_the_rule_itself():
    assert first(initial={"per_class": 5}).initial == InitialSpec("per_class", 5)


@pytest.mark.parametrize(
    "change",
    [
        {"targets": [0.9]},
        {"metric": "macro_f1"},
        {"strategies": [{"name": "random", "label": "chance"}]},
        {"dataset": {"name": "iris", "label": "flowers"}},
        {"dataset": {"name": "iris", "test_size": 38}},
        {"dataset": {"name": "iris", "test_size": 0.25, "scale": "none"}},
        {"model": {"name": "logistic", "C": 1}},
        {"model": {"name": "logistic", "C": 1.0, "label": "plain"}},
        {"initial": {"per_class": 2}},
        {"seeds": [0]},
        {"batch_sizes": [10, 20]},
    ],
)
def test_what_cannot_change_the_curve_changes_no_identity(change):
    sources = {"iris": load("iris", {}), "flowers": load("iris", {})}
    assert run_id(runs_of(made(**change), **sources)[0]) == run_id(first())


@pytest.mark.parametrize(
    "change",
    [
        {"strategies": ["margin"]},
        {"strategies": [{"name": "random", "replica": 1}]},
        {"dataset": {"name": "wine"}},
        {"dataset": {"name": "iris", "test_size": 39}},
        {"dataset": {"name": "iris", "scale": "standard"}},
        {"dataset": {"name": "iris", "scale": 2}},
        {"model": {"name": "logistic", "C": 2}},
        {"initial": {"per_class": 3}},
        {"initial": {"size": 6, "method": "random"}},
        {"seeds": [1]},
        {"batch_sizes": [11]},
        {"budget": 61},
    ],
)
def test_what_can_change_the_curve_changes_the_identity(change):
    assert run_id(first(**change)) != run_id(first())


def test_whole_numbers_and_their_floats_are_one_generated_data_set():
    def identity(**parameters):
        entry = {"name": "make_classification", **parameters}
        source = load("make_classification", parameters)
        return run_id(runs_of(made(dataset=entry), make_classification=source)[0])

    assert identity(class_sep=2) == identity(class_sep=2.0) != identity(class_sep=3.0)


# Sizes that do not fit the data


@pytest.mark.parametrize(
    ("changes", "n_initial"),
    [
        ({"initial": {"per_class": 2}, "budget": 5}, 6),
        ({"initial": {"size": 20}, "budget": 19}, 20),
        ({"initial": {"size": 0.5}, "budget": 55}, 56),
        ({"budget": 1}, 6),
    ],
)
def test_a_budget_below_the_initial_labels_is_refused(changes, n_initial):
    with pytest.raises(
        DatasetError, match=rf"^budget: {changes['budget']} .*\b{n_initial} initial"
    ):
        runs_of(made(**changes))


def test_a_budget_of_the_initial_labels_is_enough():
    assert len(runs_of(made(initial={"per_class": 2}, budget=6))) == 2


@pytest.mark.parametrize("test_size", [150, 151, 0.001, 0.999])
def test_a_test_part_that_leaves_nothing_is_refused(test_size):
    with pytest.raises(DatasetError, match=r"test_size.* 150 examples of iris"):
        runs_of(made(dataset={"name": "iris", "test_size": test_size}))


class Given:
    """A data set with splits of its own: of each seed its identity and so many initial labels."""

    fingerprint, n_examples, n_classes, scale = "f", 100, 2, "none"
    labels = ("a", "b")

    def user_split(self, seed):
        return f"split {seed}", 7


def test_given_splits_stand_in_the_place_of_sizes():
    experiment = made(dataset={"name": "iris", "splits": "s.parquet"})
    assert experiment.initial == []
    runs = runs_of(experiment, iris=Given())
    assert [run.dataset.splits for run in runs] == ["split 0", "split 1"]
    assert {run.dataset.test_size for run in runs} == {0}
    assert {run.initial for run in runs} == {InitialSpec("splits", 0)}


def test_a_budget_below_the_given_initial_labels_is_refused():
    with pytest.raises(DatasetError, match=r"budget: 6 .* 7 initial"):
        runs_of(made(dataset={"name": "iris", "splits": "s.parquet"}, budget=6), iris=Given())


@pytest.mark.parametrize("size", [100, 2 / 3])
def test_sizes_are_relative_to_a_subsample(size):
    dataset = {"name": "iris", "subsample": size, "test_size": 0.3}
    run = first(dataset=dataset, initial={"size": 0.2})
    assert (run.dataset.subsample, run.dataset.test_size, run.initial.size) == (100, 30, 14)


def test_a_subsample_above_the_data_set_is_refused():
    with pytest.raises(DatasetError, match=r"subsample: 151 is more than the 150 examples of iris"):
        first(dataset={"name": "iris", "subsample": 151})


@pytest.mark.parametrize(
    ("dataset", "what"),
    [
        ({"subsample": 10, "splits": "s.parquet"}, "subsample and splits"),
        ({"positive": 1, "per_seed": True}, "positive and per_seed"),
        ({"text": "words", "target": "words"}, "text and target"),
        ({"subsample": 0}, "a count, or a fraction"),
        ({"missing": "avarage"}, "a number to fill in, or a table of these by column"),
        ({"missing": {"a": True}}, "a number to fill in, or a table of these by column"),
        ({"missing": {}}, "a number to fill in, or a table of these by column"),
        ({"missing": float("inf")}, "a number to fill in, or a table of these by column"),
        ({"positive": ["a"]}, "the label of a class"),
        ({"positive": float("nan")}, "the label of a class, not NaN"),
    ],
)
def test_what_excludes_each_other_is_refused(dataset, what):
    with pytest.raises(ValueError, match=what):
        made(dataset={"name": "iris", **dataset})


def test_a_grid_that_no_memory_holds_is_counted():
    sizes = list(range(1, 6))
    with pytest.raises(ValidationError, match=r"the grid has 250,005 runs, more than 250,000"):
        made(strategies=["random"], batch_sizes=sizes, seeds=50_001)
    assert made(strategies=["random"], batch_sizes=sizes, seeds=50_000).seed_list[-1] == 49_999


@pytest.mark.parametrize("label", ["two\nlines", "\x1b[31mred", "tab\t", "\u2028"])
def test_a_label_is_for_a_line(label):
    with pytest.raises(
        ValidationError, match="should be a text on one line without control characters"
    ):
        made(strategies=[{"name": "random", "label": label}])
