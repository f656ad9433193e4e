"""k_center and k_means_pp against naive versions, and on pools where one can see the answer."""

from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.spatial.distance import cdist

from alrun.strategies.diversity import k_center, k_means_pp, squared_distance_to_labelled
from alrun.strategies.support import greedy
from alrun.strategies.support.pool import Pool

FEW = settings(max_examples=40)


def pool_of(X, n_labelled, training=None, order=None):
    """Return a pool whose first examples are labelled; the others stand in the order given."""
    labelled = np.arange(n_labelled)
    unlabelled = np.arange(n_labelled, X.shape[0]) if order is None else order
    return Pool(X, unlabelled, labelled, np.zeros(n_labelled, dtype=int), None, training)


def naive_k_center(X, labelled, unlabelled, n):
    """Pick by all distances anew each time; among equal ones the first."""
    chosen, picks = list(labelled), []
    for _ in range(n):
        nearest = [
            -1.0 if row in picks else min(np.sum((X[row] - X[other]) ** 2) for other in chosen)
            for row in unlabelled
        ]
        row = unlabelled[int(np.argmax(np.round(nearest, 9)))]
        picks.append(row)
        chosen.append(row)
    return [list(unlabelled).index(row) for row in picks]


@FEW
@given(
    st.integers(0, 10_000),
    st.integers(2, 25),
    st.integers(1, 3),
    st.booleans(),
    st.sampled_from([1, 2, 5, 2048]),
)
def test_k_center_picks_what_a_naive_one_picks(seed, n_examples, n_features, is_sparse, window):
    """However few examples are looked at together."""
    rng = np.random.default_rng(seed)
    X = rng.integers(0, 6, size=(n_examples, n_features)).astype(float)  # with duplicates and ties
    n_labelled = int(rng.integers(1, n_examples))
    order = rng.permutation(np.arange(n_labelled, n_examples))
    n = int(rng.integers(1, len(order) + 1))
    pool = pool_of(sparse.csr_matrix(X) if is_sparse else X, n_labelled, order=order)
    with mock.patch.object(greedy, "_WINDOW", window):
        picked = k_center(pool, n, rng).tolist()
    assert picked == naive_k_center(X, range(n_labelled), order, n)


def test_k_center_goes_on_between_rounds_as_if_it_began_anew():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(200, 4))
    labelled, training = np.arange(5), None
    for _ in range(4):
        unlabelled = np.setdiff1d(np.arange(200), labelled)
        fresh = Pool(X, unlabelled, labelled, labelled, None)
        pool = Pool(X, unlabelled, labelled, labelled, None, training or fresh.training)
        training = pool.training
        nearest = squared_distance_to_labelled(pool)
        np.testing.assert_allclose(nearest, squared_distance_to_labelled(fresh), rtol=1e-12)
        np.testing.assert_allclose(
            nearest, cdist(X, X[labelled], "sqeuclidean").min(axis=1), atol=1e-9
        )
        picked = k_center(pool, 20, rng)
        assert picked.tolist() == k_center(fresh, 20, rng).tolist()
        labelled = np.concatenate([labelled, unlabelled[picked]])


def test_k_center_picks_the_corners_first():
    X = np.array([[0, 0], [1, 1], [0, 10], [10, 0], [9, 9], [5, 5]], dtype=float)
    assert set(k_center(pool_of(X, 1), 3, None)) == {1, 2, 3}


def test_k_means_pp_draws_in_proportion_to_squared_distances():
    """The first pick of 20,000: at distances 1, 2 and 3 one due in 14, 4 and 9."""
    X = np.array([[0.0], [1.0], [2.0], [3.0]])
    rng = np.random.default_rng(0)
    first = [k_means_pp(pool_of(X, 1), 1, rng)[0] for _ in range(20_000)]
    shares = np.bincount(first) / len(first)
    np.testing.assert_allclose(shares, [1 / 14, 4 / 14, 9 / 14], atol=0.012)


def test_drawing_several_at_once_is_drawing_one_by_one():
    """Second picks given the first, of many pairs, against the probabilities of one by one."""
    X = np.array([0.0, 1.0, 2.5, 4.0, 4.5])
    squared = (X[:, None] - X) ** 2
    rng = np.random.default_rng(2)
    nearest, between, pool = squared[0, 1:], squared[1:, 1:], pool_of(X[1:, None], 0)
    pairs = np.array(
        [
            greedy.kmeanspp_sample(
                nearest.copy(), pool, lambda of, others: between[of][:, others], 2, rng
            )
            for _ in range(40_000)
        ]
    )
    expected = np.zeros((4, 4))
    for one in range(4):
        left = np.minimum(nearest, between[one])
        expected[one] = nearest[one] / nearest.sum() * left / left.sum()
    found = np.zeros((4, 4))
    np.add.at(found, tuple(pairs.T), 1 / len(pairs))
    np.testing.assert_allclose(found, expected, atol=0.01)


@pytest.mark.parametrize("strategy", [k_center, k_means_pp])
@pytest.mark.parametrize("n", [1, 5, 9])
def test_identical_examples_are_picked_once_each(strategy, n):
    pool = pool_of(np.ones((10, 3)), 1)
    picked = strategy(pool, n, np.random.default_rng(0))
    assert len(set(picked.tolist())) == n
    assert set(picked) <= set(range(9))


def test_k_means_pp_takes_a_duplicate_only_where_nothing_else_is_left():
    X = np.array([[0.0], [0.0], [5.0], [5.0], [9.0]])
    for seed in range(20):
        picked = k_means_pp(pool_of(X, 1), 4, np.random.default_rng(seed)).tolist()
        assert sorted(X[np.array(picked[:2]) + 1, 0]) == [5, 9]
        assert sorted(picked) == [0, 1, 2, 3]


@pytest.mark.parametrize("strategy", [k_center, k_means_pp])
@pytest.mark.parametrize("kind", [np.array, np.float32, sparse.csr_matrix])
def test_picks_do_not_depend_on_the_size_of_blocks(strategy, kind, monkeypatch):
    X = kind(np.random.default_rng(3).integers(0, 50, size=(300, 4)).astype(float))
    order = np.random.default_rng(4).permutation(np.arange(20, 300, 2))  # some rows are of no part
    expected = strategy(pool_of(X, 20, order=order), 60, np.random.default_rng(5)).tolist()
    monkeypatch.setattr(greedy, "_WINDOW", 7)
    monkeypatch.setattr("alrun.strategies.support.training_set._CACHED", 40)
    monkeypatch.setattr("alrun.strategies.diversity._MOST_LABELS", 3)
    found = strategy(pool_of(X, 20, order=order), 60, np.random.default_rng(5)).tolist()
    assert found == expected
