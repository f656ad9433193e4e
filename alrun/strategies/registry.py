"""The registry of query strategies: names, functions, parameters.

A strategy is a plain function `strategy(pool, n, rng, **parameters)`. It returns either a score
for each unlabelled example (floats; the highest are queried) or the rows of `n` of them (integers).
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from alrun.errors import StrategyError, nearest
from alrun.strategies import skactiveml
from alrun.strategies.baseline import random
from alrun.strategies.clusters import cluster_margin, typiclust
from alrun.strategies.committee import bald, qbc_kl, qbc_vote
from alrun.strategies.coverage import max_herding, prob_cover
from alrun.strategies.density import density
from alrun.strategies.diversity import k_center, k_means_pp
from alrun.strategies.gradients import badge, egl
from alrun.strategies.hybrid import balanced, falcun
from alrun.strategies.support.requirements import Requirements, read_requirements
from alrun.strategies.support.validation import validate_parameters
from alrun.strategies.uncertainty import entropy, least_confidence, margin, power_margin
from alrun.util.entries import Entry, entry_of
from alrun.util.import_path import completed, defaults_of, imported, version_of

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
    """Return the parameters of a strategy with their defaults; raises StrategyError."""
    try:
        return defaults_of(find(name), n_skipped=3)
    except (TypeError, ValueError) as error:
        raise StrategyError(
            f"{name} must take (pool, n, rng), and then any parameters of its own"
        ) from error


def resolve(name: str, parameters: Mapping[str, Any]) -> tuple[dict[str, Any], int | str]:
    """Return all parameters of a strategy, defaults included, and its version.

    The version is the function's attribute `version`, 1 by default. A strategy of scikit-activeml
    has the version of the library. Raises StrategyError, also if a strategy of alrun or
    scikit-activeml rejects a value.
    """
    function = find(name)
    resolved = completed(name, parameters_of(name), parameters, StrategyError)
    try:
        json.dumps(resolved, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise StrategyError(
            f"a parameter of {name} is not plain data ({error}); use numbers, texts or lists"
        ) from error
    if name in BUILT_IN:
        validate_parameters(function, resolved)
    elif skactiveml.handles(name):
        skactiveml.validate_parameters(name, resolved)
        return resolved, skactiveml.version()
    return resolved, version_of(name, function, StrategyError)


def find(name: str) -> Strategy:
    """Return the function of a strategy; raises StrategyError.

    `name` is the name of a built-in strategy, `package.module:function`, `folder/file.py:function`
    or `skactiveml:ClassName`.
    """
    if name in BUILT_IN:
        return BUILT_IN[name]
    if ":" not in name:
        raise StrategyError(
            f"there is no strategy '{name}' (name one of your own by its module or file, as in"
            f" package.module:function or mine.py:function){nearest(name, BUILT_IN)}"
        )
    if skactiveml.handles(name):
        return skactiveml.find(name)
    function = imported(name, ":", StrategyError)
    if not callable(function):
        raise StrategyError(f"'{name}' is not a function; name a function of (pool, n, rng)")
    return function


def requirements_of(name: str) -> Requirements:
    """Return the requirements of a strategy on the model and the data; raises StrategyError."""
    return read_requirements(name, find(name))


def entries() -> list[Entry]:
    """Return an entry for each built-in strategy and for each way to name another."""
    return [
        *(
            entry_of(name, function, {**parameters_of(name), "replica": 0})
            for name, function in BUILT_IN.items()
        ),
        Entry("package.module:function", "A function of your own."),
        Entry("folder/file.py:function", "A function of your own, beside the experiment file."),
        Entry("skactiveml:ClassName", "A pool strategy of scikit-activeml (the extra activeml)."),
    ]
