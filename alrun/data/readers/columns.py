"""Conversion of table columns to one matrix: numbers, categories, lists of numbers."""

from pathlib import Path
from typing import Any

import numpy as np

from alrun.arrays import first_true
from alrun.data.features import LARGEST_CHUNK, slices
from alrun.errors import DatasetError

# A column of text with more distinct values than this is taken for an identifier, not a category.
MOST_CATEGORIES = 1000


def numeric(source: Path | str, frame: Any) -> tuple[Any, tuple[str, ...]]:
    """Return a table as one matrix, and notes on the conversion.

    Text and categories are one-hot encoded. The matrix is float32 if all features are, else
    float64. Raises DatasetError, which names `source`, the column and the row.
    """
    import pandas as pd
    from pandas.api import types

    parts, encoded = [], []
    for column, values in frame.items():
        is_embedding = types.is_object_dtype(values) and _is_list(values.iloc[0])
        if is_embedding or types.is_numeric_dtype(values) or types.is_bool_dtype(values):
            width = len(values.iloc[0]) if is_embedding else 1
            parts.append(numbers(source, values, width))
            continue
        _check_column(source, column, values)
        if not values.map(lambda value: isinstance(value, (str, bool, int, float))).all():
            raise DatasetError(
                f"{source}: column '{column}' holds {kind_of(values)}, neither numbers nor text;"
                " drop it or convert it to numbers"
            )
        n_categories = values.astype(str).nunique()
        if n_categories > MOST_CATEGORIES:
            raise DatasetError(
                f"{source}: column '{column}' holds {n_categories} different texts, too many to"
                " one-hot encode; drop it or convert it to numbers"
            )
        parts.append(pd.get_dummies(values.astype(str), dtype=np.float64).to_numpy())
        encoded.append(f"{column} ({n_categories})")
    notes = (f"one-hot encoded: {', '.join(encoded)}",) if encoded else ()
    X = parts[0] if len(parts) == 1 else np.hstack(parts)
    return np.ascontiguousarray(X), notes


def numbers(source: Path | str, values: Any, width: int) -> Any:
    """Return a column of finite numbers, or of lists of `width` numbers, as a matrix.

    Its shape is (len(values), width), with width 1 for plain numbers. Raises DatasetError.
    """
    from pandas.api import types

    if types.is_object_dtype(values):
        return _embedding(source, values.name, values, width)
    _check_column(source, values.name, values)
    is_single = values.dtype == np.float32
    return values.to_numpy(np.float32 if is_single else np.float64)[:, None]


def _is_list(value: Any) -> bool:
    return isinstance(value, (np.ndarray, list))


def _embedding(source: Path | str, column: str, values: Any, width: int) -> Any:
    """Return a column of lists of `width` numbers as a matrix."""
    for row, value in values.items():
        numbers = np.asarray(value) if _is_list(value) else np.empty(0, dtype=object)
        where = f"{source}: column '{column}', row {row} (the first is 0)"
        if numbers.dtype.kind not in "biuf" or numbers.ndim != 1:
            raise DatasetError(f"{where}: it is not a list of numbers; fill it in or drop the row")
        if len(numbers) != width or width == 0:
            raise DatasetError(
                f"{where}: a list of {len(numbers)} numbers; the first row has {width}, and all"
                " lists must have the same length, at least one"
            )
        if not np.isfinite(numbers).all():
            raise DatasetError(
                f"{where}: a number in its list is missing or not finite; fill it in or drop the"
                " row"
            )
    is_single = all(value.dtype == np.float32 for value in values)
    X = np.empty((len(values), width), np.float32 if is_single else np.float64)
    for block in slices(X, LARGEST_CHUNK):
        X[block] = np.stack(values.iloc[block].to_list())
    return X


def kind_of(values: Any) -> str:
    """Describe the contents of a column by the type of its first value."""
    return f"values of type {type(values.iloc[0]).__name__}"


def _check_column(source: Path | str, column: str, values: Any) -> None:
    from pandas.api import types

    bad = values.isna().to_numpy()
    if types.is_float_dtype(values):
        with np.errstate(invalid="ignore"):  # a damaged file may hold a signalling NaN
            bad = bad | np.isinf(values.to_numpy(np.float64, na_value=np.nan))
    if (row := first_true(bad)) is not None:
        raise DatasetError(
            f"{source}: column '{column}', row {values.index[row]} (the first is 0):"
            f" {values.iloc[row]} is not a finite value; fill it in or drop the row"
        )
