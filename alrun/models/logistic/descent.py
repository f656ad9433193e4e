"""A quasi-Newton descent in single precision, for the way to the neighbourhood of a minimum.

Far from it the quadratic model of Newton's method is no good, and an evaluation of the gradient in
single precision costs no more than a product with the Hessian.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from alrun.arrays import FloatArray

# Pairs of steps and changes of the gradient that are remembered.
MEMORY = 8
# With more evaluations, or more for one step, the descent has lost its way.
MAX_EVALUATIONS = 40
MAX_TRIALS = 5
# A step is shortened if it goes so far that the slope at its end is this share of the first one,
# upwards.
OVERSHOT = 0.5

# A step, the change of the gradient along it, and one over their product.
_Pair = tuple[FloatArray, FloatArray, float]


@dataclass(frozen=True)
class Descent:
    """Weights and gradient at the end, shape (k, m), and the number of evaluations.

    `arrived` is False where the descent lost its way.
    """

    W: FloatArray
    gradient: FloatArray
    n_evaluations: int
    arrived: bool


def descend(
    gradient_at: Callable[[FloatArray], FloatArray],
    start: FloatArray,
    preconditioner: Callable[[FloatArray], FloatArray],
    is_near: Callable[[FloatArray, float], bool],
) -> Descent:
    """Descend from `start` until `is_near` of a gradient and of its decrement.

    `preconditioner` multiplies by an approximate inverse of the Hessian. Steps are judged by the
    slope at their end alone, which is enough for a convex function, and rounding spoils values
    sooner than slopes.

    Source: Nocedal and Wright 2006, Numerical optimization, algorithm 7.4.
    """
    W, gradient, n_evaluations = start, gradient_at(start), 1
    pairs: list[_Pair] = []
    while True:
        direction = -_times_inverse(gradient, pairs, preconditioner)
        slope = float(np.vdot(gradient, direction))
        if not slope <= 0 or n_evaluations > MAX_EVALUATIONS:
            return Descent(W, gradient, n_evaluations, False)
        if is_near(gradient, math.sqrt(-slope)):
            return Descent(W, gradient, n_evaluations, True)
        length, new_slope = 1.0, math.inf
        for _ in range(MAX_TRIALS):
            new = gradient_at(W + length * direction)
            n_evaluations += 1
            new_slope = float(np.vdot(new, direction))
            if new_slope <= -OVERSHOT * slope:
                break
            length *= slope / (slope - new_slope)
        curvature = length * (new_slope - slope)
        if not 0 < curvature <= -(1 + OVERSHOT) * length * slope:
            return Descent(W, gradient, n_evaluations, False)
        step = length * direction
        pairs = [*pairs, (step, new - gradient, 1 / curvature)][-MEMORY:]
        W, gradient = W + step, new


def _times_inverse(
    R: FloatArray,
    pairs: list[_Pair],
    preconditioner: Callable[[FloatArray], FloatArray],
) -> FloatArray:
    """Return the approximate inverse that the pairs imply times R."""
    R, along = R.copy(), []
    for step, change, scale in reversed(pairs):
        along.append(scale * float(np.vdot(step, R)))
        R -= along[-1] * change
    answer = preconditioner(R)
    for (step, change, scale), length in zip(pairs, reversed(along), strict=True):
        answer += (length - scale * float(np.vdot(change, answer))) * step
    return answer
