"""Entries of a registry, as `alrun list` prints them."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Entry:
    """A strategy, model, data set or metric for use in an experiment.

    Attributes
    ----------
    name
        The name, or a pattern such as `FILE.csv`.
    summary
        A description in one line.
    parameters
        Each as `name=default`, or as the name alone.
    source
        The paper; empty without one.
    """

    name: str
    summary: str
    parameters: tuple[str, ...] = ()
    source: str = ""


def entry_of(
    name: str, function: Callable[..., Any], parameters: Mapping[str, Any] | None = None
) -> Entry:
    """Return the entry of a function, from the first line of its docstring and its "Source:"."""
    summary, _, rest = (inspect.getdoc(function) or "").partition("\n")
    _, _, source = rest.partition("Source: ")
    listed = tuple(f"{key}={value!r}" for key, value in (parameters or {}).items())
    return Entry(name, summary, listed, " ".join(source.split()))
