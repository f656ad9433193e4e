"""The training part in clusters: a projection of its features and k-means, once per split."""

from functools import partial

import numpy as np

from alrun.arrays import FloatArray, IntArray
from alrun.data import kmeans
from alrun.strategies.support.training_set import TrainingSet


def projected(training: TrainingSet, components: int) -> FloatArray:
    """Return what `kmeans.project` makes of the features, shape (len(training), components).

    Dense features that are no more than that are not copied.
    """
    if training.n_features <= components and not training.is_sparse:
        return training.X
    everyone = np.arange(len(training))
    return training.cached(
        f"projected {components}",
        lambda rng: kmeans.project(training.features(everyone), components, rng),
    )


def k_means(training: TrainingSet, n_clusters: int, components: int) -> IntArray:
    """Return the cluster of each example, shape (len(training),); some clusters may be empty.

    By `kmeans.k_means`. The clustering is that of the split and of the number of clusters, so that
    all runs on a split share it.
    """
    X = projected(training, components)
    return training.cached(
        f"k_means {n_clusters} {components}", partial(kmeans.k_means, X, n_clusters)
    )
