"""Import of code by name, and resolution of its parameters and version."""

import importlib
import inspect
from collections.abc import Callable, Mapping
from os.path import isfile, realpath
from pathlib import Path
from typing import Any

from alrun.errors import AlrunError, nearest
from alrun.util import user_code
from alrun.util.numbers import is_whole

REQUIRED = inspect.Parameter.empty


def file_of(name: str) -> str | None:
    """Return the file in a name such as `mine.py:function`, or None."""
    path, colon, _ = name.rpartition(":")
    return path if colon and path.endswith(".py") else None


def located(name: str, folder: Path) -> str:
    """Return a name with the absolute path of its file, for use in any process.

    The file is looked for relative to `folder`. Other names are returned unchanged.
    """
    file = file_of(name)
    if file is None or not file.isprintable():
        return name
    return f"{realpath(folder / file)}:{name.rpartition(':')[2]}"


def module_of(name: str) -> str:
    """Return the module in a name such as `package.module:object`, or the path of its file."""
    module = name.rpartition(":")[0]
    # On another machine there is no file, nor are there the same links.
    is_file = file_of(name) is not None and not user_code.is_known(module)
    return realpath(module) if is_file else module


def imported(name: str, separator: str, error: type[AlrunError]) -> Any:
    """Import and return `module<separator>attribute`; raises `error` on failure.

    With a colon, the module may also be a file that ends in `.py`, or lie in the current directory.
    """
    module_name, _, attribute = name.rpartition(separator)
    file = file_of(name) if separator == ":" else None
    if module_name == "__main__":
        raise error(
            f"'{name}' lies in the running program or notebook, which workers cannot import; save"
            " it in a file and name that, as in mine.py:function, or a model as in mine:function"
        )
    if file is not None and not user_code.is_known(file) and not isfile(file):
        raise error(f"there is no file '{file}'")
    if file is None and not all(part.isidentifier() for part in module_name.split(".")):
        raise error(f"'{name}' names no module; write it as package.module{separator}name")
    try:
        if separator == ":":
            module = user_code.import_module(module_of(name))
        else:
            module = importlib.import_module(module_name)
    except (Exception, SystemExit) as reason:  # a module can raise anything
        what = f"{type(reason).__name__}: {reason}"
        raise error(f"'{name}' cannot be imported ({what})") from reason
    if not hasattr(module, attribute):
        public = [key for key, value in vars(module).items() if callable(value) and key[0] != "_"]
        raise error(f"{module_name} has no '{attribute}'{nearest(attribute, public)}")
    return getattr(module, attribute)


def defaults_of(function: Callable[..., Any], n_skipped: int = 0) -> dict[str, Any]:
    """Return the parameters of a function after the first `n_skipped`, with their defaults.

    The default is REQUIRED for a parameter without one. Raises ValueError if the function has no
    signature, or fewer than `n_skipped` parameters.
    """
    parameters = list(inspect.signature(function).parameters.values())
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    if len(parameters) < n_skipped:
        raise ValueError("too few parameters")
    return {
        parameter.name: parameter.default
        for parameter in parameters[n_skipped:]
        if parameter.kind not in variable
    }


def version_of(name: str, code: Any, error: type[AlrunError]) -> int:
    """Return the attribute `version` of a function or class, 1 by default.

    Users raise it when they change the code, so that its runs are computed anew. Raises `error` if
    it is not a whole number.
    """
    version = getattr(code, "version", 1)
    if not is_whole(version):
        raise error(f"the version of {name} must be a whole number, not {version!r}")
    return version


def completed(
    name: str, defaults: Mapping[str, Any], given: Mapping[str, Any], error: type[AlrunError]
) -> dict[str, Any]:
    """Return all parameters, with defaults for the missing ones.

    A whole number becomes a float if the default is one, so that C = 1 is the same as C = 1.0.
    Raises `error` for an unknown parameter, and for a missing one without a default.
    """
    problems = [
        f"{name} has no parameter '{key}'{nearest(key, defaults)}"
        for key in given
        if key not in defaults
    ]
    complete = {**defaults, **{key: value for key, value in given.items() if key in defaults}}
    problems += [
        f"{name} needs a value for {key}" for key, value in complete.items() if value is REQUIRED
    ]
    for key, value in complete.items():
        if is_whole(value) and isinstance(defaults[key], float):
            try:
                complete[key] = float(value)
            except OverflowError:
                problems.append(f"the value of {key} is too large for {name}")
    if problems:
        raise error("; ".join(problems))
    return complete
