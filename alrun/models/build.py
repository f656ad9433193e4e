"""Construction of models: a single estimator, or a pipeline ending in one.

The parameters of a pipeline are its steps, each a table of name and parameters.
"""

import inspect
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.pipeline import make_pipeline
from sklearn.utils import get_tags

from alrun.errors import ModelError, first_line
from alrun.models.class_weights import checked_weights
from alrun.models.registry import (
    ADDED,
    RANDOM_STATE,
    constructor_parameters,
    find,
    parameters_of,
    reserved_of,
    version_of,
)
from alrun.spec_parts import PIPELINE
from alrun.util.import_path import completed
from alrun.util.random_streams import draw_integer, generator


def resolve(name: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return all parameters of a model, defaults included, as plain JSON values.

    Parameters that a built-in model gained later are left out at their defaults.
    Raises ModelError if there is no such classifier or it rejects the parameters.
    """
    if name != PIPELINE:
        return resolve_classifier(name, parameters)
    *others, last = parameters["steps"]
    steps = [
        *(resolve_step(step["name"], step["parameters"], is_last=False) for step in others),
        resolve_step(last["name"], last["parameters"], is_last=True),
    ]
    return {"steps": steps}


def resolve_step(name: str, parameters: Mapping[str, Any], is_last: bool) -> dict[str, Any]:
    """Return a step of a pipeline with all its parameters, and its version if it is not 1.

    The last step must be a classifier, the others transformers. Raises ModelError.
    """
    resolve_part = resolve_classifier if is_last else resolve_transformer
    resolved = {"name": name, "parameters": resolve_part(name, parameters)}
    return resolved if version_of(name) == 1 else {**resolved, "version": version_of(name)}


def version(name: str) -> int:
    """Return the version of a model's code; 1 for a pipeline, since its steps have versions."""
    return 1 if name == PIPELINE else version_of(name)


def build(name: str, parameters: Mapping[str, Any], rng: np.random.Generator) -> Any:
    """Return a new, unfitted estimator; every `random_state` in it is drawn from `rng`."""
    if name != PIPELINE:
        return build_one(name, parameters, rng)
    return make_pipeline(
        *(build_one(step["name"], step["parameters"], rng) for step in parameters["steps"])
    )


def prediction_methods(name: str, parameters: Mapping[str, Any]) -> frozenset[str]:
    """Return the names of the model's methods among `predict_proba` and `decision_function`.

    Raises ModelError.
    """
    estimator = build(name, resolve(name, parameters), generator(0, "check"))
    try:
        return frozenset(
            method
            for method in ("predict_proba", "decision_function")
            if hasattr(estimator, method)
        )
    except Exception as error:  # a method that is a property can raise anything
        raise ModelError(
            f"{name}: predict_proba and decision_function cannot be looked up: {error}"
        ) from error


def resolve_classifier(name: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return all parameters of a classifier, defaults included, as plain JSON values.

    Raises ModelError if there is no such classifier or it rejects the parameters.
    """
    return _resolved(name, parameters, "classifier", ("fit", "predict"))


def resolve_transformer(name: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return all parameters of a transformer, defaults included, as plain JSON values.

    Raises ModelError if there is no such transformer or it rejects the parameters.
    """
    return _resolved(name, parameters, "transformer", ("fit", "transform"))


def build_one(name: str, parameters: Mapping[str, Any], rng: np.random.Generator) -> Any:
    """Return a new, unfitted estimator; every `random_state` in it is drawn from `rng`."""
    factory, defaults = find(name), constructor_parameters(name)
    arguments = {
        key: value
        for key, value in parameters.items()
        if key not in defaults or value != _plain(defaults[key])
    }
    if RANDOM_STATE in defaults and not hasattr(factory, "set_params"):  # cannot be set later
        arguments[RANDOM_STATE] = draw_integer(rng)
    estimator = factory(**arguments)
    if not hasattr(estimator, "set_params") or inspect.isclass(estimator):
        return estimator
    settings = estimator.get_params()
    if any("__" in key for key in settings):
        estimator = clone(estimator)  # default values that are models are shared by all instances
    if settings.get("n_jobs", 1) is None and type(estimator).__module__.split(".")[0] != "sklearn":
        estimator.set_params(n_jobs=1)  # else XGBoost and LightGBM take all cores in each worker
    return with_states_drawn(estimator, rng)


def with_states_drawn(estimator: Any, rng: np.random.Generator) -> Any:
    """Draw every `random_state` in an estimator from `rng`; return the estimator."""
    keys = sorted(estimator.get_params())
    states = [key for key in keys if key.split("__")[-1] == RANDOM_STATE]
    return estimator.set_params(**{key: draw_integer(rng) for key in states})


def _resolved(
    name: str, parameters: Mapping[str, Any], kind: str, methods: tuple[str, ...]
) -> dict[str, Any]:
    for reserved in reserved_of(name):
        if reserved in parameters:
            raise ModelError(f"'{reserved}' of {name} is set by alrun; leave it out")
    if ":" not in name and parameters.get("memory") is not None:
        # joblib unpickles the files it finds there, and a pickle can run any code.
        raise ModelError(
            f"'memory' of {name} names a folder of pickles, which may run any code; leave it out"
        )
    resolved = completed(name, parameters_of(name, parameters), parameters, ModelError)
    defaults = constructor_parameters(name)
    resolved = {
        key: _plain(value)
        for key, value in checked_weights(resolved).items()
        if key not in ADDED.get(name, ()) or value != defaults[key]
    }
    try:
        estimator = build_one(name, resolved, generator(0, "check"))
        _check(name, estimator, kind, methods)
    except ModelError:
        raise
    except (Exception, SystemExit) as error:  # an estimator can raise anything
        raise ModelError(f"{name} cannot be built: {first_line(error)}") from error
    return resolved


def _check(name: str, estimator: Any, kind: str, methods: tuple[str, ...]) -> None:
    """Raise ModelError unless an estimator is of this kind and its parameters are valid."""
    missing = [method for method in methods if not callable(getattr(estimator, method, None))]
    is_other_kind = (
        kind == "classifier"
        and hasattr(estimator, "__sklearn_tags__")
        and not inspect.isclass(estimator)
        and get_tags(estimator).estimator_type not in ("classifier", None)
    )
    if missing or is_other_kind or inspect.isclass(estimator):
        subject = f"'{name}' is"
        if not inspect.isclass(find(name)):
            what = "a class" if inspect.isclass(estimator) else type(estimator).__name__
            subject = f"'{name}' returned {what}, which is"
        why = f"; it has no method {missing[0]}" if missing else ""
        raise ModelError(f"{subject} not a {kind}{why}")
    if hasattr(estimator, "_parameter_constraints"):  # an estimator of scikit-learn's own
        try:
            estimator._validate_params()
        except (TypeError, ValueError) as error:
            raise ModelError(f"{name}: {error}") from error


def _plain(value: Any) -> Any:
    """Return `value` as plain JSON data, or else as a text, equal in every process.

    Raises ModelError for a value without such a text.
    """
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
    raise ModelError(
        f"a parameter is a {type(value).__name__}, which cannot be part of a run's identity; use"
        " numbers, texts or lists"
    )
