"""Strategies that spread the labels over clusters of the features."""

from heapq import heapify, heappop, heappush
from math import ceil

import numpy as np

from alrun.arrays import FloatArray, IntArray
from alrun.strategies.support.clustering import k_means, projected
from alrun.strategies.support.pool import Pool
from alrun.strategies.support.requirements import requires
from alrun.strategies.support.top_k import top_k
from alrun.strategies.support.validation import number, whole_number

# Entries of a block of distances, 32 MiB of them, whatever the size of a cluster.
_BLOCK = 4_000_000
# For `clusters` of cluster_margin, at most one for so many examples.
_PER_CLUSTER = 5


def typiclust(
    pool: Pool,
    n: int,
    rng: np.random.Generator,
    neighbours: int = 20,
    most_clusters: int = 500,
    smallest_cluster: int = 5,
    components: int = 64,
) -> IntArray:
    """Pick the most typical of the largest of |labelled| + n clusters that have no label yet.

    Typical is who has a small mean distance to its nearest neighbours in the cluster. Where no
    cluster is without a label, that with the fewest is next, picks counting as labels; those below
    `smallest_cluster` wait until all others are used up. Clusters are by k-means, by minibatches
    where there are more than 10,000 examples. Both they and the distances are of the features on
    their first `components` principal components, computed once per split; with as many as there
    are features they are those of the features. A replica differs in how ties are broken alone.

    Source: Hacohen, Dekel and Weinshall 2022, Active learning on a budget: opposite strategies suit
    high and low budgets.
    """
    whole_number("typiclust", "neighbours", neighbours, 1)
    whole_number("typiclust", "most_clusters", most_clusters, 1)
    whole_number("typiclust", "smallest_cluster", smallest_cluster, 1)
    whole_number("typiclust", "components", components, 1)
    n_clusters = min(len(pool.labelled) + n, most_clusters)
    labels = k_means(pool.training, n_clusters, components)
    own, X = labels[pool.unlabelled], projected(pool.training, components)
    sizes = np.bincount(labels, minlength=n_clusters).tolist()
    paid = np.bincount(labels[pool.labelled], minlength=n_clusters).tolist()
    queue = [  # what is least comes next; among equals the cluster whose first row is the first
        (sizes[cluster] < smallest_cluster, paid[cluster], -sizes[cluster], first, cluster)
        for cluster, first in zip(*np.unique(own, return_index=True), strict=True)
    ]
    heapify(queue)
    waiting: dict[int, list[int]] = {}
    picked: list[int] = []
    while len(picked) < n:
        is_small, n_labels, size, first, cluster = heappop(queue)
        if cluster not in waiting:
            members, rows = np.flatnonzero(labels == cluster), np.flatnonzero(own == cluster)
            inside = np.searchsorted(members, pool.unlabelled[rows])
            typicality = -mean_distances(X[members], neighbours)[inside]
            waiting[cluster] = rows[top_k(typicality, len(rows))[0]].tolist()
        picked.append(waiting[cluster].pop(0))
        if waiting[cluster]:
            heappush(queue, (is_small, n_labels + 1, size, first, cluster))
    return np.array(picked, dtype=np.int64)


@requires("predict_proba", "decision_function")
def cluster_margin(
    pool: Pool,
    n: int,
    rng: np.random.Generator,
    candidates: float = 10.0,
    clusters: int = 500,
    components: int = 64,
) -> IntArray:
    """Pick in turns from the clusters of the `candidates` n smallest margins, the smallest first.

    From a cluster one is drawn at random; its size is the number of its candidates. The clusters
    are computed once per split: by k-means on the first `components` principal components, not by
    the average linkage of the source, which needs all pairs of distances. They are at most
    `clusters`, and at most one for each five examples.

    Source: Citovsky et al. 2021, Batch active learning at scale.
    """
    whole_number("cluster_margin", "clusters", clusters, 1)
    whole_number("cluster_margin", "components", components, 1)
    candidates = number("cluster_margin", "candidates", candidates, 1)
    n_clusters = min(clusters, ceil(len(pool.training) / _PER_CLUSTER))
    labels = k_means(pool.training, n_clusters, components)
    rows = top_k(-pool.margins, min(ceil(candidates * n), len(pool)))[0]
    own = labels[pool.unlabelled[rows]]
    _, first, group, sizes = np.unique(
        own, return_index=True, return_inverse=True, return_counts=True
    )
    shuffled = rng.permutation(len(rows))
    grouped = shuffled[np.argsort(group[shuffled], kind="stable")]
    turns = np.empty(len(rows), dtype=np.int64)
    turns[grouped] = np.arange(len(rows)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    # Of clusters of one size that with the smallest margin comes first.
    return rows[np.lexsort((first[group], sizes[group], turns))[:n]]


def mean_distances(X: FloatArray, neighbours: int) -> FloatArray:
    """Return the mean distance of each row to its nearest other ones, shape (len(X),).

    To all others where they are fewer than `neighbours`, and 0 where there are none. Distances are
    between distinct rows, so that a cluster of thousands of equal ones takes no time.
    """
    n_neighbours = min(neighbours, len(X) - 1)
    if n_neighbours == 0:
        return np.zeros(len(X))
    rows, index, copies = np.unique(X, axis=0, return_inverse=True, return_counts=True)
    centred = rows - rows.mean(axis=0)
    norms = np.einsum("ij,ij->i", centred, centred)
    n_near = min(n_neighbours + 1, len(rows))  # itself, and others of which each counts once
    means = np.empty(len(rows))
    height = max(1, _BLOCK // max(len(rows), n_near * X.shape[1]))
    for start in range(0, len(rows), height):
        block = np.arange(start, min(start + height, len(rows)))
        squared = norms - 2 * (centred[block] @ centred.T)  # but for what is equal in each row
        squared[block - start, block] = -np.inf
        near = np.argpartition(squared, n_near - 1, axis=1)[:, :n_near]
        # Who is near is known; how near is computed anew, since the products leave rounding noise.
        distances = np.linalg.norm(rows[near] - rows[block, None], axis=2)
        means[block] = _mean_of_nearest(distances, copies[near], n_neighbours)
    return means[index.ravel()]


def _mean_of_nearest(distances: FloatArray, copies: IntArray, n: int) -> FloatArray:
    """Return the mean of the `n` smallest distances in each row, each as often as it has copies.

    The smallest is a row's distance to itself, and counts once less.
    """
    order = np.argsort(distances, axis=1)
    distances = np.take_along_axis(distances, order, axis=1)
    times = np.take_along_axis(copies, order, axis=1)
    times[:, 0] -= 1
    before = np.cumsum(times, axis=1) - times
    return (np.clip(n - before, 0, times) * distances).sum(axis=1) / n
