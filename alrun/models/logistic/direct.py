"""Newton's method with direct solutions, for logistic regressions beyond conjugate gradients.

A large C |x|^2 spreads the curvatures over many orders of magnitude, and the residuals P - Y of
certain examples lose their digits. Three changes keep them. Centred features are replaced by their
coordinates in the right singular vectors. Classes are replaced by contrasts between them, because
one vector added to the weights of all classes changes no probability. Residuals and curvatures are
sums over the classes that are not the likeliest, whose probabilities have all their digits.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.sparse import issparse

from alrun.arrays import BoolArray, FloatArray

# The Hessian of all weights is written out. It has at most so many rows: 32 MB.
LARGEST_HESSIAN = 2000
# A step changes scores by about ten units at most, and they grow with the logarithm of C |x|^2.
MAX_STEPS = 200
# The search ends when a step changes no score by more than this, or when rounding dominates: so
# many steps in a row were no shorter than the shortest.
SMALL_CHANGE = 1e-13
PATIENCE = 5
# A step that changes scores less is in the range of the quadratic model.
FEW_DIGITS = 1e-3
# Singular values below this share of the largest are rounding errors.
RANK = 1e-15
# Share of a feature that may be lost with them.
LOST = 1e-10
# Rounding error of a score, as a share of the sum of its absolute terms.
PRECISION = 2e-16


@dataclass(frozen=True)
class Solution:
    """Weights of shape (k, m), the error of the scores as estimated, and the number of steps."""

    W: FloatArray
    error: float
    n_steps: int


def is_solvable(X: Any, n_rows: int) -> bool:
    """Return whether the Hessian for features X and `n_rows` rows of weights is small enough."""
    return max(n_rows - 1, 1) * (min(X.shape) + 1) <= LARGEST_HESSIAN


def solve(X: Any, Y: FloatArray, s: FloatArray, start: FloatArray) -> Solution:
    """Find the weights of least objective, as `newton.Objective` defines it, from `start`.

    X has the shape (n, n_features), without the column of ones. The error is the change of the
    scores of the examples in the last step of Newton's method, and rounding errors.
    """
    X = X.toarray() if issparse(X) else X
    mean: FloatArray = X.mean(axis=0)
    centred = X - mean
    _, sizes, directions = np.linalg.svd(centred, full_matrices=False)
    directions = directions[sizes > RANK * sizes[0]]
    F = np.column_stack([centred @ directions.T, np.ones(len(X))])
    contrasts = _contrasts(len(Y))
    own = np.concatenate([1 - Y, Y]) == 1 if len(Y) == 1 else Y == 1
    problem = _Problem(F, own.T, s, contrasts)
    of_contrasts = contrasts[-len(Y) :]
    V: FloatArray = of_contrasts.T @ start
    V = np.column_stack([V[:, :-1] @ directions.T, V[:, -1] + V[:, :-1] @ mean])
    V, change, n_steps = _minimise(problem, V)
    W = of_contrasts @ V
    features = W[:, :-1] @ directions
    W = np.column_stack([features, W[:, -1] - features @ mean])
    terms = np.abs(features) @ np.abs(X).max(axis=0) + np.abs(W[:, -1])
    error = change / 2 + PRECISION * float(terms.max())  # two scores change by half a difference
    if _is_lost(centred, centred - F[:, :-1] @ directions, float(s.sum())):
        error = math.inf
    return Solution(W, error, n_steps)


def _contrasts(k: int) -> FloatArray:
    """Return orthonormal contrasts of the classes as columns; for k = 1, that of two classes."""
    if k == 1:
        return np.array([[0.0], [1.0]])
    columns = np.triu(np.ones((k, k - 1)))
    below = np.arange(1, k)
    columns[below, below - 1] = -below
    return columns / np.sqrt(below * (below + 1.0))


def _is_lost(X: FloatArray, rest: FloatArray, weight: float) -> bool:
    """Return whether the part `rest` of centred features X matters, and is no rounding error."""
    squares = np.einsum("ij,ij->j", rest, rest)
    is_large = squares > LOST**2 * np.einsum("ij,ij->j", X, X)
    return bool((is_large & (weight * squares > LOST)).any())


@dataclass(frozen=True)
class _Point:
    """Weights V, probabilities P, objective, gradient: (c, r), (n, n_classes), (), (c, r)."""

    V: FloatArray
    P: FloatArray
    value: float
    gradient: FloatArray


@dataclass(frozen=True)
class _Problem:
    """Features F with a last column of ones, own classes, weights, and contrasts.

    Shapes (n, r), (n, n_classes), (n,) and (n_classes, c). Weights V have the shape (c, r).
    """

    F: FloatArray
    own: BoolArray
    s: FloatArray
    contrasts: FloatArray

    def at(self, V: FloatArray) -> "_Point":
        """Evaluate the objective at V, the loss of an example being that of the other classes."""
        Z = self.F @ (self.contrasts @ V).T
        Z -= Z[self.own][:, None]
        top = Z.max(axis=1, keepdims=True)
        E = np.exp(Z - top)
        total = E.sum(axis=1, keepdims=True)
        others = np.where(self.own, 0.0, E)
        losses = np.where(top > 0, np.log(total) + top, np.log1p(others.sum(axis=1, keepdims=True)))
        value = float(self.s @ losses[:, 0]) + float(np.vdot(V[:, :-1], V[:, :-1])) / 2
        residual = others / total
        residual -= np.where(self.own, residual.sum(axis=1, keepdims=True), 0.0)
        residual *= self.s[:, None]
        gradient = (residual @ self.contrasts).T @ self.F
        gradient[:, :-1] += V[:, :-1]
        return _Point(V, E / total, value, gradient)

    def step(self, point: "_Point") -> FloatArray:
        """Return the step of Newton's method from a point, shape (c, r)."""
        step = _solution(self._hessian(point.P), -point.gradient.ravel())
        return step.reshape(point.V.shape)

    def _hessian(self, P: FloatArray) -> FloatArray:
        """Return the Hessian, shape (c r, c r), the contrasts being the outer index."""
        (c, r), likeliest = (self.contrasts.shape[1], self.F.shape[1]), P.argmax(axis=1)
        others = P.copy()
        others[np.arange(len(P)), likeliest] = 0
        differences = self.contrasts - self.contrasts[likeliest][:, None]
        weighted = others[:, :, None] * differences
        mean = weighted.sum(axis=1)
        covariance = weighted.transpose(0, 2, 1) @ differences - mean[:, :, None] * mean[:, None]
        covariance *= self.s[:, None, None]
        H = np.empty((c, r, c, r))
        for i in range(c):
            for j in range(i + 1):
                H[i, :, j] = (self.F * covariance[:, i, j, None]).T @ self.F
                H[j, :, i] = H[i, :, j]
            H[i, range(r - 1), i, range(r - 1)] += 1
        return H.reshape(c * r, c * r)

    def change(self, step: FloatArray) -> float:
        """Return the largest change of a difference of two scores of an example."""
        changes = self.F @ (self.contrasts @ step).T
        return float((changes.max(axis=1) - changes.min(axis=1)).max())


def _minimise(problem: _Problem, start: FloatArray) -> tuple[FloatArray, float, int]:
    """Return the best weights, the change of scores in the step to them, and the steps taken.

    A step that does not decrease the objective is shortened by as much as it changes scores, which
    is enough.

    Source: Sun and Tran-Dinh 2019, Generalized self-concordant functions: a recipe for Newton-type
    methods, section 4.
    """
    point = min(problem.at(start), problem.at(np.zeros_like(start)), key=lambda point: point.value)
    best, least, n_steps, since = point.V, math.inf, 0, 0
    while n_steps < MAX_STEPS and least > SMALL_CHANGE and since < PATIENCE:
        step = problem.step(point)
        change, n_steps = problem.change(step), n_steps + 1
        if not math.isfinite(change):
            break
        since = since + 1 if change < FEW_DIGITS and change >= least else 0
        if change < least:
            best, least = point.V + step, change
        new = problem.at(point.V + step)
        slope = float(np.vdot(point.gradient, step))
        if change > FEW_DIGITS and not new.value <= point.value + 1e-4 * slope:
            new = problem.at(point.V + math.log1p(change) / change * step)
        point = new
    return best, least, n_steps


def _solution(H: FloatArray, b: FloatArray) -> FloatArray:
    """Solve H x = b for a positive definite H, regularised as far as rounding requires."""
    root = np.sqrt(np.maximum(H.diagonal(), np.finfo(float).tiny))
    H = H / root / root[:, None]
    jitter = 0.0
    while True:
        try:
            factor = cho_factor(H + jitter * np.eye(len(H)), lower=True, check_finite=False)
            return np.asarray(cho_solve(factor, b / root, check_finite=False)) / root
        except np.linalg.LinAlgError:
            jitter = max(10 * jitter, 1e-15)
