"""scikit-activeml's strategies: given what they need, refused where they cannot be; its traps."""

import sys
import warnings

import numpy as np
import pytest
from sklearn.datasets import dump_svmlight_file
from strategy_pools import picked, pool_of, stream

import alrun
from alrun.api import run_sweep
from alrun.errors import ExperimentError, StrategyError
from alrun.experiment.toml import read_experiment
from alrun.models.classifier import Classifier
from alrun.models.predictions import Predictions
from alrun.run.query import query
from alrun.spec_parts import StrategySpec
from alrun.strategies import skactiveml
from alrun.strategies.registry import find, parameters_of, requirements_of, resolve
from alrun.strategies.support.pool import Pool
from alrun.strategies.support.requirements import DataTraits
from alrun.sweep.plan import plan_sweep
from alrun.util.install_hint import install_hint
from alrun.util.random_streams import draw_integer

# By class, what none of alrun's pools can give.
REFUSED = {
    "EpistemicUncertaintySampling": "a Parzen window or scikit-learn's own LogisticRegression",
    "ExpectedErrorReduction": "MonteCarloEER",
    "ExpectedModelChangeMaximization": "a regressor",
    "ExpectedModelOutputChange": "a regressor",
    "ExpectedModelVarianceReduction": "a regressor",
    "FourDs": "a mixture model",
    "GreedySamplingTarget": "a regressor",
    "KLDivergenceMaximization": "a regressor",
    "ParallelUtilityEstimationWrapper": "another strategy to wrap",
    "RegressionTreeBasedAL": "a regressor",
    "SubSamplingWrapper": "another strategy to wrap",
}
SERVED = [
    "Badge",
    "BatchBALD",
    "Clue",
    "ContrastiveAL",
    "CoreSet",
    "CostEmbeddingAL",
    "DiscriminativeAL",
    "DropQuery",
    "Falcun",
    "GreedyBALD",
    "GreedySamplingX",
    "MaxHerding",
    "MonteCarloEER",
    "ProbCover",
    "ProbabilisticAL",
    "QueryByCommittee",
    "Quire",
    "RandomSampling",
    "TypiClust",
    "UncertaintySampling",
    "ValueOfInformationEER",
]
PARAMETERS = {"ProbabilisticAL": {"metric": "rbf"}}
LEAST = 'seeds = 2\nbudget = 16\nbatch_sizes = [4]\nstrategies = [{}]\n[dataset]\nname = "{}"\n'


@pytest.fixture
def library():
    return pytest.importorskip("skactiveml.pool")


def spec_of(name, **parameters):
    resolved, version = resolve(f"skactiveml:{name}", parameters)
    return StrategySpec(name, f"skactiveml:{name}", resolved, version)


def asked(name, pool, n, rng=None, **parameters):
    rng = stream() if rng is None else rng
    return query(spec_of(name, **parameters), pool, n, rng)[0].tolist()


def fitted(n=30, n_labelled=12, n_classes=4, n_seen=3, model="logistic", as_float32=False):
    """A pool of a model that has seen some of the classes."""
    rng = stream(1)
    X, y = rng.normal(size=(n + n_labelled, 4)), np.arange(n + n_labelled) % n_seen
    X[:, 0] += y
    X = X.astype(np.float32) if as_float32 else X
    labelled, unlabelled = np.arange(n_labelled), n_labelled + rng.permutation(n)
    classifier = Classifier(model, {}, n_classes, rng).fit(X[labelled], y[labelled])
    return Pool(X, unlabelled, labelled, y[labelled], Predictions(classifier, X))


def problems(path, strategies, name="iris"):
    path.write_text(LEAST.format(strategies, name))
    with pytest.raises(ExperimentError) as caught:
        read_experiment(path, (), check=True)
    assert not any("\n" in problem for problem in caught.value.problems)
    return [problem.removeprefix(f"{path}: ") for problem in caught.value.problems]


# Without the library


def test_without_the_library_a_line_says_how_to_install_it(tmp_path, monkeypatch):
    for name in ("skactiveml", "skactiveml.pool"):
        monkeypatch.setitem(sys.modules, name, None)
    lines = problems(tmp_path / "question.toml", '"skactiveml:Badge", "entropi"')
    expected = (
        "strategies[1]: skactiveml:Badge needs scikit-activeml; install it with"
        f" {install_hint('activeml')}"
    )
    assert lines[0] == expected
    assert "'entropy'" in lines[1]


# Classes


def test_every_class_is_served_or_refused(library):
    classes = {name for name in library.__all__ if isinstance(getattr(library, name), type)}
    assert classes == {*SERVED, *REFUSED}


@pytest.mark.parametrize("name", REFUSED)
def test_what_needs_more_than_a_pool_has_is_refused_with_what_it_needs(library, name):
    with pytest.raises(StrategyError, match=f"^skactiveml:{name} needs .*{REFUSED[name]}"):
        find(f"skactiveml:{name}")


@pytest.mark.parametrize("name", SERVED)
def test_picks_are_distinct_and_those_of_the_stream_alone(library, name):
    spec = StrategySpec(name, f"skactiveml:{name}", PARAMETERS.get(name, {}), "1")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # such as that balls are empty
        for n, sizes in [
            (3, {"n": 4 if name.endswith("EER") else 20}),  # which fit a model for each example
            (4, {"n": 4, "n_seen": 1}),
            (1, {"n": 1, "as_float32": True}),
        ]:
            answers = []
            for state in range(2):
                np.random.seed(state)  # which is to have no part in it
                answers.append(query(spec, fitted(**sizes), n, stream())[0].tolist())
            assert answers[0] == answers[1]
            assert len(set(answers[0])) == n


def test_a_name_that_is_none_is_told_the_nearest(library):
    with pytest.raises(StrategyError, match="has no 'Badg'; did you mean 'Badge'"):
        find("skactiveml:Badg")


# What they are given


@pytest.mark.parametrize(
    ("method", "own"),
    [
        ("least_confident", "least_confidence"),
        ("margin_sampling", "margin"),
        ("entropy", "entropy"),
    ],
)
def test_uncertainty_sampling_picks_as_alrun_does_with_the_probabilities_of_the_pool(
    library, method, own
):
    """These probabilities are no model's: one that is fitted anew would give others."""
    for seed in range(5):
        rng = stream(seed)
        pool = pool_of(rng.dirichlet(np.ones(4), size=40), rng.normal(size=(40, 3)), np.eye(3))
        assert asked("UncertaintySampling", pool, 8, method=method) == picked(own, pool, 8)


@pytest.mark.parametrize("model", ["logistic", "sklearn.naive_bayes.GaussianNB"])
def test_the_model_of_the_round_is_asked_for_any_features_over_all_classes(library, model):
    pool = fitted(model=model)
    given = skactiveml._model("clf", library.Badge, pool, stream(), None)
    assert given["fit_clf"] is False
    np.testing.assert_array_equal(given["clf"].predict_proba(pool.X), pool.probabilities)
    changed = pool.X[::2] * 0.7
    expected = np.zeros((15, 4))
    expected[:, :3] = pool.model.predict_proba(changed)
    np.testing.assert_allclose(given["clf"].predict_proba(changed), expected, rtol=1e-12)
    np.testing.assert_array_equal(given["clf"].predict(changed), pool.model.predict(changed))


def test_a_committee_is_that_of_alrun(library):
    for seed in range(5):
        rng = stream(seed)
        draw_integer(rng)  # its own random state
        pool = fitted(n=50)
        own = query(StrategySpec("qbc_kl", "qbc_kl", {"members": 4}, 1), pool, 6, rng)[0]
        assert asked("QueryByCommittee", pool, 6, stream(seed), members=4) == own.tolist()


def test_core_set_picks_as_k_center_does(library):
    pool = fitted(n=60)
    assert asked("CoreSet", pool, 10) == picked("k_center", pool, 10)


def test_the_parameters_are_those_of_the_class_that_are_plain_data(library):
    assert parameters_of("skactiveml:TypiClust") == {"cluster_algo_dict": None, "k": 5}
    assert parameters_of("skactiveml:QueryByCommittee") == {
        "method": "KL_divergence",
        "eps": 1e-07,
        "members": 5,
    }


# Traps


def test_each_round_draws_anew(library):
    rng, pool = stream(), fitted(n=40)
    first, second = (asked("RandomSampling", pool, 5, rng) for _ in range(2))
    assert first != second


def test_picks_that_are_repeated_are_replaced_by_others_and_that_is_said(library, monkeypatch):
    monkeypatch.setattr(library.Badge, "query", lambda *_, **__: np.array([14, 15, 14, 15, 14]))
    function, rows = find("skactiveml:Badge"), set()
    for seed in range(20):
        with pytest.warns(UserWarning, match="skactiveml:Badge picked some examples more than"):
            found = function(fitted(), 5, stream(seed))
        assert found[:2].tolist() == [2, 3]
        assert len(set(found)) == 5
        rows |= set(found.tolist())
    assert len(rows) > 20  # all are as likely


@pytest.mark.parametrize(("size", "is_warned"), [(100.0, True), (0.1, False)])
def test_radii_that_reach_nobody_are_warned_of(library, size, is_warned):
    X = size * stream().normal(size=(60, 2))
    pool = pool_of(np.full((60, 2), 0.5), X, X[:3] + size)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        asked("ProbCover", pool, 3)
    assert any("63 of 63 balls of radius 2 " in str(each.message) for each in caught) is is_warned


def test_sparse_features_are_refused_before_the_sweep(library, tmp_path):
    path = tmp_path / "question.toml"
    dump_svmlight_file(np.eye(40, 4), np.arange(40) % 2, str(tmp_path / "words.svmlight"))
    path.write_text(LEAST.format('"skactiveml:CoreSet", "k_center"', "words.svmlight"))
    with pytest.raises(ExperimentError, match=r"strategies\[1\]: skactiveml:CoreSet takes no"):
        plan_sweep(path, tmp_path)


def test_all_pairs_are_counted_where_a_class_holds_them(library):
    assert unmet("skactiveml:MaxHerding", facts(10**3)) == []
    (line,) = unmet("skactiveml:MaxHerding", facts(10**7))
    assert "holds all pairs of the 10000000 examples" in line
    assert line.endswith("; max_herding needs no pairs")
    assert unmet("skactiveml:CoreSet", facts(10**7)) == []


def unmet(name, traits):
    return list(requirements_of(name).unmet_requirements(traits))


def facts(n_training):
    return DataTraits("mine", is_sparse=False, n_classes=2, n_training=n_training)


@pytest.mark.parametrize(
    ("strategy", "fragment"),
    [
        ('{ name = "skactiveml:Falcun", gamma = "x" }', "skactiveml:Falcun: "),
        ('{ name = "skactiveml:TypiClust", k = 0 }', "skactiveml:TypiClust: "),
        ('{ name = "skactiveml:UncertaintySampling", method = "mergin" }', "mergin"),
        ('{ name = "skactiveml:QueryByCommittee", members = 1 }', "members"),
        ('{ name = "skactiveml:Badge", random_state = 1 }', "random_state: unknown key"),
        ('{ name = "skactiveml:DropQuery", cluster_algo_dict = { n = 1 } }', "'n'"),
        ('"skactiveml:ProbabilisticAL"', "metric was set to None"),
    ],
)
def test_parameters_that_make_no_sense_are_known_as_the_file_is_read(
    library, tmp_path, strategy, fragment
):
    (line,) = problems(tmp_path / "question.toml", f'"random", {strategy}')
    assert line.startswith("strategies[2]")
    assert fragment in line


def test_costs_of_more_than_two_classes_are_in_order(library):
    costs = [[0, 1, 2], [1, 0, 1], [2, 1, 0]]
    assert spec_of("UncertaintySampling", cost_matrix=costs).parameters["cost_matrix"] == costs


# Runs


def test_another_version_of_the_library_has_other_runs(library, tmp_path, monkeypatch):
    path = tmp_path / "question.toml"
    path.write_text(LEAST.format('"margin", "skactiveml:CoreSet"', "iris"))
    before = plan_sweep(path, tmp_path).specs
    monkeypatch.setattr(skactiveml.metadata, "version", lambda name: "9.9")
    after = plan_sweep(path, tmp_path).specs
    kept = {spec.strategy.name for identity, spec in before.items() if identity in after}
    assert kept == {"margin"}
    assert len(before) == len(after) == 4


def test_a_sweep_is_the_same_in_this_process_and_in_a_worker(library, tmp_path):
    path = tmp_path / "question.toml"
    names = ["Badge", "Clue", "QueryByCommittee", "DiscriminativeAL"]
    margin = '{ name = "skactiveml:UncertaintySampling", method = "margin_sampling" }'
    named = ", ".join(['"margin"', margin, *(f'"skactiveml:{name}"' for name in names)])
    path.write_text(LEAST.format(named, "iris"))
    results = [run_sweep(path, tmp_path / str(jobs), jobs=jobs) for jobs in (0, 1)]
    one, two = (alrun.load_queries(each) for each in results)
    assert one.equals(two)
    assert one.groupby("run_id").size().tolist() == [10] * 12
    curves = alrun.load_curves(results[0])
    accuracy = {label: part["accuracy"].tolist() for label, part in curves.groupby("strategy")}
    assert (
        accuracy["margin"] == accuracy['skactiveml:UncertaintySampling(method="margin_sampling")']
    )
    assert plan_sweep(results[0] / "experiment.toml", results[0]).missing() == []
