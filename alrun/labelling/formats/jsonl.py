"""JSON lines of alrun's own: tasks with their fields, and answers with `id` and `label`."""

from collections.abc import Sequence

from alrun.errors import LabellingError
from alrun.labelling.formats.answers import answer_of, last_of_each
from alrun.labelling.formats.content import json_lines, plain, text_of, to_bytes, to_json
from alrun.labelling.formats.fields import BATCH, RANK, fields_of, names_in_file
from alrun.labelling.records import Answer, Layout, Task


def write(tasks: Sequence[Task], layout: Layout) -> bytes:
    """Return tasks as JSON lines: id, batch, rank, and the fields beside them."""
    names = names_in_file({name: name for name in fields_of(tasks)})
    lines = [
        {"id": task.id, BATCH: task.batch, RANK: task.rank}
        | {names[field]: plain(value) for field, value in task.fields.items()}
        for task in tasks
    ]
    return to_bytes("".join(f"{to_json(line)}\n" for line in lines))


def read(content: bytes, name: str, layout: Layout) -> list[Answer]:
    """Return the answers in JSON lines, of which the label null is a skip.

    The keys are `id`, `label`, `annotator`, `time` and `seconds`; others are passed over. Raises
    LabellingError, which names the line.
    """
    answers = []
    for place, line in json_lines(text_of(content, name), name):
        if "label" not in line:
            raise LabellingError(f"{place}: there is no 'label'; add it, with null for a skip")
        values = [line.get(key) for key in ("id", "label", "annotator", "time", "seconds")]
        answers.append(answer_of(place, *values))
    return last_of_each(answers)
