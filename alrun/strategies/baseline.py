"""The strategy that all others are measured against."""

import numpy as np

from alrun.spec import IntArray
from alrun.strategies.pool import Pool


def random(pool: Pool, n: int, rng: np.random.Generator) -> IntArray:
    """Pick uniformly at random, without replacement."""
    return rng.choice(len(pool), size=n, replace=False)
