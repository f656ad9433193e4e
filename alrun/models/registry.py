"""The models there are: names to estimator classes, or to functions that return estimators.

A name with dots is of scikit-learn's classes alone. A name with a colon, `package.module:object`,
imports and calls anybody's code, and says so by the colon.
"""

import inspect
import sys
from typing import Any

from alrun.errors import ModelError, nearest
from alrun.models.logistic.estimator import logistic
from alrun.util import import_path
from alrun.util.entries import Entry, entry_of
from alrun.util.import_path import defaults_of, file_of, imported

BUILT_IN = {"logistic": logistic}
# Set by alrun from the run's stream, or of no consequence for what is predicted.
NOT_PARAMETERS = ("random_state", "n_jobs", "verbose")


def parameters_of(name: str) -> dict[str, Any]:
    """Return the parameters that a model takes with their defaults; raises ModelError."""
    defaults = constructor_parameters(name)
    return {key: value for key, value in defaults.items() if key not in NOT_PARAMETERS}


def version_of(name: str) -> int:
    """Return the version of a model's code; raises ModelError."""
    return import_path.version_of(name, find(name), ModelError)


def find(name: str) -> Any:
    """Return the class or function that makes a model; raises ModelError."""
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


def constructor_parameters(name: str) -> dict[str, Any]:
    """Return all parameters of a model's constructor with their defaults; raises ModelError."""
    try:
        return defaults_of(find(name))
    except (TypeError, ValueError) as error:
        raise ModelError(f"it cannot be told which parameters '{name}' takes") from error


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


def entries() -> list[Entry]:
    """Return an entry for each model that is built in, and one for each way to name others."""
    return [
        *(entry_of(name, function, parameters_of(name)) for name, function in BUILT_IN.items()),
        Entry("sklearn.svm.SVC, ...", "A scikit-learn classifier by its import path."),
        Entry("package.module:object", "A class, or a function that makes one: code that is run."),
        Entry("steps = [...]", "A pipeline: transformers by their import paths, then a model."),
    ]
