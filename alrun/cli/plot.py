"""`alrun plot`: draw a report."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from alrun.cli.options import (
    Adjust,
    AlongAxis,
    Baseline,
    BatchSizes,
    CostModels,
    Datasets,
    LabelCost,
    Metric,
    Models,
    Oracles,
    ResultsDirectory,
    Rules,
    Starts,
    Strategies,
    Sustain,
    Targets,
    build_report,
    selection_of,
)
from alrun.cli.output import say
from alrun.errors import AlrunError
from alrun.report.options import Adjustment, ReportOptions, stopping_options


class Plot(StrEnum):
    """The kinds of plots."""

    curves = "curves"
    difference = "difference"
    savings = "savings"
    reached = "reached"
    pairs = "pairs"
    ranks = "ranks"
    pareto = "pareto"
    stopping = "stopping"


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
    axis: AlongAxis = ReportOptions.axis,
    adjust: Adjust = Adjustment.holm,
    strategy: Strategies = None,
    dataset: Datasets = None,
    model: Models = None,
    start: Starts = None,
    oracle: Oracles = None,
    cost_model: CostModels = None,
    batch_size: BatchSizes = None,
    rule: Rules = None,
    label_cost: LabelCost = None,
) -> None:
    """Draw curves with bands, differences, savings and the share of runs at the target.

    Drawn where they are named: all pairs of strategies, their ranks over data sets, labels to
    target by seconds of queries (pareto), and where stopping rules stop.
    """
    from alrun.report.plots import KINDS, write_plot

    selection = selection_of(strategy, dataset, model, start, oracle, cost_model, batch_size)
    if kind and Plot.stopping in kind:
        if len(kind) > 1:
            raise AlrunError("draw 'stopping' alone: it is about rules, and on another scale")
        if axis is not ReportOptions.axis:
            raise AlrunError("'stopping' draws labels, not costs: leave out --axis")
        if target or highlight:
            raise AlrunError(
                "'stopping' draws neither targets nor a strategy in colour: leave out"
                " --target and --highlight"
            )
        _plot_stopping(
            results, output, stopping_options(results, metric, selection), rule, label_cost
        )
        return
    if rule or label_cost is not None:
        raise AlrunError(
            "--rule and --label-cost are for --kind stopping: add it, or leave them out"
        )
    found = build_report(
        results, target, metric, baseline, sustain, adjust, selection=selection, axis=axis
    )
    kinds = [entry.value for entry in kind] if kind else KINDS
    for warning in write_plot(found, output, kinds, highlight=highlight or ()):
        say(warning)


def _plot_stopping(
    results: Path,
    output: Path,
    options: ReportOptions,
    rules: list[str] | None,
    label_cost: float | None,
) -> None:
    """Draw where stopping rules stop."""
    from alrun.report.stopping.build import build_stopping
    from alrun.report.stopping.options import costs_of
    from alrun.report.stopping.plot import write_stopping_plot

    write_stopping_plot(build_stopping(results, options, rules, costs_of(label_cost, None)), output)
