"""The query of a round: a strategy's batch, checked."""

from typing import Any

import numpy as np

from alrun.arrays import IntArray
from alrun.errors import StrategyError
from alrun.spec import StrategySpec
from alrun.strategies.registry import find
from alrun.strategies.support.pool import Pool
from alrun.util.top_k import top_k


def query(
    spec: StrategySpec, pool: Pool, n: int, rng: np.random.Generator
) -> tuple[IntArray, bool]:
    """Return the strategy's picks as positions in `pool`, best first, shape (n,).

    The second value is whether a tie was broken to choose them. Raises StrategyError if the
    strategy returned neither scores nor a batch.
    """
    try:
        answer: Any = np.asarray(find(spec.name)(pool, n, rng, **spec.parameters))
    except ValueError as error:
        if "inhomogeneous" not in str(error):
            raise
        raise StrategyError(
            f"{spec.name} must return scores or rows in one list, not lists of unequal length"
        ) from error
    if answer.dtype.kind == "f":
        if answer.shape != (len(pool),) or np.isnan(answer).any():
            raise StrategyError(
                f"{spec.name} must return one score for each of the {len(pool)} unlabelled"
                f" examples and no NaN; it returned shape {answer.shape}"
            )
        return top_k(answer, n)
    if answer.dtype.kind not in "iu" or answer.shape != (n,):
        raise StrategyError(
            f"{spec.name} must return {n} rows (integers) or {len(pool)} scores (floats); it"
            f" returned {answer.dtype} of shape {answer.shape}"
        )
    if len(np.unique(answer)) < n or answer.min() < 0 or answer.max() >= len(pool):
        raise StrategyError(
            f"{spec.name} must return distinct rows from 0 to {len(pool) - 1}; it returned"
            f" {np.array2string(answer, threshold=20)}"
        )
    return answer, False
