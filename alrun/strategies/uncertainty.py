"""Strategies querying the examples with the least certain predictions.

With two classes least_confidence, margin and entropy rank the examples in the same order.
"""

import numpy as np
from scipy.special import xlogy

from alrun.arrays import FloatArray
from alrun.strategies.support.pool import Pool
from alrun.strategies.support.requirements import requires
from alrun.strategies.support.validation import number


@requires("predict_proba")
def least_confidence(pool: Pool, n: int, rng: np.random.Generator) -> FloatArray:
    """Score by 1 - p1, with p1 the probability of the likeliest class.

    Source: Lewis and Gale 1994, A sequential algorithm for training text classifiers.
    """
    return 1.0 - pool.probabilities.max(axis=1)


@requires("predict_proba", "decision_function")
def margin(pool: Pool, n: int, rng: np.random.Generator) -> FloatArray:
    """Score by p2 - p1 of the two likeliest classes, or by decision values if there are no p.

    Source: Scheffer, Decomain and Wrobel 2001, Active hidden Markov models for information
    extraction.
    """
    return -pool.margins


@requires("predict_proba")
def entropy(pool: Pool, n: int, rng: np.random.Generator) -> FloatArray:
    """Score by -sum p log p over the classes; weak with many classes.

    Source: Settles and Craven 2008, An analysis of active learning strategies for sequence
    labeling tasks, after Shannon 1948.
    """
    return entropy_of(pool.probabilities)


@requires("predict_proba")
def power_margin(pool: Pool, n: int, rng: np.random.Generator, beta: float = 1.0) -> FloatArray:
    """Score by beta log(1 - (p1 - p2)) + Gumbel noise: a draw weighted by (1 - (p1 - p2))^beta.

    With beta = 0 the draw is uniform; the larger beta, the closer it is to margin. Source: Kirsch,
    Farquhar, Atighehchian, Jesson, Branchaud-Charron and Gal 2023, Stochastic batch acquisition: a
    simple baseline for deep active learning.
    """
    beta = number("power_margin", "beta", beta, 0)
    return xlogy(beta, closeness(pool.probabilities)) + rng.gumbel(size=len(pool))


def entropy_of(p: FloatArray) -> FloatArray:
    """Return -sum p log p of each row, in nats."""
    # Faster than xlogy, and equal: 0 times the log of the smallest float is 0.
    terms = np.maximum(p, np.finfo(np.float64).tiny)
    np.log(terms, out=terms)
    terms *= p
    return -terms.sum(axis=1)


def closeness(p: FloatArray) -> FloatArray:
    """Return 1 - (p1 - p2) of each row, for its two likeliest classes; 0 means certain.

    1 - p1 is computed as the sum of the other probabilities, which is exact near 0.
    """
    ordered = np.sort(p, axis=1)
    return ordered[:, :-1].sum(axis=1) + ordered[:, -2]
