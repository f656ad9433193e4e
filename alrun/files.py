"""From a file to features and labels: tables, NumPy archives, svmlight."""

import warnings
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.datasets import load_svmlight_file

from alrun.errors import DatasetError, first_line, nearest

TABLES = (".csv", ".parquet")
SVMLIGHT = (".svm", ".svmlight", ".libsvm")
FILES = (*TABLES, ".npz", *SVMLIGHT)

# More values than this in one column of text is an identifier, not a category.
MOST_CATEGORIES = 1000


def read_file(path: Path, target: str) -> tuple[Any, Any, tuple[str, ...]]:
    """Return features, labels and what was done to the features, in sentences.

    Features are float64 of shape (n_examples, n_features), CSR for svmlight; labels are as in the
    file, shape (n_examples,). `target` names the column of the labels of a table. Raises
    DatasetError, which names the file, the column and the row.
    """
    suffix = path.suffix.lower()
    if suffix in TABLES:
        return _read_table(path, target)
    X, labels = _read_npz(path) if suffix == ".npz" else _read_svmlight(path)
    return X, labels, ()


def _read_table(path: Path, target: str) -> tuple[Any, Any, tuple[str, ...]]:
    import pandas as pd

    frame = read_table(path)
    if target not in frame.columns:
        raise DatasetError(
            f"{path}: there is no column '{target}'{nearest(target, frame.columns)};"
            ' name the column of the labels with target = "..." under [dataset]'
        )
    labels = frame.pop(target)
    if path.suffix.lower() == ".csv" and labels.isna().any():
        # "NA" or "None" may be the name of a class; only an empty field is a missing label.
        labels = pd.read_csv(path, usecols=[target], keep_default_na=False, dtype=str)[target]
        labels = labels.where(labels != "")
    for row in np.flatnonzero(labels.isna())[:1]:
        raise DatasetError(f"{path}: column '{target}', row {row} (the first is 0): no label")
    if frame.empty:
        raise DatasetError(f"{path}: there are no examples with features beside '{target}'")
    if not labels.map(lambda label: isinstance(label, Hashable)).all():
        raise DatasetError(f"{path}: column '{target}' holds {_kind(labels)}, which are no labels")
    X, encoded = _numeric(path, frame)
    return X, labels.to_numpy(), encoded


def read_table(path: Path) -> Any:
    """Return a CSV or else Parquet file as a DataFrame; raises DatasetError where it is damaged."""
    return _read_csv(path) if path.suffix.lower() == ".csv" else _read_parquet(path)


def _read_csv(path: Path) -> Any:
    import pandas as pd

    try:
        header = pd.read_csv(path, header=None, nrows=1, dtype=str).iloc[0]
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # fields beyond the header
            frame = pd.read_csv(path, index_col=False)
    except Exception as error:  # a damaged file raises almost anything
        raise DatasetError(f"{path} cannot be read: {first_line(error)}") from error
    for place in np.flatnonzero(header.isna())[:1]:
        # Rows sorted by class and numbered would tell the class by their number.
        raise DatasetError(
            f"{path}: column {place} (the first is 0) has no name, as where an index was saved with"
            " the table; name it, or drop it"
        )
    for column in header[header.duplicated()][:1]:
        # pandas would rename the second, and labels would become a feature.
        raise DatasetError(f"{path}: there are two columns '{column}'")
    return frame


def _read_parquet(path: Path) -> Any:
    import pandas as pd

    try:
        frame = pd.read_parquet(path).reset_index(drop=True)
    except Exception as error:  # damaged metadata raises almost anything
        raise DatasetError(f"{path} cannot be read: {first_line(error)}") from error
    frame.columns = frame.columns.astype(str)
    return frame


def _numeric(path: Path, frame: Any) -> tuple[Any, tuple[str, ...]]:
    """Return a table as one float matrix, text one-hot encoded, and what was done to it."""
    import pandas as pd
    from pandas.api import types

    parts, encoded = [], []
    for column, values in frame.items():
        _check_column(path, column, values)
        if types.is_numeric_dtype(values) or types.is_bool_dtype(values):
            parts.append(values.to_numpy(np.float64)[:, None])
            continue
        if not values.map(lambda value: isinstance(value, (str, bool, int, float))).all():
            raise DatasetError(
                f"{path}: column '{column}' holds {_kind(values)}, neither numbers nor text;"
                " drop it or make numbers of it"
            )
        n_categories = values.astype(str).nunique()
        if n_categories > MOST_CATEGORIES:
            raise DatasetError(
                f"{path}: column '{column}' holds {n_categories} different texts, too many to"
                " encode; drop it or make numbers of it"
            )
        parts.append(pd.get_dummies(values.astype(str), dtype=np.float64).to_numpy())
        encoded.append(f"{column} ({n_categories})")
    notes = (f"one-hot encoded: {', '.join(encoded)}",) if encoded else ()
    return np.hstack(parts), notes


def _kind(values: Any) -> str:
    """Return what a column holds, by the name of the type of its first value."""
    return f"values of type {type(values.iloc[0]).__name__}"


def _check_column(path: Path, column: str, values: Any) -> None:
    from pandas.api import types

    bad = values.isna().to_numpy()
    if types.is_float_dtype(values):
        bad = bad | np.isinf(values.to_numpy(np.float64, na_value=np.nan))
    for row in np.flatnonzero(bad)[:1]:
        raise DatasetError(
            f"{path}: column '{column}', row {row} (the first is 0): {values.iloc[row]} is not a"
            " finite value; fill it in or drop the row"
        )


def _read_npz(path: Path) -> tuple[Any, Any]:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            missing = [key for key in ("X", "y") if key not in arrays]
            if missing:
                raise DatasetError(
                    f"{path}: there is no array '{missing[0]}'{nearest(missing[0], arrays.files)};"
                    " X and y are wanted"
                )
            X, y = arrays["X"], arrays["y"]
    except DatasetError:
        raise
    except Exception as error:  # a damaged archive raises almost anything
        raise DatasetError(f"{path} cannot be read: {first_line(error)}") from error
    if X.ndim != 2 or X.dtype.kind not in "biuf" or X.shape[1] == 0:
        raise DatasetError(
            f"{path}: X must be a matrix of numbers with a row per example and its"
            f" features as columns; it is {X.dtype} of shape {X.shape}"
        )
    if y.ndim != 1 or len(y) != len(X):
        raise DatasetError(
            f"{path}: y must hold a label for each of the {len(X)} rows of X; its shape is"
            f" {y.shape}"
        )
    X = X.astype(np.float64)
    for row, column in np.argwhere(~np.isfinite(X))[:1]:
        raise DatasetError(
            f"{path}: column {column}, row {row} of X: {X[row, column]} is not finite"
        )
    missing_label = np.isnan(y) if y.dtype.kind == "f" else np.zeros(len(y), dtype=bool)
    for row in np.flatnonzero(missing_label)[:1]:
        raise DatasetError(f"{path}: y, row {row} (the first is 0): no label")
    return X, y


def _read_svmlight(path: Path) -> tuple[Any, Any]:
    try:
        X, y = load_svmlight_file(str(path))
    except Exception as error:  # the parser raises almost anything
        raise DatasetError(f"{path} cannot be read: {first_line(error)}") from error
    X = sparse.csr_matrix(X)
    for position in np.flatnonzero(~np.isfinite(X.data))[:1]:
        row = np.searchsorted(X.indptr, position, side="right") - 1
        raise DatasetError(
            f"{path}: column {X.indices[position]}, row {row} (the first is 0):"
            f" {X.data[position]} is not finite"
        )
    for row in np.flatnonzero(~np.isfinite(y))[:1]:
        raise DatasetError(f"{path}: row {row} (the first is 0): no label, but {y[row]}")
    is_whole = np.array_equal(y, np.rint(y)) and np.abs(y).max(initial=0) < 2**53
    return X, y.astype(np.int64) if is_whole else y
