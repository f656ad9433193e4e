"""Query strategies: names to functions, and from what a function returns to a batch.

A strategy is a plain function `strategy(pool, n, rng, **parameters)`. It returns either a score
for each unlabelled example (floats; the highest are queried) or the rows of `n` of them (integers).
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from alrun.errors import StrategyError, nearest
from alrun.named import completed, defaults_of, imported, version_of
from alrun.spec import IntArray, StrategySpec
from alrun.strategies import activeml
from alrun.strategies.baseline import random
from alrun.strategies.checked import refuse_senseless
from alrun.strategies.clusters import cluster_margin, typiclust
from alrun.strategies.committee import bald, qbc_kl, qbc_vote
from alrun.strategies.cover import max_herding, prob_cover
from alrun.strategies.density import density
from alrun.strategies.gradients import badge, egl
from alrun.strategies.mixed import balanced, falcun
from alrun.strategies.pool import Pool
from alrun.strategies.ranking import best
from alrun.strategies.spread import k_center, k_means_pp
from alrun.strategies.uncertainty import entropy, least_confidence, margin, power_margin

Strategy = Callable[..., Any]

BUILT_IN: dict[str, Strategy] = {
    strategy.__name__: strategy
    for strategy in (
        random,
        least_confidence,
        margin,
        entropy,
        power_margin,
        k_center,
        k_means_pp,
        balanced,
        badge,
        falcun,
        egl,
        typiclust,
        cluster_margin,
        density,
        prob_cover,
        max_herding,
        qbc_vote,
        qbc_kl,
        bald,
    )
}


def parameters_of(name: str) -> dict[str, Any]:
    """Return the parameters that a strategy takes with their defaults; raises StrategyError."""
    try:
        return defaults_of(find(name), n_skipped=3)
    except (TypeError, ValueError) as error:
        raise StrategyError(
            f"{name} must take (pool, n, rng), and may take parameters of its own"
        ) from error


def resolve(name: str, parameters: Mapping[str, Any]) -> tuple[dict[str, Any], int | str]:
    """Return all parameters of a strategy, defaults included, and its version.

    The version is the function's attribute `version`, 1 where it has none; scikit-activeml's have
    that of the library. Raises StrategyError, also where alrun's own or scikit-activeml's make no
    sense of a value.
    """
    function = find(name)
    resolved = completed(name, parameters_of(name), parameters, StrategyError)
    try:
        json.dumps(resolved, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise StrategyError(f"a parameter of {name} is not plain data: {error}") from error
    if name in BUILT_IN:
        refuse_senseless(function, resolved)
    elif activeml.is_one(name):
        activeml.refuse_senseless(name, resolved)
        return resolved, activeml.version()
    return resolved, version_of(name, function, StrategyError)


def find(name: str) -> Strategy:
    """Return the function of a strategy, wherever it is from; raises StrategyError.

    `name` is that of one built in, `package.module:function`, `folder/file.py:function` or
    `skactiveml:ClassName`.
    """
    if name in BUILT_IN:
        return BUILT_IN[name]
    if ":" not in name:
        raise StrategyError(
            f"there is no strategy '{name}'{nearest(name, BUILT_IN)}; one of your own is named by"
            " where it is, as in package.module:function or mine.py:function"
        )
    if activeml.is_one(name):
        return activeml.find(name)
    function = imported(name, ":", StrategyError)
    if not callable(function):
        raise StrategyError(f"'{name}' is not a function")
    return function


def query(
    spec: StrategySpec, pool: Pool, n: int, rng: np.random.Generator
) -> tuple[IntArray, bool]:
    """Return the rows of `pool` that the strategy picks, best first, shape (n,).

    And whether the tie-break had a part in which they are. Raises StrategyError where it returned
    anything else than scores or a batch.
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
        return best(answer, n)
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
