"""`alrun report`: print the tables."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from alrun.cli.options import (
    Adjust,
    Baseline,
    Metric,
    ResultsDirectory,
    Sustain,
    Targets,
    build_report,
)
from alrun.cli.output import say, write
from alrun.errors import AlrunError
from alrun.report.options import Adjustment


class Format(StrEnum):
    """The formats of a report."""

    table = "table"
    markdown = "markdown"
    csv = "csv"
    json = "json"
    latex = "latex"


def report(
    results: ResultsDirectory,
    target: Targets = None,
    metric: Metric = None,
    baseline: Baseline = "random",
    sustain: Sustain = 1,
    adjust: Adjust = Adjustment.holm,
    format: Annotated[Format, typer.Option(help="Write the report in this form.")] = Format.table,
    output: Annotated[
        Path | None, typer.Option(help="Write to this file.", show_default="the screen")
    ] = None,
) -> None:
    """Print the tables: labels to target, savings, tests, whole curves."""
    from alrun.report.render import render

    found = build_report(results, target, metric, baseline, sustain, adjust)
    text = render(found, format.value)
    if format is Format.csv:  # a CSV file has no place for notes
        for note in found.notes:
            say(note)
    if output is None:
        write(text)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise AlrunError(f"{output} cannot be written: {error.strerror}") from error
