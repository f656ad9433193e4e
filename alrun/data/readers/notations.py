"""A check for numbers that a text table writes in another notation."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from alrun.data.read_keys import ReadKeys
from alrun.errors import DatasetError, quoted

PLAIN_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
# Other notations, and the keys of `read` for them. In 4,123 the comma groups thousands only if it
# can in every number of the column.
_NOTATIONS: Mapping[re.Pattern[str], dict[str, str]] = {
    re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d*)?", re.ASCII): {"thousands": ","},
    re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?", re.ASCII): {"decimal": ","},
    re.compile(r"[+-]?[1-9]\d{0,2}(\.\d{3})+(,\d*)?|[+-]?\d*,\d+", re.ASCII): {
        "decimal": ",",
        "thousands": ".",
    },
    re.compile(r"[+-]?[1-9]\d{0,2}( \d{3})+(\.\d*)?", re.ASCII): {"thousands": " "},
    re.compile(r"[+-]?[1-9]\d{0,2}('\d{3})+(\.\d*)?", re.ASCII): {"thousands": "'"},
}
_UNITS = "%‰$€£¥ \u00a0\u202f"
_CURRENCIES = re.compile("EUR|USD|GBP|JPY|CNY|INR|CHF|CAD|AUD|SEK|NOK|DKK|PLN|CZK|BRL|kr|zł|Fr")
_MOST_SHOWN = 5


def check_notations(path: Path, frame: Any, keys: ReadKeys) -> None:
    """Raise DatasetError if most values of a text column are numbers.

    They would become categories. The message names the first such column, its values that are no
    plain numbers, the other such columns, and the key that mends it.
    """
    from pandas.api import types

    found: dict[str, tuple[list[str], list[str]]] = {}
    for column, values in frame.items():
        present = values.dropna()
        is_number = types.is_numeric_dtype(values) or types.is_bool_dtype(values)
        if is_number or column in keys.categories or present.empty:
            continue
        counts = present.astype(str).str.strip().value_counts(sort=False)
        plain = [text for text in counts.index if PLAIN_NUMBER.fullmatch(text)]
        others = [text for text in counts.index if not PLAIN_NUMBER.fullmatch(text)]
        written = [text for text in others if _is_number(text)]
        words = [text for text in others if not _is_number(text)]
        if 2 * counts[[*plain, *written]].sum() <= counts.sum():
            continue
        if not others:
            row = present.astype(float).abs().idxmax()
            raise DatasetError(
                f"{path}: column '{column}', row {row} (the first is 0): {present[row]} is too long"
                " for a whole number; write it like 1e30"
            )
        found[column] = written, words
    if found:
        problem, mend = _problem(found, keys)
        raise DatasetError(f"{path}: {problem}", mend)


def _problem(
    found: Mapping[str, tuple[list[str], list[str]]], keys: ReadKeys
) -> tuple[str, dict[str, Any]]:
    """Return what is wrong with columns of numbers, and the keys that mend it.

    `found` has the numbers in another notation and the other values of each column.
    """
    (column, (written, words)), *rest = found.items()
    notation = _notation_of(written)
    others = {  # the same key mends them
        name: own
        for name, (numbers, own) in rest
        if bool(numbers) == bool(written) and _notation_of(numbers) == notation
    }
    what = "holds numbers"
    if written:
        what += f" in another notation ({_shown(written)})"
    if words:
        what += f" and values that are none ({_shown(words)})"
    if others:
        names = [f"'{name}'" for name in [*others][:_MOST_SHOWN]]
        more = len(others) - len(names)
        what += f", and so does {', '.join(names)}" + (f" and {more} more columns" if more else "")
    words = list(dict.fromkeys([*words, *(word for own in others.values() for word in own)]))
    if written and notation is None:
        drop = [column, *others]
        as_text = json.dumps(drop, ensure_ascii=False)
        mend = f"write them without a unit, or leave out columns with drop = {as_text}"
        mended: dict[str, Any] = {"drop": drop}
    else:
        absent = {"na_values": list(words[:_MOST_SHOWN])} if words else {}
        mend = f"add {keys.with_more({**(notation or {}), **absent})}"
        mended = {"read": keys.joined({**(notation or {}), **absent})}
    categories = keys.with_more({"categories": [*keys.categories, column]})
    problem = f"column '{column}' {what}; {mend} (or, if its values are categories, {categories})"
    return problem, mended


def _shown(texts: Sequence[str]) -> str:
    """Return the first of some texts, quoted."""
    more = len(texts) - _MOST_SHOWN
    return ", ".join(map(quoted, texts[:_MOST_SHOWN])) + (f" and {more} more" if more > 0 else "")


def _is_number(text: str) -> bool:
    """Return whether a text is a number in another notation, or with a unit."""
    bare = _CURRENCIES.sub("", text, count=1).strip(_UNITS)
    return bool(PLAIN_NUMBER.fullmatch(bare)) or any(
        pattern.fullmatch(bare) for pattern in _NOTATIONS
    )


def _notation_of(numbers: Sequence[str]) -> dict[str, str] | None:
    """Return the keys with which all these numbers are read; None if there are no such keys."""
    for pattern, keys in _NOTATIONS.items():
        if numbers and all(pattern.fullmatch(text) for text in numbers):
            return keys
    return None
