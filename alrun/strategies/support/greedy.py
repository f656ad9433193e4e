"""A batch example by example: each pick by its distance to what is labelled or picked already.

Distances from all to one example cost as much as those to several, since it is reading the features
that takes the time. So they are computed for several likely picks at once.
"""

from collections.abc import Callable, Sequence

import numpy as np

from alrun.arrays import FloatArray, IntArray
from alrun.strategies.support.top_k import top_k

# From rows of the pool to the squared distances of all of it to them, shape (len(pool), n).
Distances = Callable[[IntArray], FloatArray]
_AT_ONCE = 16


def farthest_first(nearest: FloatArray, distances: Distances, n: int) -> IntArray:
    """Pick `n` rows, each the farthest from what is labelled and from those picked before.

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
    """Pick `n` rows, each the one with the highest score after those picked before.

    `nearest` is as for farthest_first. Of it `scores` makes a score per row; a row that is picked
    stands at -inf in both.
    """
    nearest = nearest.copy()
    known: dict[int, FloatArray] = {}
    picked: list[int] = []
    for _ in range(n):
        current = scores(nearest)
        row = int(top_k(current, 1)[0][0])
        if row not in known:
            likely = top_k(current, min(_AT_ONCE, len(nearest) - len(picked)))[0]
            known = dict(zip(likely.tolist(), distances(likely).T, strict=True))
        np.minimum(nearest, known[row], out=nearest)
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

    That is to the nearest of what is labelled and of those picked before. The rows in `before` are
    picked already: they come first, they count among the `n`, and `nearest` knows of them. Several
    are drawn at once; one of them counts with the share of its distance that the picks since then
    have left it, which makes the probabilities those of drawing one by one. Where all distances are
    zero the rest is drawn uniformly. Source: Arthur and Vassilvitskii 2007, k-means++: the
    advantages of careful seeding.
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
