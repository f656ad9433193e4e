"""Fields of tasks: their names beside those of alrun and of labelling tools, and as one text."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from alrun.labelling.formats.content import plain
from alrun.labelling.records import Task

ID, BATCH, RANK = "alrun_id", "alrun_batch", "alrun_rank"
# What answers to a task, or a labelling tool, add beside its fields.
RESERVED = frozenset(
    {ID, BATCH, RANK, "id", "label", "annotator", "time", "seconds"}
    | {"annotation_id", "created_at", "updated_at", "lead_time"}
)


def names_in_file(
    wanted: Mapping[str, str], reserved: Collection[str] = RESERVED
) -> dict[str, str]:
    """Return the names of fields in a file, by field, all of them different.

    A field whose wanted name is reserved, or that of another, gets `data_` before it.
    """
    names: dict[str, str] = {}
    taken = {*reserved}
    for field, name in wanted.items():
        while name in taken:
            name = f"data_{name}"
        names[field] = name
        taken.add(name)
    return names


def fields_of(tasks: Sequence[Task]) -> list[str]:
    """Return the names of the fields of tasks, in the order in which they come up."""
    return list(dict.fromkeys(name for task in tasks for name in task.fields))


def identity_of(task: Task) -> dict[str, Any]:
    """Return what a tool must keep for an answer to find its example."""
    return {ID: task.id, BATCH: task.batch, RANK: task.rank}


def shown_text(fields: Mapping[str, Any]) -> str:
    """Return fields as one text: a single one as it is, several as a line each with its name."""
    texts = {name: _as_text(value) for name, value in fields.items()}
    if len(texts) == 1:
        return next(iter(texts.values()))
    return "\n".join(f"{name}: {text}" for name, text in texts.items())


def _as_text(value: Any) -> str:
    shown = plain(value)
    return "" if shown is None else str(shown)
