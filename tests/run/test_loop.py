"""The loop against a second, naive one that replays its queries."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import reference_loop as naive
import sklearn
from blob_runs import blobs, spec_of

import alrun
from alrun.data.dataset import UserSplits
from alrun.data.splits import split_of
from alrun.errors import AlrunError
from alrun.models.build import build
from alrun.models.logistic.estimator import Logistic
from alrun.run.loop import run_active_learning
from alrun.spec_parts import (
    AnnotatorSpec,
    DatasetSpec,
    InitialSpec,
    ModelSpec,
    OracleSpec,
    StrategySpec,
)
from alrun.util.random_streams import generator

STRATEGIES = ["random", "least_confidence", "margin", "entropy"]


def test_the_scores_of_every_round_agree_with_scikit_learn(small_results):
    curves = pd.read_parquet(small_results / "curves.parquet")
    queries = pd.read_parquet(small_results / "queries.parquet")
    splits = pd.read_parquet(small_results / "splits.parquet")
    for run, curve in curves.groupby("run_id"):
        seed = curve["seed"].iloc[0]
        split = splits[splits["seed"] == seed]
        test = split.loc[split["role"] == "test", "index"].to_numpy()
        rounds = list(naive.replay(split, queries[queries["run_id"] == run]))
        assert len(rounds) == len(curve)
        for (labelled, _, model, _), row in zip(rounds, curve.to_dict("records"), strict=True):
            assert row["n_labels"] == len(labelled)
            for name, value in naive.scores(model, test).items():
                assert row[name] == pytest.approx(value, abs=1e-6), (run, row["round"], name)


@pytest.mark.parametrize("strategy", STRATEGIES[1:])
def test_each_batch_is_the_right_one_given_the_labels_before_it(small_results, strategy):
    curves = pd.read_parquet(small_results / "curves.parquet")
    queries = pd.read_parquet(small_results / "queries.parquet")
    splits = pd.read_parquet(small_results / "splits.parquet")
    checked = 0
    for run, curve in curves[curves["strategy"] == strategy].groupby("run_id"):
        split = splits[splits["seed"] == curve["seed"].iloc[0]]
        for _, pool, model, batch in naive.replay(split, queries[queries["run_id"] == run]):
            if not batch:
                continue
            score = naive.uncertainty(strategy, model.predict_proba(naive.X[pool]))
            by_row = dict(zip(pool, score, strict=True))
            threshold = np.sort(score)[-len(batch)]
            # The batch holds the highest scores, best first, up to rounding.
            picked = np.array([by_row[row] for row in batch])
            assert picked.min() >= threshold - 1e-7
            assert (np.diff(picked) <= 1e-7).all()
            checked += 1
    assert checked == 2 * (5 + 2)


def test_a_random_batch_is_from_the_pool_and_uniform():
    first = [
        run_active_learning(spec_of("random", seed=seed, budget=7), blobs()).rounds[0].batch[0]
        for seed in range(300)
    ]
    counts = np.bincount(first, minlength=60)
    assert (counts > 0).mean() > 0.95
    assert counts.max() <= 18


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_last_batch_is_cut_at_the_budget(strategy):
    rounds = run_active_learning(spec_of(strategy), blobs()).rounds
    assert [entry.n_labels for entry in rounds] == [3, 7, 11, 15, 19, 20]
    assert [len(entry.batch) for entry in rounds] == [4, 4, 4, 4, 1, 0]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_budget_above_the_pool_ends_when_the_pool_is_empty(strategy):
    rounds = run_active_learning(spec_of(strategy, budget=1000, batch_size=20), blobs()).rounds
    assert [entry.n_labels for entry in rounds] == [3, 23, 43, 45]
    queried = np.concatenate([entry.batch for entry in rounds])
    assert len(np.unique(queried)) == 42


def test_a_budget_of_the_initial_labels_is_one_round():
    rounds = run_active_learning(spec_of(budget=3), blobs()).rounds
    assert [entry.n_labels for entry in rounds] == [3]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_longer_run_begins_with_the_shorter(strategy):
    short = run_active_learning(spec_of(strategy, budget=11), blobs()).rounds
    long = run_active_learning(spec_of(strategy, budget=19), blobs()).rounds
    assert [entry.batch.tolist() for entry in short[:-1]] == [
        entry.batch.tolist() for entry in long[: len(short) - 1]
    ]


def test_the_same_arguments_give_the_same_rounds_and_change_nothing():
    dataset = blobs()
    before = dataset.X.copy(), dataset.y.copy()
    forest = ModelSpec("forest", "sklearn.ensemble.RandomForestClassifier", {"n_estimators": 5})
    first, second = (run_active_learning(spec_of(model=forest), dataset) for _ in range(2))
    assert [entry.scores for entry in first.rounds] == [entry.scores for entry in second.rounds]
    assert np.array_equal(dataset.X, before[0])
    assert np.array_equal(dataset.y, before[1])


def test_the_seed_reaches_split_and_strategy_and_model():
    runs = [run_active_learning(spec_of("random", seed=seed), blobs()) for seed in (0, 1)]
    assert runs[0].rounds[0].batch.tolist() != runs[1].rounds[0].batch.tolist()
    forest = ModelSpec("forest", "sklearn.ensemble.RandomForestClassifier", {"n_estimators": 3})
    curves = {
        tuple(entry.scores.values["log_loss"] for entry in run_active_learning(
            spec_of("random", seed=seed, model=forest), blobs()
        ).rounds)
        for seed in range(3)
    }  # fmt: skip
    assert len(curves) == 3


def test_ties_are_broken_by_chance_and_not_by_the_order_of_the_file():
    """All examples are alike, so that every score ties; the batches must not begin at the top."""
    same = replace(blobs(), X=np.ones((60, 4)))
    runs = [run_active_learning(spec_of(seed=seed), same).rounds for seed in range(20)]
    places = np.concatenate([entry.batch for rounds in runs for entry in rounds])
    assert 25 < places.mean() < 34
    again = run_active_learning(spec_of(seed=3), same).rounds
    assert [entry.batch.tolist() for entry in again] == [e.batch.tolist() for e in runs[3]]


def test_a_replica_differs_in_its_draws_alone():
    plain = spec_of("random")
    other = replace(plain, strategy=replace(plain.strategy, replica=1))
    first, second = (run_active_learning(spec, blobs()).rounds for spec in (plain, other))
    assert first[0].scores == second[0].scores
    assert first[0].batch.tolist() != second[0].batch.tolist()


def test_a_run_lives_without_a_class_in_its_initial_set():
    initial = InitialSpec("random", 2)
    one_class = 0
    for seed in range(12):
        run = run_active_learning(spec_of(initial=initial, seed=seed, budget=10), blobs())
        assert all(np.isfinite(entry.scores.values["log_loss"]) for entry in run.rounds)
        one_class += run.rounds[0].scores.values["log_loss"] > 20
    assert (
        one_class
    )  # in some seeds both labels were of one class: log p of the others is the bound


def test_a_model_without_probabilities_leaves_log_loss_empty_and_serves_margin():
    model = ModelSpec("svm", "sklearn.svm.LinearSVC", {})
    run = run_active_learning(spec_of("margin", model=model), blobs())
    assert {entry.scores.values["log_loss"] for entry in run.rounds} == {None}
    assert run.rounds[-1].n_labels == 20


@pytest.mark.parametrize("model", ["logistic", "sklearn.svm.LinearSVC"])
def test_average_precision_is_there_for_two_classes_only(model):
    for n_classes in (2, 3):
        spec = spec_of("margin", model=ModelSpec("m", model, {}))
        run = run_active_learning(spec, blobs(n_classes=n_classes))
        found = {entry.scores.values["average_precision"] is not None for entry in run.rounds}
        assert found == {n_classes == 2}


def test_scaling_is_fitted_without_the_test_rows():
    """A test row of a million would squash all others, were it looked at."""
    dataset = blobs()
    plain = run_active_learning(
        spec_of(dataset=replace(spec_of().dataset, scale="minmax")), dataset
    )
    from alrun.data.splits import split_of

    test = split_of(spec_of(), dataset).test
    X = dataset.X.copy()
    X[test] *= 1e6
    spec = spec_of(dataset=replace(spec_of().dataset, scale="minmax"))
    spoiled = run_active_learning(spec, replace(dataset, X=X))
    assert [entry.batch.tolist() for entry in plain.rounds] == [
        entry.batch.tolist() for entry in spoiled.rounds
    ]


def test_warnings_of_the_model_are_counted():
    model = ModelSpec("short", "sklearn.linear_model.LogisticRegression", {"max_iter": 1})
    run = run_active_learning(spec_of(model=model), blobs())
    [(text, count)] = run.warnings.items()
    assert text.startswith("ConvergenceWarning")
    assert count == len(run.rounds)


def test_probabilities_that_are_not_finite_are_an_error():
    X = blobs().X.copy()
    X[:, 0] = 1e308
    model = ModelSpec("bayes", "sklearn.naive_bayes.GaussianNB", {})
    with np.errstate(all="ignore"), pytest.raises(AlrunError, match="not finite"):
        run_active_learning(spec_of(model=model), replace(blobs(), X=X))


def test_fits_that_stop_short_are_counted_in_the_record_of_the_run(monkeypatch):
    monkeypatch.setattr("alrun.models.logistic.newton.MAX_STEPS", 1)
    monkeypatch.setattr("alrun.models.logistic.estimator.HARD", np.inf)  # no direct solution
    result = run_active_learning(spec_of(), blobs())
    assert result.warnings == {"ConvergenceWarning: logistic stopped before it had converged": 6}


def test_no_part_of_the_features_is_kept_besides_them(monkeypatch):
    """What a run adds to the memory is the labelled rows and blocks of others, no copy of X."""
    monkeypatch.setattr("alrun.data.features.LARGEST_CHUNK", 400)
    dataset = blobs(n=2000, n_features=40)
    size = dataset.X.nbytes
    for name in ("random", "margin"):
        spec = replace(spec_of(name, budget=12), dataset=DatasetSpec("b", "b", "b", "none", 500))
        tracemalloc.start()
        run_active_learning(spec, dataset)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 0.6 * size


REFITTING = """
def refit(pool, n, rng):
    pool.model.fit(pool.X_labelled, (pool.y_labelled + 1) % pool.n_classes)
    return rng.random(len(pool))


def honest(pool, n, rng):
    return rng.random(len(pool))
"""


@pytest.mark.parametrize("model", ["logistic", "sklearn.naive_bayes.GaussianNB"])
def test_a_strategy_that_refits_the_model_changes_no_score(tmp_path, monkeypatch, model):
    (tmp_path / "refitting.py").write_text(REFITTING)
    monkeypatch.syspath_prepend(tmp_path)
    curves = []
    for name in ("refit", "honest"):
        strategy = StrategySpec("same", f"refitting:{name}", {}, 1)
        spec = spec_of(model=ModelSpec(model, model, {}), strategy=strategy)
        for module in ("loop", "learner"):
            monkeypatch.setattr(
                f"alrun.run.{module}.generator", lambda seed, *key: generator(seed, key[0])
            )
        rounds = run_active_learning(spec, blobs()).rounds
        curves.append([entry.scores.n_correct for entry in rounds])
    assert curves[0] == curves[1]


def test_what_scikit_learn_takes_on_trust_is_so_in_a_run_and_not_after(tmp_path, monkeypatch):
    seen = []

    def look(*arguments):
        seen.append(sklearn.get_config()["assume_finite"])
        raise AlrunError("enough")

    monkeypatch.setattr("alrun.run.learner.query", look)
    with pytest.raises(AlrunError):
        run_active_learning(spec_of(), blobs())
    assert seen == [True]
    assert not sklearn.get_config()["assume_finite"]


def test_logistic_goes_on_from_the_round_before_and_others_are_made_anew(monkeypatch):
    built, steps = [], []

    def counting(*arguments):
        built.append(build(*arguments))
        return built[-1]

    def look(self, classes, minimum):
        steps.append(minimum.n_steps)
        keep(self, classes, minimum)

    keep = Logistic._keep
    monkeypatch.setattr("alrun.models.classifier.build", counting)
    monkeypatch.setattr(Logistic, "_keep", look)
    rounds = run_active_learning(spec_of(batch_size=1), blobs()).rounds
    assert len(built) == 1
    cold = []
    labelled = np.sort(split_of(spec_of(), blobs()).initial)
    for entry in rounds:
        model = Logistic().fit(blobs().X[labelled], blobs().y[labelled])
        cold.append(model.n_iter_[0])
        labelled = np.concatenate([labelled, entry.batch])
    assert sum(steps[: len(rounds)]) < sum(cold)
    built.clear()
    forest = ModelSpec("forest", "sklearn.ensemble.RandomForestClassifier", {"n_estimators": 2})
    run_active_learning(spec_of("random", model=forest), blobs())
    states = {model.random_state for model in built}
    assert len(built) == len(states) == 6


# What a run counts


def checks_of(spec, dataset):
    return run_active_learning(spec, dataset).diagnostics


@pytest.fixture
def scored_by_first_feature(tmp_path, monkeypatch):
    """Return the name of a strategy whose scores are the first feature."""
    name = f"first_feature_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text("def score(pool, n, rng):\n    return pool.X[:, 0]\n")
    monkeypatch.syspath_prepend(tmp_path)
    return f"{name}:score"


@pytest.mark.parametrize(("budget", "batches"), [(3, 0), (7, 1), (20, 5), (1000, 11)])
def test_batches_are_counted(budget, batches):
    """From 3 labels on in batches of 4, the last cut at the budget or at the 45 that can be had."""
    assert checks_of(spec_of(budget=budget), blobs())["batches"] == batches


def test_batches_that_the_tie_break_had_a_part_in_are_counted(scored_by_first_feature):
    """With k examples to a score, the batch up to the 4 m-th cuts a group unless k divides 4 m."""
    dataset = blobs()
    spec = spec_of(scored_by_first_feature, budget=1000)
    split = split_of(spec, dataset)
    for size, tied in ((1, 0), (2, 0), (3, 7), (4, 0), (42, 10)):
        X = dataset.X.copy()
        X[split.pool, 0] = -(np.arange(42) // size)
        found = checks_of(spec, replace(dataset, X=X, fingerprint="blobs"))
        assert (found["batches"], found["tied_batches"]) == (11, tied), size


def test_a_batch_that_takes_all_that_is_left_is_not_tied(scored_by_first_feature):
    dataset = blobs()
    X = np.zeros_like(dataset.X)
    spec = spec_of(scored_by_first_feature, batch_size=42, budget=1000)
    found = checks_of(spec, replace(dataset, X=X))
    assert (found["batches"], found["tied_batches"]) == (1, 0)


def test_rows_that_a_strategy_picks_itself_are_not_tied():
    found = checks_of(spec_of("random", budget=1000), replace(blobs(), X=np.zeros((60, 4))))
    assert found["tied_batches"] == 0


@pytest.mark.parametrize("seed", range(6))
def test_classes_without_an_initial_label_are_counted(seed):
    spec = spec_of(initial=InitialSpec("random", 3), seed=seed)
    dataset = blobs()
    initial = split_of(spec, dataset).initial
    missing = set(range(3)) - set(dataset.y[initial].tolist())
    assert checks_of(spec, dataset)["missing_classes"] == len(missing)


def test_an_initial_label_of_each_class_lacks_none():
    assert checks_of(spec_of(), blobs())["missing_classes"] == 0


def test_duplicates_are_counted_in_the_pool_alone():
    dataset = blobs()
    split = split_of(spec_of(), dataset)
    X = dataset.X.copy()
    X[split.pool[:3]] = X[split.pool[3]]  # four alike in the pool
    X[split.test] = X[split.pool[10]]  # and all of the test part like one of it
    X[split.initial] = X[split.pool[11]]
    assert checks_of(spec_of(), replace(dataset, X=X))["pool_duplicates"] == 4
    assert checks_of(spec_of(), dataset)["pool_duplicates"] == 0


def test_the_checks_are_stored_with_the_run(small_results):
    runs = alrun.load_runs(small_results)
    # From 20 labels to 65 in batches of 10 or 25.
    assert (runs["batches"] == runs["batch_size"].map({10: 5, 25: 2})).all()
    assert (runs["missing_classes"] == 0).all()
    assert (runs.loc[runs["strategy"] == "random", "tied_batches"] == 0).all()
    splits = pd.read_parquet(small_results / "splits.parquet")
    for run in runs.itertuples():
        of_seed = splits[(splits["seed"] == run.seed) & (splits["role"] == "pool")]
        pool = naive.X[of_seed["index"]]
        _, counts = np.unique(pool, axis=0, return_counts=True)
        assert run.pool_duplicates == counts[counts > 1].sum()


@pytest.mark.parametrize("name", ["margin", "k_center", "typiclust"])
def test_rows_without_a_role_change_nothing(name):
    """They are left out where they are many, predicted in vain where they are few."""
    dataset = blobs(n=120)
    rows = np.random.default_rng(0).permutation(120)
    runs = []
    for n_others in (10, 300):  # they come first, so that the others have moved
        rng = np.random.default_rng(n_others)
        y = np.concatenate([rng.integers(dataset.n_classes, size=n_others), dataset.y])
        X = np.concatenate([rng.normal(size=(n_others, dataset.X.shape[1])), dataset.X])
        roles = np.full((1, len(y)), -1, dtype=np.int8)
        for role, part in enumerate((rows[20:80], rows[:20], rows[80:])):
            roles[0, n_others + part] = role
        given = UserSplits((0,), roles)
        spec = spec_of(name, budget=40)
        spec = replace(spec, dataset=replace(spec.dataset, splits="given"))
        run = run_active_learning(spec, replace(dataset, X=X, y=y, splits=given))
        runs.append([((entry.batch - n_others).tolist(), entry.scores) for entry in run.rounds])
    assert runs[0] == runs[1]
    assert set(runs[0][0][0]) <= set(rows[20:80].tolist())


def test_a_run_records_why_it_ended():
    assert run_active_learning(spec_of(budget=20), blobs()).ended == "budget"
    assert run_active_learning(spec_of(budget=45), blobs()).ended == "budget"
    assert run_active_learning(spec_of(budget=46), blobs()).ended == "pool empty"


def test_a_round_holds_the_labels_that_were_bought_in_it():
    dataset = blobs()
    for entry in run_active_learning(spec_of(), dataset).rounds:
        assert entry.labels.tolist() == dataset.y[entry.batch].tolist()


def test_the_model_learns_what_was_bought_and_is_tested_on_the_truth():
    """An oracle that says the same class of all makes a model that predicts nothing else."""
    dataset = blobs()
    always_1 = np.eye(dataset.n_classes)[np.ones(dataset.n_classes, dtype=int)]
    annotator = AnnotatorSpec("", confusion=tuple(map(tuple, always_1.tolist())))
    oracle = OracleSpec("uniform", (annotator,), initial=True)
    result = run_active_learning(replace(spec_of(), oracle=oracle), dataset)
    given = [entry.answers.given for entry in result.rounds]
    assert set(np.concatenate(given).tolist()) == {1}
    assert {code for entry in result.rounds for code in entry.labels.tolist()} != {1}
    test = split_of(spec_of(), dataset).test
    assert result.rounds[-1].scores.n_correct == (dataset.y[test] == 1).sum()
