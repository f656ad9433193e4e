"""Greedy selection of a batch, one example at a time, by distance to labelled and picked ones.

Most of the time goes into reading the features, so distances to several examples cost as much as
those to one. They are computed for several likely picks at once.
"""

from collections.abc import Callable, Sequence

import numpy as np

from alrun.arrays import FloatArray, IntArray
from alrun.util.top_k import top_k

# A function from n rows of the pool to the squared distances of all rows to these, shape
# (len(pool), n).
Distances = Callable[[IntArray], FloatArray]
_AT_ONCE = 16


def farthest_first(nearest: FloatArray, distances: Distances, n: int) -> IntArray:
    """Pick `n` rows, each the farthest from the labelled examples and the previous picks.

    `nearest` holds the squared distance of each row of the pool to the nearest labelled example.
    Source: Gonzalez 1985, Clustering to minimize the maximum intercluster distance.
    """
    return greedy_select(nearest, distances, n, lambda nearest: nearest)


def greedy_select(
    nearest: FloatArray,
    distances: Distances,
    n: int,
    scores: Callable[[FloatArray], FloatArray],
) -> IntArray:
    """Pick `n` rows, each with the highest score after the previous picks.

    `nearest` is as for farthest_first, and is updated after each pick. `scores` maps it to a score
    for each row. Picked rows have -inf in both.
    """
    nearest = nearest.copy()
    computed: dict[int, FloatArray] = {}
    picked: list[int] = []
    for _ in range(n):
        current = scores(nearest)
        row = int(top_k(current, 1)[0][0])
        if row not in computed:
            likely = top_k(current, min(_AT_ONCE, len(nearest) - len(picked)))[0]
            computed = dict(zip(likely.tolist(), distances(likely).T, strict=True))
        np.minimum(nearest, computed[row], out=nearest)
        nearest[row] = -np.inf
        picked.append(row)
    return np.array(picked, dtype=np.int64)


def kmeanspp_sample(
    nearest: FloatArray,
    distances: Distances,
    n: int,
    rng: np.random.Generator,
    before: Sequence[int] | IntArray = (),
) -> IntArray:
    """Pick `n` distinct rows, each with probability in proportion to its squared distance.

    The distance is to the nearest labelled example or previous pick. The rows in `before` are
    picked already: they come first, count among the `n`, and are included in `nearest`. Several
    rows are drawn at once. A draw is accepted with a probability equal to the share of its distance
    left after the picks since then, which gives the probabilities of drawing one by one. If all
    distances are zero, the rest is drawn uniformly. Source: Arthur and Vassilvitskii 2007,
    k-means++: the advantages of careful seeding.
    """
    nearest = nearest.copy()
    picked = [int(row) for row in before]
    nearest[picked] = 0.0
    while len(picked) < n:
        cumulated = np.cumsum(nearest)
        if not cumulated[-1] > 0:
            left = np.setdiff1d(np.arange(len(nearest)), picked)
            picked += rng.choice(left, size=n - len(picked), replace=False).tolist()
            break
        points = cumulated[-1] * rng.random(min(_AT_ONCE, n - len(picked)))
        drawn = np.searchsorted(cumulated, points, side="right")
        shares = nearest[drawn] * rng.random(len(drawn))
        for row, column, share in zip(drawn.tolist(), distances(drawn).T, shares, strict=True):
            if share < nearest[row]:
                np.minimum(nearest, column, out=nearest)
                nearest[row] = 0.0
                picked.append(row)
    return np.array(picked, dtype=np.int64)
