"""The content of a file as text and JSON, and values as JSON takes them."""

import codecs
import json
from math import isfinite
from typing import Any

import numpy as np

from alrun.errors import LabellingError, first_line, quoted

_BYTE_ORDER_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
# The first bytes of what is sent in the place of a text file, and what it is.
_PACKED = {b"PK": "a zip archive or a workbook", b"\x1f\x8b": "packed", b"PAR1": "Parquet"}


def text_of(content: bytes, name: str) -> str:
    """Return the text of a file, which is UTF-8, or UTF-16 with a byte order mark.

    Raises LabellingError, which names the line, where it is another encoding or holds a NUL.
    """
    for start, kind in _PACKED.items():
        if content.startswith(start):
            raise LabellingError(f"{name}: it is {kind}; unpack it, or save it as CSV or JSON")
    marks = (mark for mark in _BYTE_ORDER_MARKS if content.startswith(mark))
    encoding = _BYTE_ORDER_MARKS.get(next(marks, b""), "utf-8")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise LabellingError(
            f"{name}: line {line}: it is not {encoding.removesuffix('-sig').upper()}, since it"
            f" holds the byte {error.object[error.start]:#x}; save it as UTF-8"
        ) from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise LabellingError(
            f"{name}: line {line}: it holds a NUL; save it as UTF-8, and remove the NUL if it is"
        )
    if not text.strip():
        raise LabellingError(f"{name}: it is empty; give a file with answers")
    return text


def json_list(text: str, name: str) -> list[tuple[str, dict[str, Any]]]:
    """Return the place and the object of every task in a JSON list; raises LabellingError."""
    tasks = _parsed(text, name, first_line_number=1)
    if not isinstance(tasks, list):
        raise LabellingError(f"{name}: it is no list of tasks; export them as JSON anew")
    numbered = [(f"{name}: task {number}", task) for number, task in enumerate(tasks, start=1)]
    for place, task in numbered:
        _check_object(task, place)
    return numbered


def json_lines(text: str, name: str) -> list[tuple[str, dict[str, Any]]]:
    """Return the place and the object of every line that is not blank; raises LabellingError."""
    numbered = []
    # Unlike split, splitlines would also break at characters that a JSON string may hold.
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            place = f"{name}: line {number}"
            numbered.append((place, _parsed(line, name, number)))
            _check_object(numbered[-1][1], place)
    return numbered


def to_json(value: Any) -> str:
    """Return a value as JSON, every character as it is."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def to_bytes(text: str) -> bytes:
    """Return a text as UTF-8, with half a surrogate pair, which has none, as an escape."""
    return text.encode("utf-8", errors="backslashreplace")


def plain(value: Any) -> str | int | float | bool | None:
    """Return a value of a data file as JSON takes it; a missing one is None."""
    if isinstance(value, np.number | np.bool_ | np.str_):
        value = value.item()
    if isinstance(value, float):
        return value if isfinite(value) else None
    if value is None or isinstance(value, str | int):
        return value
    text = str(value)
    return None if text in ("NaT", "<NA>") else text


def _parsed(text: str, name: str, first_line_number: int) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_without_twins)
    except json.JSONDecodeError as error:
        line = first_line_number + error.lineno - 1
        problem = f"it is no JSON: {error.msg} at character {error.colno}"
    except (ValueError, RecursionError) as error:
        line, problem = first_line_number, f"it cannot be read: {first_line(error)}"
    raise LabellingError(f"{name}: line {line}: {problem}; export it anew, or mend it there")


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return pairs as a dict; raises ValueError if a key is there twice, with two answers maybe."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [key for key, _ in pairs]
        twin = next(key for key in names if names.count(key) > 1)
        raise ValueError(f"an object has the key {quoted(twin)} twice")
    return found


def _check_object(value: Any, place: str) -> None:
    if not isinstance(value, dict):
        raise LabellingError(
            f"{place}: {quoted(value)} is no object with keys, such as"
            ' {"id": "7", "label": "yes"}'
        )
