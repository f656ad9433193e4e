"""An approximate inverse of the Hessian of a logistic regression."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import sparse
from scipy.linalg.lapack import get_lapack_funcs

from alrun.arrays import FloatArray, IntArray
from alrun.data.features import squared_norms

# The explicit part of the Hessian has 8 sqrt(k min(m, n)) rows, but no more than MOST_WRITTEN_OUT.
# With more rows it takes longer to compute and saves conjugate gradient steps.
WRITTEN_OUT = 8
MOST_WRITTEN_OUT = 300
# It has at least so many rows in double precision, that is, for hard problems.
WRITTEN_OUT_IN_DOUBLE = 500
# A preconditioner is stale after LIFETIME products with the Hessian, or after one solution that
# took more than LONG products and more than SLOW of them per factor of e of the residual. A new one
# costs as much as many products, and saves some while it is new. For a large problem it costs more
# of them; but if the weights are more than MANY, only a few, and it is stale much sooner.
LIFETIME = 100
LARGE_LIFETIME = 150
MANY = 10_000
SHORT_LIFETIME = 20
LONG = 20
SLOW = 6.0
# Lower bound of the curvature of an intercept, as a share of the total weight of the examples. The
# loss alone may leave it at zero.
FLOOR = 1e-6
# The first preconditioner of a problem is as simple as possible, because that is often enough. It
# is complete only if the Hessian has at most so many rows.
SMALL = 100
# A direction is written out if the loss adds so many times the curvature of the penalty there. The
# trace of the loss's Hessian bounds the number of such directions.
WORTH = 4
# Numbers in the blocks of all classes: 400 MB.
LARGEST_BLOCKS = 50_000_000
# With fewer multiplications in V A', products with the Hessian take no longer than the Python code
# around them, and what would make them fewer does not pay.
LARGE = 220_000
# With many classes, OWN times as many examples of each count apart as there are on average, if
# these are at most FEW_OWN times the features. With fewer classes they cost more than they save.
MANY_CLASSES = 40
OWN = 2
FEW_OWN = 0.5


class Preconditioner:
    """An approximate inverse of the Hessian, exact in the main directions of the features.

    In these directions of feature space, and in that of the intercept, the Hessian is written out
    for all classes, including the coupling between them, and inverted. In all other directions it
    is approximated by the Hessian of the penalty, the identity. For large problems it is
    approximated there by one block for all classes, corrected for each; in double precision, used
    for features of very different scales, by its blocks within each class. A preconditioner stays
    useful while labels are added and weights change.

    Parameters
    ----------
    A
        Features with a last column of ones, shape (n, m); may be sparse.
    s
        Weights of the examples in the loss, shape (n,).
    P
        Probabilities, shape (k, n).
    previous
        An earlier preconditioner of the same shape that proved too weak; its directions are the
        start of the new ones. Without it only the direction of the intercept is written out, or all
        directions of a small problem.
    """

    def __init__(
        self, A: Any, s: FloatArray, P: FloatArray, previous: "Preconditioner | None" = None
    ) -> None:
        k, m = len(P), A.shape[1]
        curvature = s * P * (1 - P)
        rank = _rank(A, curvature, thorough=previous is not None)
        self.shape, self.dtype = (k, m), A.dtype
        self._n_products, self._slow = 0, False
        self._lifetime = LARGE_LIFETIME if is_large(k, A) else LIFETIME
        if k * m > MANY:
            self._lifetime = SHORT_LIFETIME
        start = None if previous is None else previous._basis
        self._basis: FloatArray = _basis(A, curvature.mean(axis=0), rank, start)
        self._within = _inverse(_hessian(A @ self._basis, s, P))
        self._elsewhere: Any = _Penalty(self._basis)
        if A.dtype == np.float64 and not sparse.issparse(A):
            self._elsewhere = _ClassBlocks(A, curvature, self._basis)
        elif previous is not None and rank < m and is_large(k, A):
            self._elsewhere = _SharedBlock(A, curvature, self._basis)
        diagonal = self._within.reshape(k, rank, k, rank)[range(k), :, range(k)]
        diagonal -= self._elsewhere.within
        self._within.reshape(k, rank, k, rank)[range(k), :, range(k)] = diagonal

    @property
    def is_stale(self) -> bool:
        """Whether it works so badly that a new preconditioner pays off."""
        return self._slow or self._n_products > self._lifetime

    def used(self, n_products: int, left: float) -> None:
        """Record that `n_products` products reduced a residual to the share `left`."""
        self._n_products += n_products
        self._slow = n_products > LONG and n_products > -SLOW * math.log(max(left, 1e-300))

    def is_compatible(self, R: FloatArray) -> bool:
        """Return whether its shape and precision fit these right-hand sides."""
        return self.shape == R.shape and self.dtype == R.dtype

    def __call__(self, R: FloatArray) -> FloatArray:
        """Return the approximate inverse times R, shape (k, m)."""
        within = self._within.dot(R.dot(self._basis).ravel())
        answer = within.reshape(len(R), -1).dot(self._basis.T)
        answer += self._elsewhere(R)
        return answer


class _Penalty:
    """The Hessian of the penalty, the identity.

    `within` is its inverse in the span of the basis, as that of the other two kinds.
    """

    def __init__(self, basis: FloatArray) -> None:
        self.within = np.eye(basis.shape[1], dtype=basis.dtype)

    def __call__(self, R: FloatArray) -> FloatArray:
        """Return the inverse times R, shape (k, m)."""
        return R


class _ClassBlocks:
    """The blocks of the Hessian within each class, with inverses of shape (k, m, m)."""

    def __init__(self, A: FloatArray, curvature: FloatArray, basis: FloatArray) -> None:
        blocks = list(_class_blocks(A, curvature))
        self._inverses = np.stack([_inverse(block) for block in blocks])
        self.within = np.stack([_inverse(basis.T @ block @ basis) for block in blocks])

    def __call__(self, R: FloatArray) -> FloatArray:
        """Return the inverses times R, shape (k, m)."""
        product: FloatArray = (R[:, None] @ self._inverses)[:, 0]
        return product


class _SharedBlock:
    """One block of the Hessian for all classes, and for each the examples most its own.

    The block is that of the mean curvature. For each class the examples of largest curvature, about
    as many as are likely to be of this class, are added to the block with the rest of their
    curvature. Their inverse is that of Woodbury: the block's minus W' W, with a row of W for each
    example.
    """

    def __init__(self, A: FloatArray, curvature: FloatArray, basis: FloatArray) -> None:
        own = _own_examples(curvature, A.shape[1])
        rest = curvature.copy()
        np.put_along_axis(rest, own, 0, axis=1)
        n_others = np.maximum((rest > 0).sum(axis=0, dtype=A.dtype), 1)
        shared = rest.sum(axis=0) / n_others
        excess = np.take_along_axis(curvature, own, axis=1) - shared[own]
        excess = np.maximum(excess, 1e-3 * curvature.max() + np.finfo(A.dtype).tiny)
        block = next(_class_blocks(A, shared[None]))
        F = (A @ basis)[own]
        weighted = F * excess[:, :, None]
        self.within = np.linalg.inv(basis.T @ block @ basis + weighted.transpose(0, 2, 1) @ F)
        self._inverse = _inverse(block)
        self._W: FloatArray | None = None
        if own.size:
            solved = (A @ self._inverse)[own]
            core = solved @ A[own].transpose(0, 2, 1)
            each = range(own.shape[1])
            core[:, each, each] += 1 / excess
            self._W = np.linalg.inv(np.linalg.cholesky(core)) @ solved

    def __call__(self, R: FloatArray) -> FloatArray:
        """Return the inverses times R, shape (k, m)."""
        answer = R.dot(self._inverse)
        if self._W is not None:
            along = self._W @ R[:, :, None]
            answer -= (along.transpose(0, 2, 1) @ self._W)[:, 0]
        return answer


def _own_examples(curvature: FloatArray, m: int) -> IntArray:
    """Return for each class the examples that count apart, shape (k, n_own), perhaps none."""
    k, n = curvature.shape
    n_own = OWN * n // k
    if k < MANY_CLASSES or n_own > FEW_OWN * m or k * n_own * m > LARGEST_BLOCKS:
        n_own = 0
    return np.argpartition(-curvature, max(n_own - 1, 0), axis=1)[:, :n_own]


def is_large(k: int, A: Any) -> bool:
    """Return whether products with the Hessian are slow enough for the effort to avoid them."""
    return not sparse.issparse(A) and k * math.prod(A.shape) > LARGE


def _rank(A: Any, curvature: FloatArray, thorough: bool) -> int:
    """Return the number of directions to write out, including that of the intercept."""
    k, m = len(curvature), A.shape[1]
    if A.dtype == np.float32:
        if not thorough:
            return m if k * m <= SMALL else 1
        if k == 1 and is_large(k, A):
            return 1  # a shared block is all of the Hessian
    size = min(WRITTEN_OUT * math.sqrt(k * min(m, A.shape[0])), MOST_WRITTEN_OUT)
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
    if start is not None:  # useless if its columns are unit vectors, or too few
        start = start[:-1, : rank - 1] if rank <= start.shape[1] < m else None
    basis[:-1, :-1] = _principal_directions(weighted, rank - 1, start)
    return basis


def _with_rows_times(A: Any, factors: FloatArray) -> Any:
    """Return a matrix with each row multiplied by a factor of its own."""
    return A.multiply(factors[:, None]).tocsr() if sparse.issparse(A) else A * factors[:, None]


def _hessian(F: FloatArray, s: FloatArray, P: FloatArray) -> FloatArray:
    """Return the Hessian for features F, shape (n, r), with the intercept as the last column.

    Its shape is (k r, k r), the classes being the outer index. A small term for the intercepts
    makes it invertible.
    """
    k, (n, r) = len(P), F.shape
    F = np.ascontiguousarray(F.T) * np.sqrt(s)
    per_class = (P[:, None, :] * F).reshape(k * r, n)
    H = -(per_class @ per_class.T)
    H.reshape(k, r, k, r)[range(k), :, range(k)] += (per_class @ F.T).reshape(k, r, r)
    H.flat[:: k * r + 1] += 1
    intercepts = H[r - 1 :: r, r - 1 :: r]
    intercepts.flat[:: k + 1] += FLOOR * s.sum() - 1
    if k > 1:  # adding one number to all intercepts changes nothing, so that has no curvature
        intercepts += intercepts[0, 0]
    return H


def _class_blocks(A: FloatArray, curvature: FloatArray) -> Iterator[FloatArray]:
    """Yield the diagonal block of the Hessian for each class, shape (m, m).

    If the blocks of all classes would take too much memory, yield one block for their mean.
    """
    k, m = len(curvature), A.shape[1]
    if k * m * m > LARGEST_BLOCKS:
        curvature = curvature.mean(axis=0, keepdims=True)
    for weights in curvature:
        weighted = A * np.sqrt(weights)[:, None]
        block = weighted.T @ weighted
        block.flat[:: m + 1] += 1
        block[-1, -1] += FLOOR * max(weights.sum(), 1.0) - 1
        yield block


def _inverse(H: FloatArray) -> FloatArray:
    """Return the inverse of a positive definite matrix, regularised as far as rounding requires."""
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
    """Return orthonormal columns, nearly spanning the `rank` leading right singular vectors.

    They come from two steps of subspace iteration, starting with examples spread over the rows, or
    from one step starting with `start`.

    Source: Halko, Martinsson and Tropp 2011, Finding structure with randomness, algorithm 4.4.
    """
    n, n_steps = X.shape[0], 1
    if start is None:
        n_steps = 2
        sample = X[np.linspace(0, n - 1, min(rank, n)).astype(np.intp)]
        start = (sample.toarray() if sparse.issparse(sample) else sample).T
    for _ in range(n_steps):
        start = np.linalg.qr(X.T @ (X @ start))[0]
    return start
