"""What an experiment file may name: the strategies, models and data sets there are."""

import inspect
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from alrun import datasets, models, named, strategies
from alrun.strategies.needs import Facts, needs_of


def dataset_parameters(
    name: str, per_seed: bool, folder: Path, given: Collection[str]
) -> Collection[str]:
    """Check that there is such a data set, and return the parameters that it takes."""
    return datasets.check_name(name, per_seed, folder, given)


def model_parameters(name: str) -> Collection[str]:
    """Check that there is such a model, and return the parameters that it takes."""
    return models.parameters_of(name)


def located(name: str, folder: Path) -> str:
    """Return a name by which any process finds a strategy; files are relative to `folder`."""
    return named.located(name, folder)


def strategy_parameters(name: str) -> Collection[str]:
    """Check that there is such a strategy, and return the parameters that it takes."""
    return strategies.parameters_of(name)


def resolve_model(name: str, parameters: Mapping[str, Any]) -> tuple[dict[str, Any], int]:
    """Return all parameters of a model, defaults included, and its version."""
    return models.resolve(name, parameters), models.version(name)


def resolve_step(name: str, parameters: Mapping[str, Any], is_last: bool) -> dict[str, Any]:
    """Return a step of a pipeline, defaults included."""
    return models.resolve_step(name, parameters, is_last)


def resolve_strategy(name: str, parameters: Mapping[str, Any]) -> tuple[dict[str, Any], int | str]:
    """Return all parameters of a strategy, defaults included, and its version."""
    return strategies.resolve(name, parameters)


def offers(model: str, parameters: Mapping[str, Any]) -> frozenset[str]:
    """Return which of `predict_proba` and `decision_function` the model has."""
    return models.offers(model, parameters)


def needs(strategy: str) -> Collection[str]:
    """Return the methods of the model of which the strategy needs one."""
    return needs_of(strategy, strategies.find(strategy)).needs


def unmet(strategy: str, facts: Facts) -> list[str]:
    """Return what a data set lacks that the strategy needs, in sentences."""
    return list(needs_of(strategy, strategies.find(strategy)).unmet(facts))


def is_built_in(name: str) -> bool:
    """Return whether a model or strategy is alrun's own."""
    return name in models.BUILT_IN or name in strategies.BUILT_IN


def listing(kind: str) -> list[tuple[str, str]]:
    """Return name and description of all that is built in of one kind.

    A description is a sentence, its source where it has one, and the parameters.
    """
    if kind == "datasets":
        taken = datasets.parameters_listed()
        return [
            (name, text + _in_brackets(taken.get(name, ())))
            for name, text in datasets.DESCRIPTIONS.items()
        ]
    if kind == "models":
        own = [
            (name, _described(function, models.parameters_of(name)))
            for name, function in models.BUILT_IN.items()
        ]
        return [
            *own,
            ("sklearn.svm.SVC, ...", "Any scikit-learn classifier by its import path."),
            ("package.module:object", "A class, or a function that makes one: code that is run."),
            ("steps = [...]", "A pipeline: transformers by their import paths, then a model."),
        ]
    return [
        (name, _described(function, {**strategies.parameters_of(name), "replica": 0}))
        for name, function in strategies.BUILT_IN.items()
    ] + [
        ("package.module:function", "A function of one's own."),
        ("folder/file.py:function", "A function of one's own, relative to the experiment file."),
        ("skactiveml:ClassName", "A pool strategy of scikit-activeml (the extra activeml)."),
    ]


def _described(function: Any, defaults: Mapping[str, Any]) -> str:
    """Return the first line of a docstring, its source where it names one, and the parameters."""
    first, _, rest = (inspect.getdoc(function) or "").partition("\n")
    _, found, source = rest.partition("Source: ")
    text = f"{first} {' '.join(source.split())}" if found else first
    return text + _in_brackets([f"{key}={value!r}" for key, value in defaults.items()])


def _in_brackets(parameters: Collection[str]) -> str:
    return f" ({', '.join(parameters)})" if parameters else ""
