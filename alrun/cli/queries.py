"""`alrun queries`: show the classes of the queried examples."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from alrun.cli.options import ResultsDirectory
from alrun.cli.output import say, screen, write
from alrun.errors import AlrunError


class QueriesFormat(StrEnum):
    """The formats of the class mix."""

    table = "table"
    csv = "csv"


def queries(
    results: ResultsDirectory,
    format: Annotated[
        QueriesFormat | None,
        typer.Option(help="Write the class mix in this form.", show_default="table"),
    ] = None,
    pictures: Annotated[
        Path | None,
        typer.Option(help="Draw the queried images into this .png.", show_default="none"),
    ] = None,
) -> None:
    """Show the class mix of queried examples and of the pool, and how far annotators agree."""
    from alrun.class_mix import MOST_PARTS, class_mix, mix_notes, mix_sections
    from alrun.report.annotator_sections import agreement_sections
    from alrun.report.annotators import load_votes
    from alrun.report.render_csv import as_csv
    from alrun.report.text import as_text

    if pictures is not None:
        if format is not None:
            raise AlrunError("--format is for the class mix, and --pictures draws; leave one out")
        _draw(results, pictures)
        return
    if format is QueriesFormat.csv:
        write(as_csv(class_mix(results)))
        return
    mix = class_mix(results, MOST_PARTS)
    width, has_bold = screen()
    tables = [*mix_sections(mix), *agreement_sections(load_votes(results))]
    write(as_text(tables, mix_notes(mix), width=width, has_bold=has_bold))


def _draw(results: Path, output: Path) -> None:
    """Draw what every strategy queried as pictures."""
    from alrun.queried import pictures, queried
    from alrun.report.phrasing import group_name
    from alrun.report.plots.pictures import write_pictures

    drawn = [(group_name(key), gallery) for key, gallery in pictures(queried(results))]
    left_out = write_pictures(drawn, output)
    if left_out:
        say(f"{output} has the first {len(drawn) - left_out} of {len(drawn)} galleries")
