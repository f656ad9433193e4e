"""What labelling tools make of tasks: files of answers as they export them."""

import csv
import io
import json

from alrun.labelling.records import Layout, Task

LAYOUT = Layout(text="body", classes=("ham", "spam"))
TASKS = [
    Task("a", 1, 1, {"body": 'Buy, "now"\nor never'}, "spam", 0.9),
    Task("007", 1, 2, {"body": "=1+1"}),
    Task("ü 😀", 1, 3, {"body": "<b>hello</b>"}, "ham", 1.0),
    Task("d", 1, 4, {"body": ""}),
]
LABELS = {"a": "ham", "007": None, "ü 😀": "spam"}


def label_csv(content, labels, tasks=TASKS):
    """Fill in a column `label`, as somebody does in a spreadsheet, and leave out other rows."""
    header, *rows = csv.reader(io.StringIO(content.decode(), newline=""))
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow([*header, "label", "annotator"])
    for task, row in zip(tasks, rows, strict=True):
        if task.id in labels:
            writer.writerow([*row, labels[task.id] or "", "Ann"])
    return table.getvalue().encode()


def lines_of(content):
    return [json.loads(line) for line in content.decode().split("\n") if line]


def as_lines(records):
    return "".join(json.dumps(record) + "\n" for record in records).encode()


def label_jsonl(content, labels):
    chosen = [line for line in lines_of(content) if line["id"] in labels]
    return as_lines([line | {"label": labels[line["id"]], "annotator": "Ann"} for line in chosen])


def label_studio(content, labels):
    """Answer tasks as Label Studio 1.23.2 exports them, those without an answer included."""
    exported = []
    for number, task in enumerate(json.loads(content), start=1):
        annotations = []
        if task["data"]["alrun_id"] in labels:
            label = labels[task["data"]["alrun_id"]]
            value = {"choices": [label]}
            result = {"from_name": "label", "to_name": "text", "type": "choices", "value": value}
            annotations = [
                {
                    "id": number,
                    "completed_by": 1,
                    "result": [] if label is None else [result],
                    "was_cancelled": label is None,
                    "created_at": "2026-11-29T08:30:44.011933Z",
                    "updated_at": "2026-11-29T08:30:44.011960Z",
                    "lead_time": 1.5,
                }
            ]
        kept = {"data": task["data"], "predictions": [number], "drafts": [], "meta": {}}
        exported.append({"id": number, "annotations": annotations} | kept)
    return json.dumps(exported).encode()


def label_doccano(content, labels):
    """Answer tasks as doccano does: with an id of its own, and with those that have no label."""
    lines = lines_of(content)
    return as_lines(
        line | {"id": number, "label": [label] if (label := labels.get(line["alrun_id"])) else []}
        for number, line in enumerate(lines, start=40)
    )


def label_prodigy(content, labels):
    chosen = [line for line in lines_of(content) if line["meta"]["alrun_id"] in labels]
    own = {"_input_hash": 1, "_task_hash": 2, "_view_id": "choice", "_timestamp": 1764404800}
    answers = [labels[line["meta"]["alrun_id"]] for line in chosen]
    return as_lines(
        line
        | own
        | {"accept": [label] if label else [], "answer": "accept" if label else "ignore"}
        | {"_annotator_id": "mails-ann"}
        for line, label in zip(chosen, answers, strict=True)
    )


TOOLS = {
    "csv": label_csv,
    "jsonl": label_jsonl,
    "label-studio": label_studio,
    "doccano": label_doccano,
    "prodigy": label_prodigy,
}
