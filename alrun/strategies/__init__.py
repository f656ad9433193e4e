"""Query strategies: names to functions, and from what a function returns to a batch.

A strategy is a plain function `strategy(pool, n, rng, **parameters)`. It returns either a score
for each unlabelled example (floats; the highest are queried) or the rows of `n` of them (integers).
"""

import importlib
import inspect
import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from alrun.errors import StrategyError, nearest
from alrun.metrics import FloatArray
from alrun.spec import IntArray, StrategySpec
from alrun.strategies.baseline import random
from alrun.strategies.pool import Pool
from alrun.strategies.uncertainty import entropy, least_confidence, margin

Strategy = Callable[..., Any]

BUILT_IN: dict[str, Strategy] = {
    strategy.__name__: strategy for strategy in (random, least_confidence, margin, entropy)
}
# The methods of the model of which a strategy needs one. One of a user's own finds out as it runs.
NEEDS = {
    "least_confidence": ("predict_proba",),
    "margin": ("predict_proba", "decision_function"),
    "entropy": ("predict_proba",),
}


def resolve(name: str, parameters: Mapping[str, Any]) -> tuple[dict[str, Any], int]:
    """Return all parameters of a strategy, defaults included, and its version.

    The version is the function's attribute `version`, 1 where it has none: raise it when the
    function changes, and its runs are computed anew. Raises StrategyError.
    """
    function = find(name)
    known = _parameter_defaults(name, function)
    unknown = [key for key in parameters if key not in known]
    if unknown:
        raise StrategyError(
            "; ".join(f"{name} has no parameter '{key}'{nearest(key, known)}" for key in unknown)
        )
    missing = [key for key, default in known.items() if default is inspect.Parameter.empty]
    missing = [key for key in missing if key not in parameters]
    if missing:
        raise StrategyError(f"{name} needs a value for {', '.join(missing)}")
    resolved = {**known, **parameters}
    try:
        json.dumps(resolved, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise StrategyError(f"a parameter of {name} is not plain data: {error}") from error
    return resolved, int(getattr(function, "version", 1))


def find(name: str) -> Strategy:
    """Return the function of a built-in strategy or of `package.module:function`."""
    if name in BUILT_IN:
        return BUILT_IN[name]
    module_name, colon, attribute = name.partition(":")
    if not colon:
        raise StrategyError(
            f"there is no strategy '{name}'{nearest(name, BUILT_IN)}; one of your own is named by"
            " where it is, as in package.module:function"
        )
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise StrategyError(f"the strategy '{name}' cannot be imported: {error}") from error
    function = getattr(module, attribute, None)
    if not callable(function):
        functions = [key for key, value in vars(module).items() if inspect.isfunction(value)]
        raise StrategyError(
            f"{module_name} has no function '{attribute}'{nearest(attribute, functions)}"
        )
    return function


def query(
    spec: StrategySpec, pool: Pool, n: int, rng: np.random.Generator, tie_order: IntArray
) -> IntArray:
    """Return the rows of `pool` that the strategy picks, best first, shape (n,).

    `tie_order` holds a distinct rank per row of the pool; among equal scores the lowest rank wins.
    """
    answer: Any = np.asarray(find(spec.name)(pool, n, rng, **spec.parameters))
    if answer.dtype.kind == "f":
        if answer.shape != (len(pool),) or np.isnan(answer).any():
            raise StrategyError(
                f"{spec.name} must return one score for each of the {len(pool)} unlabelled"
                f" examples and no NaN; it returned shape {answer.shape}"
            )
        return best(answer, n, tie_order)
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
    return answer


def best(scores: FloatArray, n: int, tie_order: IntArray) -> IntArray:
    """Return the positions of the `n` highest scores, ties broken by the lowest `tie_order`.

    Scores are compared at nine significant digits: what is below is rounding noise that differs
    between processors, and duplicates must tie on all of them.
    """
    return np.lexsort((tie_order, -nine_digits(scores)))[:n]


def nine_digits(values: FloatArray) -> FloatArray:
    """Round to nine significant digits; zeros and infinities stay as they are."""
    ordinary = np.isfinite(values) & (values != 0)
    rounded = values.astype(np.float64)
    magnitude = np.floor(np.log10(np.abs(rounded, where=ordinary, out=np.ones_like(rounded))))
    # In two factors: beyond 1e-300 one alone would overflow.
    half = 10.0 ** ((8 - magnitude) // 2)
    rest = 10.0 ** ((8 - magnitude) - (8 - magnitude) // 2)
    np.divide(np.rint(rounded * half * rest) / half, rest, out=rounded, where=ordinary)
    return rounded


def _parameter_defaults(name: str, function: Strategy) -> dict[str, Any]:
    parameters = list(inspect.signature(function).parameters.values())
    if len(parameters) < 3:
        raise StrategyError(f"{name} must take (pool, n, rng) and may take parameters of its own")
    return {parameter.name: parameter.default for parameter in parameters[3:]}
