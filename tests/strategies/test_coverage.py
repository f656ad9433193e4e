"""prob_cover and max_herding, held against all pairs."""

import json
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.spatial.distance import cdist

from alrun.data.dataset import Dataset
from alrun.errors import StrategyError
from alrun.models.predictions import Predictions
from alrun.run.loop import run_active_learning
from alrun.run.query import query
from alrun.spec import RunSpec
from alrun.spec_parts import DatasetSpec, InitialSpec, ModelSpec, StrategySpec
from alrun.strategies.coverage import _SimilarityCoverage, max_herding, prob_cover
from alrun.strategies.registry import resolve
from alrun.strategies.support.pool import Pool
from alrun.strategies.support.reference_points import Reference, reference_points
from alrun.util.lru_cache import LRUCache
from alrun.util.top_k import nine_digits

STRATEGIES = [prob_cover, max_herding]
NONE = SimpleNamespace(n_classes=2)


def stream(seed=0):
    return np.random.default_rng(seed)


def pool_of(X, labelled, unlabelled=None, training=None):
    """A pool of features; all that is not labelled is unlabelled, in the order of X."""
    labelled = np.asarray(labelled, dtype=int)
    if unlabelled is None:
        unlabelled = np.setdiff1d(np.arange(X.shape[0]), labelled)
    labels = np.zeros(len(labelled), dtype=int)
    return Pool(X, np.asarray(unlabelled), labelled, labels, Predictions(NONE, X), training)


def asked(strategy, pool, n, **parameters):
    """What a strategy picks, its warnings put by."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rows = strategy(pool, n, stream(), **parameters)
    assert rows.dtype.kind == "i"
    assert sorted(set(rows.tolist())) == sorted(rows.tolist())
    assert len(rows) == n
    return rows


def drawn(seed, n=60, d=3, n_labelled=4, as_sparse=False):
    """Clusters, some rows doubled, in a random order."""
    rng = stream(seed)
    X = rng.normal(size=(n, d)) + 4 * rng.integers(3, size=(n, 1))
    X[rng.integers(n, size=n // 6)] = X[rng.integers(n, size=n // 6)]
    if as_sparse:
        X = X * (rng.random(X.shape) < 0.4)
    order = rng.permutation(n)
    return X, order[:n_labelled], order[n_labelled:]


# All pairs


def naive_prob_cover(X, labelled, unlabelled, n, delta, points=None):
    points = range(len(X)) if points is None else points
    distances = cdist(X, X)
    left, rows = set(points), []
    for center in labelled:
        left -= {point for point in left if distances[center, point] <= delta}
    for _ in range(n):
        counts = [
            -1 if row in rows else sum(distances[center, point] <= delta for point in left)
            for row, center in enumerate(unlabelled)
        ]
        rows.append(counts.index(max(counts)))
        left -= {point for point in left if distances[unlabelled[rows[-1]], point] <= delta}
    return rows


def naive_max_herding(X, labelled, unlabelled, n, bandwidth, points=None):
    points = range(len(X)) if points is None else points
    similar = np.exp(-(cdist(X, X) ** 2) / (2 * bandwidth**2))
    chosen, rows = list(labelled), []
    for _ in range(n):
        gains = []
        for center in unlabelled:
            total = 0.0
            for point in points:
                nearest = max((similar[known, point] for known in chosen), default=0.0)
                total += max(similar[center, point] - nearest, 0.0)
            gains.append(total / len(points))
        rounded = nine_digits(np.array(gains))
        rounded[rows] = -1
        rows.append(int(rounded.argmax()))
        chosen.append(unlabelled[rows[-1]])
    return rows


NAIVE = {prob_cover: naive_prob_cover, max_herding: naive_max_herding}
LENGTH = {prob_cover: "delta", max_herding: "bandwidth"}


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("as_sparse", [False, True])
@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("length", [0.3, 1.1])
def test_the_picks_are_those_of_all_pairs(strategy, as_sparse, seed, length, monkeypatch):
    monkeypatch.setattr(
        "alrun.strategies.support.reference_points._SPARSE", seed % 2
    )  # else dense by blocks
    monkeypatch.setattr("alrun.strategies.coverage._CHUNK", 4)  # as if there were many examples
    X, labelled, unlabelled = drawn(seed, 40, as_sparse=as_sparse)
    given = sparse.csr_matrix(X) if as_sparse else X
    rows = asked(strategy, pool_of(given, labelled, unlabelled), 12, **{LENGTH[strategy]: length})
    assert rows.tolist() == NAIVE[strategy](X, labelled, unlabelled, 12, length)


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("seed", range(3))
def test_only_the_reference_points_are_to_be_covered(strategy, seed):
    X, labelled, unlabelled = drawn(seed, 40)
    pool = pool_of(X, labelled, unlabelled)
    points = reference_points(pool.training, 15)
    assert len(set(points.tolist())) == 15
    rows = asked(strategy, pool, 8, reference=15, **{LENGTH[strategy]: 1.0})
    assert rows.tolist() == NAIVE[strategy](X, labelled, unlabelled, 8, 1.0, points)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_whole_numbers_tie_as_they_do_on_paper(strategy):
    # Distances that equal delta, and gains that are equal: rounding decides nothing.
    rng = stream(1)
    X = 0.1 * rng.integers(4, size=(150, 3)) + 1000.0
    whole = np.rint((X - 1000) * 10)
    rows = asked(strategy, pool_of(X, [0, 1]), 12, **{LENGTH[strategy]: 0.1})
    expected = NAIVE[strategy](whole, [0, 1], np.arange(2, 150), 12, 1.0)
    assert rows.tolist() == expected


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("as_sparse", [False, True])
def test_many_rounds_pick_as_rounds_that_know_of_no_other(strategy, as_sparse):
    X, labelled, unlabelled = drawn(3, 1300, 5, as_sparse=as_sparse)
    X = sparse.csr_matrix(X) if as_sparse else X
    training = None
    for _ in range(4):
        pool = pool_of(X, labelled, unlabelled, training)
        rows = asked(strategy, pool, 9, reference=700)
        assert (
            rows.tolist()
            == asked(strategy, pool_of(X, labelled, unlabelled), 9, reference=700).tolist()
        )
        training = pool.training
        labelled = np.concatenate([labelled, unlabelled[rows]])
        unlabelled = np.delete(unlabelled, rows)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_picks_that_are_not_labelled_after_all_cover_nothing(strategy):
    X, labelled, unlabelled = drawn(2)
    first = pool_of(X, labelled, unlabelled)
    rows = asked(strategy, first, 5)
    others = np.setdiff1d(np.arange(len(unlabelled)), rows)[:5]
    labelled = np.concatenate([labelled, unlabelled[others]])
    unlabelled = np.delete(unlabelled, others)
    again = asked(strategy, pool_of(X, labelled, unlabelled, first.training), 5)
    assert again.tolist() == asked(strategy, pool_of(X, labelled, unlabelled), 5).tolist()
    # And a label that it has not picked, which it would have picked next, is one all the same.
    following = asked(strategy, pool_of(X, labelled, unlabelled), 6)
    added = np.concatenate([labelled, unlabelled[following]])
    left = np.delete(unlabelled, following)
    more = asked(strategy, pool_of(X, added, left, first.training), 5)
    assert more.tolist() == asked(strategy, pool_of(X, added, left), 5).tolist()


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_runs_on_a_split_do_not_change_each_other(strategy):
    X, labelled, unlabelled = drawn(5)
    first = pool_of(X, labelled, unlabelled)
    rows = asked(strategy, first, 20)
    first.training.run_state.clear()
    again = pool_of(X, labelled, unlabelled, first.training)
    assert asked(strategy, again, 20).tolist() == rows.tolist()


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_runs_on_a_split_may_differ_in_labels_and_parameters(strategy, monkeypatch):
    monkeypatch.setattr("alrun.strategies.coverage._CHUNK", 4)
    monkeypatch.setattr("alrun.strategies.support.training_set._split_results", LRUCache(100))
    X, labelled, unlabelled = drawn(5)
    training = pool_of(X, labelled, unlabelled).training
    order = np.concatenate([labelled, unlabelled])
    for n_labelled in (20, 2):
        for length in (0.3, 3.0):
            for reference in (20, 100):
                training.run_state.clear()
                parameters = {LENGTH[strategy]: length, "reference": reference}
                pool = pool_of(X, order[:n_labelled], order[n_labelled:], training)
                alone = pool_of(X, order[:n_labelled], order[n_labelled:])
                assert asked(strategy, pool, 9, **parameters).tolist() == (
                    asked(strategy, alone, 9, **parameters).tolist()
                )


@pytest.mark.parametrize("width", [0.5, 2.0])
@pytest.mark.parametrize("n_labelled", [0, 5])
def test_what_herding_begins_with_is_no_less_than_what_is_gained_and_near(width, n_labelled):
    X = stream(2).normal(size=(900, 6)) + 20.0
    pool = pool_of(X, np.arange(n_labelled))
    points = Reference(pool.training, reference_points(pool.training, 250))
    similar = np.exp(-(cdist(X, X[points.positions]) ** 2) / (2 * width**2))
    nearest = similar[:n_labelled].max(axis=0, initial=0.0)
    gains = np.maximum(similar - nearest, 0).mean(axis=1)
    most = _SimilarityCoverage(points, width, np.arange(n_labelled)).gain_bounds()
    assert (most >= gains).all()
    np.testing.assert_allclose(most, gains, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("n_known", [1, 150 * 130])
def test_herding_picks_the_same_however_little_it_keeps(monkeypatch, n_known):
    X, labelled, unlabelled = drawn(6, 150)
    expected = asked(max_herding, pool_of(X, labelled, unlabelled), 60).tolist()
    monkeypatch.setattr("alrun.strategies.coverage._CACHE_SIZE", n_known)
    monkeypatch.setattr("alrun.strategies.coverage._CHUNK", 16)
    assert asked(max_herding, pool_of(X, labelled, unlabelled), 60).tolist() == expected


# scikit-activeml


def peer(seed):
    X, labelled, unlabelled = drawn(seed, 50, 4)
    X = stream(seed).normal(size=X.shape)  # no ties, which it breaks by chance
    y = np.full(50, np.nan)
    y[labelled] = np.arange(len(labelled)) % 2
    return X, y, labelled, unlabelled


@pytest.mark.parametrize("seed", range(5))
def test_herding_is_that_of_scikit_activeml(seed):
    theirs = pytest.importorskip("skactiveml.pool")
    X, y, labelled, unlabelled = peer(seed)
    strategy = theirs.MaxHerding(
        normalize_samples=False, metric_dict={"gamma": 1 / (2 * 0.9**2)}, random_state=0
    )
    rows = asked(max_herding, pool_of(X, labelled, unlabelled), 15, bandwidth=0.9)
    # Of two that are alone with each other both add as much, and theirs then picks by chance.
    for row in unlabelled[rows]:
        _, utilities = strategy.query(X, y, batch_size=1, return_utilities=True)
        assert utilities[0, row] == pytest.approx(np.nanmax(utilities[0]), rel=1e-9)
        y[row] = 0


@pytest.mark.parametrize("seed", range(5))
def test_each_ball_covers_as_much_as_in_scikit_activeml(seed):
    theirs = pytest.importorskip("skactiveml.pool")
    X, y, labelled, unlabelled = peer(seed)
    rows = asked(prob_cover, pool_of(X, labelled, unlabelled), 12, delta=1.5)
    # It breaks ties by chance; so it is asked example by example whether ours is one of its best.
    for row in unlabelled[rows]:
        strategy = theirs.ProbCover(deltas=[1.5], n_classes=2, random_state=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it has not compared this delta with others
            _, utilities = strategy.query(X, y, batch_size=1, return_utilities=True)
        assert utilities[0, row] == np.nanmax(utilities[0])
        y[row] = 0


# By hand


def test_the_largest_ball_is_picked_first_and_what_it_holds_counts_no_more():
    X = np.array([[0.0], [1], [2], [3], [10], [11], [20], [100]])
    rows = asked(prob_cover, pool_of(X, [7]), 4, delta=1.0)
    assert rows.tolist() == [1, 4, 2, 6]
    rows = asked(prob_cover, pool_of(X, [7, 1]), 3, delta=1.0)
    assert rows.tolist() == [3, 1, 5]  # of 0, 2, 3, 10, 11 and 20


@pytest.mark.parametrize("excess", [1e-12, 1e-7])
def test_a_ball_ends_at_delta_where_single_precision_does_not_see_it(excess):
    X = np.array([[100.0], [10.0], [11 + excess], [0.0], [1.0]])
    assert asked(prob_cover, pool_of(X, [0]), 1, delta=1.0) == (0 if excess < 1e-9 else 2)


def test_herding_begins_in_the_middle_of_the_largest_cluster():
    X = np.array([[0.0], [1], [2], [50], [51], [100]])
    rows = asked(max_herding, pool_of(X, []), 3, bandwidth=2.0)
    assert rows.tolist() == [1, 3, 5]
    rows = asked(max_herding, pool_of(X, [1]), 2, bandwidth=2.0)
    assert rows.tolist() == [2, 4]


def test_delta_is_by_default_the_upper_quartile_of_nearest_distances():
    X = np.array([[0.0], [0.0], [1], [3], [6], [10], [15], [21]])
    nearest = [1, 1, 1, 2, 3, 4, 5, 6]
    for delta in (np.quantile(nearest, 0.75), None):
        pool = pool_of(X, [7])
        assert asked(prob_cover, pool, 7, delta=delta).tolist() == naive_prob_cover(
            X, [7], np.arange(7), 7, 4.25
        )


def test_the_bandwidth_is_by_default_the_median_of_distances():
    X = stream(3).normal(size=(31, 2)) ** 5
    distances = cdist(X, X)
    median = np.median(distances[distances > 0])
    rows = asked(max_herding, pool_of(X, [0]), 12)
    assert rows.tolist() == naive_max_herding(X, [0], np.arange(1, 31), 12, median)
    assert rows.tolist() != naive_max_herding(X, [0], np.arange(1, 31), 12, distances.mean())


# What goes wrong


def warned(strategy, pool, n, **parameters):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        strategy(pool, n, stream(), **parameters)
    return [str(warning.message) for warning in caught]


def test_balls_that_are_empty_are_warned_of_once_a_run():
    X, labelled, unlabelled = drawn(4)
    X = stream().normal(size=X.shape)
    pool = pool_of(X, labelled, unlabelled)
    (text,) = warned(prob_cover, pool, 5, delta=1e-3)
    assert text.startswith("prob_cover: 60 of 60 balls of radius 0.001 are empty")
    labelled, unlabelled = np.concatenate([labelled, unlabelled[:5]]), unlabelled[5:]
    assert warned(prob_cover, pool_of(X, labelled, unlabelled, pool.training), 5, delta=1e-3) == []
    assert warned(prob_cover, pool_of(X, labelled, unlabelled), 5) == []
    # All is near to a reference point, though few are reference points themselves.
    texts = warned(prob_cover, pool_of(X, labelled, unlabelled), 1, delta=9.0, reference=3)
    assert not any("empty" in text for text in texts)


def test_a_cover_of_all_is_warned_of():
    X, labelled, unlabelled = drawn(4)
    (text,) = warned(prob_cover, pool_of(X, labelled, unlabelled), 5, delta=100.0)
    assert "random" in text
    rows = asked(prob_cover, pool_of(X, labelled, unlabelled), 5, delta=100.0)
    assert rows.tolist() == list(range(5))


def test_a_warning_reaches_the_record_of_the_run():
    rng = stream(4)
    dataset = Dataset(rng.normal(size=(90, 2)), np.arange(90) % 3, (0, 1, 2), "normal")
    parameters, version = resolve("prob_cover", {"delta": 1e-6})
    spec = RunSpec(
        DatasetSpec("normal", "normal", "normal", "none", 30),
        InitialSpec("per_class", 2),
        ModelSpec("logistic", "logistic", {}),
        StrategySpec("prob_cover", "prob_cover", parameters, version),
        batch_size=5,
        budget=25,
        seed=1,
    )
    result = run_active_learning(spec, dataset)
    (text,) = [text for text in result.warnings if "prob_cover" in text]
    assert "60 of 60 balls" in text
    assert result.warnings[text] == 1


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("value", [0, -1.0, np.inf, np.nan, "near", True, [1.0]])
def test_a_length_that_is_none_is_refused(strategy, value):
    with pytest.raises(StrategyError, match=f"{LENGTH[strategy]} must be a positive number"):
        strategy(pool_of(np.eye(3), [0]), 1, stream(), **{LENGTH[strategy]: value})


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("value", [0, -1, 2.5, "all", None, True])
def test_a_number_of_points_that_is_none_is_refused(strategy, value):
    with pytest.raises(StrategyError, match=r"reference of .* must be a whole number"):
        strategy(pool_of(np.eye(3), [0]), 1, stream(), reference=value)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_parameters_are_plain_data(strategy):
    parameters, version = resolve(strategy.__name__, {})
    assert json.loads(json.dumps(parameters)) == {LENGTH[strategy]: None, "reference": 5000}
    assert version == 1


# Odd pools


@settings(max_examples=60)
@given(
    st.sampled_from(STRATEGIES),
    st.integers(1, 30),
    st.integers(0, 4),
    st.integers(1, 3),
    st.sampled_from(["identical", "whole", "normal", "zero", "large", "shifted", "far"]),
    st.booleans(),
    st.sampled_from([1, 7, 5000]),
    st.integers(0, 2**32),
)
def test_odd_pools_are_survived(strategy, size, n_labelled, d, kind, as_sparse, reference, seed):
    rng = stream(seed)
    X = {
        "identical": np.full((size + n_labelled, d), rng.normal()),
        "whole": rng.integers(3, size=(size + n_labelled, d)).astype(float),
        "normal": rng.normal(size=(size + n_labelled, d)),
        "zero": np.zeros((size + n_labelled, d)),
        "large": 1e30 * rng.normal(size=(size + n_labelled, d)),
        "shifted": 1e6 + rng.normal(size=(size + n_labelled, d)),
        "far": rng.normal(size=(size + n_labelled, d)) ** 15,
    }[kind]
    order = rng.permutation(len(X))
    X = sparse.csr_matrix(X) if as_sparse else X
    n = int(rng.integers(1, size + 1))
    spec = StrategySpec(strategy.__name__, strategy.__name__, {"reference": reference}, 1)
    picks = []
    with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", RuntimeWarning)
        patch.setattr("alrun.strategies.support.reference_points._SPARSE", seed % 2)
        for _ in range(2):
            pool = pool_of(X, order[:n_labelled], order[n_labelled:])
            picks.append(query(spec, pool, n, stream(seed))[0].tolist())
    assert picks[0] == picks[1]
    if kind in ("identical", "zero") and (n_labelled or strategy is prob_cover):
        assert picks[0] == list(range(n))


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("share", [0, 1])
def test_dense_and_sparse_features_are_picked_alike(strategy, share, monkeypatch):
    monkeypatch.setattr("alrun.strategies.support.reference_points._SPARSE", share)
    X, labelled, unlabelled = drawn(7, 900, 6, as_sparse=True)
    rows = asked(strategy, pool_of(X, labelled, unlabelled), 30, reference=400)
    of_sparse = asked(
        strategy, pool_of(sparse.csr_matrix(X), labelled, unlabelled), 30, reference=400
    )
    assert rows.tolist() == of_sparse.tolist()


@pytest.mark.parametrize("shift", [0.0, 1e4])
@pytest.mark.parametrize("d", [1, 20, 784])
def test_bounds_are_below_the_distances_and_near(d, shift):
    X = stream(d).normal(size=(700, d)) + shift
    X[0] *= 100
    pool = pool_of(X, [0])
    points = Reference(pool.training, reference_points(pool.training, 300))
    distances = cdist(X, X[points.positions]) ** 2 / points.unit**2
    own = ((X - X[points.positions].mean(axis=0)) ** 2).sum(axis=1) / points.unit**2
    sums = own[:, None] + own[points.positions]
    for block, bounds, norms in points.blocks():
        np.testing.assert_allclose(norms, own[block], rtol=1e-6)
        below = distances[block] - bounds
        assert (below >= 0.5 * points.slack * sums[block] - 1e-12).all()
        assert (below <= 1.5 * points.slack * sums[block] + 1e-12).all()
