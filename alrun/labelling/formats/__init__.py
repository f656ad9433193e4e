"""Formats of tasks and answers, a file per format, and which one a file of answers has."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from alrun.labelling.formats import csv, doccano, jsonl, label_studio, prodigy
from alrun.labelling.formats.content import json_lines, text_of
from alrun.labelling.formats.csv import read_table
from alrun.labelling.formats.fields import ID
from alrun.labelling.records import Answer, Layout, Task


@dataclass(frozen=True)
class Format:
    """A format of tasks and answers.

    Attributes
    ----------
    ending
        That of a file of tasks.
    write
        Returns the content of a file of tasks.
    read
        Returns the answers in the content of a file, whose name is for messages.
    """

    ending: str
    write: Callable[[Sequence[Task], Layout], bytes]
    read: Callable[[bytes, str, Layout], list[Answer]]


FORMATS = {
    "csv": Format(".csv", csv.write, csv.read),
    "jsonl": Format(".jsonl", jsonl.write, jsonl.read),
    "label-studio": Format(".json", label_studio.write, label_studio.read),
    "doccano": Format(".jsonl", doccano.write, doccano.read),
    "prodigy": Format(".jsonl", prodigy.write, prodigy.read),
}


def read_answers(content: bytes, name: str, layout: Layout) -> list[Answer]:
    """Return the answers in a file, whose format is recognised by its content.

    Raises LabellingError, which names the file and the line.
    """
    return FORMATS[recognise(content, name)].read(content, name, layout)


def recognise(content: bytes, name: str) -> str:
    """Return the name of the format that a file of answers has, by its content alone.

    Anything that is no JSON is taken for CSV. Raises LabellingError if it is no text, or JSON of
    another kind.
    """
    text = text_of(content, name)
    start = text.lstrip()[0]
    if start == "[":
        return "label-studio"
    if start == "{":
        end = text.find("\n", text.index("{"))
        ((_, line),) = json_lines(text if end < 0 else text[:end], name)
        return _kind_of_line(line)
    header, _ = read_table(text, name, label_studio.EXPORTED)
    return "label-studio" if {*label_studio.EXPORTED} <= {*header} else "csv"


def _kind_of_line(line: Mapping[str, Any]) -> str:
    """Return the format of JSON lines by the first: ours has no `alrun_id`, and always an `id`."""
    meta, label = line.get("meta"), line.get("label")
    if isinstance(meta, dict) and ID in meta:
        return "prodigy"
    if ID in line or ("id" not in line and isinstance(label, list)):
        return "doccano"
    return "prodigy" if "answer" in line and "id" not in line else "jsonl"
