"""Strategies spreading the labels over the feature space, independent of the model."""

import numpy as np

from alrun.arrays import FloatArray, IntArray
from alrun.strategies.support.greedy import farthest_first, kmeanspp_sample
from alrun.strategies.support.pool import Pool


def k_center(pool: Pool, n: int, rng: np.random.Generator) -> IntArray:
    """Pick the farthest from all labelled or picked examples; sensitive to outliers and scaling.

    Source: Sener and Savarese 2018, Active learning for convolutional neural networks: a core-set
    approach (the greedy algorithm).
    """
    return farthest_first(squared_distance_to_labelled(pool), pool.squared_distances, n)


def k_means_pp(pool: Pool, n: int, rng: np.random.Generator) -> IntArray:
    """Draw in proportion to the squared distance to the nearest labelled or picked example.

    Source: Arthur and Vassilvitskii 2007, k-means++: the advantages of careful seeding, as a query
    rule that goes on from the labelled examples.
    """
    return kmeanspp_sample(squared_distance_to_labelled(pool), pool.squared_distances, n, rng)


def squared_distance_to_labelled(pool: Pool) -> FloatArray:
    """Return the squared distance of each row to the nearest labelled one, shape (len(pool),).

    The distances are kept between rounds, and only those to new labels are computed.
    """
    training, labelled = pool.training, pool.labelled
    n_seen, nearest = training.run_state.get(
        "nearest_labelled", (0, np.full(len(training), np.inf))
    )
    n_labels = max(_MIN_LABELS, _MAX_DISTANCES // len(training))
    for start in range(n_seen, len(labelled), n_labels):
        distances = training.squared_distances(labelled[start : start + n_labels])
        nearest = np.minimum(nearest, distances.min(axis=1))
    training.run_state["nearest_labelled"] = (len(labelled), nearest)
    return nearest[pool.unlabelled]


# Distances computed together: more would take memory and save nothing. They are to at least
# _MIN_LABELS labels, because most of the time goes into reading the features.
_MAX_DISTANCES, _MIN_LABELS = 1_000_000, 16
