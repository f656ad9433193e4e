"""What the columns of a table mean: identifiers are warned of, dates become days."""

import json
import re
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

# An identifier has a different value in this share of its rows, and a table has so many rows.
_MOSTLY, _FEWEST_ROWS = 0.9, 20
_NAME_OF_ID = re.compile(
    r"(^|[^a-z])(ids?|uuid|guid|key|code|number|no|nr|index|row)([^a-z]|$)", re.IGNORECASE
)
_CAPITAL_ID = re.compile(r"[a-z]I[Dd]$")
_DATE = re.compile(
    r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?)?\s?(Z|UTC|[+-]\d\d:?\d\d)?", re.ASCII
)


def find_identifiers(frame: Any, dates: Collection[str]) -> list[str]:
    """Return the names of the columns that look like identifiers.

    Nearly every value of such a column is different, and it holds texts, dates, or whole numbers
    that count up or are named like an identifier.
    """
    from pandas.api import types

    return [
        str(column)
        for column, values in frame.items()
        if (column in dates or types.is_integer_dtype(values) or _is_text(values))
        and _is_mostly_distinct(values)
        and (not types.is_integer_dtype(values) or column in dates or _is_count(column, values))
    ]


def warn_of_identifiers(found: Sequence[str], dropped: Sequence[str] = ()) -> str:
    """Return a warning that names these columns, with the key to add.

    `dropped` are the columns that the key names already.
    """
    what = f"{len(found)} columns have" if len(found) > 1 else "a column has"
    drop = json.dumps([*dropped, *found], ensure_ascii=False)
    return (
        f"{what} a different value in nearly every row, as an id or a date of entry has, and a"
        f" model may learn from it: {', '.join(found)}; to leave out, add drop = {drop}"
    )


def _is_mostly_distinct(values: Any) -> bool:
    values = values.dropna()
    return len(values) >= _FEWEST_ROWS and values.nunique() >= _MOSTLY * len(values)


def _is_count(column: str, values: Any) -> bool:
    """Return whether whole numbers count up, or their column is named like an identifier."""
    if _NAME_OF_ID.search(column) or _CAPITAL_ID.search(column):
        return True
    numbers = values.dropna().to_numpy(np.float64)
    return bool((np.diff(numbers) > 0).all() or np.ptp(numbers) < 2 * len(numbers))


def _is_text(values: Any) -> bool:
    from pandas.api import types

    if isinstance(values.dtype, types.CategoricalDtype):
        values = values.cat.categories.to_series()
    present = values.dropna()
    return bool(types.is_string_dtype(present)) and isinstance(next(iter(present), None), str)


def date_columns(frame: Any) -> list[str]:
    """Return the names of the columns with dates: a type for dates, or texts as 2020-12-31."""
    return [column for column, values in frame.items() if _are_dates(values)]


def _are_dates(values: Any) -> bool:
    import datetime

    from pandas.api import types

    if types.is_datetime64_any_dtype(values):
        return True
    present = values.dropna()
    if types.is_object_dtype(values) and isinstance(next(iter(present), None), datetime.date):
        return all(isinstance(value, datetime.date) for value in present)
    return _is_text(values) and all(_DATE.fullmatch(str(value).strip()) for value in present)


def dates_as_days(frame: Any, dates: Collection[str]) -> tuple[Any, tuple[str, ...]]:
    """Return a table with the columns `dates` as days since the first date of each, and a note.

    A text that is no date of the calendar counts as missing.
    """
    import pandas as pd

    if not dates:
        return frame, ()
    frame = frame.copy(deep=False)
    for column in dates:
        moments = pd.to_datetime(frame[column], utc=True, errors="coerce", format="ISO8601")
        days = (moments - moments.min()) / pd.Timedelta(days=1)
        frame[column] = days.astype(np.float64)
    return frame, (f"dates as days since the first one: {', '.join(dates)}",)
