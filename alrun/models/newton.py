"""Newton's method for penalised logistic regression.

Weights W have a row per class, a single one where there are two classes, and a column per feature
with the intercept last: shape (k, m). The objective is

    sum_i s_i loss(y_i, W a_i) + |W without its last column|^2 / 2

with a_i the features of example i followed by a one, and s_i what its loss counts.
"""

import math
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from alrun.models.preconditioner import Array, Preconditioner

Floats = npt.NDArray[np.float64]

# Where the gradient is so small in the norm of the inverse Hessian, Newton's decrement, the search
# ends: half its square is how far the objective is above its minimum.
DECREMENT = 1e-9
# The largest component of the gradient that counts as converged, in units of `Objective.reach`.
GRADIENT = 1e-8
# A preconditioner that is old may find small what is not. Without one it is certain that twice the
# objective is above twice its minimum by no more than the square of the gradient: by this share.
CERTAIN = 1e-10
MAX_STEPS = 200
MAX_PRODUCTS = 1000
# In single precision what takes so many takes forever.
MAX_PRODUCTS_OF_SINGLES = 250
# A step need not be exact while the quadratic model is not.
LARGEST_SHARE = 0.25
# Conjugate gradients lose their way in single precision if the Hessian's eigenvalues span more, and
# now and then if they span less.
SPAN_OF_SINGLES = 1e6


@dataclass(frozen=True)
class Point:
    """Weights, and what the objective is there: shapes (k, m), (k, n), (), (), (k, m).

    `noise` is about what rounding adds to the value.
    """

    W: Floats
    P: Floats
    value: float
    noise: float
    gradient: Floats


@dataclass(frozen=True)
class Objective:
    """The penalised loss of labelled examples.

    Parameters
    ----------
    A
        Features with a last column of ones, shape (n, m); may be sparse.
    Y
        One where the example is of the row's class, else zero, shape (k, n). Of two classes the
        second has the row.
    s
        What the loss of each example counts, shape (n,).
    """

    A: Any
    Y: Floats
    s: Floats

    def at(self, W: Floats) -> Point:
        """Evaluate the objective and its gradient."""
        Z = W @ self.A.T
        P, log_total = softmax(Z)
        losses = log_total - np.einsum("ij,ij->j", self.Y, Z)
        features = W[:, :-1]
        value = float(self.s @ losses) + float(np.einsum("ij,ij->", features, features)) / 2
        noise = 1e-15 * (float(self.s @ np.abs(log_total)) + value)
        residual = P - self.Y
        residual *= self.s
        gradient = residual @ self.A
        gradient[:, :-1] += features
        return Point(W, P, value, noise, gradient)

    def reach(self) -> float:
        """Return the most that one example can add to a component of the gradient, at least 1."""
        return max(1.0, float(self.s.max()) * float(abs(self.A).max()))


def softmax(Z: Floats) -> tuple[Floats, Floats]:
    """Return probabilities and the log of what they were divided by, shapes (k, n) and (n,).

    A single row is the score of the second of two classes; that of the first is zero.
    """
    top = Z.max(axis=0)
    if len(Z) == 1:
        np.maximum(top, 0.0, out=top)
    P = np.exp(Z - top)
    total = P.sum(axis=0)
    if len(Z) == 1:
        total += np.exp(-top)
    P /= total
    return P, np.log(total) + top


class Coordinates(Protocol):
    """Fewer coordinates for the steps than the weights have."""

    A: Floats

    def down(self, W: Floats) -> Floats:
        """Return the coordinates of the part of W that lies in their span."""

    def up(self, w: Floats) -> Floats:
        """Return the weights of these coordinates."""


@dataclass(frozen=True)
class Minimum:
    """Where the objective is least, and what it took.

    `gradient` is its largest component there, in units of `Objective.reach`; `preconditioner` helps
    the next minimum along.
    """

    W: Floats
    n_steps: int
    gradient: float
    preconditioner: Preconditioner | None

    @property
    def converged(self) -> bool:
        """Whether the gradient is as small as promised."""
        return self.gradient <= GRADIENT


def minimise(
    objective: Objective,
    start: Floats,
    preconditioner: Preconditioner | None = None,
    coordinates: Coordinates | None = None,
) -> Minimum:
    """Find the weights of least objective from `start`, shape (k, m).

    Newton's method with preconditioned conjugate gradients, each step solved to a share of its
    right side that shrinks as the quadratic model proves right. Gradients are in double precision,
    the conjugate gradients in single precision unless the Hessian's eigenvalues span too much.

    `preconditioner` is that of an earlier minimum; it changes how soon this one is found and not
    where it is. `coordinates` are those in which the steps are solved.

    Source: Eisenstat and Walker 1996, Choosing the forcing terms in an inexact Newton method,
    choice 1; Nocedal and Wright 2006, Numerical optimization, algorithms 5.3 and 7.1.
    """
    doubles = objective.A if coordinates is None else coordinates.A, objective.s
    span = float(objective.s @ np.einsum("ij,ij->i", doubles[0], doubles[0])) / 4
    precision: Any = np.float32 if span < SPAN_OF_SINGLES else np.float64
    A, s = (array.astype(precision, copy=False) for array in doubles)
    reach = objective.reach()
    point = objective.at(start)
    M = preconditioner
    n_steps, before, predicted, is_new = 0, np.inf, np.inf, False
    while True:
        G = point.gradient if coordinates is None else coordinates.down(point.gradient)
        size = math.sqrt(np.vdot(G, G)) or 1.0
        R, P = (G / -size).astype(precision), point.P.astype(precision)
        if M is None or not M.serves(R):
            M = Preconditioner(A, s, P)
        direction = M(R)
        decrement = size * _norm(R, direction)
        largest = float(np.abs(point.gradient).max()) / reach
        small = decrement <= DECREMENT and largest <= GRADIENT
        stalled = decrement > before / 2 and before < 1e3 * DECREMENT
        certain = is_new or (small and size**2 <= CERTAIN * point.value)
        if n_steps == MAX_STEPS or ((small or stalled) and certain):
            return Minimum(point.W, n_steps, largest, M)
        is_new = small or stalled or M.is_worn
        if is_new:
            M = Preconditioner(A, s, P, M)
            direction = M(R)
            decrement = size * _norm(R, direction)
            if small and decrement <= DECREMENT:
                return Minimum(point.W, n_steps, largest, M)
        share = min(LARGEST_SHARE, abs(decrement - predicted) / before)
        share = max(share, 0.7 * DECREMENT / decrement)
        solution, left = _solve(A, s, P, R, M, direction, share)
        if left > share:
            precision, (A, s) = np.float64, doubles
        step = size * solution.astype(np.float64)
        if coordinates is not None:  # outside of their span the Hessian is the identity
            step = coordinates.up(step + G) - point.gradient
        before, predicted = decrement, left * decrement
        point, n_steps = _search(objective, point, step), n_steps + 1


def _norm(R: Array, direction: Array) -> float:
    """Return the norm of R where `direction` is the preconditioner times R."""
    return math.sqrt(max(float(np.vdot(R, direction)), 0.0))


def _solve(
    A: Array, s: Array, P: Array, R: Array, M: Preconditioner, direction: Array, share: float
) -> tuple[Array, float]:
    """Solve Hessian x = R until the residual, in the norm of M, is a share of what it was.

    `direction` is M R. Returns x and the share that was reached.
    """
    weighted, transposed = P * s, A.T
    x = np.zeros_like(R)
    first = energy = float(np.vdot(R, direction))
    at_most = MAX_PRODUCTS if A.dtype == np.float64 else MAX_PRODUCTS_OF_SINGLES
    for n_products in range(1, at_most + 1):  # noqa: B007
        T = direction @ transposed
        T -= np.einsum("ij,ij->j", P, T)
        T *= weighted
        product = T @ A
        product[:, :-1] += direction[:, :-1]
        curvature = float(np.vdot(direction, product))
        if not curvature > 0:  # rounding has the last word
            break
        length = energy / curvature
        x += length * direction
        product *= length
        R = R - product
        preconditioned = M(R)
        energy, before = float(np.vdot(R, preconditioned)), energy
        if energy <= share**2 * first:
            break
        direction *= energy / before
        direction += preconditioned
    left = math.sqrt(max(energy, 0.0) / first)
    M.used(n_products, left)
    return x, left


def _search(objective: Objective, point: Point, step: Floats) -> Point:
    """Halve the step until the objective falls by a part of what its slope promises."""
    slope = float(np.vdot(point.gradient, step))
    length = 1.0
    while True:
        there = objective.at(point.W + length * step)
        if there.value <= point.value + 1e-4 * length * slope + point.noise or length < 1e-9:
            return there
        length /= 2
