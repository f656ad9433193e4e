"""Options that several commands share, and the exit codes."""

from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from alrun.report.build import Report

SOME_FAILED, WRONG_INPUT = 1, 2
# Messages go to stderr: stdout is for results.
say = partial(typer.echo, err=True)


class Adjustment(StrEnum):
    """How p values are adjusted for many tests."""

    holm = "holm"
    maxT = "maxT"  # noqa: N815 -- the name of the field


Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Override a key, as in model.C=0.1. Repeatable."
    ),
]
ResultsDirectory = Annotated[Path, typer.Argument(help="A results directory.")]
Targets = Annotated[
    list[float] | None,
    typer.Option(help="A score to reach. Repeatable.", show_default="the experiment's"),
]
Metric = Annotated[
    str | None,
    typer.Option(help="The score that targets are read on.", show_default="the experiment's"),
]
Baseline = Annotated[str, typer.Option(metavar="LABEL", help="What the others are compared with.")]
Sustain = Annotated[
    int, typer.Option(min=1, help="Rounds in a row that the score must be at the target.")
]
Adjust = Annotated[Adjustment, typer.Option(help="Correction for many tests.")]
Results = Annotated[
    Path | None,
    typer.Option(help="The results directory.", show_default="results/<name of the experiment>"),
]


def build_report(
    results: Path,
    targets: list[float] | None,
    metric: str | None,
    baseline: str,
    sustain: int,
    adjust: Adjustment,
) -> "Report":
    """Build the report that the shared options ask for."""
    from alrun.report.build import build_report

    return build_report(results, targets, metric, baseline, sustain, adjust.value)
