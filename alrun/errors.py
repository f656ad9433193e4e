"""The errors of alrun, and helpers to word their messages.

A message is a sentence for the user. It says what is wrong, where, and how to mend it.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any

# The most characters of a message. A longer one loses its middle: the beginning says where, and the
# end how to mend it.
_LONGEST = 1000


class AlrunError(Exception):
    """An error in the input.

    The message is one printable line, even if it quotes input with control characters.
    """

    def __init__(self, message: str) -> None:
        super().__init__(as_line(message))


class ExperimentError(AlrunError):
    """An error in an experiment file.

    `problems` has one sentence for each thing that is wrong, as `file: key: what is wrong`.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = [as_line(problem) for problem in problems]
        Exception.__init__(self, "\n".join(self.problems))

    def __reduce__(self) -> tuple[type["ExperimentError"], tuple[list[str]]]:
        return type(self), (self.problems,)


class DatasetError(AlrunError):
    """An unusable data set, or an unusable split of one.

    `keys` are those of the `[dataset]` table that mend it, as the message says; empty where none
    are known.
    """

    def __init__(self, message: str, keys: Mapping[str, Any] = MappingProxyType({})) -> None:
        super().__init__(message)
        self.keys = dict(keys)


class ModelError(AlrunError):
    """An unknown model, or one unusable with these parameters or data."""


class StrategyError(AlrunError):
    """An unusable query strategy, or a wrong answer of one."""


class StoppingError(AlrunError):
    """An unusable stopping rule, or a wrong answer of one."""


class ResultsError(AlrunError):
    """A failure to read, write or report a results directory."""


class LabellingError(AlrunError):
    """An unusable labelling project, or unusable tasks or answers of one."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a hint on an unknown name: the nearest known one, or all of them.

    It is made to end a sentence.

    >>> nearest("entropi", ["margin", "entropy"])
    "; did you mean 'entropy'?"
    >>> nearest("7", ["10", "5"])
    '; known are 5, 10'
    >>> nearest("7", ["noise 0.1, 3 votes", "clean"])
    "; known are 'clean', 'noise 0.1, 3 votes'"
    """
    candidates = sorted(set(known), key=lambda text: text.zfill(20) if text.isdecimal() else text)
    close = [key for key in candidates if key.lower() == name.lower()]
    close = close or get_close_matches(name, candidates, n=1, cutoff=0.6)
    if close:
        return f"; did you mean '{close[0]}'?"
    # Quotes show where a name ends that holds what stands between names.
    quotes = "'" if any(", " in name for name in candidates) else ""
    named = ", ".join(f"{quotes}{name}{quotes}" for name in candidates)
    return f"; known are {named}" if candidates else ""


def printable(text: str) -> str:
    r"""Return a text with control and invisible characters written as escapes.

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
    """Return a message as one printable line, its middle cut out if it is very long."""
    line = printable(message)
    too_long = len(line) > _LONGEST
    return f"{line[: _LONGEST // 2]} ... {line[-_LONGEST // 2 :]}" if too_long else line


def first_line(error: BaseException) -> str:
    """Return the first line of an error of another library, or its type if it has no message."""
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__


def quoted(value: Any) -> str:
    """Return a value as JSON of at most 60 characters, to be quoted in an error."""
    try:
        text = json.dumps(value, default=str)
    except ValueError:
        text = "a number too large to print"
    return text if len(text) <= 60 else text[:57] + "..."
