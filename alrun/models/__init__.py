"""Names of models: what is built in, what scikit-learn has, and the estimators they build."""

import importlib
import inspect
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, is_classifier

from alrun.errors import ModelError, nearest
from alrun.models.logistic import logistic
from alrun.seeds import draw_integer

BUILT_IN = {"logistic": logistic}

# Set by alrun from the run's stream, or of no consequence for what is predicted.
_NOT_PARAMETERS = ("random_state", "n_jobs", "verbose")


def resolve(name: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return all parameters of a model, defaults included, as JSON can hold them.

    Raises ModelError where there is no such classifier or it refuses the parameters.
    """
    factory = _factory(name)
    for reserved in _NOT_PARAMETERS:
        if reserved in parameters:
            raise ModelError(f"'{reserved}' of {name} is set by alrun; leave it out")
    known = _parameter_defaults(name, factory)
    unknown = [key for key in parameters if key not in known]
    if unknown:
        raise ModelError(
            "; ".join(f"{name} has no parameter '{key}'{nearest(key, known)}" for key in unknown)
        )
    resolved = {key: _like(default, parameters.get(key, default)) for key, default in known.items()}
    _check(name, _construct(name, factory, resolved))
    return {key: _plain(value) for key, value in resolved.items()}


def build(name: str, parameters: Mapping[str, Any], rng: np.random.Generator) -> BaseEstimator:
    """Return a new, unfitted estimator; every `random_state` in it is drawn from `rng`."""
    factory = _factory(name)
    defaults = _parameter_defaults(name, factory)
    chosen = {key: value for key, value in parameters.items() if value != _plain(defaults[key])}
    estimator = _construct(name, factory, chosen)
    states = [
        key for key in sorted(estimator.get_params()) if key.split("__")[-1] == "random_state"
    ]
    if states:
        estimator.set_params(**{key: draw_integer(rng) for key in states})
    return estimator


def offers(name: str, parameters: Mapping[str, Any]) -> frozenset[str]:
    """Return which of `predict_proba` and `decision_function` the model has."""
    estimator = build(name, resolve(name, parameters), np.random.default_rng(0))
    return frozenset(
        method for method in ("predict_proba", "decision_function") if hasattr(estimator, method)
    )


def _factory(name: str) -> Any:
    if name in BUILT_IN:
        return BUILT_IN[name]
    module_name, _, attribute = name.rpartition(".")
    if not module_name:
        raise ModelError(
            f"there is no model '{name}'{nearest(name, BUILT_IN)}; a scikit-learn classifier is"
            " named by its import path, as in sklearn.svm.SVC"
        )
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise ModelError(f"the model '{name}' cannot be imported: {error}") from error
    factory = getattr(module, attribute, None)
    if factory is None:
        classes = [key for key, value in vars(module).items() if inspect.isclass(value)]
        raise ModelError(f"{module_name} has no '{attribute}'{nearest(attribute, classes)}")
    if not (inspect.isclass(factory) and issubclass(factory, BaseEstimator)):
        raise ModelError(f"'{name}' is not a scikit-learn estimator class")
    return factory


def _parameter_defaults(name: str, factory: Any) -> dict[str, Any]:
    """Return what a model can be given with its defaults; one without a default is left None."""
    signature = inspect.signature(factory)
    return {
        key: None if parameter.default is parameter.empty else parameter.default
        for key, parameter in signature.parameters.items()
        if key not in _NOT_PARAMETERS and parameter.kind is not parameter.VAR_KEYWORD
    }


def _construct(name: str, factory: Any, parameters: Mapping[str, Any]) -> Any:
    try:
        return factory(**parameters)
    except (TypeError, ValueError) as error:
        raise ModelError(f"{name} cannot be built: {error}") from error


def _check(name: str, estimator: Any) -> None:
    if not is_classifier(estimator):
        raise ModelError(f"'{name}' is not a classifier")
    if hasattr(estimator, "_parameter_constraints"):  # scikit-learn's own have them
        try:
            estimator._validate_params()
        except (TypeError, ValueError) as error:
            raise ModelError(f"{name}: {error}") from error


def _like(default: Any, value: Any) -> Any:
    """Return a whole number as a float where the default is one, so that C = 1 is C = 1.0."""
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return float(value) if isinstance(default, float) and is_whole else value


def _plain(value: Any) -> Any:
    """Return `value` if JSON can hold it, else its name."""
    if isinstance(value, float):
        return value if math.isfinite(value) else repr(value)
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    return value if value is None or isinstance(value, (bool, int, str)) else repr(value)
