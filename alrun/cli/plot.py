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
    pareto = "pareto"


def plot(
    results: ResultsDirectory,
    output: Annotated[Path, typer.Option(help="Write to this .svg, .png or .pdf.")],
    kind: Annotated[
        list[Plot] | None,
        typer.Option(help="Draw this kind of plot. Repeatable.", show_default="the first four"),
    ] = None,
    highlight: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LABEL",
            help="Draw this strategy in colour, others in grey. Repeatable.",
            show_default="above eight strategies: the best",
        ),
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

    Drawn where they are named: all pairs of strategies, their ranks over data sets, and labels to
    target by seconds of queries (pareto).
    """
    from alrun.report.plots import KINDS, write_plot

    selection = selection_of(strategy, dataset, model, start, batch_size)
    found = build_report(results, target, metric, baseline, sustain, adjust, selection=selection)
    kinds = [entry.value for entry in kind] if kind else KINDS
    for warning in write_plot(found, output, kinds, highlight=highlight or ()):
        typer.echo(warning, err=True)
