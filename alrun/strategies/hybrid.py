"""Strategies combining the uncertainty of an example with its distance from the others.

Both are scaled to the range from 0 to 1 before they are added.
"""

import numpy as np

from alrun.arrays import BoolArray, FloatArray, IntArray
from alrun.data.features import slices
from alrun.strategies.diversity import squared_distance_to_labelled
from alrun.strategies.support.greedy import distances_to, window_of
from alrun.strategies.support.pool import Pool
from alrun.strategies.support.requirements import requires
from alrun.strategies.support.validation import number
from alrun.strategies.uncertainty import closeness, entropy
from alrun.util.top_k import top_k


@requires("predict_proba")
def balanced(pool: Pool, n: int, rng: np.random.Generator, w: float = 0.5) -> IntArray:
    """Pick by w entropy + (1 - w) distance to all labelled or picked, both scaled to 0 ... 1.

    The distance is updated after each pick, and scaled over the examples left. With w = 0 this is
    k_center, with w = 1 entropy. Source: Brinker 2003, Incorporating diversity in
    active learning with support vector machines, with entropy and distance for its two terms.
    """
    w = number("balanced", "w", w, 0, 1)
    uncertainty = np.full(len(pool.training), -np.inf)  # of labelled and picked
    uncertainty[pool.unlabelled] = w * scaled(entropy(pool, n, rng), 1.0)
    distance = np.sqrt(squared_distance_to_labelled(pool))
    sums = np.empty_like(distance)
    kept = np.empty((min(n, 1 + _AT_ONCE), len(distance)))
    computed: dict[int, FloatArray] = {}
    picked: list[int] = []
    while len(picked) < n:
        low, high = _range_without(distance, np.append(pool.labelled, picked).astype(np.int64))
        share = (1 - w) / (high - low) if high - low > _NOISE * high else 0.0
        np.subtract(distance, low, out=sums)
        sums *= share
        sums += uncertainty
        position = _first_highest(sums, pool)
        if position not in computed:
            window = window_of(sums, _WINDOW, pool)[0]
            likely = _likely_picks(pool, window, uncertainty, distance, share)
            others = [other for other in likely if other != position][: n - len(picked) - 1]
            asked = np.array([position, *others])
            columns = distances_to(asked, pool, pool.training.squared_distances, kept)
            np.sqrt(columns, out=columns)
            computed = dict(zip(asked.tolist(), columns, strict=True))
        np.minimum(distance, computed[position], out=distance)
        uncertainty[position] = -np.inf
        picked.append(position)
    return pool.rows[picked]


def _range_without(distance: FloatArray, taken: IntArray) -> tuple[float, float]:
    """Return the least and the largest distance without those `taken`, which become 0.

    Whole arrays take a fraction of the time of some of their values.
    """
    distance[taken] = np.inf
    low = float(distance.min())
    distance[taken] = -np.inf
    high = float(distance.max())
    distance[taken] = 0.0
    return low, high


def _first_highest(sums: FloatArray, pool: Pool) -> int:
    """Return the position with the highest sum, the first in the pool among equal ones.

    The sums are at most 1. Digits beyond the ninth are rounding noise.
    """
    highest = np.flatnonzero(sums >= sums.max() - 2e-9)
    highest = highest[np.argsort(pool.rows[highest])]
    return int(highest[top_k(np.round(sums[highest], 9), 1)[0][0]])


def _likely_picks(
    pool: Pool, window: IntArray, uncertainty: FloatArray, distance: FloatArray, share: float
) -> list[int]:
    """Return the next picks among a few positions, if distances were always scaled as now."""
    uncertainty, distance = uncertainty[window], distance[window]
    likely = []
    for _ in range(min(_AT_ONCE, len(window))):
        place = int((uncertainty + share * distance).argmax())
        likely.append(int(window[place]))
        column = pool.training.squared_distances(window, window[[place]])[:, 0]
        np.minimum(distance, np.sqrt(column), out=distance)
        uncertainty[place] = -np.inf
    return likely


@requires("predict_proba")
def falcun(pool: Pool, n: int, rng: np.random.Generator, gamma: float = 10.0) -> IntArray:
    """Draw in proportion to (uncertainty + distance of the probabilities)^gamma, one by one.

    Uncertainty is 1 - (p1 - p2). Distance is the minimum of the uncertainty and the city-block
    distances to the probabilities of the picked examples, scaled to 0 ... 1 over the examples left.
    With gamma = 0 the draw is uniform. Source: Gilhuber, Beer, Ma and Seidl 2024, FALCUN: a simple
    and efficient deep active learning strategy.
    """
    gamma = number("falcun", "gamma", gamma, 0)
    p = pool.probabilities
    uncertainty = closeness(p)
    nearest = uncertainty.copy()
    is_left = np.ones(len(pool), dtype=bool)
    picked = np.empty(n, dtype=np.int64)
    for i in range(n):
        relevance = uncertainty + scaled(nearest, 1.0, is_left)
        relevance[~is_left] = 0.0
        picked[i] = _draw(relevance, is_left, gamma, rng)
        is_left[picked[i]] = False
        for block in slices(p, _CACHED):
            distances = np.abs(p[block].T - p[picked[i], :, None]).sum(axis=0)
            np.minimum(nearest[block], distances, out=nearest[block])
    return picked


def scaled(values: FloatArray, size: float, of: BoolArray | None = None) -> FloatArray:
    """Scale values so that some of them, or all, range from 0 to 1.

    All become 0 if those differ only by rounding. `size` is the magnitude of such values: a range
    that is tiny beside it is rounding noise.
    """
    low, high = _range(values, True if of is None else of)
    if not high - low > _NOISE * size:
        return np.zeros(len(values))
    return (values - low) / (high - low)


def _range(values: FloatArray, of: BoolArray | bool) -> tuple[float, float]:
    """Return the smallest and the largest of some values."""
    low = values.min(where=of, initial=np.inf)
    return float(low), float(values.max(where=of, initial=-np.inf))


def _draw(relevance: FloatArray, is_left: BoolArray, gamma: float, rng: np.random.Generator) -> int:
    """Draw one that is left in proportion to relevance^gamma, or uniformly if all are zero."""
    largest = relevance.max()
    # Divided by the largest, so that no power overflows.
    weights = (relevance / largest) ** gamma if largest > 0 else np.ones(len(relevance))
    cumulated = np.cumsum(weights * is_left)
    return int(np.searchsorted(cumulated, cumulated[-1] * rng.random(), side="right"))


_NOISE = 1e-9
# Likely picks whose distances are computed at once, and the examples they are chosen from.
_AT_ONCE, _WINDOW = 16, 2048
# Numbers in a block of probabilities.
_CACHED = 100_000
