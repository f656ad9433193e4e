"""Tables as CSV that a spreadsheet only shows."""

import re
from typing import Any

import pandas as pd
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from alrun.errors import printable
from alrun.results.schema import FURTHER_AXES

# The beginning of a text that a spreadsheet computes; a signed number is one already.
_FORMULA = re.compile(r"[=@]|[+-](?!\d+(\.\d*)?\Z)")


def as_csv(table: pd.DataFrame) -> str:
    """Return a table as CSV with no control character, and with no text that is a formula.

    A spreadsheet computes a text that begins with `=`, `+`, `-` or `@`, unless an apostrophe stands
    before it. Numbers stay as they are.
    """
    table = without_idle_axes(table)
    texts = {
        name: [_in_spreadsheet(value) for value in column]
        for name, column in table.items()
        if not (is_numeric_dtype(column) or is_bool_dtype(column))
    }
    return str(table.assign(**texts).to_csv(index=False, lineterminator="\n"))


def without_idle_axes(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table without the columns of further axes that the results do not have."""
    idle = [name for name in FURTHER_AXES if name in table.columns and (table[name] == "").all()]
    return table.drop(columns=idle)


def _in_spreadsheet(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    text = printable(value)
    return f"'{text}" if _FORMULA.match(text) else text
