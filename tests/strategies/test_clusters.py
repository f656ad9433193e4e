"""Strategies over clusters: against naive loops, scikit-activeml, and cases plain to see."""

import math
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.cluster import KMeans
from strategy_pools import pool_over, stream

from alrun.data import kmeans
from alrun.data.dataset import Dataset
from alrun.errors import StrategyError
from alrun.models.predictions import Predictions
from alrun.run.loop import run_active_learning
from alrun.run.query import query
from alrun.spec import RunSpec
from alrun.spec_parts import DatasetSpec, InitialSpec, ModelSpec, StrategySpec
from alrun.strategies import clusters
from alrun.strategies.clusters import cluster_margin, typiclust
from alrun.strategies.registry import resolve
from alrun.strategies.support.clustering import k_means, projected
from alrun.strategies.support.pool import Pool
from alrun.util.random_streams import draw_integer, generator


def drawn(seed, n=90, d=4, n_labelled=6, as_sparse=False, n_classes=4):
    """A pool in lumps of unequal density."""
    rng = stream(seed)
    X = rng.normal(size=(7, d))[rng.integers(7, size=n)] * 4
    X = X + rng.normal(size=(n, d)) * rng.uniform(0.1, 1, size=(n, 1))
    if as_sparse:
        X = sparse.csr_matrix(X * (rng.random(X.shape) < 0.6))
    probabilities = rng.dirichlet(np.ones(n_classes), size=n)
    return pool_over(X, rng.choice(n, n_labelled, replace=False), probabilities, order=seed)


def dense(X):
    return X.toarray() if sparse.issparse(X) else X


# The definitions, pair by pair


def nine(value):
    return float(f"{value:.8e}")


def naive_mean_distance(X, row, members, neighbours):
    distances = sorted(math.dist(X[row], X[other]) for other in members if other != row)
    nearest = distances[:neighbours]
    return sum(nearest) / len(nearest) if nearest else 0.0


def naive_typiclust(X, labels, pool, n, neighbours=20, smallest_cluster=5):
    labelled, left = set(pool.labelled.tolist()), dict(enumerate(pool.unlabelled.tolist()))
    picked = []
    for _ in range(n):
        keys = []
        for row, position in left.items():
            members = [other for other in range(len(X)) if labels[other] == labels[position]]
            key = (
                len(members) < smallest_cluster,
                len(labelled.intersection(members)),
                -len(members),
            )
            keys.append((*key, row, position, members))
        least = min(key[:3] for key in keys)
        tied = [key for key in keys if key[:3] == least]
        first = {}  # by the first row that the cluster ever had
        for row, position in enumerate(pool.unlabelled.tolist()):
            first.setdefault(labels[position], row)
        chosen = min((first[labels[key[4]]], labels[key[4]]) for key in tied)[1]
        best_row = min(
            (nine(naive_mean_distance(X, position, members, neighbours)), row)
            for *_, row, position, members in tied
            if labels[position] == chosen
        )[1]
        picked.append(best_row)
        labelled.add(left.pop(best_row))
    return picked


def naive_cluster_margin(labels, pool, n, rng, candidates):
    margins = []
    for row, p in enumerate(pool.probabilities.tolist()):
        first, second = sorted(p, reverse=True)[:2]
        margins.append((nine(first - second), row))
    rows = [row for _, row in sorted(margins)[: math.ceil(candidates * n)]]
    drawn_first = [rows[place] for place in rng.permutation(len(rows))]
    of = {row: labels[pool.unlabelled[row]] for row in rows}
    waiting = {}
    for row in rows:  # in the order of their smallest margins
        waiting[of[row]] = [other for other in drawn_first if of[other] == of[row]]
    turn = sorted(waiting.values(), key=len)
    picked = []
    while len(picked) < n:
        for cluster in turn:
            if cluster and len(picked) < n:
                picked.append(cluster.pop(0))
    return picked


@pytest.mark.parametrize("as_sparse", [False, True])
@pytest.mark.parametrize("seed", range(6))
def test_typiclust_is_that_of_the_definition(seed, as_sparse):
    for n in (1, 9, 84):
        for options in ({}, {"neighbours": 3, "smallest_cluster": 1}, {"most_clusters": 8}):
            pool = drawn(seed, as_sparse=as_sparse)
            labels = k_means(pool.training, min(6 + n, options.get("most_clusters", 500)), 64)
            expected = naive_typiclust(
                dense(pool.training.X),
                labels.tolist(),
                pool,
                n,
                **{key: options[key] for key in options if key != "most_clusters"},
            )
            assert typiclust(pool, n, stream(), **options).tolist() == expected


@pytest.mark.parametrize("as_sparse", [False, True])
@pytest.mark.parametrize("seed", range(6))
def test_cluster_margin_is_that_of_the_definition(seed, as_sparse):
    for n in (1, 7, 84):
        for candidates in (1.0, 2.5, 10.0):
            pool = drawn(seed, as_sparse=as_sparse)
            labels = k_means(pool.training, 18, 64).tolist()
            expected = naive_cluster_margin(labels, pool, n, stream(seed), candidates)
            found = cluster_margin(pool, n, stream(seed), candidates=candidates)
            assert found.tolist() == expected


def test_typiclust_is_that_of_scikit_activeml():
    peer = pytest.importorskip("skactiveml.pool")
    compared = 0
    for seed in range(20):
        pool = drawn(seed, n=120, n_labelled=3)
        X = pool.training.X
        y = np.full(len(X), np.nan)
        y[pool.labelled] = 0
        key = "k_means 7 64"
        sizes = np.bincount(k_means(pool.training, 7, 64), minlength=7)
        sizes[k_means(pool.training, 7, 64)[pool.labelled]] = 0
        sizes = np.sort(sizes[sizes > 0])[::-1]
        # It breaks ties at random: of clusters of one size, and of the two examples of a pair.
        if sizes[3] < 3 or len(set(sizes[:5])) < len(sizes[:5]):
            continue
        seed_of_split = draw_integer(generator(0, "training", key))
        theirs = peer.TypiClust(k=20, random_state=seed_of_split).query(X, y, batch_size=4)
        ours = pool.unlabelled[typiclust(pool, 4, stream(), smallest_cluster=1)]
        assert ours.tolist() == theirs.tolist()
        compared += 1
    assert compared >= 5


# What can be seen


def test_the_middle_of_each_lump_without_a_label_is_picked_the_largest_lump_first():
    offsets = [[0, 0], [1, 0], [-1, 0], [0, 1], [0, -1], [2, 2], [-2, 2], [2, -2]]
    lumps = [np.add(offsets[:size], centre) for size, centre in ((6, 0), (8, 100), (7, 200))]
    pool = pool_over(np.concatenate(lumps).astype(float), labelled=[7])
    picks = pool.unlabelled[typiclust(pool, 2, stream(), neighbours=4, most_clusters=3)]
    assert picks.tolist() == [14, 0]  # not 6: its lump has a label
    picks = pool.unlabelled[typiclust(pool, 4, stream(), neighbours=4, most_clusters=3)]
    assert picks.tolist()[:3] == [14, 0, 6]  # one label each: then the largest
    assert picks[3] in (15, 16, 17, 18)  # beside the middle that was picked before


def test_small_clusters_wait_and_outliers_with_them():
    X = np.concatenate([stream().normal(size=(30, 2)), [[1e3, 0], [0, 1e3]]])
    pool = pool_over(X)
    labels = k_means(pool.training, 3, 64)
    assert sorted(np.bincount(labels)) == [1, 1, 30]
    assert set(typiclust(pool, 3, stream(), most_clusters=3)) <= set(range(30))
    assert set(typiclust(pool, 3, stream(), smallest_cluster=1)[1:]) == {30, 31}
    assert set(typiclust(pool, 32, stream(), most_clusters=3)[30:]) == {30, 31}


def given_clusters(monkeypatch, labels):
    labels = np.array(labels)
    monkeypatch.setattr(clusters, "k_means", lambda training, n_clusters, components: labels)


def test_the_smallest_clusters_are_served_first_and_large_ones_take_what_is_left(monkeypatch):
    given_clusters(monkeypatch, [0] * 6 + [1] * 2 + [2] * 3 + [0] * 20)
    p = np.concatenate([np.linspace(0.5, 0.6, 11), np.full(20, 0.99)])
    pool = pool_over(np.zeros((31, 1)), probabilities=np.column_stack([p, 1 - p]))
    names = np.array(["a"] * 6 + ["b"] * 2 + ["c"] * 3 + ["far"] * 20)
    picks = names[cluster_margin(pool, 11, stream(), candidates=1.0)].tolist()
    assert picks == [*"bca", *"bca", *"ca", *"aaa"]


def test_with_as_many_candidates_as_picks_these_are_the_smallest_margins():
    pool = drawn(3)
    picks = cluster_margin(pool, 12, stream(), candidates=1.0)
    assert set(picks) == set(np.argsort(pool.margins)[:12])


def test_within_a_cluster_every_candidate_is_equally_likely(monkeypatch):
    given_clusters(monkeypatch, [0] * 6)
    p = np.linspace(0.5, 0.6, 6)
    pool = pool_over(np.zeros((6, 1)), probabilities=np.column_stack([p, 1 - p]))
    rng, counts = stream(), np.zeros(6)
    for _ in range(1800):
        counts[cluster_margin(pool, 1, rng, candidates=4.0)] += 1
    assert counts[4:].sum() == 0
    assert np.abs(counts[:4] - 450).max() < 95  # standard deviation 18


def test_margins_may_be_those_of_decision_values():
    model = SimpleNamespace(
        has_probabilities=False,
        n_classes=3,
        decision=lambda X: np.column_stack([X[:, 0], -X[:, 0], np.full(len(X), -np.inf)]),
        estimator=None,
    )
    X = stream().normal(size=(40, 1))
    pool = Pool(X, np.arange(40), np.arange(0), np.arange(0), Predictions(model, X))
    picks = cluster_margin(pool, 5, stream(), candidates=1.0)
    assert set(picks) == set(np.argsort(np.abs(X[:, 0]))[:5])


# The clusters and the projection


def test_the_clusters_are_those_of_k_means():
    pool = drawn(1)
    X = pool.training.X
    seed = draw_integer(generator(0, "training", "k_means 12 64"))
    expected = KMeans(12, n_init=1, random_state=seed).fit(X).labels_
    np.testing.assert_array_equal(k_means(pool.training, 12, 64), expected)
    assert k_means(pool.training, 12, 64) is k_means(pool.training, 12, 64)


@pytest.mark.parametrize("seed", range(4))
def test_features_and_weights_are_moved_by_a_millionth_so_that_few_values_are_no_ties(seed):
    X = stream(seed).integers(0, 3, size=(200, 6)) / 2.0
    rng = generator(0, "training", "k_means 20 64")
    estimator = KMeans(20, n_init=1, random_state=draw_integer(rng))
    bent = X * (1 + 1e-6 * rng.random(6) * X / X.max(axis=0))
    expected = estimator.fit(bent, sample_weight=1 + 1e-6 * rng.random(200)).labels_
    labels = k_means(pool_over(X).training, 20, 64)
    np.testing.assert_array_equal(labels, expected)
    for row in range(200):  # equal examples stay together
        assert len(set(labels[(X[row] == X).all(axis=1)])) == 1


def test_minibatches_find_about_as_good_clusters(monkeypatch):
    X = drawn(2, n=3000, d=5).training.X

    def inertia(labels):
        return sum(((X[labels == c] - X[labels == c].mean(axis=0)) ** 2).sum() for c in set(labels))

    all_at_once = k_means(pool_over(X).training, 30, 64)
    monkeypatch.setattr(kmeans, "_MOST_AT_ONCE", 2000)
    labels = k_means(pool_over(X).training, 30, 64)
    assert (labels != all_at_once).any()
    assert inertia(labels) < 1.15 * inertia(all_at_once)
    np.testing.assert_array_equal(labels, k_means(pool_over(X).training, 30, 64))


@pytest.mark.parametrize("as_sparse", [False, True])
@pytest.mark.parametrize("n", [20, 700])
def test_the_projection_keeps_the_distances_as_far_as_components_go(n, as_sparse):
    rng = stream()
    X = (rng.normal(size=(n, 5)) @ rng.normal(size=(5, 80))) * np.array([1.0] * 5 + [0.3] * 75)
    training = pool_over(sparse.csr_matrix(X) if as_sparse else X).training
    values = projected(training, 8)  # of rank 5, so that eight hold all
    assert values.shape == (n, 8)
    some = rng.integers(n, size=(40, 2))
    full = np.linalg.norm(X[some[:, 0]] - X[some[:, 1]], axis=1)
    found = np.linalg.norm(values[some[:, 0]] - values[some[:, 1]], axis=1)
    np.testing.assert_allclose(found, full, rtol=1e-6, atol=1e-7)


def test_the_projection_is_onto_the_directions_of_largest_variance():
    X = stream().normal(size=(300, 20)) * np.linspace(3, 0.1, 20) + 7
    values = projected(pool_over(X).training, 4)
    own = np.linalg.svd(X - X.mean(axis=0), compute_uv=False)[:4]
    np.testing.assert_allclose(np.linalg.norm(values, axis=0), own, rtol=1e-6)


def test_another_number_of_components_is_another_projection():
    training = pool_over(stream().normal(size=(40, 20))).training
    assert [projected(training, number).shape[1] for number in (3, 5, 3)] == [3, 5, 3]


def test_fewer_distinct_examples_than_clusters_are_no_reason_to_warn():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert len(set(k_means(pool_over(np.ones((9, 2))).training, 4, 64))) == 1
    assert not caught


def test_with_no_fewer_components_than_features_these_stay_as_they_are():
    X = stream().normal(size=(30, 6))
    np.testing.assert_array_equal(projected(pool_over(X).training, 6), X)
    np.testing.assert_array_equal(projected(pool_over(sparse.csr_matrix(X)).training, 6), X)


@pytest.mark.parametrize("as_sparse", [False, True])
def test_equal_rows_stay_equal_under_the_projection(as_sparse):
    X = np.repeat(stream().random((40, 90)), 5, axis=0)
    X = sparse.csr_matrix(X) if as_sparse else X
    assert len(np.unique(projected(pool_over(X).training, 10), axis=0)) == 40
    X = np.full((50, 90), 0.1)
    X = sparse.csr_matrix(X) if as_sparse else X
    assert len(np.unique(projected(pool_over(X).training, 10), axis=0)) == 1


def test_typiclust_on_a_projection_is_that_of_the_definition_there():
    for seed in range(4):
        pool = drawn(seed, d=30)
        X = pool.training.X - pool.training.X.mean(axis=0)
        axes = np.linalg.svd(X, full_matrices=False)[2][:5]
        labels = k_means(pool.training, 16, 5)
        expected = naive_typiclust(X @ axes.T, labels.tolist(), pool, 10)
        assert typiclust(pool, 10, stream(), components=5).tolist() == expected


def test_what_depends_on_the_split_is_computed_once(monkeypatch):
    calls = []
    for name in ("project", "k_means"):
        real = getattr(kmeans, name)
        monkeypatch.setattr(
            kmeans, name, lambda *args, real=real, name=name: calls.append(name) or real(*args)
        )
    pool = drawn(0, d=30)
    for _ in range(2):
        typiclust(pool, 4, stream(), components=5)
        typiclust(pool, 5, stream(), components=5)
        cluster_margin(pool, 4, stream(), components=5)
    assert sorted(calls) == ["k_means"] * 3 + ["project"]


# Edges


SHAPES = {
    "identical": lambda rng, n: np.full((n, 3), 0.1),
    "identical and many": lambda rng, n: np.full((n, 70), 0.1),
    "zero": lambda rng, n: np.zeros((n, 70)),
    "few distinct": lambda rng, n: rng.integers(0, 2, size=(n, 2)).astype(float),
    "one feature": lambda rng, n: rng.normal(size=(n, 1)),
    "constant features": lambda rng, n: np.column_stack([np.full(n, 7.0), rng.normal(size=n)]),
    "more features than examples": lambda rng, n: rng.normal(size=(n, 100)),
}


@settings(max_examples=80)
@given(
    st.sampled_from(sorted(SHAPES)),
    st.booleans(),
    st.integers(1, 25),
    st.integers(0, 4),
    st.sampled_from(["drawn", "one class", "a class unseen", "two classes"]),
    st.data(),
)
def test_any_pool_is_answered_with_distinct_rows(shape, as_sparse, size, n_labelled, model, data):
    n = data.draw(st.integers(1, size))
    rng = stream(size)
    X = SHAPES[shape](rng, size + n_labelled)
    p = rng.dirichlet(np.ones(2 if model == "two classes" else 4), size=len(X))
    if model == "one class":
        p[:] = [0, 1, 0, 0]
    if model == "a class unseen":
        p = np.column_stack([p, np.zeros(len(X))])
    X = sparse.csr_matrix(X) if as_sparse else X
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name in ("typiclust", "cluster_margin"):
            parameters, version = resolve(name, {})
            spec = StrategySpec(name, name, parameters, version)
            answers = [
                query(spec, pool_over(X, range(n_labelled), p), n, stream())[0].tolist()
                for _ in range(2)
            ]
            assert answers[0] == answers[1]
            assert len(set(answers[0])) == n


@pytest.mark.parametrize(
    ("strategy", "parameters"),
    [
        (typiclust, {"neighbours": 0}),
        (typiclust, {"most_clusters": 0}),
        (typiclust, {"smallest_cluster": -1}),
        (typiclust, {"components": 2.5}),
        (typiclust, {"neighbours": True}),
        (typiclust, {"neighbours": "20"}),
        (cluster_margin, {"candidates": 0.5}),
        (cluster_margin, {"candidates": math.nan}),
        (cluster_margin, {"candidates": math.inf}),
        (cluster_margin, {"candidates": "10"}),
        (cluster_margin, {"candidates": True}),
        (cluster_margin, {"clusters": 0}),
        (cluster_margin, {"components": 0}),
    ],
)
def test_a_senseless_value_is_one_sentence_that_names_it(strategy, parameters):
    name = next(iter(parameters))
    with pytest.raises(StrategyError, match=rf"^{name} of {strategy.__name__} must be a .*, not "):
        strategy(drawn(0), 3, stream(), **parameters)


@pytest.mark.parametrize("as_sparse", [False, True])
@pytest.mark.parametrize("name", ["typiclust", "cluster_margin"])
def test_a_run_is_the_same_twice_and_begins_with_the_shorter(name, as_sparse):
    rng = stream()
    y = np.arange(80) % 3
    X = rng.normal(size=(3, 5))[y] * 2 + rng.normal(size=(80, 5))
    dataset = Dataset(
        sparse.csr_matrix(X) if as_sparse else X, y, ("a", "b", "c"), f"{name} {as_sparse}"
    )
    parameters, version = resolve(name, {})
    batches = []
    for budget in (60, 30, 60):
        spec = RunSpec(
            DatasetSpec("made", "made", dataset.fingerprint, "none", 20),
            InitialSpec("per_class", 2),
            ModelSpec("logistic", "logistic", {"C": 1.0}),
            StrategySpec(name, name, parameters, version),
            6,
            budget,
            0,
        )
        result = run_active_learning(spec, dataset)
        assert not result.warnings
        batches.append(np.concatenate([entry.batch for entry in result.rounds]).tolist())
    assert batches[0] == batches[2]
    assert batches[0][:24] == batches[1]
    assert len(set(batches[0])) == 54
