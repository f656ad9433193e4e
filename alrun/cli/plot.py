"""`alrun plot`: draw a report."""

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
from alrun.report.options import Adjustment


class Plot(StrEnum):
    """The kinds of plots."""

    curves = "curves"
    difference = "difference"
    savings = "savings"
    reached = "reached"


def plot(
    results: ResultsDirectory,
    output: Annotated[Path, typer.Option(help="Write to this .svg, .png or .pdf.")],
    kind: Annotated[
        list[Plot] | None,
        typer.Option(help="Draw this kind of plot. Repeatable.", show_default="all"),
    ] = None,
    batch_size: Annotated[
        list[int] | None, typer.Option(help="Draw this batch size. Repeatable.", show_default="all")
    ] = None,
    target: Targets = None,
    metric: Metric = None,
    baseline: Baseline = "random",
    sustain: Sustain = 1,
    adjust: Adjust = Adjustment.holm,
) -> None:
    """Draw curves with bands, differences, savings and the share of runs at the target."""
    from alrun.report.plots import write_plot

    found = build_report(results, target, metric, baseline, sustain, adjust)
    write_plot(found, output, [entry.value for entry in kind or Plot], batch_size)
