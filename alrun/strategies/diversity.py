"""Strategies that spread the labels over the features, whatever the model says."""

import numpy as np

from alrun.arrays import FloatArray, IntArray
from alrun.strategies.support.greedy import farthest_first, kmeanspp_sample
from alrun.strategies.support.pool import Pool


def k_center(pool: Pool, n: int, rng: np.random.Generator) -> IntArray:
    """Pick the farthest from all that is labelled or picked; outliers and scaling bite.

    Source: Sener and Savarese 2018, Active learning for convolutional neural networks: a core-set
    approach (the greedy algorithm).
    """
    return farthest_first(squared_distance_to_labelled(pool), pool.squared_distances, n)


def k_means_pp(pool: Pool, n: int, rng: np.random.Generator) -> IntArray:
    """Pick with probability in proportion to the squared distance to all labelled or picked.

    Source: Arthur and Vassilvitskii 2007, k-means++: the advantages of careful seeding, as a query
    rule that goes on from the labelled examples.
    """
    return kmeanspp_sample(squared_distance_to_labelled(pool), pool.squared_distances, n, rng)


def squared_distance_to_labelled(pool: Pool) -> FloatArray:
    """Return the squared distance of each row to the nearest labelled one, shape (len(pool),).

    Between rounds the distances are kept, and only those to the new labels are computed.
    """
    training, labelled = pool.training, pool.labelled
    seen, nearest = training.run_state.get("nearest_labelled", (0, np.full(len(training), np.inf)))
    at_once = max(_FEWEST, _MOST_DISTANCES // len(training))
    for start in range(seen, len(labelled), at_once):
        some = training.squared_distances(labelled[start : start + at_once])
        nearest = np.minimum(nearest, some.min(axis=1))
    training.run_state["nearest_labelled"] = (len(labelled), nearest)
    return nearest[pool.unlabelled]


# Distances to all that are computed together: more would take memory, and save nothing; but to a
# few labels at least, since it is reading the features that takes the time.
_MOST_DISTANCES, _FEWEST = 1_000_000, 16
