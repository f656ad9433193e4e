"""What the findings of all experiments are written with: rows of reports, and sentences on them."""

import sys
from functools import cache
from pathlib import Path
from typing import Any

import alrun
from alrun.report.sections import with_interval

ROOT = Path(__file__).parent.parent


@cache
def reported(name: str, axis: str = "labels") -> Any:
    """Return the rows of a report, in units of an axis."""
    return alrun.report(ROOT / "results" / name, axis=axis).rows


def rows(name: str, axis: str = "labels", **cell: Any) -> dict[str, Any]:
    """Return the rows of a report by strategy, for these values of other columns."""
    table = reported(name, axis)
    for column, value in cell.items():
        table = table[table[column] == value]
    return {row.strategy: row for row in table.itertuples()}


def p_value(value: float) -> str:
    """Return a p value as papers print it."""
    if value > 0.995:
        return "1"
    return "< .001" if value < 0.001 else f"{value:.3f}".removeprefix("0")


def labels(row: Any) -> str:
    """Return mean labels with their interval."""
    return with_interval(
        row.mean_labels, row.mean_labels_low, row.mean_labels_high, "{:.0f}".format
    )


def must_hold(sentence: str, holds: bool) -> str:
    """Return a sentence, or exit if the results no longer support it."""
    if not holds:
        sys.exit(f"the results no longer say so, rewrite it in experiments/: {sentence}")
    return sentence


def link(experiment: str) -> str:
    """Return a link to the file of an experiment, from a document in docs/."""
    return f"[{experiment}](../experiments/{experiment}.toml)"
