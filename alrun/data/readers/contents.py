"""The result of every reader, and the hashes for its identity."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from alrun.arrays import IntArray, first_true
from alrun.data.features import LARGEST_CHUNK, slices
from alrun.errors import DatasetError


@dataclass(frozen=True)
class Contents:
    """Features, labels and identity of one source.

    Attributes
    ----------
    X
        Features, shape (n_examples, n_features), finite, dense or CSR. They are float32 if the
        source has single precision, else float64.
    labels
        The labels as in the source, shape (n_examples,).
    fingerprint
        A hash of the source and of the options it was read with, 16 hex digits.
    notes
        What was done to the features, in sentences.
    scale
        The default scale, used if the experiment names none.
    """

    X: Any
    labels: Any
    fingerprint: str
    notes: tuple[str, ...] = ()
    scale: str = "none"


def hash_of_arrays(X: Any, y: IntArray) -> str:
    """Return the SHA-256 of features, dense or CSR, and class codes.

    It does not depend on the number types and the byte order of this machine.
    """
    content = hashlib.sha256()
    for part in (X.indptr, X.indices) if sparse.issparse(X) else ():
        content.update(part.astype("<i8").tobytes())
    numbers = X.data if sparse.issparse(X) else X
    for block in slices(numbers, LARGEST_CHUNK):
        content.update(numbers[block].astype("<f8").tobytes())
    content.update(y.astype("<i8").tobytes())
    return content.hexdigest()


def is_finite(X: Any) -> bool:
    """Return whether all features are finite."""
    numbers = X.data if sparse.issparse(X) else X
    return all(np.isfinite(numbers[block]).all() for block in slices(numbers, LARGEST_CHUNK))


def check_finite(path: Path | str, X: Any) -> None:
    """Raise DatasetError at the first non-finite feature, naming its column and row."""
    if sparse.issparse(X):
        if (position := first_true(~np.isfinite(X.data))) is not None:
            row = int(np.searchsorted(X.indptr, position, side="right")) - 1
            _refuse(path, X.indices[position], row, X.data[position])
        return
    for block in slices(X, LARGEST_CHUNK):
        if (place := first_true(~np.isfinite(X[block]))) is not None:
            row, column = divmod(place, X.shape[1])
            _refuse(path, column, block.start + row, X[block][row, column])


def _refuse(path: Path | str, column: int, row: int, value: Any) -> None:
    raise DatasetError(
        f"{path}: column {column}, row {row} (the first is 0) of X: {value} is not finite"
    )
