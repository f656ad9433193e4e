"""The baseline strategy: random labelling."""

import numpy as np

from alrun.arrays import IntArray
from alrun.strategies.support.pool import Pool


def random(pool: Pool, n: int, rng: np.random.Generator) -> IntArray:
    """Pick uniformly at random, without replacement."""
    return rng.choice(len(pool), size=n, replace=False)
