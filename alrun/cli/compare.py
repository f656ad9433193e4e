"""`alrun compare`: any two strategies, all pairs of them, or two results directories."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from alrun.cli.options import (
    Baseline,
    BatchSizes,
    CostModels,
    Datasets,
    Metric,
    Models,
    Oracles,
    ResultsDirectory,
    Rope,
    Starts,
    Strategies,
    Sustain,
    Targets,
    selection_of,
)
from alrun.cli.output import format_of, say, screen, write_to
from alrun.errors import AlrunError
from alrun.report.options import ReportOptions

if TYPE_CHECKING:
    from alrun.report.pair_render import Found


class PairFormat(StrEnum):
    """The formats of comparisons."""

    table = "table"
    markdown = "markdown"
    csv = "csv"
    json = "json"


# The format of a file by its ending.
ENDINGS = {
    ".txt": PairFormat.table,
    ".md": PairFormat.markdown,
    ".csv": PairFormat.csv,
    ".json": PairFormat.json,
}


def compare(
    results: ResultsDirectory,
    a: Annotated[
        str | None,
        typer.Argument(help="A strategy, or another results directory.", show_default="all"),
    ] = None,
    b: Annotated[str | None, typer.Argument(help="A second strategy.")] = None,
    target: Targets = None,
    metric: Metric = None,
    baseline: Baseline = "random",
    sustain: Sustain = 1,
    rope: Rope = ReportOptions.rope,
    strategy: Strategies = None,
    dataset: Datasets = None,
    model: Models = None,
    start: Starts = None,
    oracle: Oracles = None,
    cost_model: CostModels = None,
    batch_size: BatchSizes = None,
    format: Annotated[
        PairFormat | None,
        typer.Option(help="Write in this form.", show_default="by the ending of the output"),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(help="Write to this .txt, .md, .csv or .json.", show_default="the screen"),
    ] = None,
) -> None:
    """Compare any two strategies, all pairs of them, or two results directories cell by cell."""
    from alrun.report.options import options_for
    from alrun.report.pair_render import render_pairs, sentences_of
    from alrun.report.render import Layout

    form = format or format_of(output, ENDINGS, PairFormat.table)
    _check_directory(results)
    selection = selection_of(strategy, dataset, model, start, oracle, cost_model, batch_size)
    options = options_for(
        results, target, metric, baseline, sustain, rope=rope, selection=selection
    )
    found = _compared(results, a, b, options)
    text = render_pairs(found, form.value, Layout(*screen()) if output is None else Layout())
    if form is PairFormat.csv:  # a CSV file has no place for sentences
        for sentence in (*sentences_of(found), *found.notes):
            say(sentence)
    write_to(output, text)


def _compared(results: Path, a: str | None, b: str | None, options: ReportOptions) -> "Found":
    """Return the comparisons that the arguments name."""
    from alrun.report.all_pairs import compare_all
    from alrun.report.build import build_selected
    from alrun.report.two_results import compare_results

    if a is not None and b is None:
        if not Path(a).is_dir():
            raise AlrunError(
                f"'{a}' is no results directory, and one strategy has nothing to be compared with;"
                " name another strategy behind it, or another directory in its place"
            )
        return compare_results(results, Path(a), options)
    two = None if a is None or b is None else (a, b)
    return compare_all(results.resolve().name, build_selected(results, options), two)


def _check_directory(path: Path) -> None:
    """Raise AlrunError unless this is a directory."""
    if not path.is_dir():
        raise AlrunError(f"there is no directory '{path}'; name one that `alrun sweep` has made")
