"""Newton's method for penalised logistic regression.

The weights W have the shape (k, m): a row per class, but a single row for two classes, and a column
per feature with the intercept last. The objective is

    sum_i s_i loss(y_i, W a_i) + |W without its last column|^2 / 2

with a_i the features of example i followed by a one, and s_i its weight.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from scipy import sparse

from alrun.arrays import FloatArray
from alrun.data.features import LARGEST_CHUNK, squared_norms
from alrun.models.logistic.descent import Descent, descend
from alrun.models.logistic.preconditioner import Preconditioner, is_large

# Two limits for a small gradient. The first is for Newton's decrement, its norm with respect to the
# inverse Hessian: half of its square estimates the distance of the objective from its minimum.
DECREMENT = 1e-9
# The second is for its largest component, as a share of the largest contribution of one example.
GRADIENT = 1e-8
# Features below this are treated as if they were as large: at 1e-4, a gradient of GRADIENT leaves
# errors of 1e-16 in the scores, which is the precision of probabilities.
SMALLEST = 1e-4
# An old preconditioner may estimate the decrement badly. Apart from the intercepts, the penalty
# bounds the distance from the minimum by half the squared gradient. The estimate is trusted if the
# squared gradient is at most this share of the objective.
CERTAIN = 1e-10
# A third limit, for hard problems: the error of the scores of the examples. That of probabilities
# is at most half of it. The search goes on until a step would change no score by more than a
# quarter of the limit, since scores of other examples may change more.
SCORES = 2e-9
CHANGE = SCORES / 4
MAX_STEPS = 200
# Newton's method takes over from the descent in single precision at this decrement.
NEAR = 0.02
# The first steps are solved to a quarter, because the quadratic model is no better than that.
LARGEST_FORCING = 0.25
# A tolerance is kept by gradients in single precision if it is not smaller than this. They stay
# WITHIN this share of the limit, since they are rounded.
SMALLEST_IN_SINGLE = 1e-5
WITHIN = 0.95
# With a tolerance steps are solved no further than this.
ROUGH_FORCING = 0.1
# Later ones are solved to the share that the model is expected to be wrong by. That falls with the
# decrement: it is the share of the step before, times the ratio of the decrements, times this.
SAFETY = 10
MAX_PRODUCTS = 1000
# Rounding dominates if a step is LONGEST times as long as the preconditioner predicts, or if the
# squared residual is DIVERGED times the first one.
LONGEST = 1e12
DIVERGED = 1e8
# Double precision takes over if single precision needs more products than this.
MAX_PRODUCTS_IN_SINGLE = 250
# It is used from the start if the eigenvalues of the Hessian span more than this.
LARGEST_SPAN_IN_SINGLE = 1e6


@dataclass(frozen=True)
class Evaluation:
    """Weights W, probabilities P, objective and gradient: shapes (k, m), (k, n), (), (k, m)."""

    W: FloatArray
    P: FloatArray
    value: float
    gradient: FloatArray


@dataclass(frozen=True)
class Objective:
    """The penalised loss of labelled examples.

    Parameters
    ----------
    A
        Features with a last column of ones, shape (n, m); may be sparse.
    Y
        Indicators of the classes, shape (k, n). With two classes the only row is for the second.
    s
        Weights of the examples in the loss, shape (n,).
    is_hard
        Whether examples may be so certain that P - Y loses digits that matter. It is then computed
        from the other classes, and the scores have to be as exact as `SCORES`.
    tolerance
        If not None, the search ends when no component of the gradient exceeds this share of the
        total weight of the examples, as in scikit-learn.
    """

    A: Any
    Y: FloatArray
    s: FloatArray
    is_hard: bool = False
    tolerance: float | None = None

    @property
    def ends_in_single(self) -> bool:
        """Whether gradients in single precision are enough to tell where to end."""
        return self.tolerance is not None and self.tolerance >= SMALLEST_IN_SINGLE

    @cached_property
    def products(self) -> tuple[Callable[[FloatArray], FloatArray], ...]:
        """Two functions of a matrix V, computing V A' and V A."""
        A: Any = self.A
        transposed = A.T
        if sparse.issparse(A):
            return (lambda V: (A @ V.T).T, lambda V: (transposed @ V.T).T)
        # dot has less overhead than @, which matters at small sizes. In single precision it is used
        # often, and is faster on a copy.
        if A.dtype == np.float32 and len(self.Y) > 1 and A.size <= LARGEST_CHUNK:
            transposed = np.ascontiguousarray(transposed)
        return (lambda V: V.dot(transposed), lambda V: V.dot(A))

    def in_precision(self, kind: Any) -> "Objective":
        """Return the objective with arrays of this kind of number, itself if they are that."""
        if self.A.dtype == kind:
            return self
        return replace(self, A=self.A.astype(kind), Y=self.Y.astype(kind), s=self.s.astype(kind))

    def gradient_at(self, W: FloatArray) -> FloatArray:
        """Return the gradient at W, shape (k, m), without the care for hard problems."""
        times_transposed, times = self.products
        P, _ = softmax(times_transposed(W))
        P -= self.Y
        P *= self.s
        gradient = times(P)
        gradient[:, :-1] += W[:, :-1]
        return gradient

    def at(self, W: FloatArray) -> Evaluation:
        """Evaluate the objective and its gradient."""
        times_transposed, times = self.products
        Z = times_transposed(W)
        P, log_total = softmax(Z)
        losses = log_total - np.einsum("ij,ij->j", self.Y, Z)
        features = W[:, :-1]
        value = float(self.s @ losses) + float(np.einsum("ij,ij->", features, features)) / 2
        residual = _residual(Z, P, self.Y) if self.is_hard else P - self.Y
        residual *= self.s
        gradient = times(residual)
        gradient[:, :-1] += features
        return Evaluation(W, P, value, gradient)

    def noise(self, point: Evaluation) -> float:
        """Return the approximate rounding error of the objective, mostly from the scores."""
        largest = abs(self.A).max(axis=0)
        largest = largest.toarray().ravel() if sparse.issparse(largest) else np.asarray(largest)
        scores = float((np.abs(point.W) @ largest).max())
        return 4e-16 * float(self.s.sum()) * scores + 1e-15 * point.value

    def limit(self) -> FloatArray:
        """Return the largest gradient at which the search may end, shape (m,).

        Without a tolerance it is the share GRADIENT of a bound of one example's contribution. That
        is the same for all features, and at least that of features of the size `SMALLEST`.
        """
        if self.tolerance is not None:
            return np.full(self.A.shape[1], self.tolerance * float(self.s.sum()))
        features = self.A[:, :-1]
        largest = float(max(features.max(), -features.min()))
        sizes = np.full(self.A.shape[1], max(largest, SMALLEST))
        sizes[-1] = max(largest, 1.0)
        return GRADIENT * float(self.s.max()) * sizes


def softmax(Z: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return probabilities and the log of their normaliser, shapes (k, n) and (n,).

    A single row of Z holds the scores of the second of two classes; those of the first are zero.
    """
    top = Z.max(axis=0)
    if len(Z) == 1:
        np.maximum(top, 0.0, out=top)
    P = Z - top
    np.exp(P, out=P)
    total = P.sum(axis=0)
    if len(Z) == 1:
        total += np.exp(-top)
    P /= total
    return P, np.log(total) + top


def _residual(Z: FloatArray, P: FloatArray, Y: FloatArray) -> FloatArray:
    """Return P - Y with all its digits: minus the sum of the others for the own class."""
    if len(Z) == 1:
        return np.where(Y == 1, -softmax(-Z)[0], P)
    others = np.where(Y == 1, 0.0, P)
    return np.where(Y == 1, -others.sum(axis=0), others)


class Coordinates(Protocol):
    """Fewer coordinates for the steps than the weights have."""

    A: FloatArray

    def down(self, W: FloatArray) -> FloatArray:
        """Return the coordinates of W, projected onto their span."""

    def up(self, w: FloatArray) -> FloatArray:
        """Return the weights with these coordinates."""


@dataclass(frozen=True)
class Minimum:
    """The weights at the minimum, and how the search ended.

    `gradient` is the largest component of the gradient there, in units of `Objective.limit`.
    `preconditioner` speeds up the next search. `ended` is False
    if the search was cut off after `MAX_STEPS`. `error` is that of the scores of the
    examples, as estimated for hard problems, and zero for others.
    """

    W: FloatArray
    n_steps: int
    gradient: float
    preconditioner: Preconditioner | None
    ended: bool = True
    error: float = 0.0

    @property
    def converged(self) -> bool:
        """Whether the search was not cut off, and gradient and scores are as exact as promised."""
        return self.ended and self.gradient <= 1 and self.error <= SCORES


def minimise(
    objective: Objective,
    start: FloatArray,
    preconditioner: Preconditioner | None = None,
    coordinates: Coordinates | None = None,
) -> Minimum:
    """Find the weights of least objective from `start`, shape (k, m).

    This is Newton's method with preconditioned conjugate gradients. Each step is solved to a share
    of its right-hand side that shrinks as the quadratic model becomes accurate. Gradients are
    computed in double precision, conjugate gradients in single precision if that is enough.

    `preconditioner` comes from an earlier minimum. It changes the time to this minimum, not its
    position. `coordinates` are used to solve the steps; without them, the weights themselves are.
    With a preconditioner a large problem is first solved nearly, or to its tolerance, by a descent
    in single precision.

    Source: Eisenstat and Walker 1996, Choosing the forcing terms in an inexact Newton method,
    choice 1; Nocedal and Wright 2006, Numerical optimization, algorithms 5.3 and 7.1.
    """
    solver = _Solver(objective, preconditioner, coordinates)
    limit = objective.limit()
    descent = solver.approach(start, limit)
    if descent is not None:
        start = descent.W.astype(np.float64)
        largest = share_of(limit, descent.gradient)
        if objective.ends_in_single:
            return Minimum(start, descent.n_evaluations, largest, solver.preconditioner)
    point = objective.at(start)
    n_steps, before, expected, stuck = 0, math.inf, math.inf, False
    while n_steps <= MAX_STEPS:
        solver.linearize_at(point)
        largest = share_of(limit, point.gradient)
        halted = stuck or (solver.decrement > before / 2 and before < 1e3 * DECREMENT)
        if halted and not (solver.is_small() and largest <= 1) and solver.use_doubles():
            halted = False
            solver.linearize_at(point)
        small = solver.is_small() and largest <= 1
        certain = small and solver.is_certain(point.value)
        ended = small or halted or solver.decrement == 0
        if ended and (certain or solver.is_new):
            break
        if ended or solver.preconditioner.is_stale:
            solver.renew()
            if (small and solver.is_small()) or solver.decrement == 0:
                break
        forcing = _forcing(solver.decrement, before, expected)
        before, n_steps = solver.decrement, n_steps + 1
        step, expected = solver.step(forcing)
        next_point = _search(objective, point, step)
        stuck, point = next_point is point, next_point
    ended = n_steps <= MAX_STEPS
    n_steps = min(n_steps, MAX_STEPS)
    return Minimum(point.W, n_steps, largest, solver.preconditioner, ended, solver.change())


def _forcing(decrement: float, before: float, expected: float) -> float:
    """Return how far to solve a step: to the share that the quadratic model may be wrong by.

    `before` is the decrement before the last step, infinite at first; after it, `expected` was.
    """
    if before == math.inf:
        return min(LARGEST_FORCING, decrement / SAFETY)
    error = abs(decrement - expected) / before
    return min(LARGEST_FORCING, error, SAFETY * error * decrement / before)


def share_of(limit: FloatArray, gradient: FloatArray) -> float:
    """Return the largest component of a gradient in units of its limit."""
    return float((np.abs(gradient) / limit).max())


class _Solver:
    """Newton's equations at the current point, and the preconditioner to solve them."""

    def __init__(
        self,
        objective: Objective,
        preconditioner: Preconditioner | None,
        coordinates: Coordinates | None,
    ) -> None:
        self._coordinates, self._is_hard = coordinates, objective.is_hard
        self._is_rough = objective.tolerance is not None
        self._exact = objective if coordinates is None else replace(objective, A=coordinates.A)
        norms = squared_norms(self._exact.A)
        span = float(objective.s @ norms) / 4
        self._largest_norm = float(norms.max())
        self._use(np.float32 if span < LARGEST_SPAN_IN_SINGLE else np.float64)
        self._preconditioner = preconditioner
        self._age = 2

    def _use(self, precision: Any) -> None:
        self._precision = precision
        self._objective = self._exact.in_precision(precision)

    def approach(self, start: FloatArray, limit: FloatArray) -> Descent | None:
        """Descend from `start` in single precision, or return None where that does not pay.

        The end is near the minimum or, with a tolerance, where the gradient is within the limit.
        """
        M, W = self._preconditioner, start.astype(self._precision)
        if self._coordinates is not None or self._is_hard or W.dtype != np.float32:
            return None
        if M is None or not M.is_compatible(W) or not is_large(len(W), self._objective.A):
            return None
        objective = self._objective
        if not objective.ends_in_single:
            descent = descend(objective.gradient_at, W, M, lambda _, decrement: decrement <= NEAR)
        else:
            if M.is_stale:
                M = Preconditioner(objective.A, objective.s, objective.at(W).P, M)
                self._preconditioner = M
            descent = descend(
                objective.gradient_at, W, M, lambda gradient, _: share_of(limit, gradient) <= WITHIN
            )
        M.used(descent.n_evaluations - 1, 1.0)
        return descent if descent.arrived else None

    def use_doubles(self) -> bool:
        """Switch to double precision; return whether this changed anything."""
        was_single = self._precision == np.float32
        self._use(np.float64)
        return was_single

    @property
    def preconditioner(self) -> Preconditioner:
        """The current preconditioner."""
        assert self._preconditioner is not None  # linearize_at has made one
        return self._preconditioner

    @property
    def is_new(self) -> bool:
        """Whether the preconditioner was made for this point or the one before."""
        return self._age < 2

    def linearize_at(self, point: Evaluation) -> None:
        """Set up the equations of a point, and measure its gradient."""
        self._gradient = self._within = point.gradient
        if self._coordinates is not None:
            self._within = self._coordinates.down(point.gradient)
        self.squared_gradient = float(np.vdot(self._within, self._within))
        self._size = math.sqrt(self.squared_gradient) or 1.0
        self._R = (self._within / -self._size).astype(self._precision)
        self._P = point.P.astype(self._precision)
        self._age += 1
        if self._preconditioner is None or not self._preconditioner.is_compatible(self._R):
            self.renew()
        else:
            self._measure()

    def renew(self) -> None:
        """Make a preconditioner for this point."""
        old = self._preconditioner
        start = old if old is not None and old.is_compatible(self._R) else None
        self._preconditioner = Preconditioner(self._objective.A, self._objective.s, self._P, start)
        self._age = 0
        self._measure()

    def _measure(self) -> None:
        self._direction = self.preconditioner(self._R)
        squared = max(float(np.vdot(self._R, self._direction)), 0.0)
        self.decrement = self._size * math.sqrt(squared)

    def change(self) -> float:
        """Return the largest change of a score by the preconditioner's step; zero if not hard."""
        if not self._is_hard:
            return 0.0
        scores = self._objective.A @ self._direction.T
        return self._size * float(np.abs(scores).max())

    def is_small(self) -> bool:
        """Return whether the decrement and the changes of scores are as small as promised.

        With a tolerance nothing is promised but the gradient.
        """
        return self._is_rough or (self.decrement <= DECREMENT and self.change() <= CHANGE)

    def is_certain(self, value: float) -> bool:
        """Return whether that holds even if the preconditioner is bad, for this objective."""
        if self._is_rough:
            return True
        if self._is_hard:
            return self.squared_gradient * self._largest_norm <= SCORES**2
        return self.squared_gradient <= CERTAIN * value

    def _least_forcing(self) -> float:
        """Return the share of the right-hand side below which a step gains nothing."""
        if self._is_rough:
            return ROUGH_FORCING
        share = 0.7 * DECREMENT / self.decrement
        change = self.change()
        return min(share, 0.7 * CHANGE / change) if change > 0 else share

    def step(self, forcing: float) -> tuple[FloatArray, float]:
        """Solve the equations until the residual is the share `forcing` of the right-hand side.

        Returns the step and the expected decrement after it.
        """
        forcing = max(forcing, self._least_forcing())
        solution, left, n_products = _conjugate_gradients(
            self._objective, self._P, self._R, self.preconditioner, self._direction, forcing
        )
        self.preconditioner.used(n_products, left)
        if left > forcing:
            self.use_doubles()
        step = self._size * solution.astype(np.float64)
        if self._coordinates is not None:  # outside their span the Hessian is the identity
            step = self._coordinates.up(step + self._within) - self._gradient
        return step, left * self.decrement


def _conjugate_gradients(
    objective: Objective,
    P: FloatArray,
    R: FloatArray,
    M: Preconditioner,
    direction: FloatArray,
    forcing: float,
) -> tuple[FloatArray, float, int]:
    """Solve Hessian x = R until the residual, in the norm of M, is the share `forcing` of R.

    The Hessian is that of `objective` at probabilities P, and `direction` is M R. Returns x, the
    share that was reached, and the number of products with the Hessian.
    """
    limit = MAX_PRODUCTS if R.dtype == np.float64 else MAX_PRODUCTS_IN_SINGLE
    weighted, penalty = P * objective.s, np.ones(R.shape[1], R.dtype)
    times_transposed, times = objective.products
    penalty[-1] = 0
    x, n_products = np.zeros_like(R), 0
    first = energy = float(np.vdot(R, direction))
    while n_products < limit:
        n_products += 1
        T = times_transposed(direction)
        T -= np.einsum("ij,ij->j", P, T)
        T *= weighted
        product = times(T)
        product += direction * penalty
        curvature = float(np.vdot(direction, product))
        if not curvature > energy / LONGEST:  # the curvature is only rounding noise
            break
        length = energy / curvature
        x += length * direction
        product *= length
        R = R - product
        preconditioned = M(R)
        previous, energy = energy, float(np.vdot(R, preconditioned))
        if energy <= forcing**2 * first or not energy < DIVERGED * first:
            break
        direction = preconditioned + (energy / previous) * direction
    return x, math.sqrt(max(energy, 0.0) / first), n_products


def _search(objective: Objective, point: Evaluation, step: FloatArray) -> Evaluation:
    """Return the next point: halve the step until the objective decreases sufficiently.

    Sufficient is a small part of the decrease predicted by the slope. Returns `point` itself if no
    step decreases the objective.
    """
    slope = float(np.vdot(point.gradient, step))
    length, noise = 1.0, 0.0
    while length > 1e-9:
        trial = objective.at(point.W + length * step)
        if trial.value <= point.value + 1e-4 * length * slope + noise:
            return trial
        if length == 1.0:
            noise = objective.noise(point)
            if trial.value <= point.value + 1e-4 * slope + noise:
                return trial
        length /= 2
    return point
