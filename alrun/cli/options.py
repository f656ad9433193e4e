"""Exit codes, and options of several commands."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from alrun.report.axis import Axis
from alrun.report.options import Adjustment, ReportOptions, Selection

if TYPE_CHECKING:
    from alrun.report.build import Report

SOME_FAILED, WRONG_INPUT = 1, 2


class Format(StrEnum):
    """The formats of reports, and of judgements of stopping rules."""

    table = "table"
    markdown = "markdown"
    csv = "csv"
    json = "json"
    latex = "latex"
    html = "html"


# The format of a file by its ending.
ENDINGS = {
    ".txt": Format.table,
    ".md": Format.markdown,
    ".csv": Format.csv,
    ".json": Format.json,
    ".tex": Format.latex,
    ".html": Format.html,
}

Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Override a key, as in model.C=0.1. Repeatable."
    ),
]
ResultsDirectory = Annotated[Path, typer.Argument(help="A results directory.")]
ProjectFile = Annotated[
    Path, typer.Argument(metavar="PROJECT", help="The file of a labelling project.")
]
Targets = Annotated[
    list[str] | None,
    typer.Option(
        metavar="TARGET",
        help='Count the labels that reach this score, or "95% of full". Repeatable.',
        show_default="the experiment's",
    ),
]
Metric = Annotated[
    str | None,
    typer.Option(help="Read the targets on this score.", show_default="the experiment's"),
]
Baseline = Annotated[
    str, typer.Option(metavar="LABEL", help="Compare the others with this strategy.")
]
Sustain = Annotated[
    int, typer.Option(min=1, help="Ask for the target in this many rounds in a row.")
]
Adjust = Annotated[Adjustment, typer.Option(help="Adjust p values for many tests by this method.")]
Rope = Annotated[
    float,
    typer.Option(metavar="SHARE", help="Call labels the same that differ by less than this share."),
]
Strategies = Annotated[
    list[str] | None,
    typer.Option(
        "--strategy",
        metavar="LABEL",
        help="Report this strategy, and the baseline. Repeatable.",
        show_default="all",
    ),
]
OnlyStrategies = Annotated[
    list[str] | None,
    typer.Option(
        "--strategy",
        metavar="LABEL",
        help="Judge on this strategy. Repeatable.",
        show_default="all",
    ),
]
Rules = Annotated[
    list[str] | None,
    typer.Option(
        "--rule",
        metavar="RULE",
        help="Judge this stopping rule, or a table as in an experiment. Repeatable.",
        show_default="the experiment's",
    ),
]
LabelCost = Annotated[
    float | None, typer.Option(help="Count this cost for a label.", show_default="1")
]
ErrorCosts = Annotated[
    list[float] | None,
    typer.Option(
        "--error-cost",
        metavar="COST",
        help="Count this cost for all mistakes at an error rate of 1. Repeatable.",
        show_default="1000, 10000, 100000",
    ),
]
Datasets = Annotated[
    list[str] | None,
    typer.Option(
        "--dataset", metavar="LABEL", help="Report this data set. Repeatable.", show_default="all"
    ),
]
Models = Annotated[
    list[str] | None,
    typer.Option(
        "--model", metavar="LABEL", help="Report this model. Repeatable.", show_default="all"
    ),
]
Starts = Annotated[
    list[str] | None,
    typer.Option(
        "--start", metavar="LABEL", help="Report this start. Repeatable.", show_default="all"
    ),
]
Oracles = Annotated[
    list[str] | None,
    typer.Option(
        "--oracle", metavar="LABEL", help="Report this oracle. Repeatable.", show_default="all"
    ),
]
CostModels = Annotated[
    list[str] | None,
    typer.Option(
        "--cost-model", metavar="NAME", help="Report these costs. Repeatable.", show_default="all"
    ),
]
AlongAxis = Annotated[Axis, typer.Option(help="Count labels, or what they cost.")]
BatchSizes = Annotated[
    list[int] | None,
    typer.Option(
        "--batch-size", metavar="N", help="Report this batch size. Repeatable.", show_default="all"
    ),
]
FormatOption = Annotated[
    Format | None,
    typer.Option(
        "--format",
        help="Write the report in this form.",
        show_default="by the ending of the output",
    ),
]
Results = Annotated[
    Path | None,
    typer.Option(
        help="Use this results directory.", show_default="results/<name of the experiment>"
    ),
]


def build_report(
    results: Path,
    targets: list[str] | None,
    metric: str | None,
    baseline: str,
    sustain: int,
    adjust: Adjustment,
    rope: float = ReportOptions.rope,
    selection: Selection = ReportOptions.selection,
    axis: Axis = ReportOptions.axis,
) -> "Report":
    """Return the report for the shared options."""
    from alrun.report.build import build_report
    from alrun.report.options import options_for

    options = options_for(
        results, targets, metric, baseline, sustain, adjust.value, rope, selection, axis.value
    )
    return build_report(results, options)


def selection_of(
    strategies: list[str] | None,
    datasets: list[str] | None,
    models: list[str] | None,
    starts: list[str] | None,
    oracles: list[str] | None,
    cost_models: list[str] | None,
    batch_sizes: list[int] | None,
) -> Selection:
    """Return the part of the results that the filters name."""
    return Selection(
        strategy=tuple(strategies or ()),
        dataset=tuple(datasets or ()),
        model=tuple(models or ()),
        start=tuple(starts or ()),
        oracle=tuple(oracles or ()),
        cost_model=tuple(cost_models or ()),
        batch_size=tuple(batch_sizes or ()),
    )
