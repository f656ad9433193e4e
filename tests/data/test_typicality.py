"""Typical examples: distances against a sort, and the start that they make."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from alrun.data import typicality
from alrun.data.typicality import mean_distances, most_typical, typical
from alrun.util.top_k import top_k


def stream(seed=0):
    return np.random.default_rng(seed)


def naive_mean_distance(X, row, members, neighbours):
    distances = sorted(math.dist(X[row], X[other]) for other in members if other != row)
    nearest = distances[:neighbours]
    return sum(nearest) / len(nearest) if nearest else 0.0


@settings(max_examples=60)
@given(st.integers(1, 30), st.integers(1, 3), st.integers(1, 25), st.integers(0, 2**32))
def test_mean_distances_are_those_of_a_sort_however_many_rows_are_equal(n, d, neighbours, seed):
    X = stream(seed).integers(0, 3, size=(n, d)) / 10 + 100
    expected = [naive_mean_distance(X, row, range(n), neighbours) for row in range(n)]
    np.testing.assert_allclose(mean_distances(X, neighbours), expected, rtol=1e-12)
    X = stream(seed).normal(size=(n, d))
    expected = [naive_mean_distance(X, row, range(n), neighbours) for row in range(n)]
    np.testing.assert_allclose(mean_distances(X, neighbours), expected, rtol=1e-12)


def test_blocks_change_nothing(monkeypatch):
    X = stream().normal(size=(50, 3))
    whole = mean_distances(X, 5)
    monkeypatch.setattr(typicality, "_BLOCK", 120)
    np.testing.assert_allclose(mean_distances(X, 5), whole, rtol=1e-12)


@pytest.mark.parametrize("seed", range(6))
def test_the_first_is_that_of_all_exact_distances(seed, monkeypatch):
    """Also of rows that single precision hardly tells apart, and of equal ones."""
    rng = stream(seed)
    X = rng.normal(size=(200, 5)) * (1, 1e-3, 1e-6)[seed % 3] + 10
    rows = rng.permutation(200)[:150]
    if seed > 2:
        X[rng.integers(200, size=30)] = X[0]
    monkeypatch.setattr(typicality, "_BLOCK", 20_000)
    expected = top_k(-mean_distances(X, 7)[rows], 150)[0]
    assert most_typical(X, 7, rows, 150).tolist() == expected.tolist()
    monkeypatch.setattr(typicality, "_FEW", 2)
    assert most_typical(X, 7, rows, 1).tolist() == expected[:1].tolist()
    if seed == 0:  # and only few are looked at again
        assert len(typicality._may_be_first(X, 7, rows)) < 5


@pytest.mark.parametrize("slack", [0.0, 0.01])
@pytest.mark.parametrize("seed", range(4))
def test_rows_with_few_others_in_reach_have_a_mean_at_least_so_large(seed, slack):
    squared = stream(seed).random((40, 30)) ** 2
    means = np.sqrt(np.sort(squared, axis=1)[:, :5]).mean(axis=1)
    too_large = squared + slack * stream(seed).random(squared.shape)
    for reach in (0.0, *np.quantile(squared, [0.05, 0.15, 0.3, 1.0])):
        bounds = typicality._least_mean(too_large, slack, reach, 5)
        assert (bounds <= means + 1e-12).all()
    sixth = np.sort(squared, axis=1)[:, 5]
    bounds = typicality._least_mean(squared, 0.0, sixth.min(), 5)  # at most five are nearer
    assert bounds[sixth.argmin()] == pytest.approx(means[sixth.argmin()])
    assert (bounds > means.min()).any()  # such rows need no closer look


# The start


def lumps(seed=0, as_sparse=False, n_far=20):
    """Ten tight lumps of 12 rows, each with one row at its middle, and rows far apart."""
    rng = stream(seed)
    middles = rng.normal(size=(10, 3)) * 50
    X = np.concatenate([middles + rng.normal(size=(10, 3)) * scale for scale in [0, *[1.5] * 11]])
    X = np.concatenate([X, rng.normal(size=(n_far, 3)) * 400])
    order = rng.permutation(len(X))
    X, middle = X[order], np.flatnonzero(order < 10)
    return (sparse.csr_matrix(X) if as_sparse else X), middle


def test_the_start_is_the_first_pick_of_typiclust():
    X, _ = lumps()
    for seed in range(5):
        picked = typical(X, 8, stream(seed))
        rng = stream(seed)
        order = rng.permutation(len(X))
        labels = typicality.kmeans.k_means(X[order], 8, rng)
        expected = []
        by_size = sorted(
            set(labels), key=lambda c: (-np.sum(labels == c), labels.tolist().index(c))
        )
        large = [cluster for cluster in by_size if np.sum(labels == cluster) >= 5]
        small = [cluster for cluster in by_size if np.sum(labels == cluster) < 5]
        for turn in range(8):
            for cluster in large:
                members = np.flatnonzero(labels == cluster)
                distances = [naive_mean_distance(X[order], row, members, 20) for row in members]
                if turn < len(members) and len(expected) < 8:
                    expected.append(members[np.argsort(distances, kind="stable")[turn]])
        assert len(large) * 8 >= 8 or small
        assert picked.tolist() == order[expected].tolist()


def test_a_typical_row_lies_in_the_middle_of_its_lump():
    hits = []
    for seed in range(10):
        X, middles = lumps(seed, n_far=0)
        hits.append(len(set(typical(X, 10, stream(seed))) & set(middles)))
    assert np.mean(hits) > 5  # at random it would be 10 * 10 / 120 = 0.8


def test_sparse_features_give_as_many_rows_each_once():
    X, _ = lumps(as_sparse=True)
    picked = typical(X, 30, stream())
    assert len(set(picked.tolist())) == 30


def test_equal_rows_are_chosen_from_at_random():
    hit = np.zeros(40, dtype=int)
    for seed in range(200):
        hit[typical(np.ones((40, 2)), 4, stream(seed))] += 1
    assert (hit > 0).all()
