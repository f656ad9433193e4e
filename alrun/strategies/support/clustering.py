"""Projection and k-means clusters of the training part, computed once per split."""

from functools import partial

from alrun.arrays import FloatArray, IntArray
from alrun.data import kmeans
from alrun.strategies.support.training_set import TrainingSet


def projected(training: TrainingSet, components: int) -> FloatArray:
    """Return the features projected by `kmeans.project`, shape (len(training), components).

    At most `components` dense features are returned unchanged, without a copy.
    """
    if training.n_features <= components and not training.is_sparse:
        return training.X
    return training.cached(
        f"projected {components}", lambda rng: kmeans.project(training.stored, components, rng)
    )


def k_means(training: TrainingSet, n_clusters: int, components: int) -> IntArray:
    """Return the cluster of each example, shape (len(training),); some clusters may be empty.

    The clusters depend only on the split, their number and `components`, so all runs on a split
    share them.
    """
    X = projected(training, components)
    return training.cached(
        f"k_means {n_clusters} {components}", partial(kmeans.k_means, X, n_clusters)
    )
