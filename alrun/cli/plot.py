"""`alrun plot`: draw a report."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from alrun.cli.options import (
    Adjust,
    Baseline,
    BatchSizes,
    Datasets,
    Metric,
    Models,
    ResultsDirectory,
    Starts,
    Strategies,
    Sustain,
    Targets,
    build_report,
    selection_of,
)
from alrun.report.options import Adjustment


class Plot(StrEnum):
    """The kinds of plots."""

    curves = "curves"
    difference = "difference"
    savings = "savings"
    reached = "reached"
    pairs = "pairs"
    ranks = "ranks"


def plot(
    results: ResultsDirectory,
    output: Annotated[Path, typer.Option(help="Write to this .svg, .png or .pdf.")],
    kind: Annotated[
        list[Plot] | None,
        typer.Option(help="Draw this kind of plot. Repeatable.", show_default="the first four"),
    ] = None,
    target: Targets = None,
    metric: Metric = None,
    baseline: Baseline = "random",
    sustain: Sustain = 1,
    adjust: Adjust = Adjustment.holm,
    strategy: Strategies = None,
    dataset: Datasets = None,
    model: Models = None,
    start: Starts = None,
    batch_size: BatchSizes = None,
) -> None:
    """Draw curves with bands, differences, savings and the share of runs at the target.

    All pairs of strategies, and their ranks over data sets, are drawn where they are named.
    """
    from alrun.report.plots import KINDS, write_plot

    selection = selection_of(strategy, dataset, model, start, batch_size)
    found = build_report(results, target, metric, baseline, sustain, adjust, selection=selection)
    write_plot(found, output, [entry.value for entry in kind] if kind else KINDS)
