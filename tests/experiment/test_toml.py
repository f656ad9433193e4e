"""Experiment files: everything that is wrong is said at once, a line each, and nothing crashes."""

import datetime
import math
import re
import tomllib
from pathlib import Path

import pandas as pd
import pytest
import tomli_w
from experiment_texts import LEAST, problem, problems, read, text_of
from hypothesis import given, settings
from hypothesis import strategies as st
from small_experiments import SMALL

from alrun.data.load import load
from alrun.errors import ExperimentError, printable
from alrun.experiment.settings import Experiment
from alrun.experiment.toml import experiment_of, read_experiment, to_toml
from alrun.spec import run_id
from alrun.sweep.grid import expand

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
SVM = {"name": "sklearn.svm.LinearSVC"}
DEEP = "[" * 3000
LONG = "1" * 5000  # digits, more than Python turns into a number
HEX = "0x" + "f" * 5000  # which it does, but not back


@pytest.fixture
def path(tmp_path):
    return tmp_path / "question.toml"


def assert_says(sentence, path, key, *fragments):
    assert re.match(rf"{re.escape(str(path))}: {re.escape(key)}", sentence), sentence
    for fragment in fragments:
        assert fragment in sentence


# What is right


@pytest.mark.parametrize("name", ["digits", "digits_standard", "synthetic"])
def test_the_experiments_that_come_along_are_right(name):
    assert read_experiment(EXPERIMENTS / f"{name}.toml", (), check=True).seed_list == list(
        range(50)
    )


def test_a_file_is_read_in_full(path):
    text = """
    strategies  = ["random", { name = "margin", replica = 1, label = "margin again" }]
    batch_sizes = [5, 20]
    seeds       = [3, 4]
    targets     = [0.85, 1]
    budget      = 32
    metric      = "macro_f1"
    [[dataset]]
    name      = "digits"
    scale     = 16
    test_size = 540
    [[dataset]]
    name  = "iris"
    label = "flowers"
    [initial]
    size   = 0.1
    method = "random"
    [model]
    name = "logistic"
    C    = 2
    """
    experiment = read(path, text=text)
    assert [entry.label for entry in experiment.strategies] == ["random", "margin again"]
    assert [entry.replica for entry in experiment.strategies] == [0, 1]
    assert (experiment.batch_sizes, experiment.seed_list) == ([5, 20], [3, 4])
    assert (experiment.targets, experiment.budget) == ([0.85, 1.0], 32)
    assert experiment.metric == "macro_f1"
    assert [(entry.name, entry.label) for entry in experiment.dataset] == [
        ("digits", "digits"),
        ("iris", "flowers"),
    ]
    assert (experiment.dataset[0].scale, experiment.dataset[0].test_size) == (16.0, 540)
    assert (experiment.initial[0].size, experiment.initial[0].method) == (0.1, "random")
    assert experiment.model[0].parameters == {"C": 2}


@pytest.mark.parametrize("key", ["dataset", "model", "initial"])
def test_one_table_is_an_array_of_one_table(path, key):
    table = {"dataset": {"name": "iris"}, "initial": {"per_class": 3}}.get(
        key, {"name": "logistic"}
    )
    assert read(path, **{key: table}) == read(path, **{key: [table]})


def test_unless_wanted_names_are_not_looked_up(path):
    path.write_text(text_of(strategies=["gone"], dataset={"name": "gone.csv"}))
    assert read_experiment(path).strategies[0].name == "gone"


# A wrong key names the nearest


@pytest.mark.parametrize(
    ("changes", "wrong", "nearest"),
    [
        ({"stratgies": ["random"]}, "stratgies", "strategies"),
        ({"bugdet": 30}, "bugdet", "budget"),
        ({"batch_size": [10]}, "batch_size", "batch_sizes"),
        ({"dataset": {"name": "iris", "tets_size": 3}}, "tets_size", "test_size"),
        ({"dataset": {"name": "iris", "lable": "x"}}, "lable", "label"),
        (
            {"dataset": {"name": "make_classification", "n_sampels": 3}},
            "n_sampels",
            "n_samples",
        ),
        ({"initial": {"per_class": 1, "methd": "random"}}, "methd", "method"),
        (
            {"model": {"name": "logistic", "class_weigth": "balanced"}},
            "class_weigth",
            "class_weight",
        ),
        ({"model": {"name": "logistic", "lable": "x"}}, "lable", "label"),
        ({"strategies": [{"name": "random", "replca": 1}]}, "replca", "replica"),
        ({"dataset": {"name": "irsi"}}, "irsi", "iris"),
        ({"model": {"name": "logistc"}}, "logistc", "logistic"),
        ({"strategies": ["random", "entropi"]}, "entropi", "entropy"),
        ({"metric": "acuracy"}, "acuracy", "accuracy"),
        ({"initial": {"size": 9, "method": "randm"}}, "randm", "random"),
    ],
)
def test_a_slip_of_the_pen_is_told_the_nearest_name(path, changes, wrong, nearest):
    assert_says(problem(path, **changes), path, next(iter(changes)), wrong, f"'{nearest}'")


def test_a_misspelled_name_of_a_table_is_among_what_is_wrong(path):
    assert any(
        "'nmae'" in line or ".nmae" in line for line in problems(path, dataset={"nmae": "x"})
    )


# A wrong value names the key


IRIS = {"name": "iris"}
WRONG = [
    *[("budget", {"budget": value}) for value in (None, 0, -5, 3.5, "many", True, [3], 2**31)],
    *[("seeds", {"seeds": value}) for value in (None, 0, -1, [], [-1], [0.5], "x", True, [2**31])],
    ("seeds", {"seeds": [1, 2, 1]}),
    ("seeds", {"seeds": datetime.date(2020, 1, 1)}),
    *[("batch_sizes", {"batch_sizes": value}) for value in ([], 10, [0], [2.5], ["a"], [5, 5])],
    *[("targets", {"targets": value}) for value in (0.9, [0], [90], ["x"], [0.9, 0.9], [math.nan])],
    ("targets[1]", {"metric": "brier", "targets": [2.5]}),
    ("targets[1]", {"metric": "ece", "targets": [1.5]}),
    ("targets[1]", {"metric": "log_loss", "targets": [0]}),
    *[("metric", {"metric": value}) for value in ("speed", 3)],
    *[("strategies", {"strategies": value}) for value in (None, [], "random", [1], [[]], [{}])],
    ("strategies[1].name", {"strategies": [{"name": 3}]}),
    ("strategies[2].replica", {"strategies": ["random", {"name": "random", "replica": -1}]}),
    ("strategies[1]", {"strategies": [{"name": "random", "beta": 2}]}),
    ("strategies", {"strategies": ["random", "random"]}),
    ("strategies", {"strategies": ["random", {"name": "margin", "label": "random"}]}),
    ("dataset", {"dataset": None}),
    ("dataset", {"dataset": []}),
    ("dataset", {"dataset": "iris"}),
    ("dataset", {"dataset": [IRIS, IRIS]}),
    ("dataset.name", {"dataset": {"scale": 3}}),
    ("dataset[2].name", {"dataset": [IRIS, {"scale": 3}]}),
    *[
        ("dataset.scale", {"dataset": IRIS | {"scale": value}})
        for value in ("loud", 0, -1, True, [1], math.inf, math.nan, 10**400)
    ],
    *[
        ("dataset.test_size", {"dataset": IRIS | {"test_size": value}})
        for value in (0, -3, 1.0, 1.5, 0.0, "half", True, math.nan, 2**31)
    ],
    ("dataset.per_seed", {"dataset": IRIS | {"per_seed": "yes"}}),
    ("dataset", {"dataset": IRIS | {"per_seed": True}}),
    ("dataset", {"dataset": {"name": "absent.csv"}}),
    ("dataset", {"dataset": {"name": "mine.xlsx"}}),
    ("dataset", {"dataset": {"name": "x" * 300 + ".csv"}}),
    ("dataset", {"dataset": {"name": "make_classification", "per_seed": True, "random_state": 1}}),
    ("initial", {"initial": {}}),
    ("initial", {"initial": {"per_class": 2, "size": 3}}),
    ("initial", {"initial": {"per_class": 2, "method": "random"}}),
    ("initial", {"initial": 2}),
    ("initial.per_class", {"initial": {"per_class": 0}}),
    ("initial.size", {"initial": {"size": 1.0}}),
    ("initial.method", {"initial": {"size": 3, "method": "best"}}),
    ("model", {"model": []}),
    ("model", {"model": [{"name": "logistic"}, {"name": "logistic", "C": 2.0}]}),
    *[("model", {"model": {"name": "logistic", "C": value}}) for value in (-1, "x", math.nan)],
    ("model", {"model": {"name": "logistic", "C": 10**400}}),
    ("model", {"model": {"name": "logistic", "C": datetime.date(2020, 1, 1)}}),
    ("model", {"model": {"name": "logistic", "random_state": 1}}),
    ("model", {"model": {"name": "sklearn.svm.SVR"}}),
    ("model", {"model": {"name": "sklearn.model_selection.GridSearchCV"}}),
    ("model[2]", {"model": [SVM, {"name": "sklearn.nowhere.SVC"}]}),
    *[
        ("strategies[1]", {"strategies": [name]})
        for name in ("nowhere_to_be_found:f", ".:f", ":f", "math:hypot", "a\nb:f")
    ],
    ("dataset", {"dataset": {"name": "a\nb"}}),
    ("dataset", {"dataset": IRIS | {"a\nb": 1}}),
    ("", {"a\nb": 1}),
]


@pytest.mark.parametrize(("key", "changes"), WRONG, ids=[str(changes)[:70] for _, changes in WRONG])
def test_a_wrong_value_is_one_line_that_names_the_key(path, key, changes):
    assert_says(problem(path, **changes), path, key)


@pytest.mark.parametrize(
    ("metric", "targets"), [("log_loss", [0.3, 2.5]), ("brier", [0.1, 2]), ("ece", [0.05, 1])]
)
def test_a_metric_that_falls_as_models_improve_carries_targets(path, metric, targets):
    experiment = read(path, metric=metric, targets=targets)
    assert (experiment.metric, experiment.targets) == (metric, targets)


def test_how_large_a_target_may_be_depends_on_the_metric(path):
    line = problem(path, targets=[0.9, 1.5])
    assert_says(line, path, "targets[2]: the target 1.5 is no score between 0 and 1")
    line = problem(path, metric="brier", targets=[0.9, 2.5])
    assert_says(line, path, "targets[2]: the target 2.5 is no score between 0 and 2")


def test_splits_exclude_sizes_and_initial_sets(path):
    splits = IRIS | {"splits": "s.parquet"}
    line = problem(path, dataset=splits | {"test_size": 0.25})
    assert_says(line, path, "dataset", "test_size and splits exclude")
    assert read(path, dataset=splits).initial == []


@pytest.mark.parametrize(
    ("initial", "said"),
    [
        ({"method": "file"}, 'method = "file" goes with file'),
        ({"file": "experts.csv"}, 'method = "file" goes with file'),
        ({"file": "experts.csv", "method": "kmeans"}, 'method = "file" goes with file'),
        ({"file": "experts.csv", "method": "file", "size": 3}, "drop size"),
        ({"file": "experts.csv", "method": "file", "per_class": 3}, "drop size and per_class"),
        ({"method": "kmeans"}, "give either per_class, or size"),
        ({"method": "kmeans", "per_class": 2}, "method goes with size"),
    ],
)
def test_a_rule_of_the_initial_set_is_one_and_whole(path, initial, said):
    assert_says(problem(path, initial=initial), path, "initial", said)


def test_rows_that_differ_between_seeds_cannot_be_listed(path):
    data = {"name": "make_classification", "per_seed": True}
    line = problem(path, dataset=data, initial={"method": "file", "file": "experts.csv"})
    assert_says(line, path, "", "per_seed and initial.file exclude")


@pytest.mark.parametrize(
    ("model", "strategy", "fits"),
    [
        (SVM, "entropy", False),
        (SVM, "least_confidence", False),
        (SVM, "margin", True),
        (SVM, "random", True),
        ({"name": "sklearn.linear_model.SGDClassifier"}, "entropy", False),
        ({"name": "sklearn.linear_model.SGDClassifier", "loss": "log_loss"}, "entropy", True),
        ({"name": "sklearn.neighbors.NearestCentroid"}, "random", True),
    ],
)
def test_a_strategy_that_the_model_cannot_serve_is_refused_as_the_file_is_read(
    path, model, strategy, fits
):
    if fits:
        assert read(path, strategies=[strategy], model=model).model[0].name == model["name"]
    else:
        line = problem(path, strategies=[strategy], model=model)
        assert_says(line, path, "", strategy, model["name"], "predict_proba")


@pytest.mark.parametrize(
    ("strategy", "fragments"),
    [
        ({"name": "typiclust", "neighbours": 0}, ["neighbours", "at least 1"]),
        ({"name": "density", "beta": -1}, ["beta", "-1.0"]),
        ({"name": "prob_cover", "delta": "x"}, ["delta", "'x'"]),
        ({"name": "qbc_vote", "members": 2.5}, ["members", "2.5"]),
    ],
)
def test_a_parameter_that_makes_no_sense_is_refused_as_the_file_is_read(path, strategy, fragments):
    assert_says(problem(path, strategies=["margin", strategy]), path, "strategies[2]: ", *fragments)


# All at once


def test_all_that_is_wrong_is_said_at_once(path):
    lines = problems(
        path,
        bugdet=3,
        seeds=0,
        targets=[90],
        metric="brier",
        dataset=[{"name": "irsi"}, {"name": "iris", "tets_size": 2}],
        initial={"per_clas": 2},
        model={"name": "logistic", "C": -1.0},
        strategies=["random", "entropi"],
    )
    fragments = [
        "bugdet",
        "seeds",
        "targets[1]",
        "irsi",
        "tets_size",
        "per_clas",
        "C",
    ]
    for fragment in [*fragments, "entropi"]:
        assert any(fragment in line for line in lines), fragment
    assert len(set(lines)) == len(lines)
    assert all(line.startswith(f"{path}: ") for line in lines)


@pytest.mark.parametrize(
    ("changes", "fragments"),
    [
        ({"dataset": {"name": "iris", "tets_size": 3, "sclae": 1}}, ["tets_size", "sclae"]),
        ({"dataset": {"name": "iris", "tets_size": 3, "scale": "loud"}}, ["tets_size", "loud"]),
        ({"model": {"name": "logistic", "D": 3, "label": 5}}, [".D", "label"]),
        ({"strategies": [{"name": "random", "D": 3, "replica": -5}]}, [".D", "replica"]),
        ({"model": SVM, "strategies": ["entropy", "least_confidence"]}, ["entropy", "least_conf"]),
        ({"model": SVM, "strategies": ["entropy"], "seeds": 0}, ["entropy", "seeds"]),
        (
            {"dataset": {"name": "irsi", "splits": "s.parquet", "test_size": 3}},
            ["irsi", "exclude"],
        ),
    ],
)
def test_one_thing_wrong_hides_no_other(path, changes, fragments):
    lines = "\n".join(problems(path, **changes))
    for fragment in fragments:
        assert fragment in lines


# Files that are none


@pytest.mark.parametrize(
    "content",
    [
        b"seeds = ",
        b"seeds = 3\nseeds = 4\n",
        b"[dataset\n",
        b"\xff\xfe",
        b"\x00",
        f"x = {DEEP}".encode(),
        f"x = {'[' * 60}{']' * 60}".encode(),
        f"seeds = {LONG}".encode(),
        f"seeds = {HEX}\nbudget = 3\n".encode(),
        f"[dataset]\nname = 'iris'\nscale = {HEX}\n".encode(),
    ],
    ids=lambda content: content[:20],
)
def test_what_is_no_experiment_is_refused(path, content):
    path.write_bytes(content)
    with pytest.raises(ExperimentError) as caught:
        read_experiment(path, (), check=True)
    assert all(line.startswith(f"{path}: ") for line in caught.value.problems)


def test_an_empty_file_lacks_every_key_that_has_no_default(path):
    lines = problems(path, text="")
    assert len(lines) == 4
    for key in ("strategies", "seeds", "budget", "dataset"):
        assert f"{path}: {key}: is missing" in lines


def test_a_file_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(ExperimentError, match=r"absent\.toml: there is no such file$"):
        read_experiment(tmp_path / "absent.toml")


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(ExperimentError, match="cannot be read"):
        read_experiment(tmp_path)


# Overrides


@pytest.mark.parametrize(
    ("override", "changes"),
    [
        ("budget=30", {"budget": 30}),
        (" budget = 30 ", {"budget": 30}),
        ("seeds=[4, 7]", {"seeds": [4, 7]}),
        ("metric=macro_f1", {"metric": "macro_f1"}),
        ("metric = macro_f1 ", {"metric": "macro_f1"}),
        ('metric="macro_f1"', {"metric": "macro_f1"}),
        ("batch_sizes=[1,2]", {"batch_sizes": [1, 2]}),
        ("targets=[0.5]", {"targets": [0.5]}),
        ("strategies.0=margin", {"strategies": ["margin", "entropy"]}),
        ("strategies[2]=margin", {"strategies": ["random", "margin"]}),
        ("strategies.1={name='random', replica=1}", None),
        ("strategies=['margin']", {"strategies": ["margin"]}),
        ("model.C=0.1", {"model": {"name": "logistic", "C": 0.1}}),
        ("model.name=sklearn.svm.SVC", {"model": {"name": "sklearn.svm.SVC"}}),
        ("dataset.scale=16", {"dataset": {"name": "iris", "scale": 16}}),
        ("dataset.scale=standard", {"dataset": {"name": "iris", "scale": "standard"}}),
        ("initial.per_class=3", {"initial": {"per_class": 3}}),
    ],
)
def test_an_override_is_what_the_file_would_say(path, override, changes):
    base = {"strategies": ["random", "entropy"], "model": {"name": "logistic"}}
    base |= {"strategies": ["random", "margin"]} if "SVC" in override else {}
    changes = changes or {"strategies": ["random", {"name": "random", "replica": 1}]}
    assert read(path, override, **base) == read(path, **(base | changes))


def test_overrides_apply_in_their_order(path):
    assert read(path, "budget=30", "budget=40").budget == 40


def test_an_override_reaches_into_an_array_of_tables(path):
    datasets = [{"name": "iris"}, {"name": "wine"}]
    experiment = read(path, "dataset.1.scale=minmax", dataset=datasets)
    assert [entry.scale for entry in experiment.dataset] == [None, "minmax"]


def test_an_override_reaches_into_a_strategy(path):
    for key in ("strategies.0.replica", "strategies[1].replica"):
        experiment = read(path, f"{key}=3", strategies=[{"name": "random"}])
        assert experiment.strategies[0].replica == 3


def test_an_override_reaches_into_a_strategy_that_is_given_by_its_name_alone(path):
    _, strategy = read(path, "strategies[2].replica=3", strategies=["random", "margin"]).strategies
    assert (strategy.name, strategy.replica) == ("margin", 3)
    _, strategy = read(
        path, "strategies.1.name=entropy", strategies=["random", "margin"]
    ).strategies
    assert strategy.name == "entropy"


def test_a_metric_of_the_experiment_needs_a_model_that_offers_it(path):
    svm = {"name": "sklearn.svm.LinearSVC"}
    line = problem(path, 'metric="log_loss"', strategies=["random"], model=svm)
    assert "metric: log_loss needs a model with predict_proba" in line
    read(path, 'metric="roc_auc"', strategies=["random"], model=svm)


def test_a_parameter_of_the_model_that_the_file_leaves_out_can_be_set(path):
    (model,) = read(path, "model.C=0.1").model
    assert (model.name, model.parameters) == ("logistic", {"C": 0.1})


@pytest.mark.parametrize(
    ("override", "fragments"),
    [
        ("budget", ["--set budget", "key=value"]),
        ("=3", ["--set =3", "key=value"]),
        ("", ["key=value"]),
        ("bugdet=3", ["bugdet", "'budget'"]),
        ("model.class_weigth=balanced", ["class_weigth", "'class_weight'"]),
        ("budget=", ["budget"]),
        ("budget=many", ["budget", "many"]),
        ("budget.x=3", ["budget"]),
        ("strategies[9].replica=1", ["has no table 'strategies[9]'"]),
        ("strategies.name=margin", ["strategies[1].name"]),
        ("strategies[9]=margin", ["'strategies' has no entry strategies[9]; the list has"]),
        ("strategies[0]=margin", ["strategies"]),
        ("strategies.9=margin", ["strategies"]),
        ("strategies.-1=margin", ["strategies"]),
        ("seeds.0=3", ["seeds"]),
        ("a.b.c=3", ["a: unknown key"]),
        (".=3", [""]),
        ("model..C=3", [""]),
        (f"x={DEEP}", ["x"]),
        (f"budget={LONG}", ["budget"]),
        (f"budget={HEX}", ["budget"]),
        (f"strategies.{LONG}=margin", ["strategies"]),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else "",
)
def test_an_override_that_cannot_be_is_one_line(path, override, fragments):
    line = problem(path, override, model={"name": "logistic"})
    for fragment in fragments:
        assert fragment in line


def test_an_override_leaves_the_file_as_it_was(path):
    before = text_of()
    read(path, "budget=30")
    assert path.read_text() == before


# There and back


FULL = {
    "strategies": ["random", {"name": "margin", "replica": 1}, {"name": "margin", "label": "M"}],
    "batch_sizes": [1, 50],
    "seeds": [3, 1],
    "targets": [0.5, 1],
    "metric": "balanced_accuracy",
    "dataset": [
        {"name": "iris", "scale": 2, "test_size": 0.5},
        {"name": "make_classification", "per_seed": True, "weights": [0.5, 0.5]},
    ],
    "model": [{"name": "logistic", "C": 1}, {"name": "sklearn.svm.SVC", "label": "svm"}],
}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        FULL,
        FULL | {"initial": {"size": 0.2}},
        FULL | {"initial": {"size": 20, "method": "random"}},
        {"dataset": {"name": "iris", "splits": "s.parquet"}},
        {"dataset": {"name": "iris", "label": 'quotes " and \\ and é'}},
        {"strategies": ["random", {"name": "random", "replica": 2}]},
    ],
)
def test_what_is_written_is_read_as_the_same(path, changes):
    experiment = read(path, **changes)
    text = to_toml(experiment, path.parent, path.parent)
    again = read(path, text=text)
    assert again == experiment
    assert to_toml(again, path.parent, path.parent) == text


def runs_of(experiment, folder):
    sources = {
        str(entry.label): load(entry.name, entry.parameters, folder=folder)
        for entry in experiment.dataset
    }
    return [run_id(run) for run in expand(experiment, sources)]


@pytest.fixture
def with_files(tmp_path):
    """An experiment in one folder with a data set and splits in another."""
    for name in ("questions", "data"):
        (tmp_path / name).mkdir()
    frame = pd.DataFrame({"a": range(40), "target": [0, 1] * 20})
    frame.to_csv(tmp_path / "data" / "mine.csv", index=False)
    (tmp_path / "data" / "splits.parquet").write_bytes(b"")
    return tmp_path / "questions" / "question.toml"


@pytest.mark.parametrize("new", ["results/question", "questions/deeper", "questions", "."])
@pytest.mark.parametrize("name", ["../data/mine.csv", "{}/data/mine.csv"])
def test_a_data_file_is_found_from_another_folder(tmp_path, with_files, new, name):
    experiment = read(with_files, dataset={"name": name.format(tmp_path), "splits": "../data/s"})
    (tmp_path / new).mkdir(parents=True, exist_ok=True)
    copy = tmp_path / new / "experiment.toml"
    copy.write_text(to_toml(experiment, with_files.parent, copy.parent))
    again = read_experiment(copy, (), check=True)
    (dataset,) = again.dataset
    assert (copy.parent / dataset.name).resolve() == tmp_path / "data" / "mine.csv"
    assert (copy.parent / dataset.splits).resolve() == tmp_path / "data" / "s"
    dataset.name, dataset.splits = experiment.dataset[0].name, experiment.dataset[0].splits
    assert again == experiment


def test_the_runs_are_the_same_from_another_folder(tmp_path, with_files):
    experiment = read(with_files, dataset={"name": "../data/mine.csv", "test_size": 10})
    copy = tmp_path / "experiment.toml"
    copy.write_text(to_toml(experiment, with_files.parent, copy.parent))
    again = read_experiment(copy, (), check=True)
    assert runs_of(again, copy.parent) == runs_of(experiment, with_files.parent)
    assert [entry.label for entry in again.dataset] == ["../data/mine.csv"]


def test_a_data_file_is_found_from_behind_a_link(tmp_path, with_files):
    (tmp_path / "far" / "away").mkdir(parents=True)
    (tmp_path / "results").symlink_to(tmp_path / "far" / "away")
    experiment = read(with_files, dataset={"name": "../data/mine.csv"})
    copy = tmp_path / "results" / "experiment.toml"
    copy.write_text(to_toml(experiment, with_files.parent, copy.parent))
    (dataset,) = read_experiment(copy, (), check=True).dataset
    assert (copy.parent / dataset.name).resolve() == tmp_path / "data" / "mine.csv"


def test_a_file_with_the_name_of_a_bundled_data_set_is_not_taken_for_it(tmp_path, path):
    (tmp_path / "iris").write_text("something else")
    (tmp_path / "results").mkdir()
    experiment = read(path)
    copy = tmp_path / "results" / "experiment.toml"
    copy.write_text(to_toml(experiment, tmp_path, copy.parent))
    assert read_experiment(copy, (), check=True) == experiment


# Whatever comes


MANY = settings(max_examples=200)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6) | st.sampled_from(
    [
        "random",
        "margin",
        "iris",
        "logistic",
        "standard",
        "log_loss",
        ".",
        ":",
        "..a",
        ".:f",
        "a.csv",
    ]
)
SCALARS = (
    st.booleans()
    | st.integers()
    | st.sampled_from([0, 1, 2, 2**31, 10**400])
    | st.floats()
    | TEXTS
    | st.dates()
    | st.times()
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)
KEYS = st.sampled_from(
    ["strategies", "seeds", "budget", "dataset", "model", "initial", "targets", "metric"]
) | st.sampled_from(
    ["batch_sizes", "name", "label", "scale", "test_size", "C", "replica", "size", "steps"]
)
CHANGES = st.lists(
    st.tuples(st.lists(KEYS | TEXTS, min_size=1, max_size=3), VALUES), min_size=1, max_size=4
)
START = LEAST | {"initial": {"per_class": 2}, "model": {"name": "logistic"}, "targets": [0.9]}


def changed(content, changes):
    """Put each value where its keys lead, replacing what is no table on the way."""
    content = {
        key: dict(value) if isinstance(value, dict) else value for key, value in content.items()
    }
    for (*tables, last), value in changes:
        table = content
        for key in tables:
            if not isinstance(table.get(key), dict):
                table[key] = {}
            table = table[key]
        table[last] = value
    return content


def assert_read_or_refused(path, overrides=()):
    try:
        experiment = read_experiment(path, overrides, check=True)
    except ExperimentError as error:
        lines = error.problems
    else:
        lines = [f"{path}: "]
        path.write_text(to_toml(experiment, path.parent, path.parent), encoding="utf-8")
        assert read_experiment(path, (), check=True) == experiment
    starts = (f"{path}: ", *(f"--set {printable(override)}: " for override in overrides))
    assert lines
    assert all(line.startswith(starts) for line in lines)
    assert all(line.isprintable() for line in lines)


@MANY
@given(CHANGES)
def test_any_content_is_an_experiment_or_an_experiment_error(tmp_path_factory, changes):
    path = tmp_path_factory.getbasetemp() / "changed.toml"
    path.write_text(tomli_w.dumps(changed(START, changes)), encoding="utf-8")
    assert_read_or_refused(path)


DIGITS = (EXPERIMENTS / "digits.toml").read_bytes()


@MANY
@given(
    st.lists(
        st.tuples(
            st.integers(0, len(DIGITS) - 1),
            st.integers(0, 3),
            st.binary(max_size=2) | st.sampled_from([b"\n", b"=", b"[", b'"', b"9", b"."]),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_any_bytes_are_an_experiment_or_an_experiment_error(tmp_path_factory, cuts):
    path = tmp_path_factory.getbasetemp() / "mutated.toml"
    content = DIGITS
    for start, length, inserted in cuts:
        content = content[:start] + inserted + content[start + length :]
    path.write_bytes(content)
    assert_read_or_refused(path)


STEPS = KEYS | st.sampled_from(["0", "1", "-1", "", " "]) | TEXTS
ASSIGNED = st.builds(
    "{}={}".format,
    st.lists(STEPS, min_size=1, max_size=3).map(".".join),
    VALUES.map(repr) | TEXTS | st.sampled_from(["[[", "{", '"', "0x", "[1,", "1e400", "nan"]),
)


@MANY
@given(st.lists(ASSIGNED | TEXTS, min_size=1, max_size=3))
def test_any_override_is_an_experiment_or_an_experiment_error(tmp_path_factory, overrides):
    path = tmp_path_factory.getbasetemp() / "overridden.toml"
    path.write_text(tomli_w.dumps(START), encoding="utf-8")
    overrides = [override for override in overrides if not re.search(r"[\r\n]", override)]
    assert_read_or_refused(path, overrides)


def test_an_experiment_is_what_is_returned(path):
    assert isinstance(read(path), Experiment)


def test_tables_in_memory_are_read_as_those_of_a_file_and_left_as_they_are(tmp_path):
    path = tmp_path / "small.toml"
    path.write_text(SMALL)
    content = tomllib.loads(SMALL)
    overrides = ["model.C=0.5", "strategies[1].replica=1"]
    assert experiment_of(content, path, overrides, check=True) == read_experiment(path, overrides)
    assert content == tomllib.loads(SMALL)


def test_stopping_rules_are_validated_like_everything_else(tmp_path):
    (tmp_path / "mine.py").write_text("def rule(signals, often=2):\n    return None\n")
    rules = '["kappa", { name = "mine.py:rule", often = 3 }, { name = "any", rules = ["kappa"] }]'
    path = tmp_path / "rules.toml"
    text = f'strategies = ["random"]\nseeds = 2\nbudget = 40\nstopping = {rules}\n'
    path.write_text(f'{text}[dataset]\nname = "digits"\n')
    experiment = read_experiment(path, check=True)
    assert [entry.name for entry in experiment.stopping] == ["kappa", "mine.py:rule", "any"]
    results = tmp_path / "results"
    results.mkdir()
    (results / "experiment.toml").write_text(to_toml(experiment, tmp_path, results))
    again = read_experiment(results / "experiment.toml", check=True)
    assert again.stopping[1].name == "../mine.py:rule"
    assert again.stopping[1].parameters == {"often": 3}
    path.write_text(
        f'{text.replace(rules, """["kapa", { name = "kappa", windw = 3 }]""")}'
        '[dataset]\nname = "digits"\n'
    )
    with pytest.raises(ExperimentError) as error:
        read_experiment(path, check=True)
    first, second = error.value.problems
    assert "stopping[1]: there is no stopping rule 'kapa'" in first
    assert "stopping[2]: kappa has no parameter 'windw'; did you mean 'window'?" in second
