"""An approximate inverse of the Hessian of a logistic regression."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import sparse
from scipy.linalg.lapack import get_lapack_funcs

from alrun.arrays import FloatArray

# The part of the Hessian that is written out has 8 sqrt(k min(m, n)) rows. More take longer to
# compute, and save conjugate gradients.
WRITTEN_OUT = 8
# And at least so many where the problem is hard.
WRITTEN_OUT_IN_DOUBLE = 500
# It is worn after so many products, or when one solution took so many, and more than so many for
# each factor of e by which the residual fell. Another one costs as much as many products, and takes
# fewer while it is new.
LIFETIME = 100
LONG = 20
SLOW = 6.0
# Where no example says anything of an intercept, it is given this share of what all could say.
FLOOR = 1e-6
# A first one is as simple as can be unless the whole Hessian has so few rows: many problems need no
# better.
SMALL = 100
# A direction is worth it if the loss adds so many times the penalty's curvature there. What it adds
# in all directions together bounds how many such there can be.
WORTH = 4
# Numbers in the blocks of all classes: 400 MB.
LARGEST_BLOCKS = 50_000_000


class Preconditioner:
    """The inverse of the Hessian in the directions in which the features vary most.

    In those directions of feature space, and in that of the intercept, the Hessian is written out
    with all that it couples between the classes, and inverted. Elsewhere it is taken for that of
    the penalty, the identity; in double precision, which is for features of very different scales,
    for what it is within each class. It stays
    useful while labels are added and weights change.

    Parameters
    ----------
    A
        Features with a last column of ones, shape (n, m); may be sparse.
    s
        What the loss of each example counts, shape (n,).
    P
        Probabilities, shape (k, n).
    previous
        An earlier one of the same shape, that was not good enough or is no longer; its directions
        are a start. Without it only the intercept's is written out, or all in small problems.
    """

    def __init__(
        self, A: Any, s: FloatArray, P: FloatArray, previous: "Preconditioner | None" = None
    ) -> None:
        k, m = len(P), A.shape[1]
        curvature = s * P * (1 - P)
        rank = _rank(A, curvature, thorough=previous is not None)
        self.shape, self.dtype = (k, m), A.dtype
        self._n_products, self._slow = 0, False
        start = None if previous is None else previous._basis
        self._basis: FloatArray = _basis(A, curvature.mean(axis=0), rank, start)
        self._within = _inverse(_hessian(A @ self._basis, s, P))
        own = self._within.reshape(k, rank, k, rank)[range(k), :, range(k)]
        self._elsewhere: FloatArray | None = None
        if A.dtype == np.float32 or sparse.issparse(A):
            own -= np.eye(rank, dtype=A.dtype)
        else:
            blocks = list(_class_blocks(A, curvature))
            self._elsewhere = np.stack([_inverse(block) for block in blocks])
            own -= [_inverse(self._basis.T @ block @ self._basis) for block in blocks]
        self._within.reshape(k, rank, k, rank)[range(k), :, range(k)] = own

    @property
    def is_stale(self) -> bool:
        """Whether it has become so old that a new one pays."""
        return self._slow or self._n_products > LIFETIME

    def used(self, n_products: int, left: float) -> None:
        """Count the products that brought a residual down to a share of what it was."""
        self._n_products += n_products
        self._slow = n_products > LONG and n_products > -SLOW * math.log(max(left, 1e-300))

    def is_compatible(self, R: FloatArray) -> bool:
        """Return whether it has the shape and the precision for such right sides."""
        return self.shape == R.shape and self.dtype == R.dtype

    def __call__(self, R: FloatArray) -> FloatArray:
        """Return the approximate inverse times R, shape (k, m)."""
        within = self._within.dot(R.dot(self._basis).ravel())
        answer = within.reshape(len(R), -1).dot(self._basis.T)
        answer += R if self._elsewhere is None else (R[:, None] @ self._elsewhere)[:, 0]
        return answer


def _rank(A: Any, curvature: FloatArray, thorough: bool) -> int:
    """Return in how many directions the Hessian is written out, the intercept's included."""
    k, m = len(curvature), A.shape[1]
    if not thorough and A.dtype == np.float32:
        return m if k * m <= SMALL else 1
    size = WRITTEN_OUT * math.sqrt(k * min(m, A.shape[0]))
    if A.dtype == np.float64:
        size = max(size, WRITTEN_OUT_IN_DOUBLE)
    trace = float(squared_norms(A) @ curvature.mean(axis=0))
    worth = 2 + trace / WORTH if math.isfinite(trace) else m
    return int(min(max(size // k, 1), m, worth, A.shape[0] + 1))


def _basis(A: Any, curvature: FloatArray, rank: int, start: FloatArray | None) -> FloatArray:
    """Return orthonormal columns, shape (m, rank); the last is the intercept."""
    m = A.shape[1]
    if rank == m:
        return np.eye(m, dtype=A.dtype)
    basis = np.zeros((m, rank), A.dtype)
    basis[-1, -1] = 1.0
    if rank == 1:
        return basis
    weighted = _with_rows_times(A[:, :-1], np.sqrt(curvature))
    if start is not None:  # unless all of its columns are units, or too few
        start = start[:-1, : rank - 1] if rank <= start.shape[1] < m else None
    basis[:-1, :-1] = _principal_directions(weighted, rank - 1, start)
    return basis


def squared_norms(A: Any) -> FloatArray:
    """Return the squared norm of each row of a matrix, dense or sparse."""
    if sparse.issparse(A):
        return np.asarray(A.multiply(A).sum(axis=1)).ravel()
    return np.einsum("ij,ij->i", A, A)


def _with_rows_times(A: Any, factors: FloatArray) -> Any:
    """Return a matrix with each row multiplied by a factor of its own."""
    return A.multiply(factors[:, None]).tocsr() if sparse.issparse(A) else A * factors[:, None]


def _hessian(F: FloatArray, s: FloatArray, P: FloatArray) -> FloatArray:
    """Return the Hessian for features F, of which the last is the intercept's.

    Its shape is (k r, k r) with the classes outside; what it lacks to be invertible is added.
    """
    k, (n, r) = len(P), F.shape
    F = np.ascontiguousarray(F.T) * np.sqrt(s)
    per_class = (P[:, None, :] * F).reshape(k * r, n)
    H = -(per_class @ per_class.T)
    H.reshape(k, r, k, r)[range(k), :, range(k)] += (per_class @ F.T).reshape(k, r, r)
    H.flat[:: k * r + 1] += 1
    intercepts = H[r - 1 :: r, r - 1 :: r]
    intercepts.flat[:: k + 1] += FLOOR * s.sum() - 1
    if k > 1:  # all of them may rise together and change nothing
        intercepts += intercepts[0, 0]
    return H


def _class_blocks(A: FloatArray, curvature: FloatArray) -> Iterator[FloatArray]:
    """Yield for each class what the Hessian is within it, shape (m, m).

    Where that is too much to keep, yield a single one, for their mean.
    """
    k, m = len(curvature), A.shape[1]
    if k * m * m > LARGEST_BLOCKS:
        curvature = curvature.mean(axis=0, keepdims=True)
    for weights in curvature:
        block = (A * weights[:, None]).T @ A
        block.flat[:: m + 1] += 1
        block[-1, -1] += FLOOR * max(weights.sum(), 1.0) - 1
        yield block


def _inverse(H: FloatArray) -> FloatArray:
    """Return the inverse of a symmetric matrix, made positive definite where rounding undid it."""
    potrf, potri = get_lapack_funcs(("potrf", "potri"), (H,))
    factor, failed = potrf(H, lower=1)
    jitter = np.finfo(H.dtype).eps * H.diagonal().max()
    while failed:
        H = H + jitter * np.eye(len(H), dtype=H.dtype)
        jitter *= 10
        factor, failed = potrf(H, lower=1)
    lower, _ = potri(factor, lower=1)  # above the diagonal are zeros
    lower.flat[:: len(H) + 1] /= 2
    return np.ascontiguousarray(lower + lower.T)


def _principal_directions(X: Any, rank: int, start: FloatArray | None) -> FloatArray:
    """Return orthonormal columns that nearly span the `rank` largest right singular vectors.

    Two steps of subspace iteration from examples spread over the rows; one from a good start.

    Source: Halko, Martinsson and Tropp 2011, Finding structure with randomness, algorithm 4.4.
    """
    n, n_steps = X.shape[0], 1
    if start is None:
        n_steps = 2
        some = X[np.linspace(0, n - 1, min(rank, n)).astype(np.intp)]
        start = (some.toarray() if sparse.issparse(some) else some).T
    for _ in range(n_steps):
        start = np.linalg.qr(X.T @ (X @ start))[0]
    return start
