"""Strategies spreading the labels over clusters of the features."""

from heapq import heapify, heappop, heappush
from math import ceil

import numpy as np

from alrun.arrays import FloatArray, IntArray
from alrun.strategies.support.clustering import k_means, projected
from alrun.strategies.support.pool import Pool
from alrun.strategies.support.requirements import requires
from alrun.strategies.support.top_k import top_k
from alrun.strategies.support.validation import number, whole_number

# Numbers in a block of distances: 32 MB, whatever the size of a cluster.
_BLOCK = 4_000_000
# cluster_margin has at most one cluster for so many examples.
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
    """Pick the most typical example of each of the largest clusters without a label.

    There are |labelled| + n clusters, at most `most_clusters`. An example is typical if its mean
    distance to its nearest `neighbours` in the cluster is small. If every cluster has a label, the
    cluster with the fewest labels is next, counting picks as labels. Clusters smaller than
    `smallest_cluster` wait until all others are used up. Clusters are computed by k-means, on
    minibatches for more than 10,000 examples. Clusters and distances use the first `components`
    principal components of the features, computed once per split, or the features themselves if
    there are no more of them. Replicas differ only in how ties are broken.

    Source: Hacohen, Dekel and Weinshall 2022, Active learning on a budget: opposite strategies suit
    high and low budgets.
    """
    whole_number("typiclust", "neighbours", neighbours, 1)
    whole_number("typiclust", "most_clusters", most_clusters, 1)
    whole_number("typiclust", "smallest_cluster", smallest_cluster, 1)
    whole_number("typiclust", "components", components, 1)
    n_clusters = min(len(pool.labelled) + n, most_clusters)
    clusters = k_means(pool.training, n_clusters, components)
    pool_clusters, X = clusters[pool.unlabelled], projected(pool.training, components)
    sizes = np.bincount(clusters, minlength=n_clusters).tolist()
    n_labelled = np.bincount(clusters[pool.labelled], minlength=n_clusters).tolist()
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
            inside = np.searchsorted(members, pool.unlabelled[rows])
            typicality = -mean_distances(X[members], neighbours)[inside]
            ranked[cluster] = rows[top_k(typicality, len(rows))[0]].tolist()
        picked.append(ranked[cluster].pop(0))
        if ranked[cluster]:
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
    """Pick in turns from the clusters of the examples with the smallest margins.

    The candidates are the `candidates` times n examples with the smallest margins. In each turn one
    candidate is drawn at random from each cluster, beginning with the cluster of the fewest
    candidates. The clusters are computed once per split, by k-means on the first `components`
    principal components; the average linkage of the source would need all pairs of distances. Their
    number is `clusters`, and at most one for five examples.

    Source: Citovsky et al. 2021, Batch active learning at scale.
    """
    whole_number("cluster_margin", "clusters", clusters, 1)
    whole_number("cluster_margin", "components", components, 1)
    candidates = number("cluster_margin", "candidates", candidates, 1)
    n_clusters = min(clusters, ceil(len(pool.training) / _PER_CLUSTER))
    all_clusters = k_means(pool.training, n_clusters, components)
    rows = top_k(-pool.margins, min(ceil(candidates * n), len(pool)))[0]
    _, first, group, sizes = np.unique(
        all_clusters[pool.unlabelled[rows]],
        return_index=True,
        return_inverse=True,
        return_counts=True,
    )
    shuffled = rng.permutation(len(rows))
    grouped = shuffled[np.argsort(group[shuffled], kind="stable")]
    turns = np.empty(len(rows), dtype=np.int64)
    turns[grouped] = np.arange(len(rows)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    # Among clusters of one size, the one with the smallest margin comes first.
    return rows[np.lexsort((first[group], sizes[group], turns))[:n]]


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
