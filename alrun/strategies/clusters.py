"""Strategies spreading the labels over clusters of the features."""

from math import ceil

import numpy as np

from alrun.arrays import IntArray
from alrun.data.typicality import pick_typical
from alrun.strategies.support.clustering import k_means, projected
from alrun.strategies.support.pool import Pool
from alrun.strategies.support.requirements import requires
from alrun.strategies.support.validation import number, whole_number
from alrun.util.top_k import top_k

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
    X = projected(pool.training, components)
    return pick_typical(
        X, clusters, pool.labelled, pool.unlabelled, n, neighbours, smallest_cluster
    )


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
