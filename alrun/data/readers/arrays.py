"""Files of arrays: NumPy archives and svmlight."""

from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.datasets import load_svmlight_file

from alrun.arrays import first_true
from alrun.data.column_keys import ALL_COLUMNS, ColumnKeys
from alrun.data.missing import Column, settle
from alrun.data.readers.contents import Contents, check_finite, contents_of, hash_of_file
from alrun.errors import DatasetError, first_line, nearest
from alrun.util.digest import digest

SVMLIGHT = (".svm", ".svmlight", ".libsvm")


def read_npz(path: Path, keys: ColumnKeys = ALL_COLUMNS) -> Contents:
    """Read the arrays X, a row per example, and y of an archive; raises DatasetError.

    In messages and rules a column of X is named by its position, the first is 0.
    """
    X, y = _arrays(path)
    if X.ndim != 2 or X.dtype.kind not in "biuf" or X.shape[1] == 0:
        raise DatasetError(
            f"{path}: X must be a matrix of numbers with a row per example and a column per"
            f" feature; it has the type {X.dtype} and the shape {X.shape}"
        )
    if y.ndim != 1 or len(y) != len(X):
        raise DatasetError(
            f"{path}: y must hold one label for each of the {len(X)} rows of X; its shape is"
            f" {y.shape}"
        )
    is_single = X.dtype.kind == "f" and X.dtype.itemsize == 4
    X = np.ascontiguousarray(X, np.float32 if is_single else np.float64)
    check_finite(path, X)
    missing_label = np.isnan(y) if y.dtype.kind == "f" else np.zeros(len(y), dtype=bool)
    if (row := first_true(missing_label)) is not None:
        raise DatasetError(f"{path}: y, row {row} (the first is 0): no label")
    columns = [Column(str(place), place, place + 1) for place in range(X.shape[1])]
    return contents_of(settle(path, X, columns, keys), (), y, _identity(path))


def _arrays(path: Path) -> tuple[Any, Any]:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            missing = [key for key in ("X", "y") if key not in arrays]
            if missing:
                raise DatasetError(
                    f"{path}: there is no array '{missing[0]}' (save the features as X and the"
                    f" labels as y){nearest(missing[0], arrays.files)}"
                )
            return arrays["X"], arrays["y"]
    except DatasetError:
        raise
    except Exception as error:  # a damaged archive raises almost anything
        raise DatasetError(f"{path} cannot be read: {first_line(error)}") from error


def read_svmlight(path: Path) -> Contents:
    """Read rows of a label and index:value pairs; raises DatasetError."""
    try:
        X, y = load_svmlight_file(str(path))
    except Exception as error:  # the parser raises almost anything
        raise DatasetError(f"{path} cannot be read: {first_line(error)}") from error
    X = sparse.csr_matrix(X)
    check_finite(path, X)
    if (row := first_true(~np.isfinite(y))) is not None:
        raise DatasetError(f"{path}: row {row} (the first is 0): no label, but {y[row]}")
    is_whole = np.array_equal(y, np.rint(y)) and np.abs(y).max(initial=0) < 2**53
    return Contents(X, y.astype(np.int64) if is_whole else y, digest(_identity(path)))


def _identity(path: Path) -> list[str | None]:
    return ["file", hash_of_file(path), None]
