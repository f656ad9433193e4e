"""`alrun stopping`: judge rules that say when to stop."""

from pathlib import Path
from typing import Annotated

import typer

from alrun.cli.options import (
    ENDINGS,
    BatchSizes,
    CostModels,
    Datasets,
    ErrorCosts,
    Format,
    FormatOption,
    LabelCost,
    Metric,
    Models,
    OnlyStrategies,
    Oracles,
    ResultsDirectory,
    Rules,
    Starts,
    selection_of,
)
from alrun.cli.output import format_of, say, screen, write_to
from alrun.errors import AlrunError


def stopping(
    results: ResultsDirectory,
    rule: Rules = None,
    label_cost: LabelCost = None,
    error_cost: ErrorCosts = None,
    metric: Metric = None,
    strategy: OnlyStrategies = None,
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
            help="Write to this .txt, .md, .tex, .csv or .json.", show_default="the screen"
        ),
    ] = None,
) -> None:
    """Judge stopping rules: where they stop, whether they adapt, and what they cost."""
    from alrun.report.options import stopping_options
    from alrun.report.render import Layout
    from alrun.report.stopping.build import build_stopping
    from alrun.report.stopping.options import costs_of
    from alrun.report.stopping.render import render_stopping, sentences_of

    form = format or format_of(output, ENDINGS, Format.table)
    if form is Format.html:
        raise AlrunError(
            "rules are judged as table, markdown, csv, json or latex; as html they stand on the"
            " page that alrun report writes"
        )
    selection = selection_of(strategy, dataset, model, start, oracle, cost_model, batch_size)
    options = stopping_options(results, metric, selection)
    found = build_stopping(results, options, rule, costs_of(label_cost, error_cost))
    text = render_stopping(found, form.value, Layout(*screen()) if output is None else Layout())
    if form is Format.csv:  # a CSV file has no place for sentences
        for sentence in (*sentences_of(found), *found.notes):
            say(sentence)
    write_to(output, text)
