"""Strategies based on the gradients of the model's loss.

The gradient of the log loss of a linear model at an example x with label k is (p - e_k) (x) x, the
outer product of a residual and the features. It has as many entries as the model, and is never
computed: its norm is the product of the two norms, and the inner product of two gradients is the
product of the inner products of their residuals and their features. The intercept is left out.
"""

import numpy as np

from alrun.arrays import FloatArray, IntArray
from alrun.data.features import slices, squared_distances_inplace, squared_norms
from alrun.strategies.support.greedy import kmeanspp_sample
from alrun.strategies.support.pool import Pool
from alrun.strategies.support.requirements import requires
from alrun.util.top_k import top_k

# Distances computed together, for little memory.
_AT_ONCE = 1_000_000


@requires("predict_proba")
def badge(pool: Pool, n: int, rng: np.random.Generator) -> IntArray:
    """Pick by k-means++ among the gradients for the likeliest labels, from the longest on.

    Source: Ash, Zhang, Krishnamurthy, Langford and Agarwal 2020, Deep batch active learning by
    diverse, uncertain gradient lower bounds.
    """
    residuals = to_the_likeliest(pool.probabilities)
    norms = squared_norms(residuals) * pool.training.squared_norms[pool.unlabelled]

    def distances(rows: IntArray) -> FloatArray:
        products = pool.training.products(pool.unlabelled[rows], pool.unlabelled)
        for block in slices(products, _AT_ONCE):
            products[block] = squared_distances_inplace(
                norms[block],
                norms[rows],
                products[block] * (residuals[block] @ residuals[rows].T),
            )
        return products

    longest = top_k(norms, 1)[0]
    return kmeanspp_sample(distances(longest)[:, 0], distances, n, rng, longest)


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
