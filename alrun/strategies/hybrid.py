"""Strategies that weigh how unsure the model is of an example with how far it is from the others.

Both are brought to the range from 0 to 1 before they are added.
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
    """Pick by w entropy + (1 - w) distance to all labelled or picked, each from 0 to 1.

    The distance counts anew after each pick, and is scaled over those that are left. With w = 0
    this is k_center, with w = 1 entropy. Source: Brinker 2003, Incorporating diversity in
    active learning with support vector machines, with entropy and distance for its two terms.
    """
    w = number("balanced", "w", w, 0, 1)
    uncertainty = w * scaled(entropy(pool, n, rng), 1.0)

    def scores(nearest: FloatArray) -> FloatArray:
        left = np.flatnonzero(nearest > -np.inf)
        distance = np.sqrt(nearest[left])
        sums = np.full(len(nearest), -np.inf)
        far = scaled(distance, float(distance.max()))
        # The sums of two examples are up to 1, and their ninth decimal is the last that counts.
        sums[left] = np.round(uncertainty[left] + (1 - w) * far, 9)
        return sums

    return greedy_select(squared_distance_to_labelled(pool), pool.squared_distances, n, scores)


@requires("predict_proba")
def falcun(pool: Pool, n: int, rng: np.random.Generator, gamma: float = 10.0) -> IntArray:
    """Draw in proportion to (uncertainty + distance of the probabilities)^gamma, one by one.

    Uncertainty is 1 - (p1 - p2). Distance is the least of that and of the city-block distances to
    the probabilities of the picked, brought to the range from 0 to 1 over those that are left. With
    gamma = 0 the draw is uniform. Source: Gilhuber, Beer, Ma and Seidl 2024, FALCUN: a simple and
    efficient deep active learning strategy.
    """
    gamma = number("falcun", "gamma", gamma, 0)
    p = np.ascontiguousarray(pool.probabilities)
    uncertainty = closeness(p)
    nearest = uncertainty.copy()
    left = np.arange(len(pool))
    picked = np.empty(n, dtype=np.int64)
    for place in range(n):
        drawn = _drawn(uncertainty[left] + scaled(nearest[left], 1.0), gamma, rng)
        picked[place] = row = left[drawn]
        left = np.delete(left, drawn)
        np.minimum(nearest, cdist(p, p[[row]], "cityblock")[:, 0], out=nearest)
    return picked


def scaled(values: FloatArray, size: float) -> FloatArray:
    """Bring values to the range from 0 to 1; all 0 where they differ by rounding noise only.

    `size` is how large such values can be: what is tiny beside it is noise.
    """
    low, high = float(values.min()), float(values.max())
    if not high - low > _NOISE * size:
        return np.zeros(len(values))
    return (values - low) / (high - low)


def _drawn(relevance: FloatArray, gamma: float, rng: np.random.Generator) -> int:
    """Draw a place in proportion to relevance^gamma; uniformly where all are zero."""
    largest = relevance.max()
    # Beside the largest, so that no power is too large for a float.
    weights = (relevance / largest) ** gamma if largest > 0 else np.ones(len(relevance))
    cumulated = np.cumsum(weights)
    return int(np.searchsorted(cumulated, cumulated[-1] * rng.random(), side="right"))


_NOISE = 1e-9
