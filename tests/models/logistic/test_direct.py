"""Direct solutions: the minimum of the objective, however certain the examples."""

import numpy as np
import pytest
from scipy import sparse

from alrun.models.logistic import direct
from alrun.models.logistic.newton import Objective, minimise


def problem(k, n, d, seed=0):
    rng = np.random.default_rng(seed)
    classes = rng.permutation(np.arange(n) % max(k, 2))
    Y = (classes == np.arange(max(k, 2))[:, None]).astype(float)[-k:]
    return rng.normal(size=(n, d)), Y, rng.uniform(0.5, 3, size=n)


def start(k, d):
    return np.zeros((k, d + 1))


@pytest.mark.parametrize("shape", [(1, 30, 4), (3, 30, 5), (4, 12, 40)])
@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array])
def test_it_finds_the_minimum_that_conjugate_gradients_find(shape, kind):
    X, Y, s = problem(*shape)
    k, n, d = shape
    found = direct.solve(kind(X), Y, s, start(k, d))
    other = minimise(Objective(np.column_stack([X, np.ones(n)]), Y, s), start(k, d))
    assert found.error < 1e-12
    np.testing.assert_allclose(found.W[:, :-1], other.W[:, :-1], atol=1e-8)
    A = np.column_stack([X, np.ones(n)])
    gradient = Objective(A, Y, s).at(found.W).gradient
    np.testing.assert_allclose(gradient, 0, atol=1e-12)


def test_a_start_far_off_or_near_changes_nothing():
    X, Y, s = problem(3, 30, 5)
    found = direct.solve(X, Y, s, start(3, 5))
    for W in (found.W, 1e6 * np.random.default_rng(1).normal(size=(3, 6))):
        again = direct.solve(X, Y, s, W)
        np.testing.assert_allclose(again.W[:, :-1], found.W[:, :-1], atol=1e-12)
    assert direct.solve(X, Y, s, found.W).n_steps <= 3 < found.n_steps


def test_a_margin_has_its_known_weight_at_any_C():
    """Two examples at -1 and 1: the weight solves w = 2 C / (1 + exp(w))."""
    for C in (1.0, 1e6, 1e12, 1e30):
        W = direct.solve(
            np.array([[-1.0], [1.0]]), np.array([[0.0, 1.0]]), np.full(2, C), start(1, 1)
        ).W
        w = W[0, 0]
        assert w * (1 + np.exp(w)) == pytest.approx(2 * C, rel=1e-12)
        assert abs(W[0, 1]) < 1e-12


def test_a_small_feature_beside_a_huge_one_is_not_lost_in_silence():
    X, Y, s = problem(1, 30, 2)
    assert direct.solve(X * [1e3, 1.0], Y, s, start(1, 2)).error < 1e-9
    assert direct.solve(X * [1e17, 1.0], Y, s, start(1, 2)).error == np.inf


def test_a_large_hessian_is_not_written_out():
    assert direct.is_solvable(np.zeros((200, 3000)), 1)
    assert direct.is_solvable(np.zeros((3000, 64)), 10)
    assert not direct.is_solvable(np.zeros((3000, 300)), 10)
