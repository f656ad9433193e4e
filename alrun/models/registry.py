"""The registry of models, by the names of estimator classes and of functions building them.

A name with dots alone is a class of scikit-learn. A name with a colon, `package.module:object`, may
import and run any code; the colon makes that visible.
"""

import inspect
import sys
from collections.abc import Iterable
from typing import Any

from alrun.errors import ModelError, nearest
from alrun.models.logistic.estimator import logistic
from alrun.util import import_path
from alrun.util.entries import Entry, entry_of
from alrun.util.import_path import defaults_of, file_of, imported

BUILT_IN = {"logistic": logistic}
# Parameters that built-in models gained later. At their defaults they are no part of a run's
# identity, so that earlier runs keep their ids.
ADDED = {"logistic": ("tolerance",)}
RANDOM_STATE = "random_state"
# Without effect on predictions.
_WITHOUT_EFFECT = ("n_jobs", "verbose")


def parameters_of(name: str, given: Iterable[str] = ()) -> dict[str, Any]:
    """Return the settable parameters of a model with their defaults; raises ModelError.

    A constructor with `**parameters` may know others, so that all of the experiment's, `given`, are
    among them, without a default.
    """
    reserved = (RANDOM_STATE, *_WITHOUT_EFFECT)
    defaults = constructor_parameters(name)
    known = {key: value for key, value in defaults.items() if key not in reserved}
    others = {key for key in given if key not in reserved_of(name)} - known.keys()
    return {**known, **dict.fromkeys(sorted(others))} if _takes_any(name) else known


def reserved_of(name: str) -> tuple[str, ...]:
    """Return the parameters of a model that an experiment cannot set; raises ModelError.

    Its random state is drawn from the random stream of the run. Others have no effect on
    predictions, and are left to constructors with `**parameters`.
    """
    return (RANDOM_STATE,) if _takes_any(name) else (RANDOM_STATE, *_WITHOUT_EFFECT)


def _takes_any(name: str) -> bool:
    try:
        parameters = inspect.signature(find(name)).parameters.values()
    except (TypeError, ValueError):  # it has no signature
        return False
    return any(entry.kind is inspect.Parameter.VAR_KEYWORD for entry in parameters)


def version_of(name: str) -> int:
    """Return the version of a model's code; raises ModelError."""
    return import_path.version_of(name, find(name), ModelError)


def find(name: str) -> Any:
    """Return the class or function behind a model's name; raises ModelError."""
    if name in BUILT_IN:
        return BUILT_IN[name]
    if ":" not in name:
        return _class_of_sklearn(name)
    if file_of(name) is not None:
        raise ModelError(
            f"'{name}' is a file; name a model of your own by its module, as in mine:function, and"
            " start alrun in the folder of that module"
        )
    factory = imported(name, ":", ModelError)
    if not callable(factory) or _is_standard_library(factory):
        raise ModelError(
            f"'{name}' is neither a scikit-learn estimator class nor a function that returns an"
            " estimator"
        )
    return factory


def constructor_parameters(name: str) -> dict[str, Any]:
    """Return all parameters of a model's constructor with their defaults; raises ModelError."""
    try:
        return defaults_of(find(name))
    except (TypeError, ValueError) as error:
        raise ModelError(
            f"the parameters of '{name}' are unknown, since it has no signature; wrap it in a"
            " function with named parameters"
        ) from error


def _class_of_sklearn(name: str) -> Any:
    """Return the scikit-learn estimator class at an import path; nothing else is imported."""
    module, dot, attribute = name.rpartition(".")
    if not dot:
        raise ModelError(
            f"there is no model '{name}' (name a scikit-learn classifier by its import path, as in"
            f" sklearn.svm.SVC){nearest(name, BUILT_IN)}"
        )
    if module.split(".")[0] != "sklearn":
        raise ModelError(
            f"'{name}' is not a class of scikit-learn; name other code with a colon, as in"
            f" {module}:{attribute}"
        )
    kind = imported(name, ".", ModelError) if attribute[:1].isupper() else None
    is_own = inspect.isclass(kind) and kind.__module__.split(".")[0] == "sklearn"
    if not is_own or not hasattr(kind, "fit"):
        raise ModelError(
            f"'{name}' is not an estimator class of scikit-learn, such as sklearn.svm.SVC"
        )
    return kind


def _is_standard_library(factory: Any) -> bool:
    """Return whether a function is from the standard library, such as shutil.rmtree.

    None of these makes a model, and an experiment could do harm with them: they would be called
    with the parameters it gives.
    """
    module = factory.__module__ if inspect.isroutine(factory) or inspect.isclass(factory) else None
    return (module or "").split(".")[0] in sys.stdlib_module_names


def entries() -> list[Entry]:
    """Return an entry for each built-in model and for each way to name another."""
    return [
        *(entry_of(name, function, parameters_of(name)) for name, function in BUILT_IN.items()),
        Entry("sklearn.svm.SVC, ...", "A scikit-learn classifier by its import path."),
        Entry(
            "package.module:object",
            "An estimator class, or a function that returns an estimator; its code is run.",
        ),
        Entry("steps = [...]", "A pipeline: transformers by their import paths, then a model."),
    ]
