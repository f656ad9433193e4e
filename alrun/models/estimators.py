"""From a name and parameters to one estimator: what is built in, and what an import path names.

A name with dots is of scikit-learn's classes alone. What has a colon, `package.module:object`, is
code of anybody's that is imported and called, and says so by the colon.
"""

import inspect
import math
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.utils import get_tags

from alrun import named
from alrun.errors import ModelError, first_line, nearest
from alrun.models.logistic import logistic
from alrun.models.weights import checked_weights
from alrun.named import completed, defaults_of, file_of, imported
from alrun.seeds import draw_integer, generator

BUILT_IN = {"logistic": logistic}

# Set by alrun from the run's stream, or of no consequence for what is predicted.
_NOT_PARAMETERS = ("random_state", "n_jobs", "verbose")


def parameters_of(name: str) -> dict[str, Any]:
    """Return the parameters that a model takes with their defaults; raises ModelError."""
    defaults = _taken_by(name)
    return {key: value for key, value in defaults.items() if key not in _NOT_PARAMETERS}


def version_of(name: str) -> int:
    """Return the version of a model's code; raises ModelError."""
    return named.version_of(name, _factory(name), ModelError)


def resolve_classifier(name: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return all parameters of a classifier, defaults included, as JSON can hold them.

    Raises ModelError where there is no such classifier or it refuses the parameters.
    """
    return _resolved(name, parameters, "classifier", ("fit", "predict"))


def resolve_transformer(name: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return all parameters of what may precede a classifier, as those of a classifier."""
    return _resolved(name, parameters, "transformer", ("fit", "transform"))


def build_one(name: str, parameters: Mapping[str, Any], rng: np.random.Generator) -> Any:
    """Return a new, unfitted estimator; every `random_state` in it is drawn from `rng`."""
    factory, taken = _factory(name), _taken_by(name)
    chosen = {key: value for key, value in parameters.items() if value != _plain(taken[key])}
    if "random_state" in taken and not hasattr(factory, "set_params"):  # it cannot be set later
        chosen["random_state"] = draw_integer(rng)
    estimator = factory(**chosen)
    if not hasattr(estimator, "set_params") or inspect.isclass(estimator):
        return estimator
    if any("__" in key for key in estimator.get_params()):
        estimator = clone(estimator)  # models within that are defaults are shared by all
    return with_states_drawn(estimator, rng)


def with_states_drawn(estimator: Any, rng: np.random.Generator) -> Any:
    """Set every `random_state` in an estimator, from `rng`, and return it."""
    inside = sorted(estimator.get_params())
    states = [key for key in inside if key.split("__")[-1] == "random_state"]
    return estimator.set_params(**{key: draw_integer(rng) for key in states})


def _resolved(
    name: str, parameters: Mapping[str, Any], kind: str, methods: tuple[str, ...]
) -> dict[str, Any]:
    for reserved in _NOT_PARAMETERS:
        if reserved in parameters:
            raise ModelError(f"'{reserved}' of {name} is set by alrun; leave it out")
    if ":" not in name and parameters.get("memory") is not None:
        # What joblib finds there it unpickles, and a pickle can run anything.
        raise ModelError(f"'memory' of {name} names a folder of pickles; leave it out")
    resolved = completed(name, parameters_of(name), parameters, ModelError)
    resolved = {key: _plain(value) for key, value in checked_weights(resolved).items()}
    try:
        estimator = build_one(name, resolved, generator(0, "check"))
        _check(name, estimator, kind, methods)
    except ModelError:
        raise
    except (Exception, SystemExit) as error:  # an estimator can raise anything
        raise ModelError(f"{name} cannot be built: {first_line(error)}") from error
    return resolved


def _taken_by(name: str) -> dict[str, Any]:
    try:
        return defaults_of(_factory(name))
    except (TypeError, ValueError) as error:
        raise ModelError(f"it cannot be told which parameters '{name}' takes") from error


def _factory(name: str) -> Any:
    if name in BUILT_IN:
        return BUILT_IN[name]
    if ":" not in name:
        return _class_of_sklearn(name)
    if file_of(name) is not None:
        raise ModelError(
            f"'{name}' is a file; a model of your own is named by its module, as in mine:function,"
            " and found where alrun is started"
        )
    factory = imported(name, ":", ModelError)
    if not callable(factory) or _is_of_python(factory):
        raise ModelError(
            f"'{name}' is not a scikit-learn estimator class, nor a function that returns one"
        )
    return factory


def _class_of_sklearn(name: str) -> Any:
    """Return the estimator class that an import path names; nothing else is imported for it."""
    module, dot, attribute = name.rpartition(".")
    if not dot:
        raise ModelError(
            f"there is no model '{name}'{nearest(name, BUILT_IN)}; a scikit-learn classifier is"
            " named by its import path, as in sklearn.svm.SVC"
        )
    if module.split(".")[0] != "sklearn":
        raise ModelError(
            f"'{name}' is not scikit-learn's; other code is run only where a colon says so, as in"
            " package.module:function"
        )
    found = imported(name, ".", ModelError) if attribute[:1].isupper() else None
    is_own = inspect.isclass(found) and found.__module__.split(".")[0] == "sklearn"
    if not is_own or not hasattr(found, "fit"):
        raise ModelError(f"'{name}' is not a scikit-learn estimator class, as sklearn.svm.SVC is")
    return found


def _is_of_python(factory: Any) -> bool:
    """Return whether a function is of the standard library, such as shutil.rmtree.

    None of them makes a model, and what an experiment names is called with what it gives.
    """
    module = factory.__module__ if inspect.isroutine(factory) or inspect.isclass(factory) else None
    return (module or "").split(".")[0] in sys.stdlib_module_names


def _check(name: str, estimator: Any, kind: str, methods: tuple[str, ...]) -> None:
    """Raise ModelError unless an estimator is of a kind, and its parameters what they must be."""
    lacking = [method for method in methods if not callable(getattr(estimator, method, None))]
    is_other = (
        kind == "classifier"
        and hasattr(estimator, "__sklearn_tags__")
        and not inspect.isclass(estimator)
        and get_tags(estimator).estimator_type not in ("classifier", None)
    )
    if lacking or is_other or inspect.isclass(estimator):
        subject = f"'{name}' is"
        if not inspect.isclass(_factory(name)):
            what = "a class" if inspect.isclass(estimator) else type(estimator).__name__
            subject = f"'{name}' returned {what}, which is"
        why = f"; it has no method {lacking[0]}" if lacking else ""
        raise ModelError(f"{subject} not a {kind}{why}")
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
