"""`alrun report`: print the verdict and the tables."""

from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from alrun.cli.options import (
    ENDINGS,
    Adjust,
    AlongAxis,
    Baseline,
    BatchSizes,
    CostModels,
    Datasets,
    Format,
    FormatOption,
    Metric,
    Models,
    Oracles,
    ResultsDirectory,
    Rope,
    Starts,
    Strategies,
    Sustain,
    Targets,
    build_report,
    selection_of,
)
from alrun.cli.output import format_of, say, screen, write_to
from alrun.errors import AlrunError
from alrun.report.options import Adjustment, ReportOptions

if TYPE_CHECKING:
    from alrun.report.html.gallery import Queried
    from alrun.report.stopping.build import StoppingReport


class Notes(StrEnum):
    """How many of the notes a report shows."""

    brief = "brief"
    full = "full"


def report(
    results: ResultsDirectory,
    target: Targets = None,
    metric: Metric = None,
    baseline: Baseline = "random",
    sustain: Sustain = 1,
    axis: AlongAxis = ReportOptions.axis,
    adjust: Adjust = Adjustment.holm,
    rope: Rope = ReportOptions.rope,
    strategy: Strategies = None,
    dataset: Datasets = None,
    model: Models = None,
    start: Starts = None,
    oracle: Oracles = None,
    cost_model: CostModels = None,
    batch_size: BatchSizes = None,
    format: FormatOption = None,
    output: Annotated[
        Path | None,
        typer.Option(
            help="Write to this .txt, .md, .tex, .csv, .json or .html.", show_default="the screen"
        ),
    ] = None,
    with_examples: Annotated[
        bool | None,
        typer.Option(
            "--with-examples/--no-examples",
            help="Show the queried examples in the format html.",
            show_default="where the data sets are built in",
        ),
    ] = None,
    notes: Annotated[Notes, typer.Option(help="Show these notes.")] = Notes.brief,
) -> None:
    """Print the verdict and the tables: labels to target, savings, tests, whole curves."""
    from alrun.report.render import Layout, render

    form = format or format_of(output, ENDINGS, Format.table)
    selection = selection_of(strategy, dataset, model, start, oracle, cost_model, batch_size)
    found = build_report(results, target, metric, baseline, sustain, adjust, rope, selection, axis)
    layout = Layout(all_notes=notes is Notes.full)
    if output is None:
        layout = Layout(*screen(), all_notes=layout.all_notes)
    if with_examples is not None and form is not Format.html:
        raise AlrunError("--with-examples and --no-examples are for the format html")
    if form is Format.html:
        queried = _queried(results, with_examples)
        layout = replace(layout, queried=queried, judged=_judged(results, found.options))
    text = render(found, form.value, layout)
    if form is Format.csv:  # a CSV file has no place for sentences
        for sentence in (*found.verdict, *layout.notes_of(found)):
            say(sentence)
    write_to(output, text)


def _queried(results: Path, with_examples: bool | None) -> "Mapping[tuple[Any, ...], Queried]":
    """Return what was queried, with the examples if they may be shown.

    Where nobody asked for them, what cannot be shown is only told.
    """
    from alrun.queried import is_built_in, overlaps, queried

    if not with_examples and not (results / "queries.parquet").is_file():
        return {}
    try:
        return queried(results, is_built_in(results) if with_examples is None else with_examples)
    except AlrunError as error:
        if with_examples:
            raise
        say(f"The page shows neither classes nor examples of the queries: {error}")
    try:
        return overlaps(results)
    except AlrunError:  # it was told above
        return {}


def _judged(results: Path, options: ReportOptions) -> "StoppingReport | None":
    """Return the rules for stopping, judged; nobody asked for them, so errors are only told."""
    from alrun.report.stopping.build import build_for_page

    if options.axis is not ReportOptions.axis:  # rules stop at labels, not at costs
        return None
    try:
        return build_for_page(results, options)
    except AlrunError as error:
        say(f"The page shows no stopping rules: {error}")
        return None
