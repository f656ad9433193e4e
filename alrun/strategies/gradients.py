"""Strategies based on the gradients of the model's loss.

The gradient of the log loss of a linear model at an example x with label k is (p - e_k) (x) x, the
outer product of a residual and the features. It has as many entries as the model, and is never
computed: its norm is the product of the two norms, and the inner product of two gradients is the
product of the inner products of their residuals and their features. The intercept is left out.
"""

import numpy as np

from alrun.arrays import FloatArray, IntArray
from alrun.data.features import squared_distances_inplace, squared_norms
from alrun.strategies.support.greedy import kmeanspp_sample, lower_to_nearest
from alrun.strategies.support.pool import Pool
from alrun.strategies.support.requirements import requires
from alrun.util.top_k import top_k


@requires("predict_proba")
def badge(pool: Pool, n: int, rng: np.random.Generator) -> IntArray:
    """Pick by k-means++ among the gradients for the likeliest labels, from the longest on.

    Source: Ash, Zhang, Krishnamurthy, Langford and Agarwal 2020, Deep batch active learning by
    diverse, uncertain gradient lower bounds.
    """
    training = pool.training
    residuals = to_the_likeliest(pool.probabilities_by_position)
    norms = squared_norms(residuals) * training.squared_norms

    def distances(of: IntArray | slice, others: IntArray) -> FloatArray:
        products = training.products(of, others)
        products *= (residuals[others] @ residuals[of].T).T
        return squared_distances_inplace(norms[others], norms[of], products.T).T

    longest = top_k(norms[pool.unlabelled], 1)[0]
    nearest = np.full(len(training), np.inf)
    lower_to_nearest(nearest, pool, distances, pool.unlabelled[longest])
    return kmeanspp_sample(nearest, pool, distances, n, rng, longest)


@requires("predict_proba")
def egl(pool: Pool, n: int, rng: np.random.Generator) -> FloatArray:
    """Score by the expected length of the gradient, ‖x‖ sum p_k ‖p - e_k‖; favours large norms.

    Source: Settles and Craven 2008, An analysis of active learning strategies for sequence
    labeling tasks (expected gradient length).
    """
    p = pool.probabilities
    squared = squared_norms(p)[:, None] + 1.0 - 2.0 * p
    # For the likeliest class this difference would be rounding noise if the model is certain.
    squared[np.arange(len(p)), likeliest(p)] = squared_norms(to_the_likeliest(p))
    norms = np.sqrt(pool.training.squared_norms[pool.unlabelled])
    return norms * (p * np.sqrt(squared)).sum(axis=1)


def likeliest(p: FloatArray) -> IntArray:
    """Return the likeliest class of each row; among classes equal at nine digits, the first."""
    return (p >= (1 - 1e-9) * p.max(axis=1, keepdims=True)).argmax(axis=1)


def to_the_likeliest(p: FloatArray) -> FloatArray:
    """Return p - e_k with k the likeliest class, shape (n, n_classes).

    The entry of k is minus the sum of the others, which is exact even if the model is certain.
    """
    rows, classes = np.arange(len(p)), likeliest(p)
    residuals = p.copy()
    residuals[rows, classes] = 0.0
    residuals[rows, classes] = -residuals.sum(axis=1)
    return residuals
