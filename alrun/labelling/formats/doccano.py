"""Doccano's JSON lines: a text, its list of labels, and our columns as metadata."""

from collections.abc import Sequence

from alrun.errors import LabellingError
from alrun.labelling.formats.answers import answer_of, last_of_each, only_label
from alrun.labelling.formats.content import json_lines, text_of, to_bytes, to_json
from alrun.labelling.formats.fields import ID, identity_of, shown_text
from alrun.labelling.records import Answer, Layout, Task


def write(tasks: Sequence[Task], layout: Layout) -> bytes:
    """Return tasks for a project of text classification, without labels.

    Several fields are shown as one text. Raises LabellingError for images, which doccano takes in
    no file of tasks.
    """
    if layout.image is not None:
        raise LabellingError(
            "doccano takes images only as uploads, which lose their ids; write the batch for Label"
            " Studio or as CSV"
        )
    lines = [{"text": shown_text(task.fields), "label": []} | identity_of(task) for task in tasks]
    return to_bytes("".join(f"{to_json(line)}\n" for line in lines))


def read(content: bytes, name: str, layout: Layout) -> list[Answer]:
    """Return the answers in an export of doccano, which names no annotator.

    An empty list of labels is no answer: doccano exports also what nobody has labelled. Raises
    LabellingError, which names the line.
    """
    answers = []
    for place, line in json_lines(text_of(content, name), name):
        if ID not in line:
            raise LabellingError(
                f"{place}: there is no '{ID}'; import the batch as alrun wrote it, and export it"
                " from that project"
            )
        if "label" not in line:
            raise LabellingError(f"{place}: there is no 'label'; export a text classification")
        label = only_label(line["label"], place)
        if label is not None:
            answers.append(answer_of(place, line[ID], label))
    return last_of_each(answers)
