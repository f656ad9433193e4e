"""Conversion of table columns to one matrix: numbers, categories, lists of numbers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from alrun.arrays import first_true
from alrun.data.column_keys import ALL_COLUMNS, ColumnKeys
from alrun.data.features import LARGEST_CHUNK, slices
from alrun.data.missing import Column, Settled, settle
from alrun.data.readers.column_meaning import (
    date_columns,
    dates_as_days,
    find_identifiers,
    warn_of_identifiers,
)
from alrun.errors import DatasetError, nearest

# A column of text with more distinct values than this is taken for an identifier, not a category.
MOST_CATEGORIES = 1000


def kept_columns(
    source: Path | str, names: Sequence[str], target: str | None, keys: ColumnKeys
) -> list[str]:
    """Return the names of the columns of features; raises DatasetError for an unknown name."""
    for key, named in (("columns", keys.columns or ()), ("drop", keys.drop)):
        for name in named:
            if name == target:
                raise DatasetError(f"{source}: {key}: '{name}' is the column of the labels")
            if name not in names:
                raise DatasetError(
                    f"{source}: {key}: there is no column '{name}'{nearest(name, names)}"
                )
    return [name for name in names if keys.keeps(name)]


def features_of_table(
    source: Path | str, frame: Any, keys: ColumnKeys
) -> tuple[Settled, tuple[str, ...], list[str]]:
    """Return the features of a table, notes on it, and its columns of dates.

    Dates are days since the first one of their column. Raises DatasetError as `numeric` does; a
    warning of identifiers is then part of the message, since both are mended in the same table.
    """
    dates = date_columns(frame)
    found = find_identifiers(frame, dates)
    warnings = (warn_of_identifiers(found, keys.drop),) if found else ()
    frame, days = dates_as_days(frame, dates)
    try:
        settled, encoded = numeric(source, frame, keys)
    except DatasetError as error:
        message = "; besides, ".join([str(error), *warnings])
        raise DatasetError(message, error.keys) from error
    return settled, (*days, *encoded, *(f"warning: {text}" for text in warnings)), dates


def numeric(
    source: Path | str, frame: Any, keys: ColumnKeys = ALL_COLUMNS
) -> tuple[Settled, tuple[str, ...]]:
    """Return a table as one matrix with its missing values settled, and notes on the conversion.

    Text and categories are one-hot encoded. The matrix is float32 if all features are, else
    float64. Raises DatasetError, which names `source`, the column and the row.
    """
    from pandas.api import types

    parts, encoded, columns = [], [], []
    width = 0
    for column, values in frame.items():
        present = values.dropna()
        is_embedding = types.is_object_dtype(values) and len(present) and _is_list(present.iloc[0])
        # A column without any value is one of numbers, as pandas reads it from CSV.
        is_number = types.is_numeric_dtype(values) or types.is_bool_dtype(values)
        if is_embedding or is_number or present.empty:
            n_features = len(present.iloc[0]) if is_embedding else 1
            parts.append(numbers(source, values, n_features))
            columns.append(Column(str(column), width, width + n_features))
            width += n_features
            continue
        if not all(isinstance(value, (str, bool, int, float)) for value in present):
            raise DatasetError(
                f"{source}: column '{column}' holds {kind_of(present)}, neither numbers nor text;"
                f' leave it out with drop = ["{column}"], or convert it to numbers',
                {"drop": [column]},
            )
        n_categories = present.astype(str).nunique()
        if n_categories > MOST_CATEGORIES:
            raise DatasetError(
                f"{source}: column '{column}' holds {n_categories} different texts, too many to"
                f' one-hot encode; leave it out with drop = ["{column}"], or convert it to numbers',
                {"drop": [column]},
            )
        parts.append(_one_hot(values, present))
        columns.append(Column(str(column), width, width + n_categories, is_text=True))
        width += n_categories
        encoded.append(f"{column} ({n_categories})")
    notes = (f"one-hot encoded: {', '.join(encoded)}",) if encoded else ()
    X = np.ascontiguousarray(parts[0] if len(parts) == 1 else np.hstack(parts))
    return settle(source, X, columns, keys), notes


def _one_hot(values: Any, present: Any) -> Any:
    """Return an indicator for each distinct text, by name; NaN in the rows without a text."""
    import pandas as pd

    dummies = pd.get_dummies(present.astype(str), dtype=np.float64).to_numpy()
    if len(present) == len(values):
        return dummies
    whole = np.full((len(values), dummies.shape[1]), np.nan)
    whole[values.notna().to_numpy()] = dummies
    return whole


def numbers(source: Path | str, values: Any, width: int) -> Any:
    """Return a column of numbers, or of lists of `width` numbers, as a matrix.

    Its shape is (len(values), width), with width 1 for plain numbers; a missing value is NaN.
    Raises DatasetError where a value is infinite.
    """
    from pandas.api import types

    if types.is_object_dtype(values) and values.notna().any():
        return _embedding(source, values.name, values, width)
    kind = np.float32 if values.dtype == np.float32 else np.float64
    matrix = values.to_numpy(kind, na_value=np.nan)[:, None]
    with np.errstate(invalid="ignore"):  # a damaged file may hold a signalling NaN
        infinite = first_true(np.isinf(matrix[:, 0]))
    if infinite is not None:
        raise DatasetError(
            f"{source}: column '{values.name}', row {values.index[infinite]} (the first is 0):"
            f" {values.iloc[infinite]} is not a finite value; fill it in or drop the row"
        )
    return matrix


def _is_list(value: Any) -> bool:
    return isinstance(value, (np.ndarray, list))


def _embedding(source: Path | str, column: str, values: Any, width: int) -> Any:
    """Return a column of lists of `width` numbers as a matrix; a missing list is NaN."""
    present = values.dropna()
    for row, value in present.items():
        numbers = np.asarray(value) if _is_list(value) else np.empty(0, dtype=object)
        where = f"{source}: column '{column}', row {row} (the first is 0)"
        if numbers.dtype.kind not in "biuf" or numbers.ndim != 1:
            raise DatasetError(f"{where}: it is not a list of numbers; fill it in or drop the row")
        if len(numbers) != width or width == 0:
            raise DatasetError(
                f"{where}: a list of {len(numbers)} numbers; the first row has {width}, and all"
                " lists must have the same length, at least one"
            )
        if np.isinf(numbers).any():
            raise DatasetError(
                f"{where}: a number in its list is not finite; fill it in or drop the row"
            )
    is_single = all(getattr(value, "dtype", None) == np.float32 for value in present)
    X = np.empty((len(values), width), np.float32 if is_single else np.float64)
    if len(present) < len(values):
        absent = np.full(width, np.nan, X.dtype)
        values = values.map(lambda value: value if _is_list(value) else absent)
    for block in slices(X, LARGEST_CHUNK):
        X[block] = np.stack(values.iloc[block].to_list())
    return X


def kind_of(values: Any) -> str:
    """Describe the contents of a column by the type of its first value."""
    return f"values of type {type(values.iloc[0]).__name__}"
