"""Strategies weighting the uncertainty of an example by the density around it."""

import numpy as np

from alrun.arrays import FloatArray
from alrun.strategies.support.pool import Pool
from alrun.strategies.support.requirements import requires
from alrun.strategies.support.training_set import TrainingSet
from alrun.strategies.support.validation import number
from alrun.strategies.uncertainty import entropy

# A mean cosine below this is zero up to rounding.
_ZERO = 1e-12


@requires("predict_proba")
def density(pool: Pool, n: int, rng: np.random.Generator, beta: float = 1.0) -> FloatArray:
    """Score by entropy x (mean cosine similarity to all)^beta; unsuited to centred features.

    The mean is over the whole training part. A negative mean counts as zero, as it does for an
    example whose features are all zero. With centred features this holds for about half of them.

    Source: Settles and Craven 2008, An analysis of active learning strategies for sequence
    labeling tasks (information density).
    """
    beta = number("density", "beta", beta, 0)
    similarity = mean_similarities(pool.training)[pool.unlabelled]
    return entropy(pool, n, rng) * similarity**beta


def mean_similarities(training: TrainingSet) -> FloatArray:
    """Return the mean cosine of each example with all of them, at least 0, once per split.

    The shape is (len(training),). The mean of the products with all examples is the product with
    their mean, so no pairs are needed.
    """

    def make(rng: np.random.Generator) -> FloatArray:
        norms = np.sqrt(training.squared_norms)
        inverse = np.divide(1.0, norms, out=np.zeros_like(norms), where=norms > 0)
        mean = training.weighted_mean(inverse)
        similarities = training.products_with(mean[None])[:, 0] * inverse
        return np.where(similarities > _ZERO, similarities, 0.0)

    return training.cached("mean_similarities", make)
