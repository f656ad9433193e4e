"""What an experiment file may name: the strategies, models and data sets there are."""

import inspect
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from alrun import datasets, models, strategies


def dataset_parameters(name: str, per_seed: bool, folder: Path) -> Collection[str]:
    """Check that there is such a data set, and return the parameters that it takes."""
    return datasets.check_name(name, per_seed, folder)


def model_parameters(name: str) -> Collection[str]:
    """Check that there is such a model, and return the parameters that it takes."""
    return models.parameters_of(name)


def strategy_parameters(name: str) -> Collection[str]:
    """Check that there is such a strategy, and return the parameters that it takes."""
    return strategies.parameters_of(name)


def resolve_model(name: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return all parameters of a model, defaults included."""
    return models.resolve(name, parameters)


def resolve_strategy(name: str, parameters: Mapping[str, Any]) -> tuple[dict[str, Any], int]:
    """Return all parameters of a strategy, defaults included, and its version."""
    return strategies.resolve(name, parameters)


def mismatch(strategy: str, model: str, parameters: Mapping[str, Any]) -> str | None:
    """Return what the strategy needs that the model has not, or None."""
    offers = models.offers(model, parameters)
    needed = strategies.NEEDS.get(strategy, ())
    if not needed or offers.intersection(needed):
        return None
    return f"{strategy} needs a model with {' or '.join(needed)}; {model} has none"


def listing(kind: str) -> list[tuple[str, str, str]]:
    """Return name, parameters and description with its source, of all built in of one kind."""
    if kind == "datasets":
        return [(name, "", text) for name, text in datasets.DESCRIPTIONS.items()]
    functions = strategies.BUILT_IN if kind == "strategies" else models.BUILT_IN
    skipped = 3 if kind == "strategies" else 0
    return [
        (name, _parameters(function, skipped), _description(function))
        for name, function in functions.items()
    ]


def _parameters(function: Any, skipped: int) -> str:
    parameters = list(inspect.signature(function).parameters.values())[skipped:]
    return ", ".join(f"{parameter.name}={parameter.default!r}" for parameter in parameters)


def _description(function: Any) -> str:
    """Return the first line of a docstring, and its source where it names one."""
    text = inspect.getdoc(function) or ""
    first, _, rest = text.partition("\n")
    _, found, source = rest.partition("Source: ")
    return f"{first} {' '.join(source.split())}" if found else first
