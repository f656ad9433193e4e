"""Label Studio: tasks with predictions, the labelling config, and exports as JSON and CSV."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from xml.sax.saxutils import quoteattr

from alrun.errors import LabellingError, quoted
from alrun.labelling.formats.answers import answer_of, last_of_each, only_label
from alrun.labelling.formats.content import json_lines, json_list, plain, text_of, to_bytes, to_json
from alrun.labelling.formats.csv import read_table
from alrun.labelling.formats.fields import ID, fields_of, identity_of, names_in_file
from alrun.labelling.records import Answer, Layout, Task

_CONTROL = "label"
# Columns that an export as JSON_MIN or CSV adds to the data of its tasks.
EXPORTED = ("annotation_id", "lead_time")
# What XML 1.0 cannot hold, not even as a reference.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write(tasks: Sequence[Task], layout: Layout) -> bytes:
    """Return tasks as a JSON list to import, by batch and rank: it shows them in this order.

    A suggestion of the model becomes a prediction, and its confidence the score.
    """
    keys = _keys(tasks, layout)
    ordered = sorted(tasks, key=lambda task: (task.batch, task.rank))
    lines = ",\n".join(to_json(_task(task, keys)) for task in ordered)
    return to_bytes(f"[\n{lines}\n]\n")


def labelling_config(tasks: Sequence[Task], layout: Layout) -> str:
    """Return the labelling config (XML) of a project for tasks as `write` gives them.

    Raises LabellingError if a class or the name of a field cannot stand in XML.
    """
    keys = _keys(tasks, layout)
    tags = [tag for field, key in keys.items() for tag in _tags(field, key, layout)]
    choices = [f"    <Choice value={_attribute(name)}/>" for name in layout.classes]
    shown = _shown(keys)
    control = f'  <Choices name="{_CONTROL}" toName="{shown}" choice="single">'
    return "\n".join(["<View>", *tags, control, *choices, "  </Choices>", "</View>", ""])


def read(content: bytes, name: str, layout: Layout) -> list[Answer]:
    """Return the answers in an export as JSON, JSON_MIN or CSV.

    What was skipped stands in JSON only. Of several answers of one user the last update counts.
    Raises LabellingError, which names the task or the line.
    """
    text = text_of(content, name)
    if not text.lstrip().startswith("["):
        header, rows = read_table(text, name, EXPORTED)
        return _of_records([(place, dict(zip(header, row, strict=True))) for place, row in rows])
    tasks = json_list(text, name)
    if all(EXPORTED[0] in task for _, task in tasks):
        return _of_records(tasks)
    return last_of_each(answer for place, task in tasks for answer in _of_task(task, place))


def _keys(tasks: Sequence[Task], layout: Layout) -> dict[str, str]:
    """Return the keys of fields under `data`; a config can name only those of word characters."""
    wanted = {name: re.sub(r"\W", "_", name, flags=re.ASCII) for name in fields_of(tasks)}
    for main, key in ((layout.text, "text"), (layout.image, "image")):
        if main is not None:
            wanted = {main: key} | {name: key for name, key in wanted.items() if name != main}
    return names_in_file(wanted)


def _shown(keys: Mapping[str, str]) -> str:
    """Return the name of the tag that the labels belong to."""
    if not keys:
        raise LabellingError("the tasks have no field to show; name the text or the columns")
    return next(iter(keys.values()))


def _task(task: Task, keys: Mapping[str, str]) -> dict[str, Any]:
    data = {key: _datum(task.fields.get(field)) for field, key in keys.items()}
    written: dict[str, Any] = {"data": data | identity_of(task)}
    if task.suggestion is not None:
        written["predictions"] = [_prediction(task, task.suggestion, _shown(keys))]
    return written


def _prediction(task: Task, suggestion: str, shown: str) -> dict[str, Any]:
    value = {"choices": [suggestion]}
    result = [{"from_name": _CONTROL, "to_name": shown, "type": "choices", "value": value}]
    prediction: dict[str, Any] = {"model_version": f"alrun-{task.batch}", "result": result}
    if (confidence := plain(task.confidence)) is not None:
        prediction["score"] = min(max(confidence, 0.0), 1.0)
    return prediction


def _datum(value: Any) -> str | int | float:
    """Return a value that a Text tag takes: no null, and no bool."""
    shown = plain(value)
    if shown is None:
        return ""
    return str(shown) if isinstance(shown, bool) else shown


def _tags(field: str, key: str, layout: Layout) -> list[str]:
    if field == layout.image:
        return [f'  <Image name="{key}" value="${key}"/>']
    text = f'  <Text name="{key}" value="${key}"/>'
    return [text] if field == layout.text else [f"  <Header value={_attribute(field)}/>", text]


def _attribute(text: str) -> str:
    if _NOT_XML.search(text):
        raise LabellingError(
            f"{quoted(text)} holds a character that Label Studio's config, which is XML, cannot; "
            "rename it, or write the batch as CSV"
        )
    return quoteattr(text)


def _of_task(task: Mapping[str, Any], place: str) -> Iterator[Answer]:
    """Yield the answers to a task in JSON."""
    annotations = task.get("annotations")
    if not isinstance(annotations, list):
        raise LabellingError(f"{place}: there are no 'annotations'; export the project as JSON")
    for annotation in annotations:
        if not isinstance(annotation, dict):
            raise LabellingError(
                f"{place}: the annotation {quoted(annotation)} is no object; export the file anew"
            )
        user = annotation.get("completed_by")
        yield answer_of(
            place,
            _id_of(task.get("data"), place),
            None if annotation.get("was_cancelled") else _choice(annotation.get("result"), place),
            user.get("id") if isinstance(user, dict) else user,
            annotation.get("updated_at"),
            annotation.get("lead_time"),
        )


def _of_records(records: Sequence[tuple[str, Mapping[str, Any]]]) -> list[Answer]:
    """Return the answers in JSON_MIN or CSV, a record each; a task without one has no annotation.

    A record lacks the label where it is empty, so that a renamed control shows in all together.
    """
    answered = [(place, record) for place, record in records if record.get(EXPORTED[0])]
    if answered and not any(_CONTROL in record for _, record in answered):
        raise LabellingError(
            f"{answered[0][0]}: no answer here has a '{_CONTROL}'; label with alrun's labelling"
            " config, whose control has this name"
        )
    return last_of_each(_of_record(record, place) for place, record in answered)


def _of_record(record: Mapping[str, Any], place: str) -> Answer:
    label = record.get(_CONTROL)
    if isinstance(label, str) and label.startswith('{"choices":'):
        ((_, label),) = json_lines(label, place)  # several labels in a cell of CSV
    if isinstance(label, dict):
        label = only_label(label.get("choices"), place)
    values = (record.get(key) for key in ("annotator", "updated_at", "lead_time"))
    return answer_of(place, _id_of(record, place), label, *values)


def _id_of(data: Any, place: str) -> Any:
    if not isinstance(data, dict) or ID not in data:
        raise LabellingError(
            f"{place}: there is no '{ID}' among its data; import the batch as alrun wrote it, and"
            " export that project"
        )
    return data[ID]


def _choice(result: Any, place: str) -> str | None:
    """Return the label in the result of an annotation, None if it is empty."""
    if not isinstance(result, list) or not all(isinstance(entry, dict) for entry in result):
        raise LabellingError(
            f"{place}: the result {quoted(result)} is no list of objects; export the file anew"
        )
    choices = [entry for entry in result if entry.get("type") == "choices"]
    values = [entry.get("value") for entry in choices if entry.get("from_name") == _CONTROL]
    if choices and not values:
        raise LabellingError(
            f"{place}: there is no control '{_CONTROL}' in the result, but"
            f" {quoted(choices[0].get('from_name'))}; label with alrun's labelling config"
        )
    lists = [value.get("choices") if isinstance(value, dict) else value for value in values]
    return only_label([only_label(labels, place) for labels in lists], place)
