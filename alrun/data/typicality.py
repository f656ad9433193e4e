"""Typical examples of clusters, and the distances that say which these are."""

from collections import Counter
from heapq import heapify, heappop, heappush
from typing import Any

import numpy as np

from alrun.arrays import FloatArray, IntArray
from alrun.data import kmeans
from alrun.util.top_k import top_k

# Numbers in a block of distances: 32 MB, whatever the size of a cluster.
_BLOCK = 4_000_000
# Rows whose distances are all computed exactly at once.
_FEW = 300
# The defaults of typiclust: neighbours, clusters, size of a cluster and components.
_NEIGHBOURS, _MOST_CLUSTERS, _SMALLEST, _COMPONENTS = 20, 500, 5, 64


def typical(X: Any, size: int, rng: np.random.Generator) -> IntArray:
    """Return the positions of `size` typical rows, as typiclust picks them without a label.

    X is dense or CSR, shape (n, n_features). There are `size` clusters, at most 500, on the first
    64 principal components. Ties are broken at random, because the order of the rows may depend on
    their classes.

    Source: Hacohen, Dekel and Weinshall 2022, Active learning on a budget: opposite strategies suit
    high and low budgets.
    """
    order = rng.permutation(X.shape[0])
    X = kmeans.project(X[order], _COMPONENTS, rng)
    clusters = kmeans.k_means(X, min(size, _MOST_CLUSTERS), rng)
    none, everyone = np.zeros(0, dtype=np.int64), np.arange(len(order))
    return order[pick_typical(X, clusters, none, everyone, size, _NEIGHBOURS, _SMALLEST)]


def pick_typical(
    X: FloatArray,
    clusters: IntArray,
    labelled: IntArray,
    unlabelled: IntArray,
    n: int,
    neighbours: int,
    smallest_cluster: int,
) -> IntArray:
    """Return the positions in `unlabelled` of `n` typical rows of the clusters with fewest labels.

    `clusters` is the cluster of each row of X; `labelled` and `unlabelled` are rows of X. Picks
    count as labels. Among clusters with equally many, the largest is next. Clusters smaller than
    `smallest_cluster` wait until all others are used up.
    """
    pool_clusters = clusters[unlabelled]
    sizes = np.bincount(clusters).tolist()
    n_labelled = np.bincount(clusters[labelled], minlength=len(sizes)).tolist()
    queue = [  # the smallest entry is next; ties go to the cluster of the earliest row
        (sizes[cluster] < smallest_cluster, n_labelled[cluster], -sizes[cluster], first, cluster)
        for cluster, first in zip(*np.unique(pool_clusters, return_index=True), strict=True)
    ]
    heapify(queue)
    ranked: dict[int, IntArray] = {}  # rows of a cluster, the most typical first
    n_picked: Counter[int] = Counter()
    picked: list[int] = []
    while len(picked) < n:
        is_small, n_labels, size, first, cluster = heappop(queue)
        rows = np.flatnonzero(pool_clusters == cluster)
        if n_picked[cluster] < 2:
            # Mostly a cluster is asked for one row, which takes less time than the order of all.
            n_ranked = len(rows) if n_picked[cluster] else 1
            members = np.flatnonzero(clusters == cluster)
            inside = np.searchsorted(members, unlabelled[rows])
            ranked[cluster] = rows[most_typical(X[members], neighbours, inside, n_ranked)]
        picked.append(int(ranked[cluster][n_picked[cluster]]))
        n_picked[cluster] += 1
        if n_picked[cluster] < len(rows):
            heappush(queue, (is_small, n_labels + 1, size, first, cluster))
    return np.array(picked, dtype=np.int64)


def most_typical(X: FloatArray, neighbours: int, rows: IntArray, n: int) -> IntArray:
    """Return the places in `rows` of the `n` with the least mean distance to their neighbours.

    The first of them takes less time than several, since most rows are surely not the first.
    """
    places = _may_be_first(X, neighbours, rows) if n == 1 else np.arange(len(rows))
    return places[top_k(-mean_distances(X, neighbours, rows[places]), n)[0]]


def _may_be_first(X: FloatArray, neighbours: int, rows: IntArray) -> IntArray:
    """Return the places in `rows` of all whose mean distance may be the least.

    Distances in single precision have a known error, and so have their means. Rows near the middle
    come first, for most others to have too few rows within the reach of the best one so far.
    """
    everything = np.arange(len(rows))
    if len(X) < _FEW or len(np.unique(X, axis=0)) < len(X):
        return everything
    centred = X - X.mean(axis=0)
    centred /= np.sqrt(np.einsum("ij,ij->i", centred, centred).max())
    norms = np.einsum("ij,ij->i", centred, centred).astype(np.float32)
    single = centred.astype(np.float32)
    # No norm is above 1: so many roundings, of half a unit each, are in a squared distance.
    slack = (2 * X.shape[1] + 32) * np.finfo(np.float32).eps / 2
    n_nearest = min(neighbours, len(X) - 1)
    least, best, reach = np.full(len(rows), np.inf), np.inf, 0.0
    order = np.argsort(norms[rows], kind="stable")
    height = max(1, _BLOCK // (16 * len(X)))
    for start in range(0, len(rows), height):
        places = order[start : start + height]
        block = rows[places]
        squared = single[block] @ (-2 * single.T)
        squared += norms
        squared += norms[block, None]
        squared[np.arange(len(block)), block] = np.inf
        may_be = _least_mean(squared, slack, reach, n_nearest) <= best * (1 + 1e-7)
        nearest = np.partition(squared[may_be], n_nearest - 1, axis=1)[:, :n_nearest]
        nearest = nearest.astype(np.float64)
        least[places[may_be]] = np.sqrt(np.maximum(nearest - slack, 0)).mean(axis=1)
        most = np.sqrt(np.maximum(nearest + slack, 0)).mean(axis=1)
        if most.min(initial=np.inf) < best:
            best, reach = most.min(), nearest[most.argmin()].max()
    return everything[least <= best * (1 + 1e-7)]  # equal at nine digits is equal


def _least_mean(squared: FloatArray, slack: float, reach: float, n: int) -> FloatArray:
    """Return a lower bound of the mean of the `n` least distances in each row.

    Squared distances may be too large by `slack`. The bound is the mean if all distances were at
    least the root of `reach`, lowered by what those below it lack.
    """
    near = np.flatnonzero(squared < reach + slack)
    distances = np.sqrt(np.maximum(squared.ravel()[near].astype(np.float64) - slack, 0))
    lacks = np.bincount(
        near // squared.shape[1], np.sqrt(reach) - distances, minlength=len(squared)
    )
    return np.asarray(np.sqrt(reach) - lacks / n)


def mean_distances(X: FloatArray, neighbours: int, of: IntArray | None = None) -> FloatArray:
    """Return the mean distance of each row to its nearest `neighbours`, shape (len(X),).

    Where `of` names rows, the means are theirs alone. With fewer other rows it is the mean distance
    to all of them, and 0 for a single row. Only distances between distinct rows are computed, so
    thousands of equal rows cost nothing.
    """
    of = np.arange(len(X)) if of is None else of
    n_neighbours = min(neighbours, len(X) - 1)
    if n_neighbours == 0:
        return np.zeros(len(of))
    rows, index, copies = np.unique(X, axis=0, return_inverse=True, return_counts=True)
    centred = rows - rows.mean(axis=0)
    norms = np.einsum("ij,ij->i", centred, centred)
    n_near = min(n_neighbours + 1, len(rows))  # the row itself, and distinct other rows
    asked, index = np.unique(index.ravel()[of], return_inverse=True)
    means = np.empty(len(asked))
    height = max(1, _BLOCK // max(len(rows), n_near * X.shape[1]))
    for start in range(0, len(asked), height):
        block = asked[start : start + height]
        # Up to a constant in each row, which does not change the order.
        squared = norms - 2 * (centred[block] @ centred.T)
        squared[np.arange(len(block)), block] = -np.inf
        near = np.argpartition(squared, n_near - 1, axis=1)[:, :n_near]
        # Good enough to find the nearest rows, but the products leave rounding noise. The distances
        # to these rows are computed anew.
        distances = np.linalg.norm(rows[near] - rows[block, None], axis=2)
        nearest = _mean_of_nearest(distances, copies[near], n_neighbours)
        means[start : start + len(block)] = nearest
    return means[index]


def _mean_of_nearest(distances: FloatArray, copies: IntArray, n: int) -> FloatArray:
    """Return the mean of the `n` smallest distances in each row, repeated by their `copies`.

    The smallest is the distance of a row to itself, which is not counted.
    """
    order = np.argsort(distances, axis=1)
    distances = np.take_along_axis(distances, order, axis=1)
    counts = np.take_along_axis(copies, order, axis=1)
    counts[:, 0] -= 1
    n_nearer = np.cumsum(counts, axis=1) - counts
    return (np.clip(n - n_nearer, 0, counts) * distances).sum(axis=1) / n
