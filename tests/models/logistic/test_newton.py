"""Newton's method: the objective against its definition, the minimum against SciPy's."""

import numpy as np
import pytest
from scipy.optimize import approx_fprime
from scipy.optimize import minimize as minimised_by_scipy
from scipy.special import log_softmax
from scipy.special import softmax as softmax_by_scipy

from alrun.models.logistic import newton
from alrun.models.logistic.newton import Objective, minimise, softmax
from alrun.models.logistic.preconditioner import Preconditioner

SHAPES = [(1, 12, 4), (3, 20, 5), (4, 9, 12)]


def objective_of(k, n, m, seed=0):
    """A small problem with weights of its own, k = 1 for two classes."""
    rng = np.random.default_rng(seed)
    A = np.column_stack([rng.normal(size=(n, m - 1)), np.ones(n)])
    classes = rng.permutation(np.arange(n) % max(k, 2))
    Y = (classes == np.arange(max(k, 2))[:, None]).astype(float)
    return Objective(A, Y[-k:], rng.uniform(0.5, 3, size=n))


def value_by_definition(objective, W):
    """An example at a time, with the first of two classes written out."""
    Y = objective.Y if len(W) > 1 else np.concatenate([1 - objective.Y, objective.Y])
    total = (W[:, :-1] ** 2).sum() / 2
    for a, y, s in zip(objective.A, Y.T, objective.s, strict=True):
        scores = W @ a if len(W) > 1 else np.array([0, W[0] @ a])
        total -= s * log_softmax(scores)[y.argmax()]
    return total


@pytest.mark.parametrize("shape", SHAPES)
def test_value_and_gradient_are_those_of_the_definition(shape):
    objective = objective_of(*shape)
    W = np.random.default_rng(1).normal(size=(shape[0], shape[2]))
    point = objective.at(W)
    assert point.value == pytest.approx(value_by_definition(objective, W), rel=1e-12)
    slope = approx_fprime(
        W.ravel(), lambda w: value_by_definition(objective, w.reshape(W.shape)), 1e-7
    )
    np.testing.assert_allclose(point.gradient.ravel(), slope, atol=1e-4)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("seed", range(3))
def test_the_minimum_is_the_one_that_scipy_finds(shape, seed):
    objective = objective_of(*shape, seed)
    start = np.random.default_rng(seed).normal(size=(shape[0], shape[2]))
    found = minimise(objective, start)
    theirs = minimised_by_scipy(
        lambda w: (
            objective.at(w.reshape(start.shape)).value,
            objective.at(w.reshape(start.shape)).gradient.ravel(),
        ),
        start.ravel(),
        jac=True,
        method="BFGS",
        options={"gtol": 1e-7},
    )
    assert found.converged
    np.testing.assert_allclose(found.W[:, :-1], theirs.x.reshape(start.shape)[:, :-1], atol=1e-6)
    assert objective.at(found.W).value <= theirs.fun + 1e-12


def test_an_old_preconditioner_changes_how_soon_and_not_where():
    other = minimise(objective_of(3, 40, 8, seed=5), np.zeros((3, 8))).preconditioner
    objective = objective_of(3, 40, 8, seed=6)
    with_it = minimise(objective, np.zeros((3, 8)), other)
    without = minimise(objective, np.zeros((3, 8)))
    np.testing.assert_allclose(with_it.W[:, :-1], without.W[:, :-1], atol=1e-8)


def test_the_precision_of_the_steps_does_not_show(monkeypatch):
    objective = objective_of(4, 200, 30)
    single = minimise(objective, np.zeros((4, 30)))
    monkeypatch.setattr(newton, "LARGEST_SPAN_IN_SINGLE", 0.0)
    double = minimise(objective, np.zeros((4, 30)))
    assert single.preconditioner.is_compatible(np.zeros((4, 30), np.float32))
    assert double.preconditioner.is_compatible(np.zeros((4, 30)))
    np.testing.assert_allclose(single.W[:, :-1], double.W[:, :-1], atol=1e-8)


def test_where_single_precision_gets_nowhere_double_takes_over(monkeypatch):
    monkeypatch.setattr(newton, "MAX_PRODUCTS_IN_SINGLE", 1)
    found = minimise(objective_of(4, 200, 30), np.zeros((4, 30)))
    assert found.converged
    assert found.preconditioner.is_compatible(np.zeros((4, 30)))


def test_where_nothing_lower_is_found_double_precision_is_tried(monkeypatch):
    searched, search = [], newton._search

    def failing(objective, point, step):
        searched.append(point)
        return point if len(searched) == 2 else search(objective, point, step)

    monkeypatch.setattr(newton, "_search", failing)
    found = minimise(objective_of(4, 200, 30), np.zeros((4, 30)))
    assert found.converged
    assert found.preconditioner.is_compatible(np.zeros((4, 30)))


def test_where_nothing_lower_is_ever_found_the_search_ends(monkeypatch):
    monkeypatch.setattr(newton, "_search", lambda objective, point, step: point)
    found = minimise(objective_of(4, 200, 30), np.zeros((4, 30)))
    assert not found.converged
    assert found.n_steps < 5


def test_a_preconditioner_that_finds_everything_small_does_not_end_the_search(monkeypatch):
    """It would, were its word taken for the decrement."""

    class Shrinking(Preconditioner):
        def __call__(self, R):
            return 1e-20 * super().__call__(R)

    objective = objective_of(3, 40, 8)
    A, P = objective.A.astype(np.float32), objective.at(np.zeros((3, 8))).P.astype(np.float32)
    shrinking = Shrinking(A, objective.s.astype(np.float32), P)
    assert minimise(objective, np.zeros((3, 8)), shrinking).converged
    # So that every gradient is small enough.
    monkeypatch.setattr(Objective, "limit", lambda self: 1e9)
    found = minimise(objective, np.zeros((3, 8)), shrinking)
    assert np.abs(objective.at(found.W).gradient).max() < 1e-7


def test_the_search_stops_after_so_many_steps_and_says_so(monkeypatch):
    monkeypatch.setattr(newton, "MAX_STEPS", 1)
    found = minimise(objective_of(3, 40, 8), np.zeros((3, 8)))
    assert (found.n_steps, found.converged) == (1, False)


@pytest.mark.parametrize("scale", [1.0, 1e3])
def test_softmax_is_scipys(scale):
    Z = scale * np.random.default_rng(0).normal(size=(4, 50))
    P, log_total = softmax(Z)
    np.testing.assert_allclose(P, softmax_by_scipy(Z, axis=0), rtol=1e-12)
    np.testing.assert_allclose(Z - log_total, log_softmax(Z, axis=0), rtol=1e-12, atol=1e-12)
    both = np.concatenate([np.zeros((1, 50)), Z[:1]])
    P, log_total = softmax(Z[:1])
    np.testing.assert_allclose(P, softmax_by_scipy(both, axis=0)[1:], rtol=1e-12)
    np.testing.assert_allclose(-log_total, log_softmax(both, axis=0)[0], rtol=1e-12, atol=1e-12)
