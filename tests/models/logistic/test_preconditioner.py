"""The preconditioner against a Hessian that is written out an example at a time."""

import numpy as np
import pytest
from scipy import sparse

from alrun.models.logistic import preconditioner
from alrun.models.logistic.preconditioner import Preconditioner

DTYPES = [np.float32, np.float64]


def problem(k, n, m, dtype, seed=0):
    """Features, weights and probabilities as the preconditioner takes them."""
    rng = np.random.default_rng(seed)
    scales = 2 * 0.95 ** rng.permutation(m - 1)  # as of features that vary together
    A = np.column_stack([rng.normal(size=(n, m - 1)) * scales, np.ones(n)])
    scores = np.exp(rng.normal(size=(max(k, 2), n)))
    P = (scores / scores.sum(axis=0))[-k:]
    return tuple(array.astype(dtype) for array in (A, rng.uniform(0.5, 2, size=n), P))


def hessian(A, s, P):
    """The sum over the examples of s (diag(p) - p p') (x) a a', and the penalty."""
    k, m = len(P), A.shape[1]
    total = np.kron(np.eye(k), np.diag(np.append(np.ones(m - 1), 0.0)))
    for a, weight, p in zip(A.astype(float), s, P.T.astype(float), strict=True):
        total += weight * np.kron(np.diag(p) - np.outer(p, p), np.outer(a, a))
    return total


def thorough(A, s, P):
    """The second of its kind: the first is as simple as can be."""
    return Preconditioner(A, s, P, Preconditioner(A, s, P))


def as_matrix(M, k, m, dtype):
    units = np.eye(k * m).reshape(k * m, k, m).astype(dtype)
    return np.array([M(unit).ravel() for unit in units], dtype=float)


def without_common_intercept(k, m):
    """Projection on the weights whose intercepts sum to zero: adding to all changes nothing."""
    direction = np.zeros((k, m))
    direction[:, -1] = 1 / np.sqrt(k)
    return np.eye(k * m) - (k > 1) * np.outer(direction, direction)


def condition(matrix):
    """Ratio of the largest to the smallest eigenvalue, the common intercept's zero left out."""
    values = np.sort(np.linalg.eigvals(matrix).real)[1:]
    return values[-1] / values[0]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(1, 30, 6), (3, 30, 5), (5, 12, 4)])
def test_where_all_is_written_out_it_is_the_inverse(shape, dtype):
    k, n, m = shape
    A, s, P = problem(k, n, m, dtype)
    M = as_matrix(Preconditioner(A, s, P), k, m, dtype)
    project = without_common_intercept(k, m)
    np.testing.assert_allclose(
        project @ M @ hessian(A, s, P) @ project,
        project,
        atol=1e-4 if dtype == np.float32 else 1e-5,
    )


@pytest.mark.parametrize("large", [0, 10**9])
@pytest.mark.parametrize("dtype", DTYPES)
def test_it_is_symmetric_positive_and_closer_to_the_inverse_than_none(dtype, large, monkeypatch):
    monkeypatch.setattr(preconditioner, "WRITTEN_OUT_IN_DOUBLE", 0)
    monkeypatch.setattr(preconditioner, "LARGE", large)
    k, n, m = 4, 200, 60
    A, s, P = problem(k, n, m, dtype)
    M = as_matrix(thorough(A, s, P), k, m, dtype)
    np.testing.assert_allclose(M, M.T, atol=1e-5)
    assert np.linalg.eigvalsh(M + M.T).min() > 0
    H = hessian(A, s, P)
    assert condition(M @ H) < condition(H) / 10


def test_an_earlier_one_of_other_examples_is_a_good_start():
    k, n, m = 3, 300, 80
    A, s, P = problem(k, n, m, np.float32)
    before = thorough(A[:200], s[:200], P[:, :200])
    H = hessian(A, s, P)
    for M in (Preconditioner(A, s, P, before), thorough(A, s, P)):
        assert condition(as_matrix(M, k, m, np.float32) @ H) < condition(H) / 10


@pytest.mark.parametrize("make", [Preconditioner, thorough])
@pytest.mark.parametrize("dtype", DTYPES)
def test_it_exists_where_examples_say_nothing(dtype, make, monkeypatch):
    monkeypatch.setattr(preconditioner, "LARGE", 0)
    A, s, P = problem(3, 8, 70, dtype)
    P[:] = np.eye(3, dtype=dtype)[:, np.arange(8) % 3]  # certain of everything: no curvature
    answer = make(A, s, P)(np.ones((3, 70), dtype))
    np.testing.assert_allclose(answer[:, :-1], 1, rtol=0.05)
    assert np.isfinite(answer).all()


def test_the_first_knows_the_intercept_and_sparse_features_make_no_difference():
    A, s, P = problem(3, 100, 70, np.float32)
    first = Preconditioner(A, s, P)(np.ones((3, 70), np.float32))
    np.testing.assert_array_equal(first[:, :-1], 1)
    assert (first[:, -1] < 0.2).all()
    of_sparse = thorough(sparse.csr_array(A), s, P)(np.ones((3, 70), np.float32))
    np.testing.assert_allclose(
        of_sparse, thorough(A, s, P)(np.ones((3, 70), np.float32)), rtol=0.01
    )


def test_of_two_classes_the_shared_block_is_the_inverse(monkeypatch):
    monkeypatch.setattr(preconditioner, "LARGE", 0)
    A, s, P = problem(1, 150, 120, np.float32)
    M = as_matrix(thorough(A, s, P), 1, 120, np.float32)
    np.testing.assert_allclose(M @ hessian(A, s, P), np.eye(120), atol=1e-3)


@pytest.mark.parametrize("rank", [None, 1])
def test_the_examples_of_each_class_bring_it_closer_to_the_inverse(rank, monkeypatch):
    """Where classes are told apart, each curves the objective at its own examples most."""
    monkeypatch.setattr(preconditioner, "LARGE", 0)
    if rank is not None:  # and that without the help of the directions that are written out
        monkeypatch.setattr(preconditioner, "MOST_WRITTEN_OUT", rank)
    k, n, m = 8, 80, 60
    A, s, P = problem(k, n, m, np.float32)
    P = P**6 / (P**6).sum(axis=0)
    monkeypatch.setattr(preconditioner, "MANY_CLASSES", k)
    H = hessian(A, s, P)
    conditions = {}
    for few in (0, 1):
        monkeypatch.setattr(preconditioner, "FEW_OWN", few)
        conditions[few] = condition(as_matrix(thorough(A, s, P), k, m, np.float32) @ H)
    assert conditions[1] < 0.7 * conditions[0]


def test_too_many_classes_share_a_block(monkeypatch):
    monkeypatch.setattr(preconditioner, "WRITTEN_OUT_IN_DOUBLE", 0)
    monkeypatch.setattr(preconditioner, "LARGEST_BLOCKS", 100)
    A, s, P = problem(3, 100, 70, np.float64)
    M = as_matrix(Preconditioner(A, s, P), 3, 70, np.float64)
    np.testing.assert_allclose(M, M.T, atol=1e-9)
    assert np.linalg.eigvalsh(M + M.T).min() > 0


def test_it_wears_out():
    A, s, P = problem(3, 30, 5, np.float32)
    for uses, worn in [
        ([(10, 0.1)] * 10, False),
        ([(10, 0.1)] * 11, True),  # more than a hundred products
        ([(21, 0.1)], True),  # 21 products for 2.3 factors of e
        ([(21, 0.1), (10, 0.1)], False),
        ([(21, 0.001)], False),
        ([(20, 0.9)], False),
    ]:
        M = Preconditioner(A, s, P)
        for n_products, left in uses:
            M.used(n_products, left)
        assert M.is_stale == worn


def test_it_serves_right_sides_of_its_own_shape_and_precision():
    M = Preconditioner(*problem(3, 30, 5, np.float32))
    assert M.is_compatible(np.zeros((3, 5), np.float32))
    assert not M.is_compatible(np.zeros((3, 5)))
    assert not M.is_compatible(np.zeros((3, 6), np.float32))


def test_the_inverse_of_each_class_is_that_of_its_block_and_its_own_examples(monkeypatch):
    """Woodbury's formula against the inverse of the sum."""
    monkeypatch.setattr(preconditioner, "MANY_CLASSES", 3)
    monkeypatch.setattr(preconditioner, "FEW_OWN", 2)
    A, s, P = problem(4, 60, 20, np.float64)
    curvature = s * P * (1 - P)
    assert preconditioner._own_examples(curvature, 20).shape == (4, 30)
    shared = preconditioner._SharedBlock(A, curvature, np.eye(20))
    for unit, column in zip(np.eye(20), shared.within.transpose(2, 0, 1), strict=True):
        np.testing.assert_allclose(shared(np.tile(unit, (4, 1))), column, rtol=1e-6, atol=1e-9)
