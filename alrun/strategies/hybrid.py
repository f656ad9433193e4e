"""Strategies combining the uncertainty of an example with its distance from the others.

Both are scaled to the range from 0 to 1 before they are added.
"""

import numpy as np
from scipy.spatial.distance import cdist

from alrun.arrays import FloatArray, IntArray
from alrun.strategies.diversity import squared_distance_to_labelled
from alrun.strategies.support.greedy import greedy_select
from alrun.strategies.support.pool import Pool
from alrun.strategies.support.requirements import requires
from alrun.strategies.support.validation import number
from alrun.strategies.uncertainty import closeness, entropy


@requires("predict_proba")
def balanced(pool: Pool, n: int, rng: np.random.Generator, w: float = 0.5) -> IntArray:
    """Pick by w entropy + (1 - w) distance to all labelled or picked, both scaled to 0 ... 1.

    The distance is updated after each pick, and scaled over the examples left. With w = 0 this is
    k_center, with w = 1 entropy. Source: Brinker 2003, Incorporating diversity in
    active learning with support vector machines, with entropy and distance for its two terms.
    """
    w = number("balanced", "w", w, 0, 1)
    uncertainty = w * scaled(entropy(pool, n, rng), 1.0)

    def scores(nearest: FloatArray) -> FloatArray:
        left = np.flatnonzero(nearest > -np.inf)
        distance = np.sqrt(nearest[left])
        sums = np.full(len(nearest), -np.inf)
        far = scaled(distance, float(distance.max()))
        # The sums are at most 1. Digits beyond the ninth are rounding noise.
        sums[left] = np.round(uncertainty[left] + (1 - w) * far, 9)
        return sums

    return greedy_select(squared_distance_to_labelled(pool), pool.squared_distances, n, scores)


@requires("predict_proba")
def falcun(pool: Pool, n: int, rng: np.random.Generator, gamma: float = 10.0) -> IntArray:
    """Draw in proportion to (uncertainty + distance of the probabilities)^gamma, one by one.

    Uncertainty is 1 - (p1 - p2). Distance is the minimum of the uncertainty and the city-block
    distances to the probabilities of the picked examples, scaled to 0 ... 1 over the examples left.
    With gamma = 0 the draw is uniform. Source: Gilhuber, Beer, Ma and Seidl 2024, FALCUN: a simple
    and efficient deep active learning strategy.
    """
    gamma = number("falcun", "gamma", gamma, 0)
    p = np.ascontiguousarray(pool.probabilities)
    uncertainty = closeness(p)
    nearest = uncertainty.copy()
    left = np.arange(len(pool))
    picked = np.empty(n, dtype=np.int64)
    for i in range(n):
        position = _draw(uncertainty[left] + scaled(nearest[left], 1.0), gamma, rng)
        picked[i] = row = left[position]
        left = np.delete(left, position)
        np.minimum(nearest, cdist(p, p[[row]], "cityblock")[:, 0], out=nearest)
    return picked


def scaled(values: FloatArray, size: float) -> FloatArray:
    """Scale values to the range from 0 to 1; all become 0 if they differ only by rounding.

    `size` is the magnitude of such values: a range that is tiny beside it is rounding noise.
    """
    low, high = float(values.min()), float(values.max())
    if not high - low > _NOISE * size:
        return np.zeros(len(values))
    return (values - low) / (high - low)


def _draw(relevance: FloatArray, gamma: float, rng: np.random.Generator) -> int:
    """Draw a position in proportion to relevance^gamma, or uniformly if all are zero."""
    largest = relevance.max()
    # Divided by the largest, so that no power overflows.
    weights = (relevance / largest) ** gamma if largest > 0 else np.ones(len(relevance))
    cumulated = np.cumsum(weights)
    return int(np.searchsorted(cumulated, cumulated[-1] * rng.random(), side="right"))


_NOISE = 1e-9
