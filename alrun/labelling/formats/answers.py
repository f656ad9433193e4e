"""Answers made of the values in a file, and the one that counts where somebody answers twice."""

from collections.abc import Iterable
from datetime import UTC, datetime
from math import isfinite
from typing import Any

from alrun.errors import LabellingError, quoted
from alrun.labelling.records import Answer
from alrun.util.numbers import is_number, is_whole


def answer_of(
    place: str,
    id_value: Any,
    label: Any,
    annotator: Any = None,
    time: Any = None,
    seconds: Any = None,
) -> Answer:
    """Return an answer, from values as a file holds them.

    A label that is None, empty or blank is a skip. Blanks around the annotator's name do not count.
    Raises LabellingError, which begins with the place, where a value has another type than needed.
    """
    id_text = _text(id_value, "the id", place)
    if not id_text:
        raise LabellingError(f"{place}: it has no id; add that of the batch, or remove the answer")
    label_text = _text(label, "the label", place)
    return Answer(
        id=id_text,
        label=label_text if label_text.strip() else None,
        annotator=" ".join(_text(annotator, "the annotator", place).split()),
        time=_time(time, place),
        seconds=_seconds(seconds, place),
        place=place,
    )


def only_label(labels: Any, place: str) -> str | None:
    """Return the only entry of a list of labels, None if it is empty; else raise LabellingError."""
    if not isinstance(labels, list):
        raise LabellingError(f'{place}: {quoted(labels)} is no list of labels, such as ["yes"]')
    if len(labels) > 1:
        raise LabellingError(
            f"{place}: it has {len(labels)} labels, {quoted(labels)}; leave the one that holds"
        )
    return _text(labels[0], "the label", place) if labels else None


def last_of_each(answers: Iterable[Answer]) -> list[Answer]:
    """Return the last answer of each annotator to each example, in the order of the first ones.

    The last is that with the latest time. Raises LabellingError where two differ and a time lacks.
    """
    last: dict[tuple[str, str], Answer] = {}
    for answer in answers:
        key = (answer.id, answer.annotator)
        last[key] = _later(last[key], answer) if key in last else answer
    return list(last.values())


def _later(one: Answer, other: Answer) -> Answer:
    if one.time and other.time:
        before, after = _moment(one.time), _moment(other.time)
        if before != after:
            return one if before > after else other
    if one.label == other.label:
        return other
    raise LabellingError(
        f"{other.place}: example {quoted(other.id)} has the label {quoted(other.label)} here, and"
        f" {quoted(one.label)} in {one.place}; keep one, or add the annotators' names or the times"
    )


def _text(value: Any, what: str, place: str) -> str:
    """Return a text or a whole number as text, None as an empty one; else raise LabellingError."""
    if value is None:
        return ""
    if is_whole(value):
        return str(value)
    if not isinstance(value, str):
        raise LabellingError(f"{place}: {what} {quoted(value)} is no text; write it in quotes")
    if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
        raise LabellingError(
            f"{place}: {what} {quoted(value)} holds half a character; export the file anew"
        )
    return value


def _time(value: Any, place: str) -> str | None:
    if value is None or value == "":
        return None
    try:
        return datetime.fromisoformat(value).isoformat()
    except (TypeError, ValueError) as error:
        raise LabellingError(
            f"{place}: the time {quoted(value)} is none in ISO 8601, such as 2026-05-01T10:30:00Z;"
            " write it so, or leave it out"
        ) from error


def _moment(time: str) -> datetime:
    """Return a time for comparison; one without a zone is taken for UTC."""
    moment = datetime.fromisoformat(time)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _seconds(value: Any, place: str) -> float | None:
    if value is None or value == "":
        return None
    try:
        seconds = float(value) if isinstance(value, str) or is_number(value) else -1.0
    except (ValueError, OverflowError):
        seconds = -1.0
    if not (isfinite(seconds) and seconds >= 0):
        raise LabellingError(
            f"{place}: the seconds {quoted(value)} are no number from 0 on, such as 12.5; write"
            " them so, or leave them out"
        )
    return seconds
