"""Exit codes, and options of several commands."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from alrun.report.options import Adjustment

if TYPE_CHECKING:
    from alrun.report.build import Report

SOME_FAILED, WRONG_INPUT = 1, 2

Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Override a key, as in model.C=0.1. Repeatable."
    ),
]
ResultsDirectory = Annotated[Path, typer.Argument(help="A results directory.")]
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
) -> "Report":
    """Return the report for the shared options."""
    from alrun.report.build import build_report
    from alrun.report.options import options_for

    return build_report(
        results, options_for(results, targets, metric, baseline, sustain, adjust.value)
    )
