"""What alrun says when it cannot go on: sentences for the user, never a traceback."""

import json
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any

# Characters of a message; its beginning says where, its end how to mend it.
_LONGEST = 1000


class AlrunError(Exception):
    """The input is wrong; the message says what is wrong, where, and how to mend it.

    It is a line that a screen can show, whatever the input holds that it quotes.
    """

    def __init__(self, message: str) -> None:
        super().__init__(as_line(message))


class ExperimentError(AlrunError):
    """An experiment file that cannot be run.

    `problems` holds one sentence for each thing that is wrong, each as `file: key: what is wrong`.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = [as_line(problem) for problem in problems]
        Exception.__init__(self, "\n".join(self.problems))  # of a line for each

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
    candidates = sorted(set(known))
    close = [key for key in candidates if key.lower() == name.lower()]
    close = close or get_close_matches(name, candidates, n=1, cutoff=0.6)
    if close:
        return f"; did you mean '{close[0]}'?"
    return f"; known are {', '.join(candidates)}" if candidates else ""


def printable(text: str) -> str:
    r"""Return a text with all that a screen would obey, or not show, written out.

    >>> printable("two\nlines")
    'two\\nlines'
    """
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )


def as_line(message: str) -> str:
    """Return a message as a line of a length that can be read: what it quotes is cut short."""
    line = printable(message)
    too_long = len(line) > _LONGEST
    return f"{line[: _LONGEST // 2]} ... {line[-_LONGEST // 2 :]}" if too_long else line


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
