"""Classes as annotators write them, matched with those of the project."""

from collections.abc import Sequence

from alrun.errors import LabellingError, nearest, quoted


def match_class(text: str, classes: Sequence[str], place: str = "") -> str:
    """Return the class that a label names.

    Raises LabellingError if it is none of the classes as it stands. Another case and other blanks
    are another text: the message suggests the class, and nobody guesses it.

    Parameters
    ----------
    place
        File and line of the label, for the message.
    """
    if text in classes:
        return text
    alike = alike_class(text, classes)
    hint = nearest(text, classes) if alike is None else f"; did you mean '{alike}'?"
    raise LabellingError(f"{place}{': ' if place else ''}unknown class {quoted(text)}{hint}")


def alike_class(text: str, classes: Sequence[str]) -> str | None:
    """Return the class that differs from a text in case and blanks alone; None without one."""
    return next((known for known in classes if _folded(known) == _folded(text)), None)


def _folded(text: str) -> str:
    """Return a text without what people and spreadsheets change: case, blanks, and a final .0."""
    return "".join(text.split()).casefold().removesuffix(".0")
