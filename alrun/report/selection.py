"""The part of a table that a report is about."""

from collections.abc import Iterator

import pandas as pd

from alrun.errors import ResultsError, nearest
from alrun.report.options import ReportOptions, Selection
from alrun.report.phrasing import enumerated


def select(table: pd.DataFrame, options: ReportOptions) -> pd.DataFrame:
    """Return the rows of a table of runs or rounds that are selected; the baseline always is.

    A column that the table lacks selects nothing away: older tables have no starts.
    """
    is_in = pd.Series(True, index=table.index)
    for column, values in options.selection.named.items():
        if column in table.columns:
            kept = {*values, options.baseline} if column == "strategy" else {*values}
            is_in &= table[column].isin(kept)
    return table if is_in.all() else table[is_in]


def check_selection(table: pd.DataFrame, selected: pd.DataFrame, selection: Selection) -> None:
    """Raise ResultsError where the table lacks what is selected, or nothing is left of it."""
    for column, values in selection.named.items():
        known = set(table[column]) - {""} if column in table.columns else set()
        for value in values:
            if value not in known:
                name = column.replace("_", " ").replace("dataset", "data set")
                hint = nearest(str(value), map(str, known)) or "; there is one, without a name"
                raise ResultsError(f"there is no {name} '{value}' in these results{hint}")
    if selection.named and selected.empty:
        raise ResultsError(
            f"no run is of {_words(selection)}; each is in the results, but not all together"
        )


def selection_notes(options: ReportOptions) -> Iterator[str]:
    """Say what is selected, and what that means for the tests."""
    if options.selection.named:
        yield (
            f"Selected: {_words(options.selection)}. The report is as if nothing else had been"
            " swept: the family of tests is what is reported, and so are the budgets. After a look"
            " at the rest such p values are too small."
        )


def _words(selection: Selection) -> str:
    return "; ".join(
        f"--{column.replace('_', '-')} {enumerated([str(value) for value in values])}"
        for column, values in selection.named.items()
    )
