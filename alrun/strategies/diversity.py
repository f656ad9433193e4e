"""Strategies spreading the labels over the feature space, independent of the model."""

import numpy as np

from alrun.arrays import FloatArray, IntArray
from alrun.strategies.support.greedy import farthest_first, kmeanspp_sample, lower_to_nearest
from alrun.strategies.support.pool import Pool


def k_center(pool: Pool, n: int, rng: np.random.Generator) -> IntArray:
    """Pick the farthest from all labelled or picked examples; sensitive to outliers and scaling.

    Source: Sener and Savarese 2018, Active learning for convolutional neural networks: a core-set
    approach (the greedy algorithm).
    """
    nearest = squared_distance_to_labelled(pool)
    return farthest_first(nearest, pool, pool.training.squared_distances, n)


def k_means_pp(pool: Pool, n: int, rng: np.random.Generator) -> IntArray:
    """Draw in proportion to the squared distance to the nearest labelled or picked example.

    Source: Arthur and Vassilvitskii 2007, k-means++: the advantages of careful seeding, as a query
    rule that goes on from the labelled examples.
    """
    nearest = squared_distance_to_labelled(pool)
    return kmeanspp_sample(nearest, pool, pool.training.squared_distances, n, rng)


def squared_distance_to_labelled(pool: Pool) -> FloatArray:
    """Return the squared distance of each position to the nearest labelled one; a copy.

    The shape is (len(pool.training),). The distances are kept between rounds, and only those to new
    labels are computed.
    """
    training, labelled = pool.training, pool.labelled
    n_seen, nearest = training.run_state.get(
        "nearest_labelled", (0, np.full(len(training), np.inf))
    )
    for start in range(n_seen, len(labelled), _MOST_LABELS):
        new = labelled[start : start + _MOST_LABELS]
        lower_to_nearest(nearest, pool, training.squared_distances, new)
    training.run_state["nearest_labelled"] = (len(labelled), nearest)
    return nearest.copy()


# Labels whose distances are computed together, for blocks of them to fit into the cache.
_MOST_LABELS = 100
