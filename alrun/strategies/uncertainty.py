"""Strategies that query what the model is least sure of.

With two classes the three are the same ranking.
"""

import numpy as np

from alrun.metrics import FloatArray
from alrun.strategies.pool import Pool


def least_confidence(pool: Pool, n: int, rng: np.random.Generator) -> FloatArray:
    """Score by 1 - p1, with p1 the probability of the likeliest class.

    Source: Lewis and Gale 1994, A sequential algorithm for training text classifiers.
    """
    return 1.0 - pool.probabilities.max(axis=1)


def margin(pool: Pool, n: int, rng: np.random.Generator) -> FloatArray:
    """Score by p2 - p1, the two likeliest classes; decision values where there are no p.

    Source: Scheffer, Decomain and Wrobel 2001, Active hidden Markov models for information
    extraction.
    """
    return -pool.margins


def entropy(pool: Pool, n: int, rng: np.random.Generator) -> FloatArray:
    """Score by -sum p log p over the classes; suffers where there are many.

    Source: Settles and Craven 2008, An analysis of active learning strategies for sequence
    labeling tasks, after Shannon 1948.
    """
    p = pool.probabilities
    # Not xlogy: a zero times the log of the smallest number is the zero wanted, and this is faster.
    return -(p * np.log(np.maximum(p, np.finfo(np.float64).tiny))).sum(axis=1)
