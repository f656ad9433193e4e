"""Missing values of features: a rule for each column, and their imputation for each split."""

import json
import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from alrun.arrays import BoolArray, FloatArray, IntArray, first_true
from alrun.data.column_keys import NUMBER_RULES, TEXT_RULES, ColumnKeys, Rule
from alrun.data.features import LARGEST_CHUNK, as_float64, private_copy, slices
from alrun.errors import DatasetError, nearest
from alrun.util.lru_cache import LRUCache

# Cached because fitting takes as long as several rounds, and all runs on a split need it.
_fitted_cache: LRUCache[list[FloatArray]] = LRUCache(8)
# Columns that a note names one by one.
_MOST_NAMED = 40
# An error of more than 1,000 characters is cut in the middle. So many are left for the columns; the
# first row of each is named only if they are few.
_LONGEST_LIST, _MOST_WITH_ROWS = 500, 5


@dataclass(frozen=True)
class Column:
    """A column of a source, and the positions of its features: `start` up to `stop`."""

    name: str
    start: int
    stop: int
    is_text: bool = False


@dataclass(frozen=True)
class Fill:
    """Features whose missing values are filled by one rule.

    `rule` is a strategy of scikit-learn's SimpleImputer, "keep", or the number to fill in. If
    `is_category`, the features are the one-hot encoded categories of one column, and the filled
    value is one of these.
    """

    rule: Rule
    features: tuple[int, ...]
    is_category: bool = False


@dataclass(frozen=True)
class Settled:
    """Features after each column with missing values got its rule.

    Attributes
    ----------
    X
        The features; NaN where `fills` will fill in a value, and nowhere else.
    fills
        What is filled in for each split.
    is_dropped
        A mask of the rows left out of every split, shape (n_examples,); None if all stay.
    notes
        What is done with missing values, in sentences.
    """

    X: Any
    fills: tuple[Fill, ...] = ()
    is_dropped: BoolArray | None = None
    notes: tuple[str, ...] = ()


def settle(source: Path | str, X: Any, columns: Sequence[Column], keys: ColumnKeys) -> Settled:
    """Apply the rules for missing values that need no split, and list the others.

    X is dense, with NaN for a missing value, and may be overwritten. Raises DatasetError, which
    lists every column with missing values and its count, if a rule is missing or does not fit.
    """
    _check_names(source, columns, keys)
    if not any(np.isnan(X[block]).any() for block in slices(X, LARGEST_CHUNK)):
        return Settled(X)
    masks = {
        column: mask
        for column in columns
        if (mask := np.isnan(X[:, column.start : column.stop]).any(axis=1)).any()
    }
    if not X.flags.writeable:  # it is in the user's own file
        X = private_copy(X)
    rules = {column: keys.rule(column.name, column.is_text) for column in masks}
    unsettled = [column for column, rule in rules.items() if rule is None]
    if unsettled:
        raise DatasetError(_unsettled(source, masks, unsettled, keys), {"missing": "median"})
    is_dropped = np.zeros(len(X), dtype=bool)
    indicators = []
    for column, mask in masks.items():
        if rules[column] == "drop":
            is_dropped |= mask
        elif rules[column] == "category":
            X[mask, column.start : column.stop] = 0.0
        if rules[column] == "category" or (keys.indicator and rules[column] != "drop"):
            indicators.append(mask[:, None].astype(X.dtype))
    if is_dropped.any():  # these rows get no role, but models may be asked about all rows at once
        X[is_dropped] = np.nan_to_num(X[is_dropped], nan=0.0)
    fills = _fills(rules)
    return Settled(
        np.hstack([X, *indicators]) if indicators else X,
        fills,
        is_dropped if is_dropped.any() else None,
        tuple(_notes(masks, rules, is_dropped, keys.indicator)),
    )


def _check_names(source: Path | str, columns: Sequence[Column], keys: ColumnKeys) -> None:
    """Raise DatasetError if a rule by column names no column, or one of another kind."""
    if not isinstance(keys.missing, Mapping):
        return
    kinds = {column.name: column.is_text for column in columns}
    for name, rule in keys.missing.items():
        if name not in kinds:
            raise DatasetError(
                f"{source}: missing: there is no column '{name}' of features{nearest(name, kinds)}"
            )
        if keys.rule(name, kinds[name]) is None:
            what, known = ("texts", TEXT_RULES) if kinds[name] else ("numbers", NUMBER_RULES)
            raise DatasetError(
                f"{source}: missing: '{name}' holds {what}, and {json.dumps(rule)} is not for"
                f" these; use {', '.join(known)}"
            )


def _unsettled(
    source: Path | str,
    masks: dict[Column, BoolArray],
    unsettled: Sequence[Column],
    keys: ColumnKeys,
) -> str:
    """Return the message that lists the columns without a rule, and the key to add."""
    shown = [
        f"'{column.name}' ({'text, ' if column.is_text else ''}{masks[column].sum():,}, from row"
        f" {first_true(masks[column])})"
        for column in unsettled
    ]
    if len(unsettled) > _MOST_WITH_ROWS:
        shown = [f"{column.name} ({masks[column].sum():,})" for column in unsettled]
    else:
        shown[-1] += " (the first row is 0)"
    n_shown = max(int((np.cumsum([len(text) + 2 for text in shown]) < _LONGEST_LIST).sum()), 1)
    if n_shown < len(shown):
        shown = [*shown[:n_shown], f"and {len(shown) - n_shown} more columns"]
    n_rows = int(np.any([masks[column] for column in unsettled], axis=0).sum())
    mend = "say under [dataset] what to do with them:"
    if keys.missing == "category":
        mend = 'missing = "category" is for texts, and these hold numbers: use'
    by_column: dict[str, Rule] = {
        column.name: "category" if column.is_text else "median" for column in unsettled[:3]
    }
    if isinstance(keys.missing, Mapping):
        by_column = {**keys.missing, **by_column}
    example = ", ".join(
        f"{_toml_key(name)} = {json.dumps(rule)}" for name, rule in by_column.items()
    )
    return (
        f'{source}: values are missing in {", ".join(shown)}; {mend} missing = "median" ("mean",'
        ' "most_frequent", a number; texts get a category of their own), "keep" for models that'
        f' take them, "drop" ({n_rows:,} of {len(masks[unsettled[0]]):,} rows would go), or a rule'
        f" by column, as in missing = {{ {example} }}"
    )


def _toml_key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name)


def _fills(rules: Mapping[Column, Rule | None]) -> tuple[Fill, ...]:
    """Return what is filled in for each split: one entry per rule, and per column of categories."""
    numbers: dict[Rule, list[int]] = {}
    fills = []
    for column, rule in rules.items():
        features = range(column.start, column.stop)
        if rule is None or rule in ("drop", "category"):
            continue
        if column.is_text:
            fills.append(Fill(rule, tuple(features), is_category=True))
        else:
            numbers.setdefault(rule, []).extend(features)
    return (*(Fill(rule, tuple(features)) for rule, features in numbers.items()), *fills)


_SAID = {
    "mean": "the mean",
    "median": "the median",
    "most_frequent": "the most frequent value",
    "constant": "0",
    "category": "a category of their own",
    "keep": "kept for the model",
    "drop": "their rows left out",
}


def _notes(
    masks: dict[Column, BoolArray],
    rules: Mapping[Column, Rule | None],
    is_dropped: BoolArray,
    has_indicators: bool,
) -> Iterable[str]:
    by_rule: dict[str, list[str]] = {}
    for column, rule in rules.items():
        said = f"{rule:g}" if isinstance(rule, float) else str(rule)
        by_rule.setdefault(said, []).append(f"{column.name} ({masks[column].sum():,})")
    said = "; ".join(
        f"{_SAID.get(rule, rule)}: {', '.join(names[:_MOST_NAMED])}"
        + (f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else "")
        for rule, names in by_rule.items()
    )
    is_fitted = not by_rule.keys().isdisjoint(("mean", "median", "most_frequent"))
    fitted = " (fitted on pool and initial set)" if is_fitted else ""
    yield f"missing values{fitted}: {said}"
    if has_indicators:
        yield "a feature for each column with missing values says where they were"
    if "keep" in by_rule:
        yield (
            "strategies that use features get the median of pool and initial set where a value is"
            " missing"
        )
    if is_dropped.any():
        yield (
            f"{is_dropped.sum():,} of {len(is_dropped):,} rows are left out for a missing value;"
            " the others keep their row numbers"
        )


def divided_fills(source: str, X: Any, fills: Iterable[Fill], divisor: float) -> tuple[Fill, ...]:
    """Return what is filled into X after it was divided by a number.

    Raises DatasetError if the number to fill in is too large for the features.
    """
    divided = []
    for fill in fills:
        if not isinstance(fill.rule, str):
            with np.errstate(over="ignore"):
                number = float(X.dtype.type(fill.rule) / X.dtype.type(divisor))
            if not np.isfinite(number):
                raise DatasetError(
                    f"{source}: missing: {fill.rule:g} is too large for features of type {X.dtype};"
                    " choose another number"
                )
            fill = replace(fill, rule=number)
        divided.append(fill)
    return tuple(divided)


def keeps_missing(fills: Iterable[Fill]) -> bool:
    """Return whether the model is given missing values."""
    return any(fill.rule == "keep" for fill in fills)


def impute(X: Any, fills: Sequence[Fill], rows: IntArray, split: Hashable | None = None) -> Any:
    """Return X with missing values filled in, fitted on `rows` alone.

    A value that is kept for the model is left as it is. X is returned itself if nothing is to be
    filled in; otherwise the result is a copy, in which a mapped file shares the pages that do not
    change. `split` identifies X and the rows: what was fitted is then kept for the next run.
    """
    return _filled(X, [(fill, fill.rule) for fill in fills if fill.rule != "keep"], rows, split)


def impute_kept(
    X: Any, fills: Sequence[Fill], rows: IntArray, split: Hashable | None = None
) -> Any:
    """Return X with the values that are kept for the model filled with the median of `rows`.

    Otherwise it is as `impute`.
    """
    return _filled(X, [(fill, "median") for fill in fills if fill.rule == "keep"], rows, split)


def _filled(
    X: Any, fills: Sequence[tuple[Fill, Rule]], rows: IntArray, split: Hashable | None
) -> Any:
    if not fills:
        return X

    def fit_all() -> list[FloatArray]:
        return [_fit_features(X, fill, strategy, rows) for fill, strategy in fills]

    key = (split, tuple(fills))
    fitted = fit_all() if split is None else _fitted_cache.get_or_compute(key, fit_all)
    X = private_copy(X)
    for (fill, _), values in zip(fills, fitted, strict=True):
        for feature, value in zip(fill.features, values, strict=True):
            X[np.isnan(X[:, feature]), feature] = value
    return X


def _fit_features(X: Any, fill: Fill, strategy: Rule, rows: IntArray) -> FloatArray:
    """Return the value to fill in for each feature, fitted on these rows."""
    if not isinstance(strategy, str):
        return np.full(len(fill.features), strategy)
    if fill.is_category:
        return _most_frequent_category(as_float64(X[np.ix_(rows, np.array(fill.features))]))
    # Few features at a time: selecting the rows copies them.
    width = max(LARGEST_CHUNK // max(len(rows), 1), 1)
    starts = range(0, len(fill.features), width)
    chunks = [fill.features[start : start + width] for start in starts]
    return np.concatenate(
        [_fit(as_float64(X[np.ix_(rows, np.array(part))]), strategy) for part in chunks]
    )


def _fit(values: FloatArray, strategy: str) -> FloatArray:
    """Return the value to fill in for each feature; 0 for one without any value."""
    from sklearn.impute import SimpleImputer  # with 8 MB of modules that few runs need

    imputer = SimpleImputer(strategy=strategy, keep_empty_features=True)
    return np.asarray(imputer.fit(values).statistics_, dtype=np.float64)


def _most_frequent_category(values: FloatArray) -> FloatArray:
    """Return the one-hot encoded category that most rows have; of several, the first by name."""
    is_missing = np.isnan(values).any(axis=1)
    codes = np.where(is_missing, np.nan, np.nan_to_num(values).argmax(axis=1))
    filled = np.zeros(values.shape[1])
    filled[int(_fit(codes[:, None], "most_frequent")[0])] = values[~is_missing].max(initial=0.0)
    return filled
