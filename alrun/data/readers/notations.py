"""A check for numbers that a text table writes in another notation."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from alrun.data.read_keys import ReadKeys
from alrun.errors import DatasetError, quoted

_PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
# Other notations, and the keys of `read` for them. A number such as 4,123 has thousands only if all
# numbers of the column can have them.
_NOTATIONS: Mapping[str, tuple[re.Pattern[str], dict[str, str]]] = {
    "thousands": (
        re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d*)?", re.ASCII),
        {"thousands": ","},
    ),
    "decimal": (re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?", re.ASCII), {"decimal": ","}),
    "both": (
        re.compile(r"[+-]?\d{1,3}(\.\d{3})+(,\d*)?", re.ASCII),
        {"decimal": ",", "thousands": "."},
    ),
    "spaces": (re.compile(r"[+-]?\d{1,3}([ \u00a0\u202f]\d{3})+(\.\d*)?"), {"thousands": " "}),
    "apostrophes": (re.compile(r"[+-]?\d{1,3}('\d{3})+(\.\d*)?"), {"thousands": "'"}),
}
_UNIT = re.compile(r"(?:[$€£¥]\s?)?[+-]?[\d.,]*\d[\d.,]*(?:\s?[%‰$€£¥])?|\([\d.,]+\)")
_MOST_SHOWN = 5


def check_notations(path: Path, frame: Any, keys: ReadKeys) -> None:
    """Raise DatasetError if most values of a text column are numbers.

    They would become categories. The message names the column, values that are not plain numbers,
    and the key that mends it.
    """
    from pandas.api import types

    for column, values in frame.items():
        if types.is_numeric_dtype(values) or types.is_bool_dtype(values):
            continue
        present = values.dropna()
        if column in keys.categories or present.empty:
            continue
        counts = present.astype(str).str.strip().value_counts(sort=False)
        counts.index = counts.index.astype(object)
        if (problem := _problem(column, present, counts, keys)) is not None:
            raise DatasetError(f"{path}: column '{column}'{problem}")


def _problem(column: str, present: Any, counts: Any, keys: ReadKeys) -> str | None:
    """Return what is wrong with a column of texts and how to mend it; None if nothing is.

    `counts` has the number of rows of each text.
    """
    plain = [text for text in counts.index if _PLAIN.fullmatch(text)]
    others = [text for text in counts.index if text not in set(plain)]
    numbers = [text for text in others if _is_number(text)]
    if 2 * (counts[plain].sum() + counts[numbers].sum()) <= counts.sum():
        return None
    if not others:
        row = present.astype(float).abs().idxmax()
        return (
            f", row {row} (the first is 0): {present[row]} is too long for a whole number; write it"
            " like 1e30"
        )
    words = [text for text in others if text not in set(numbers)]
    found = _keys_for(numbers)
    more: dict[str, Any] = {**found, **({"na_values": words[:_MOST_SHOWN]} if words else {})}
    shown = ", ".join(quoted(text) for text in others[:_MOST_SHOWN])
    shown += f" and {len(others) - _MOST_SHOWN} more" if len(others) > _MOST_SHOWN else ""
    mend = f"add {keys.with_more(more)}"
    if numbers and not found:
        mend = f'write them without the unit, or leave the column out with drop = ["{column}"]'
    category = keys.with_more({"categories": [*keys.categories, column]})
    return f" holds numbers, but {shown}; {mend} (or, if its values are categories, {category})"


def _is_number(text: str) -> bool:
    return any(pattern.fullmatch(text) for pattern, _ in _NOTATIONS.values()) or bool(
        _UNIT.fullmatch(text)
    )


def _keys_for(numbers: list[str]) -> dict[str, Any]:
    """Return the keys with which all these numbers are read, none if there are no such keys."""
    for pattern, keys in _NOTATIONS.values():
        if numbers and all(pattern.fullmatch(text) for text in numbers):
            return dict(keys)
    both = [_NOTATIONS["both"][0], _NOTATIONS["decimal"][0]]
    if numbers and all(any(pattern.fullmatch(text) for pattern in both) for text in numbers):
        return dict(_NOTATIONS["both"][1])
    return {}
