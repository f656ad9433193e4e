"""Entries of a registry, as `alrun list` prints them."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Entry:
    """One thing that an experiment may name.

    Attributes
    ----------
    name
        The name, or the pattern of a name.
    summary
        One line.
    parameters
        Each as `name=default`, or as the name alone.
    source
        The paper; empty where there is none.
    """

    name: str
    summary: str
    parameters: tuple[str, ...] = ()
    source: str = ""


def entry_of(
    name: str, function: Callable[..., Any], parameters: Mapping[str, Any] | None = None
) -> Entry:
    """Return the entry of a function: the first line of its docstring, and its "Source:"."""
    first, _, rest = (inspect.getdoc(function) or "").partition("\n")
    _, _, source = rest.partition("Source: ")
    shown = tuple(f"{key}={value!r}" for key, value in (parameters or {}).items())
    return Entry(name, first, shown, " ".join(source.split()))
