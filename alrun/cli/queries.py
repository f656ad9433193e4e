"""`alrun queries`: show the class mix of what was queried."""

from enum import StrEnum
from typing import Annotated

import typer

from alrun.cli.options import ResultsDirectory


class QueriesFormat(StrEnum):
    """What a table of the queries is written as."""

    table = "table"
    csv = "csv"


def queries(
    results: ResultsDirectory,
    format: Annotated[QueriesFormat, typer.Option(help="What to write.")] = QueriesFormat.table,
) -> None:
    """Say which classes the queries are of, beside those that there were to choose from."""
    from alrun.class_mix import MOST_PARTS, class_mix, mix_notes, mix_sections
    from alrun.report.render import as_text

    if format is QueriesFormat.csv:
        typer.echo(class_mix(results).to_csv(index=False, lineterminator="\n"), nl=False)
        return
    mix = class_mix(results, MOST_PARTS)
    typer.echo(as_text(mix_sections(mix), mix_notes(mix)), nl=False)
