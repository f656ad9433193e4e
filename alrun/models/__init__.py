"""Names of models: what is built in, what scikit-learn has, and the estimators they build."""

import inspect
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone, is_classifier

from alrun.errors import ModelError, nearest
from alrun.models.logistic import logistic
from alrun.named import completed, defaults_of, imported
from alrun.seeds import draw_integer

BUILT_IN = {"logistic": logistic}

# Set by alrun from the run's stream, or of no consequence for what is predicted.
_NOT_PARAMETERS = ("random_state", "n_jobs", "verbose")


def parameters_of(name: str) -> dict[str, Any]:
    """Return the parameters that a model takes with their defaults; raises ModelError."""
    defaults = defaults_of(_factory(name))
    return {key: value for key, value in defaults.items() if key not in _NOT_PARAMETERS}


def resolve(name: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return all parameters of a model, defaults included, as JSON can hold them.

    Raises ModelError where there is no such classifier or it refuses the parameters.
    """
    for reserved in _NOT_PARAMETERS:
        if reserved in parameters:
            raise ModelError(f"'{reserved}' of {name} is set by alrun; leave it out")
    resolved = completed(name, parameters_of(name), parameters, ModelError)
    try:
        _check(name, _factory(name)(**resolved))
    except ModelError:
        raise
    except Exception as error:  # an estimator can raise anything
        raise ModelError(f"{name} cannot be built: {error}") from error
    return {key: _plain(value) for key, value in resolved.items()}


def build(name: str, parameters: Mapping[str, Any], rng: np.random.Generator) -> Any:
    """Return a new, unfitted estimator; every `random_state` in it is drawn from `rng`."""
    defaults = parameters_of(name)
    chosen = {key: value for key, value in parameters.items() if value != _plain(defaults[key])}
    estimator = _factory(name)(**chosen)
    inside = estimator.get_params()
    if any("__" in key for key in inside):
        estimator = clone(estimator)  # models within that are defaults are shared by all
    states = [key for key in sorted(inside) if key.split("__")[-1] == "random_state"]
    return estimator.set_params(**{key: draw_integer(rng) for key in states})


def offers(name: str, parameters: Mapping[str, Any]) -> frozenset[str]:
    """Return which of `predict_proba` and `decision_function` the model has."""
    estimator = build(name, resolve(name, parameters), np.random.default_rng(0))
    return frozenset(
        method for method in ("predict_proba", "decision_function") if hasattr(estimator, method)
    )


def _factory(name: str) -> Any:
    if name in BUILT_IN:
        return BUILT_IN[name]
    if "." not in name:
        raise ModelError(
            f"there is no model '{name}'{nearest(name, BUILT_IN)}; a scikit-learn classifier is"
            " named by its import path, as in sklearn.svm.SVC"
        )
    factory = imported(name, ".", ModelError)
    if not (inspect.isclass(factory) and issubclass(factory, BaseEstimator)):
        raise ModelError(f"'{name}' is not a scikit-learn estimator class")
    return factory


def _check(name: str, estimator: Any) -> None:
    if not is_classifier(estimator):
        raise ModelError(f"'{name}' is not a classifier")
    if hasattr(estimator, "_parameter_constraints"):  # scikit-learn's own have them
        try:
            estimator._validate_params()
        except (TypeError, ValueError) as error:
            raise ModelError(f"{name}: {error}") from error


def _plain(value: Any) -> Any:
    """Return `value` if JSON can hold it, else a name that is the same in every process."""
    if isinstance(value, float):
        return value if math.isfinite(value) else repr(value)
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if inspect.isroutine(value) or inspect.isclass(value):
        return f"{value.__module__}.{value.__qualname__}"
    if isinstance(value, BaseEstimator):
        return repr(value)
    raise ModelError(f"a parameter is a {type(value).__name__}, by which no run can be named")
