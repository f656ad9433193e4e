"""Information density: against pairwise cosines, and cases plain to see."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.metrics.pairwise import cosine_similarity
from strategy_pools import pool_over, stream

from alrun.errors import StrategyError
from alrun.run.query import query
from alrun.spec_parts import StrategySpec
from alrun.strategies.density import density, mean_similarities
from alrun.strategies.registry import resolve
from alrun.strategies.uncertainty import entropy


def naive(X, probabilities, beta):
    scores = []
    for row, p in zip(X, probabilities, strict=True):
        cosines = []
        for other in X:
            norms = math.hypot(*row) * math.hypot(*other)
            cosines.append(float(row @ other) / norms if norms else 0.0)
        uncertainty = -sum(value * math.log(value) for value in p if value > 0)
        scores.append(uncertainty * max(0.0, math.fsum(cosines) / len(cosines)) ** beta)
    return np.array(scores)


@pytest.mark.parametrize("as_sparse", [False, True])
@pytest.mark.parametrize("beta", [0.0, 0.5, 1.0, 3.0])
@pytest.mark.parametrize("seed", range(4))
def test_scores_are_those_of_the_definition(seed, beta, as_sparse):
    rng = stream(seed)
    X = rng.normal(size=(60, 5)) + np.eye(5)[0]
    X[rng.random(X.shape) < 0.3] = 0
    X[7] = 0
    p = rng.dirichlet(np.full(4, 0.5), size=60)
    pool = pool_over(
        sparse.csr_matrix(X) if as_sparse else X, probabilities=p, labelled=[3, 8, 20], order=0
    )
    expected = naive(X, p, beta)[pool.unlabelled]
    np.testing.assert_allclose(density(pool, 5, stream(), beta=beta), expected, rtol=1e-9)
    order = sorted(range(57), key=lambda row: (-float(f"{expected[row]:.8e}"), row))
    found = query(StrategySpec("density", "density", {"beta": beta}, 1), pool, 9, stream())[0]
    assert found.tolist() == order[:9]


@pytest.mark.parametrize("seed", range(3))
def test_similarities_are_the_means_of_all_pairs(seed):
    X = stream(seed).random((80, 6))
    expected = cosine_similarity(X).mean(axis=1)
    np.testing.assert_allclose(mean_similarities(pool_over(X).training), expected, rtol=1e-12)


def test_where_all_are_as_uncertain_the_example_amid_the_others_is_picked():
    angles = np.array([-1.1, 0.0, 0.1, 0.2, 0.3, 0.4, 1.55])
    X = np.column_stack([np.cos(angles), np.sin(angles)]) * [[90], [1], [9], [2], [5], [3], [100]]
    pool = pool_over(X, order=0)
    ranked = pool.unlabelled[np.argsort(-density(pool, 1, stream()))]
    assert ranked[0] == 3
    assert ranked[-2:].tolist() == [0, 6]  # the outliers, however long


def test_beta_zero_is_entropy_and_a_large_one_forgets_it():
    rng = stream()
    X, p = rng.random((30, 3)), rng.dirichlet(np.ones(3), size=30)
    pool = pool_over(X, (), p, order=0)
    np.testing.assert_array_equal(density(pool, 1, rng, beta=0.0), entropy(pool, 1, rng))
    similar = cosine_similarity(X).mean(axis=1)[pool.unlabelled]
    assert np.argmax(density(pool, 1, rng, beta=1e3)) == np.argmax(similar)


def test_a_mean_of_zero_but_for_rounding_is_zero():
    angles = 2 * np.pi * np.arange(7) / 7
    pool = pool_over(np.column_stack([np.cos(angles), np.sin(angles)]))
    assert not density(pool, 1, stream()).any()


def test_similarities_are_computed_once_per_split():
    pool = pool_over(stream().random((20, 3)))
    assert mean_similarities(pool.training) is mean_similarities(pool.training)


def test_equal_rows_have_equal_scores():
    X = np.repeat(stream().random((10, 30)), 3, axis=0)
    scores = density(pool_over(X), 1, stream())
    assert len({f"{score:.8e}" for score in scores}) == 10


@settings(max_examples=100)
@given(
    st.sampled_from(["identical", "zero", "one feature", "constant", "drawn"]),
    st.booleans(),
    st.integers(1, 20),
    st.integers(0, 3),
    st.sampled_from(["drawn", "one class", "a class unseen", "two classes"]),
    st.sampled_from([0.0, 1.0, 2.5]),
)
def test_any_pool_is_scored(shape, as_sparse, size, n_labelled, model, beta):
    rng = stream(size)
    n = size + n_labelled
    X = {
        "identical": np.full((n, 3), 0.1),
        "zero": np.zeros((n, 2)),
        "one feature": rng.normal(size=(n, 1)),
        "constant": np.column_stack([np.full(n, 7.0), rng.normal(size=n)]),
        "drawn": rng.normal(size=(n, 4)),
    }[shape]
    p = rng.dirichlet(np.ones(2 if model == "two classes" else 4), size=n)
    if model == "one class":
        p[:] = [0, 1, 0, 0]
    if model == "a class unseen":
        p = np.column_stack([p, np.zeros(n)])
    X = sparse.csr_matrix(X) if as_sparse else X
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pool = pool_over(X, range(n_labelled), p, order=n)
        scores = density(pool, 1, rng, beta=beta)
    assert scores.shape == (size,)
    assert np.isfinite(scores).all()
    assert (scores >= 0).all()
    parameters, version = resolve("density", {"beta": beta})
    spec = StrategySpec("density", "density", parameters, version)
    assert sorted(query(spec, pool, size, rng)[0]) == list(range(size))


@pytest.mark.parametrize("beta", [-1.0, math.nan, math.inf, "1", True, None])
def test_a_senseless_beta_is_refused(beta):
    with pytest.raises(StrategyError, match=r"^beta of density must be a number from 0 on, not "):
        density(pool_over(np.eye(3)), 1, stream(), beta=beta)
