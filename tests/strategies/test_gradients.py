"""badge and egl against gradients written down, scikit-activeml, and what can be seen."""

from collections import Counter
from fractions import Fraction
from itertools import permutations
from math import sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategy_pools import Scripted, asked, drawn, odd_pools, picked, pool_of, stream

from alrun.strategies.gradients import to_the_likeliest
from alrun.strategies.registry import BUILT_IN
from alrun.strategies.support.greedy import kmeanspp_sample

BOTH = ("badge", "egl")


def features(pool):
    return pool.X.toarray() if hasattr(pool.X, "toarray") else pool.X


def gradients(pool):
    """The gradients of the log loss for the likeliest labels, each written out as a vector."""
    rows = []
    for p, x in zip(pool.probabilities, features(pool), strict=True):
        label = max(range(len(p)), key=lambda k: p[k])
        residual = [p[k] - (k == label) for k in range(len(p))]
        rows.append(np.ravel([[r * value for value in x] for r in residual]))
    return np.array(rows)


def between(vectors):
    """All squared distances."""
    return np.array([[((a - b) ** 2).sum() for b in vectors] for a in vectors])


# badge


@pytest.mark.parametrize("as_sparse", [False, True])
@pytest.mark.parametrize("n_classes", [2, 3, 6])
@pytest.mark.parametrize("seed", range(5))
def test_badge_draws_as_from_gradients_written_down(seed, n_classes, as_sparse):
    pool = drawn(seed, n_classes=n_classes, as_sparse=as_sparse)
    vectors = gradients(pool)
    squared = between(vectors)
    first = int((vectors**2).sum(axis=1).argmax())
    expected = [first]
    rng, nearest = stream(seed), squared[first].copy()
    while len(expected) < 20:  # several at once, each with the share that is left of its distance
        before = nearest.copy()
        points = rng.random(min(16, 20 - len(expected))) * before.sum()
        rows = [int((before.cumsum() <= point).sum()) for point in points]
        for row, share in zip(rows, rng.random(len(rows)), strict=True):
            if share * before[row] < nearest[row]:
                expected.append(row)
                nearest = np.minimum(nearest, squared[row])
    assert picked("badge", pool, 20, seed) == expected


def test_badge_draws_one_by_one_in_proportion_to_the_squared_distance():
    pool = drawn(3, n=5)
    squared = between(gradients(pool))
    first = picked("badge", pool, 1)[0]
    expected = {}
    for second, third in permutations(set(range(5)) - {first}, 2):
        near = np.minimum(squared[first], squared[second])
        chance = squared[first][second] / squared[first].sum() * near[third] / near.sum()
        expected[first, second, third] = chance
    assert sum(expected.values()) == pytest.approx(1)
    rng = stream()
    counts = Counter(tuple(asked("badge", pool, 3, rng).tolist()) for _ in range(3000))
    for batch, chance in expected.items():
        assert abs(counts[batch] / 3000 - chance) < 5 * sqrt(chance / 3000) + 1e-9


def test_badge_begins_with_the_longest_gradient():
    rows = [[0.9, 0.1], [0.5, 0.5], [0.6, 0.4], [1, 0]]
    assert picked("badge", pool_of(rows, [[1], [1], [1], [100]]), 1) == [1]
    assert picked("badge", pool_of(rows, [[9], [1], [1], [100]]), 1) == [0]


def test_badge_takes_one_of_each_kind_before_it_takes_one_again():
    # Alike in features and probabilities is alike; the same features with another label is not.
    kinds = [([0.6, 0.4], [1, 0]), ([0.4, 0.6], [1, 0]), ([0.6, 0.4], [0, 1]), ([1, 0], [5, 5])]
    pool = pool_of(
        [kinds[row % 4][0] for row in range(20)], [kinds[row % 4][1] for row in range(20)]
    )
    for seed in range(20):
        batch = picked("badge", pool, 20, seed)
        assert {row % 4 for row in batch[:4]} == {0, 1, 2, 3}
        assert sorted(batch) == list(range(20))


def test_where_all_gradients_are_zero_badge_draws_uniformly():
    pool = pool_of(np.tile([0.0, 1.0, 0.0], (6, 1)), np.arange(12).reshape(6, 2))
    rest = Counter(row for seed in range(500) for row in picked("badge", pool, 2, seed)[1:])
    assert set(rest) == {1, 2, 3, 4, 5}  # the first is the first of the pool, at random itself
    assert max(rest.values()) - min(rest.values()) < 60


@pytest.mark.parametrize("noise", [1e-16, -1e-16])
def test_rounding_noise_in_a_toss_up_does_not_choose_the_likeliest(noise):
    residual = to_the_likeliest(np.array([[0.2, 0.4 + noise, 0.4 - noise]]))
    np.testing.assert_allclose(residual, [[0.2, -0.6, 0.4]])


def test_before_are_picked_and_not_drawn_again():
    squared = between(stream().normal(size=(8, 2)))
    pool = pool_of(np.full((8, 2), 0.5))
    for nearest in (np.minimum(squared[2], squared[5]), np.zeros(8), np.ones(8)):
        rows = kmeanspp_sample(
            nearest, pool, lambda of, others: squared[of][:, others], 8, stream(), [5, 2]
        ).tolist()
        assert rows[:2] == [5, 2]
        assert sorted(rows) == list(range(8))


@pytest.mark.parametrize("seed", range(8))
def test_badge_has_the_probabilities_of_scikit_activeml_where_the_origin_is_far(seed):
    """Its distances go on from the norms, as if the origin had been picked; the paper's do not.

    So they are the same where each gradient is nearer to the longest than to the origin.
    """
    peers = pytest.importorskip("skactiveml.pool")
    wrapped = pytest.importorskip("skactiveml.classifier")
    rng = stream(seed)
    X = rng.uniform(1, 1.2, size=(41, 3))
    rows = rng.dirichlet([300, 180, 120], size=40)

    class Known(wrapped.ParzenWindowClassifier):
        def predict_proba(self, X):
            return rows

    labels = np.full(41, np.nan)
    labels[-1] = 0
    model = Known(classes=[0, 1, 2]).fit(X, labels)
    batch, chances = peers.Badge(random_state=seed).query(
        X, labels, model, fit_clf=False, batch_size=3, return_utilities=True
    )
    assert chances.shape == (3, 41)
    bounds = [np.append(0.0, np.nancumsum(step[:40])) for step in chances]
    # Points at both ends of the interval of each pick: so the intervals are the same.
    starts = [bounds[step][batch[step]] + 1e-9 for step in (1, 2)]
    ends = [bounds[step][batch[step] + 1] - 1e-9 for step in (1, 2)]
    for second, third in (starts, ends):
        script = Scripted([second, second], [0.0, 0.0], [third], [0.0])
        assert asked("badge", pool_of(rows, X[:40]), 3, script).tolist() == batch


# egl


@pytest.mark.parametrize("as_sparse", [False, True])
@pytest.mark.parametrize("n_classes", [2, 3, 10])
@pytest.mark.parametrize("seed", range(3))
def test_egl_is_the_mean_length_of_gradients_written_down(seed, n_classes, as_sparse):
    pool = drawn(seed, n_classes=n_classes, as_sparse=as_sparse)
    expected = []
    for p, x in zip(pool.probabilities, features(pool), strict=True):
        of_labels = [np.outer(p - np.eye(n_classes)[k], x) for k in range(n_classes)]
        expected.append(sum(p[k] * np.sqrt((of_labels[k] ** 2).sum()) for k in range(n_classes)))
    np.testing.assert_allclose(asked("egl", pool), expected, rtol=1e-12, atol=1e-15)


def test_egl_of_what_can_be_seen():
    pool = pool_of([[0.5, 0.5], [0.5, 0.5], [1, 0], [0.5, 0.5]], [[3, 4], [0, 1], [9, 9], [0, 0]])
    np.testing.assert_allclose(asked("egl", pool), [5 * sqrt(0.5), sqrt(0.5), 0, 0])
    assert picked("egl", pool, 4) == [0, 1, 2, 3]


@settings(max_examples=50)
@given(st.integers(1, 60), st.integers(1, 60))
def test_egl_of_the_almost_certain_is_no_rounding_noise(first, second):
    small = [Fraction(1, 2**first) / 2, Fraction(1, 2**second) / 3]
    p = [1 - sum(small), *small]
    expected = sum(
        float(p[k]) * sqrt(sum((p[j] - (j == k)) ** 2 for j in range(3))) for k in range(3)
    )
    assert asked("egl", pool_of([p]))[0] == pytest.approx(expected, rel=1e-9, abs=0)


# Both


@settings(max_examples=150)
@given(odd_pools(), st.data())
@pytest.mark.parametrize("name", BOTH)
def test_odd_pools_are_survived(name, pool, data):
    n, seed = data.draw(st.integers(1, len(pool))), data.draw(st.integers(0, 99))
    before = features(pool).copy(), pool.probabilities.copy()
    batch = picked(name, pool, n, seed)
    assert len(set(batch)) == n
    assert batch == picked(name, pool, n, seed)
    np.testing.assert_array_equal(features(pool), before[0])
    np.testing.assert_array_equal(pool.probabilities, before[1])


@pytest.mark.parametrize("name", BOTH)
def test_their_needs_are_known(name):
    assert BUILT_IN[name].requires == ("predict_proba",)
