"""`alrun queries`: show the classes of the queried examples."""

from enum import StrEnum
from typing import Annotated

import typer

from alrun.cli.options import ResultsDirectory
from alrun.cli.output import screen, write


class QueriesFormat(StrEnum):
    """The formats of the class mix."""

    table = "table"
    csv = "csv"


def queries(
    results: ResultsDirectory,
    format: Annotated[
        QueriesFormat, typer.Option(help="Write the class mix in this form.")
    ] = QueriesFormat.table,
) -> None:
    """Show the class mix of queried examples and of the pool."""
    from alrun.class_mix import MOST_PARTS, class_mix, mix_notes, mix_sections
    from alrun.report.render_csv import as_csv
    from alrun.report.text import as_text

    if format is QueriesFormat.csv:
        write(as_csv(class_mix(results)))
        return
    mix = class_mix(results, MOST_PARTS)
    width, has_bold = screen()
    write(as_text(mix_sections(mix), mix_notes(mix), width=width, has_bold=has_bold))
