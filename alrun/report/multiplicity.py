"""Adjusted p values, family by family of the tests of a report."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from alrun import stats
from alrun.arrays import Array
from alrun.errors import ResultsError
from alrun.report.comparison import Comparison
from alrun.report.options import Adjustment
from alrun.report.phrasing import group_name
from alrun.results.curves import COMPARISON_GROUP


def adjust(table: pd.DataFrame, rows: Sequence[Comparison], adjustment: Adjustment) -> int:
    """Add adjusted p values to a table of rows; return the size of the family of labels to target.

    AULC and the final score do not depend on the target: each is tested once, not once per target.
    """
    of_each = (
        table.groupby([*COMPARISON_GROUP, "strategy"], observed=True, sort=False)
        .ngroup()
        .to_numpy()
    )
    once = np.unique(of_each, return_index=True)[1].tolist()
    table["p_adjusted"] = _adjusted(rows, "", adjustment)
    for name in ("aulc", "final"):
        adjusted = _adjusted([rows[place] for place in once], f"{name}_", adjustment)
        table[f"{name}_p_adjusted"] = adjusted[of_each]
        table[f"{name}_significant"] = table[f"{name}_p_adjusted"] <= stats.ALPHA
    table["significant"] = table["p_adjusted"] <= stats.ALPHA
    table["no_variation"] = table["no_variation"].eq(True)
    return int(table["p_value"].notna().sum())


def _adjusted(rows: Sequence[Comparison], name: str, adjustment: Adjustment) -> Array:
    """Return the adjusted p values of one family; NaN for a row without a test."""
    p_values = np.array([row.get(f"{name}p_value", np.nan) for row in rows])
    if adjustment is Adjustment.holm:
        return stats.holm(p_values)
    adjusted = np.full(len(rows), np.nan)
    is_tested = ~np.isnan(p_values)
    tested = [row for row, has_test in zip(rows, is_tested, strict=True) if has_test]
    if tested:
        _check_same_seeds(tested)
        differences = [row[f"{name}differences"] for row in tested]
        adjusted[is_tested] = stats.max_t(np.column_stack(differences))
    return adjusted


def _check_same_seeds(rows: Sequence[Comparison]) -> None:
    """Raise ResultsError unless all tests are about the same seeds, as maxT needs them."""
    most = max((row["seeds"] for row in rows), key=len)
    for row in rows:
        if not np.array_equal(row["seeds"], most):
            where = f"{row['strategy']}, {group_name([row[key] for key in COMPARISON_GROUP])}"
            raise ResultsError(
                f"maxT needs the same seeds in all tests, and {where} has others; sweep the missing"
                " ones, or use --adjust holm"
            )
