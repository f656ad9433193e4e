"""Typical examples of clusters, and the distances that say which these are."""

from heapq import heapify, heappop, heappush
from typing import Any

import numpy as np

from alrun.arrays import FloatArray, IntArray
from alrun.data import kmeans
from alrun.util.top_k import top_k

# Numbers in a block of distances: 32 MB, whatever the size of a cluster.
_BLOCK = 4_000_000
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
    ranked: dict[int, list[int]] = {}  # the rows left in each cluster, the most typical first
    picked: list[int] = []
    while len(picked) < n:
        is_small, n_labels, size, first, cluster = heappop(queue)
        if cluster not in ranked:
            members = np.flatnonzero(clusters == cluster)
            rows = np.flatnonzero(pool_clusters == cluster)
            inside = np.searchsorted(members, unlabelled[rows])
            typicality = -mean_distances(X[members], neighbours)[inside]
            ranked[cluster] = rows[top_k(typicality, len(rows))[0]].tolist()
        picked.append(ranked[cluster].pop(0))
        if ranked[cluster]:
            heappush(queue, (is_small, n_labels + 1, size, first, cluster))
    return np.array(picked, dtype=np.int64)


def mean_distances(X: FloatArray, neighbours: int) -> FloatArray:
    """Return the mean distance of each row to its nearest `neighbours`, shape (len(X),).

    With fewer other rows it is the mean distance to all of them, and 0 for a single row. Only
    distances between distinct rows are computed, so thousands of equal rows cost nothing.
    """
    n_neighbours = min(neighbours, len(X) - 1)
    if n_neighbours == 0:
        return np.zeros(len(X))
    rows, index, copies = np.unique(X, axis=0, return_inverse=True, return_counts=True)
    centred = rows - rows.mean(axis=0)
    norms = np.einsum("ij,ij->i", centred, centred)
    n_near = min(n_neighbours + 1, len(rows))  # the row itself, and distinct other rows
    means = np.empty(len(rows))
    height = max(1, _BLOCK // max(len(rows), n_near * X.shape[1]))
    for start in range(0, len(rows), height):
        block = np.arange(start, min(start + height, len(rows)))
        # Up to a constant in each row, which does not change the order.
        squared = norms - 2 * (centred[block] @ centred.T)
        squared[block - start, block] = -np.inf
        near = np.argpartition(squared, n_near - 1, axis=1)[:, :n_near]
        # Good enough to find the nearest rows, but the products leave rounding noise. The distances
        # to these rows are computed anew.
        distances = np.linalg.norm(rows[near] - rows[block, None], axis=2)
        means[block] = _mean_of_nearest(distances, copies[near], n_neighbours)
    return means[index.ravel()]


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
