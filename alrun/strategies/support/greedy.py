"""Greedy selection of a batch, one example at a time, by distance to labelled and picked ones.

Examples are known by their positions in the training part, whose features lie in this order. Most
of the time goes into reading the features, so the distances to several picks are computed together,
and those of few examples where few can be next.
"""

from collections.abc import Callable, Sequence

import numpy as np

from alrun.arrays import FloatArray, IntArray
from alrun.strategies.support.pool import Pool
from alrun.util.top_k import highest, top_k

# A function from n positions, or a block of them, and k other positions to the squared distances
# between the two, shape (n, k).
Distances = Callable[[IntArray | slice, IntArray], FloatArray]
_AT_ONCE = 16
# Examples that are looked at together for the next picks.
_WINDOW = 2048


def lower_to_nearest(
    nearest: FloatArray, pool: Pool, distances: Distances, others: IntArray
) -> None:
    """Lower the squared distance of each position to that of the nearest of others, in place.

    `nearest` has the shape (len(pool.training),).
    """
    if len(others) == 0:
        return
    for block in pool.training.blocks():
        np.minimum(nearest[block], distances(block, others).min(axis=1), out=nearest[block])


def distances_to(others: IntArray, pool: Pool, distances: Distances, out: FloatArray) -> FloatArray:
    """Return squared distances of each position to others, (len(others), len(pool.training)).

    They are the first rows of `out`: to take new memory would take half of the time.
    """
    for block in pool.training.blocks():
        out[: len(others), block] = distances(block, others).T
    return out[: len(others)]


def farthest_first(nearest: FloatArray, pool: Pool, distances: Distances, n: int) -> IntArray:
    """Pick `n` rows, each the farthest from the labelled examples and the previous picks.

    `nearest` holds the squared distance of each position to the nearest labelled example. Picks
    only lower it, so a distance that leaves some picks out is an upper bound. Only the examples
    with the largest bounds are compared with all picks, until one of them is the farthest.
    Source: Gonzalez 1985, Clustering to minimize the maximum intercluster distance.
    """
    bounds = np.where(pool.rows < len(pool), nearest, -np.inf)
    n_compared = np.zeros(len(bounds), dtype=np.int64)  # with so many of the picks
    picked = np.empty(0, dtype=np.int64)
    size = _WINDOW
    while len(picked) < n:
        if not bounds.max() > 0:  # the others are equal to labelled examples or picks
            rest = np.setdiff1d(np.arange(len(pool)), pool.rows[picked])
            return np.concatenate([pool.rows[picked], rest[: n - len(picked)]])
        window, limit = window_of(bounds, size, pool)
        n_before = len(picked)
        missing = picked[n_compared[window].min() :]
        farthest = bounds[window]
        if len(missing):
            np.minimum(farthest, distances(window, missing).min(axis=1), out=farthest)
        # Of distances equal up to rounding the first example of the pool wins.
        while len(picked) < n and farthest.max() * (1 - 1e-8) > limit:
            place = top_k(farthest, 1)[0]
            picked = np.concatenate([picked, window[place]])
            np.minimum(farthest, distances(window, window[place])[:, 0], out=farthest)
            farthest[place] = -np.inf
        bounds[window], n_compared[window] = farthest, len(picked)
        size *= 1 if len(picked) > n_before else 2
    return pool.rows[picked]


def window_of(values: FloatArray, n: int, pool: Pool) -> tuple[IntArray, float]:
    """Return the `n` positions with the highest values, and the highest of the other values.

    The positions are in the order of the pool. Values of -inf are left out.
    """
    window, limit = highest(values, n)
    window = window[values[window] > -np.inf]
    return window[np.argsort(pool.rows[window])], limit


def kmeanspp_sample(
    nearest: FloatArray,
    pool: Pool,
    distances: Distances,
    n: int,
    rng: np.random.Generator,
    before: Sequence[int] | IntArray = (),
) -> IntArray:
    """Pick `n` distinct rows, each with probability in proportion to its squared distance.

    The distance is to the nearest labelled example or previous pick; `nearest` holds those of each
    position, and is overwritten. The rows in `before` are picked already: they come first, count
    among the `n`, and are included in `nearest`. Several rows are drawn at once. A draw is accepted
    with a probability equal to the share of its distance left after the picks since then, which
    gives the probabilities of drawing one by one. If all distances are zero, the rest is drawn
    uniformly. Source: Arthur and Vassilvitskii 2007, k-means++: the advantages of careful seeding.
    """
    picked = [int(row) for row in before]
    n_compared = len(picked)
    while len(picked) < n:
        lower_to_nearest(nearest, pool, distances, pool.unlabelled[picked[n_compared:]])
        n_compared = len(picked)
        left = nearest[pool.unlabelled]
        left[picked] = 0.0
        cumulated = np.cumsum(left)
        if not cumulated[-1] > 0:
            rest = np.setdiff1d(np.arange(len(left)), picked)
            picked += rng.choice(rest, size=n - len(picked), replace=False).tolist()
            break
        points = cumulated[-1] * rng.random(min(_AT_ONCE, n - len(picked)))
        drawn = np.searchsorted(cumulated, points, side="right")
        shares = left[drawn] * rng.random(len(drawn))
        picked += _accepted(drawn, shares, left[drawn], distances(*[pool.unlabelled[drawn]] * 2))
    return np.array(picked, dtype=np.int64)


def _accepted(
    drawn: IntArray, shares: FloatArray, nearest: FloatArray, between: FloatArray
) -> list[int]:
    """Return the draws whose share of the distance is left after the accepted draws before."""
    accepted = []
    for place, (row, share) in enumerate(zip(drawn.tolist(), shares, strict=True)):
        if share < nearest[place]:
            accepted.append(row)
            nearest = np.where(drawn == row, 0.0, np.minimum(nearest, between[:, place]))
    return accepted
