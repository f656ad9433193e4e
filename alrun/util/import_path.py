"""From a name to what it names, and from the parameters given to all that it takes."""

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Mapping
from functools import cache
from os.path import isfile, realpath
from pathlib import Path
from types import ModuleType
from typing import Any

from alrun.errors import AlrunError, nearest
from alrun.util.numbers import is_whole

REQUIRED = inspect.Parameter.empty


def file_of(name: str) -> str | None:
    """Return the file in a name such as `mine.py:function`; None where there is none."""
    path, colon, _ = name.rpartition(":")
    return path if colon and path.endswith(".py") else None


def located(name: str, folder: Path) -> str:
    """Return a name by which any process finds what it names: a file's from the root.

    Files are found relative to `folder`.
    """
    file = file_of(name)
    if file is None or not file.isprintable():
        return name
    return f"{realpath(folder / file)}:{name.rpartition(':')[2]}"


def imported(name: str, separator: str, error: type[AlrunError]) -> Any:
    """Return what `module<separator>attribute` names; raises `error` where it is not to be had.

    With a colon the module may also be a file that ends in `.py`.
    """
    module_name, _, attribute = name.rpartition(separator)
    file = file_of(name) if separator == ":" else None
    if file is not None and not isfile(file):
        raise error(f"there is no file '{file}'")
    if file is None and not all(part.isidentifier() for part in module_name.split(".")):
        raise error(f"'{name}' names no module, as package.module{separator}name would")
    try:
        module = _run(realpath(file)) if file else importlib.import_module(module_name)
    except (Exception, SystemExit) as reason:  # a module can raise anything
        what = f"{type(reason).__name__}: {reason}"
        raise error(f"'{name}' cannot be imported ({what})") from reason
    if not hasattr(module, attribute):
        public = [key for key, value in vars(module).items() if callable(value) and key[0] != "_"]
        raise error(f"{module_name} has no '{attribute}'{nearest(attribute, public)}")
    return getattr(module, attribute)


@cache
def _run(path: str) -> ModuleType:
    """Return the module that a file makes, run by the first who asks.

    Its name is the path: dataclasses and the like look their module up by it, and no import
    statement can take it for another.
    """
    spec = importlib.util.spec_from_file_location(path, path)
    assert spec is not None  # what ends in .py has a loader
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[spec.name]
        raise
    return module


def defaults_of(function: Callable[..., Any], n_skipped: int = 0) -> dict[str, Any]:
    """Return the parameters of a function after the first `n_skipped`, REQUIRED for no default.

    Raises ValueError where it has no signature, or takes fewer parameters than are skipped.
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
    """Return the attribute `version` of a function or class, 1 where it has none.

    It is raised when the code changes, and its runs are computed anew. Raises `error` where it is
    no whole number.
    """
    version = getattr(code, "version", 1)
    if not is_whole(version):
        raise error(f"the version of {name} must be a whole number, not {version!r}")
    return version


def completed(
    name: str, defaults: Mapping[str, Any], given: Mapping[str, Any], error: type[AlrunError]
) -> dict[str, Any]:
    """Return every parameter, given or by default; raises `error` for one unknown or missing.

    A whole number becomes a float where the default is one, so that C = 1 is C = 1.0.
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
