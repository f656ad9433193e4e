"""The command `alrun next`."""

import shlex
from collections.abc import Sequence
from enum import StrEnum
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from alrun.cli.options import SOME_FAILED, ProjectFile
from alrun.cli.output import say, show, show_next
from alrun.errors import AlrunError
from alrun.labelling.phrasing import counted

if TYPE_CHECKING:
    from alrun.labelling.records import Layout, Task


class TaskFormat(StrEnum):
    """The formats of a batch."""

    csv = "csv"
    jsonl = "jsonl"
    label_studio = "label-studio"
    doccano = "doccano"
    prodigy = "prodigy"


def next_batch(
    project: ProjectFile,
    n: Annotated[
        int | None,
        typer.Option("--n", min=1, help="Ask for so many.", show_default="the batch size"),
    ] = None,
    more: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Choose N further examples while others are open."),
    ] = None,
    to: Annotated[TaskFormat, typer.Option(help="Write the batch in this form.")] = TaskFormat.csv,
    output: Annotated[
        Path | None,
        typer.Option(
            help="Write this file.", show_default="one per batch, beside the project file"
        ),
    ] = None,
) -> None:
    """Choose the next batch to label, or write again what is open."""
    from alrun.labelling.next_batch import next_batch as choose

    if n is not None and more is not None:
        raise AlrunError("--n is the size of a batch, and so is the number of --more; give one")
    found = choose(project, n, more, say)
    if found.ended:
        say(found.ended)
        raise typer.Exit(SOME_FAILED)
    files = []
    batches = [list(tasks) for _, tasks in groupby(found.tasks, lambda task: task.batch)]
    for tasks in [list(found.tasks)] if output is not None else batches:
        ending = _ending(to)
        name = f"{project.stem}.batch-{tasks[0].batch}{ending}"
        file = output or project.with_name(name)
        _write(file, tasks, found.layout, to)
        files.append(file)
    what = "chosen now" if found.is_new else "still open"
    for file, tasks in zip(files, [list(found.tasks)] if output else batches, strict=True):
        numbers = sorted({task.batch for task in tasks})
        shown = " and ".join(map(str, numbers))
        kind = "Batch" if len(numbers) == 1 else "Batches"
        show(f"{kind} {shown}, {what}: {counted(len(tasks), 'example')} in {file}.")
    if to in (TaskFormat.csv, TaskFormat.jsonl):
        show_next("alrun", "label", project, *files)
        return
    command = shlex.join(["alrun", "label", str(project)])
    show(f"Next: import this into {to.value}, later {command} with the file that it exports.")


def _ending(to: TaskFormat) -> str:
    from alrun.labelling.formats import FORMATS

    ending = FORMATS[to.value].ending
    return ending if to in (TaskFormat.csv, TaskFormat.jsonl) else f".{to.value}{ending}"


def _write(file: Path, tasks: "Sequence[Task]", layout: "Layout", to: TaskFormat) -> None:
    """Write a batch, and for Label Studio the labelling config beside it."""
    from alrun.labelling.formats import FORMATS, label_studio

    contents = {file: FORMATS[to.value].write(tasks, layout)}
    if to is TaskFormat.label_studio:
        contents[file.with_suffix(".xml")] = label_studio.labelling_config(tasks, layout).encode()
    for path, content in contents.items():
        if path.is_file() and path.read_bytes() != content:
            raise AlrunError(
                f"{path} is there with another content, such as labels; take them by alrun label,"
                " or name another file with --output"
            )
    for path, content in contents.items():
        _write_unless_there(path, content)


def _write_unless_there(path: Path, content: bytes) -> None:
    from alrun.util.atomic_files import remove_abandoned, write_file

    remove_abandoned(path.parent, f"{path.name}.")
    if not path.is_file():
        write_file(path, content)
