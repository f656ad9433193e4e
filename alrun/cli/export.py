"""The command `alrun export`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from alrun.cli.options import ProjectFile
from alrun.cli.output import format_of, say, show, write
from alrun.errors import AlrunError
from alrun.labelling.phrasing import counted


class ExportFormat(StrEnum):
    """The formats of an export."""

    csv = "csv"
    jsonl = "jsonl"
    parquet = "parquet"


_ENDINGS = {f".{name}": name for name in ExportFormat}


def export(
    project: ProjectFile,
    to: Annotated[
        ExportFormat | None,
        typer.Option(help="Write in this form.", show_default="by the ending of the file, or csv"),
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="Write this file.", show_default="to the screen")
    ] = None,
) -> None:
    """Write the labels, and the model's predictions for all other rows."""
    from alrun.labelling.export import as_csv, as_jsonl, as_parquet
    from alrun.labelling.export import export as export_all
    from alrun.util.atomic_files import remove_abandoned, write_file

    form = to or format_of(output, _ENDINGS, ExportFormat.csv)
    if form is ExportFormat.parquet and output is None:
        raise AlrunError("Parquet is no text for the screen; name a file with --output")
    table = export_all(project, say)
    if form is ExportFormat.parquet:
        content = as_parquet(table)
    else:
        content = (as_csv if form is ExportFormat.csv else as_jsonl)(table).encode()
    if output is None:
        write(content.decode())
        return
    remove_abandoned(output.parent, f"{output.name}.")
    write_file(output, content)
    n = int(table["label"].notna().sum())
    is_in = "is" if n == 1 else "are"
    show(f"{counted(n, 'label')} of {counted(len(table), 'row')} {is_in} in {output}.")
