"""The query of a round: a strategy's batch, checked."""

from typing import Any

import numpy as np

from alrun.arrays import FloatArray, IntArray
from alrun.errors import StrategyError
from alrun.spec_parts import StrategySpec
from alrun.strategies.registry import find
from alrun.strategies.support.pool import Pool
from alrun.util.top_k import top_k

# A strategy that picks a batch is asked for so many times as many examples, where costs choose.
_CANDIDATES = 4


def query(
    spec: StrategySpec, pool: Pool, n: int, rng: np.random.Generator
) -> tuple[IntArray, bool]:
    """Return the strategy's picks as positions in `pool`, best first, shape (n,).

    The second value is whether a tie was broken to choose them. With `per_cost` the picks are those
    with the highest score by cost. Raises StrategyError if the strategy returned neither scores nor
    a batch.
    """
    wanted = min(_CANDIDATES * n, len(pool)) if spec.per_cost else n
    answer = _answer_of(spec, pool, wanted, rng)
    if spec.per_cost:
        return top_k(_per_cost(answer, pool.costs), n)
    return top_k(answer, n) if answer.dtype.kind == "f" else (answer, False)


def _per_cost(answer: Any, costs: FloatArray) -> FloatArray:
    """Return scores divided by costs, shape (len(costs),); -inf for what was not picked.

    Scores below 0 are shifted to begin at 0 first, since a high cost must not make them better. A
    batch is scored by its order: of m picks the p-th (the first is 0) has the score (m - p) / m.
    What costs nothing comes first.
    """
    if answer.dtype.kind != "f":
        scores = np.full(len(costs), -np.inf)
        scores[answer] = np.arange(len(answer), 0, -1) / len(answer)
    else:
        scores = answer - min(0.0, float(answer[np.isfinite(answer)].min(initial=0.0)))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = scores / costs
    return np.where(np.isnan(ratios), np.inf, ratios)  # a score of 0 that costs nothing


def _answer_of(spec: StrategySpec, pool: Pool, n: int, rng: np.random.Generator) -> Any:
    """Return what the strategy answered: a score for each example, or `n` distinct rows."""
    try:
        answer: Any = np.asarray(find(spec.name)(pool, n, rng, **spec.parameters))
    except ValueError as error:
        if "inhomogeneous" not in str(error):
            raise
        raise StrategyError(
            f"{spec.name} must return scores or rows in one list, not lists of unequal length"
        ) from error
    if answer.dtype.kind == "f":
        _check_scores(spec.name, answer, len(pool))
        return answer
    if answer.dtype.kind not in "iu" or answer.shape != (n,):
        raise StrategyError(
            f"{spec.name} must return {n} rows (integers) or {len(pool)} scores (floats); it"
            f" returned {_described(answer)}"
        )
    if len(np.unique(answer)) < n or answer.min() < 0 or answer.max() >= len(pool):
        raise StrategyError(
            f"{spec.name} must return distinct rows from 0 to {len(pool) - 1}; it returned"
            f" {np.array2string(answer, threshold=20)}"
        )
    return answer


def _check_scores(name: str, scores: FloatArray, n: int) -> None:
    """Raise StrategyError unless there is one score for each of `n` examples, and none is NaN."""
    wanted = f"{name} must return one score for each of the {n} unlabelled examples"
    if scores.shape != (n,):
        raise StrategyError(f"{wanted}; it returned shape {scores.shape}")
    bad = np.flatnonzero(np.isnan(scores))
    if len(bad):
        first = ", ".join(map(str, bad[:5].tolist())) + (", ..." if len(bad) > 5 else "")
        raise StrategyError(f"{wanted}; {len(bad)} of them are NaN, at {first} (the first is 0)")


def _described(answer: Any) -> str:
    """Return in words what is neither rows nor scores."""
    if answer.dtype == object and answer.shape == ():
        value = answer.item()
        return "None; a return statement may be missing" if value is None else type(value).__name__
    has_none = answer.dtype == object and any(value is None for value in answer.ravel())
    return f"{answer.dtype} of shape {answer.shape}{' with None in it' if has_none else ''}"
