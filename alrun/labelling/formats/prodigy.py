"""Prodigy's JSON lines: a text or an image, the options, and our columns under `meta`."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from alrun.errors import LabellingError, quoted
from alrun.labelling.formats.answers import answer_of, last_of_each, only_label
from alrun.labelling.formats.content import json_lines, plain, text_of, to_bytes, to_json
from alrun.labelling.formats.fields import ID, identity_of, shown_text
from alrun.labelling.records import Answer, Layout, Task
from alrun.util.numbers import is_number


def write(tasks: Sequence[Task], layout: Layout) -> bytes:
    """Return tasks for Prodigy's view `choice`, with the classes as options."""
    options = [{"id": name, "text": name} for name in layout.classes]
    lines = [
        _shown(task, layout) | {"options": options, "meta": identity_of(task)} for task in tasks
    ]
    return to_bytes("".join(f"{to_json(line)}\n" for line in lines))


def read(content: bytes, name: str, layout: Layout) -> list[Answer]:
    """Return the answers that `prodigy db-out` writes.

    Accepted is the chosen option, or without options the `label`. What is ignored or rejected is a
    skip; but where a `label` was rejected and there are two classes, the answer is the other one.
    Raises LabellingError, which names the line.
    """
    answers = []
    for place, line in json_lines(text_of(content, name), name):
        id_value = _id_of(line, place)
        label = _label_of(line, layout.classes, place)
        annotator = line.get("_annotator_id", line.get("_session_id"))
        time = _time_of(line.get("_timestamp"), place)
        answers.append(answer_of(place, id_value, label, annotator, time))
    return last_of_each(answers)


def _shown(task: Task, layout: Layout) -> dict[str, Any]:
    texts = {name: value for name, value in task.fields.items() if name != layout.image}
    shown: dict[str, Any] = {"text": shown_text(texts)} if texts else {}
    if layout.image is not None:
        shown["image"] = plain(task.fields.get(layout.image))
    return shown


def _id_of(line: Mapping[str, Any], place: str) -> Any:
    meta = line.get("meta")
    if not isinstance(meta, dict) or ID not in meta:
        raise LabellingError(
            f"{place}: there is no '{ID}' under 'meta'; label the batch as alrun wrote it"
        )
    return meta[ID]


def _label_of(line: Mapping[str, Any], classes: Sequence[str], place: str) -> Any:
    verdict = line.get("answer")
    if verdict not in ("accept", "reject", "ignore"):
        raise LabellingError(
            f"{place}: 'answer' is {quoted(verdict)}, not accept, reject or ignore; export the"
            " answers with prodigy db-out"
        )
    has_options = "options" in line or "accept" in line
    if verdict == "accept":
        if has_options:
            return only_label(line.get("accept", []), place)
        if "label" not in line:
            raise LabellingError(f"{place}: it is accepted without a 'label'; add it, or ignore it")
        return line["label"]
    if (
        verdict == "reject"
        and not has_options
        and len(classes) == 2
        and line.get("label") in classes
    ):
        return next(name for name in classes if name != line["label"])
    return None


def _time_of(timestamp: Any, place: str) -> str | None:
    """Return seconds since 1970 as a time."""
    if timestamp is None:
        return None
    try:
        if is_number(timestamp):
            return datetime.fromtimestamp(timestamp, UTC).isoformat()
    except (ValueError, OverflowError, OSError):
        pass
    raise LabellingError(
        f"{place}: '_timestamp' is {quoted(timestamp)}, no seconds since 1970; remove it"
    )
