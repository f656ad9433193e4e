"""Strategies that spread the labels over the features, whatever the model says."""

import numpy as np

from alrun.spec import FloatArray, IntArray
from alrun.strategies.greedy import farthest_first, proportional
from alrun.strategies.pool import Pool


def k_center(pool: Pool, n: int, rng: np.random.Generator) -> IntArray:
    """Pick the farthest from all that is labelled or picked; outliers and scaling bite.

    Source: Sener and Savarese 2018, Active learning for convolutional neural networks: a core-set
    approach (the greedy algorithm).
    """
    return farthest_first(nearest_labelled(pool), pool.squared_distances, n)


def k_means_pp(pool: Pool, n: int, rng: np.random.Generator) -> IntArray:
    """Pick with probability in proportion to the squared distance to all labelled or picked.

    Source: Arthur and Vassilvitskii 2007, k-means++: the advantages of careful seeding, as a query
    rule that goes on from the labelled examples.
    """
    return proportional(nearest_labelled(pool), pool.squared_distances, n, rng)


def nearest_labelled(pool: Pool) -> FloatArray:
    """Return the squared distance of each row to the nearest labelled one, shape (len(pool),).

    Between rounds the distances are kept, and only those to the new labels are computed.
    """
    training, labelled = pool.training, pool.labelled
    seen, nearest = training.kept.get("nearest_labelled", (0, np.full(len(training), np.inf)))
    for start in range(seen, len(labelled), _AT_ONCE):
        some = training.squared_distances(labelled[start : start + _AT_ONCE])
        nearest = np.minimum(nearest, some.min(axis=1))
    training.kept["nearest_labelled"] = (len(labelled), nearest)
    return nearest[pool.unlabelled]


# Labels whose distances to all are computed together: more would take memory, and save nothing.
_AT_ONCE = 16
