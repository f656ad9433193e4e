"""Records of labelling: tasks that go out, their layout, and answers that come back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Task:
    """An example to label.

    Attributes
    ----------
    id
        What identifies the example in its data file.
    batch, rank
        The batch in which it was queried, from 1, and its place in it, from 1.
    fields
        What annotators see, by the name of the column: a text, an image's path or address, or the
        values of a table's row.
    suggestion, confidence
        The class that the model would give, and its probability; None before the first fit.
    """

    id: str
    batch: int
    rank: int
    fields: Mapping[str, Any] = field(default_factory=dict)
    suggestion: str | None = None
    confidence: float | None = None


@dataclass(frozen=True)
class Layout:
    """What the tasks of a project hold, as far as their files depend on it.

    Attributes
    ----------
    id_column
        The name of the data's column that identifies an example.
    text, image
        The field that holds the text, or the path or address of the image; both are None where
        annotators see the row of a table.
    classes
        In the order in which annotators see them.
    """

    id_column: str = "id"
    text: str | None = None
    image: str | None = None
    classes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Answer:
    """What one annotator said of one example.

    Attributes
    ----------
    label
        The class; None for a skip ("I don't know").
    annotator
        Empty if the source names none.
    time
        When it was given, as ISO 8601; None if the source does not say.
    seconds
        How long it took; None if the source does not say.
    place
        File and line, or file and task, for messages.
    """

    id: str
    label: str | None
    annotator: str = ""
    time: str | None = None
    seconds: float | None = None
    place: str = ""
