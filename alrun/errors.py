"""What alrun says when it cannot go on: sentences for the user, never a traceback."""

import json
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any


class AlrunError(Exception):
    """The input is wrong; the message says what is wrong, where, and how to mend it."""


class ExperimentError(AlrunError):
    """An experiment file that cannot be run.

    `problems` holds one sentence for each thing that is wrong, each as `file: key: what is wrong`.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = [problem.replace("\r", "\\r").replace("\n", "\\n") for problem in problems]
        super().__init__("\n".join(self.problems))

    def __reduce__(self) -> tuple[type["ExperimentError"], tuple[list[str]]]:
        return type(self), (self.problems,)


class DatasetError(AlrunError):
    """A data set, or a split of it, that cannot be used."""


class ModelError(AlrunError):
    """A model that cannot be built, or not with these parameters."""


class StrategyError(AlrunError):
    """A query strategy that cannot be used, or that returned something else than a batch."""


class ResultsError(AlrunError):
    """A results directory that cannot be read, written or reported."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the end of a sentence about an unknown name: the nearest known one, or all of them.

    >>> nearest("entropi", ["margin", "entropy"])
    "; did you mean 'entropy'?"
    """
    candidates = sorted(known)
    close = [key for key in candidates if key.lower() == name.lower()]
    close = close or get_close_matches(name, candidates, n=1, cutoff=0.6)
    if close:
        return f"; did you mean '{close[0]}'?"
    return f"; known are {', '.join(candidates)}" if candidates else ""


def first_line(error: BaseException) -> str:
    """Return the first line of an error of somebody else's, or its kind where it says nothing."""
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__


def quoted(value: Any) -> str:
    """Return a value as it may be quoted in an error."""
    try:
        text = json.dumps(value, default=str)
    except ValueError:
        text = "a number too large to print"
    return text if len(text) <= 60 else text[:57] + "..."
