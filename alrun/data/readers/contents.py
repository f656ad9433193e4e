"""The result of every reader, and the hashes for its identity."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from alrun.arrays import BoolArray, FloatArray, IntArray, first_true
from alrun.data.features import LARGEST_CHUNK, slices
from alrun.data.missing import Fill, Settled
from alrun.errors import DatasetError
from alrun.util.digest import digest


@dataclass(frozen=True)
class Contents:
    """Features, labels and identity of one source.

    Attributes
    ----------
    X
        Features, shape (n_examples, n_features), dense or CSR, finite but for the missing values
        that `fills` names. They are float32 if the source has single precision, else float64.
    labels
        The labels as in the source, shape (n_examples,).
    fingerprint
        A hash of the source and of the options it was read with, 16 hex digits.
    notes
        What was done to the features, in sentences.
    scale
        The default scale, used if the experiment names none.
    fills
        What is filled in for missing values, for each split.
    is_dropped
        A mask of the rows left out of every split, shape (n_examples,); None if all stay.
    n_test
        How many rows at the end are from a file of the test part.
    costs
        The values of columns that say what a label costs, by name, shape (n_examples,).
    """

    X: Any
    labels: Any
    fingerprint: str
    notes: tuple[str, ...] = ()
    scale: str = "none"
    fills: tuple[Fill, ...] = ()
    is_dropped: BoolArray | None = None
    n_test: int = 0
    costs: Mapping[str, FloatArray] = field(default_factory=dict)


def contents_of(
    settled: Settled,
    notes: tuple[str, ...],
    labels: Any,
    identity: Sequence[Any],
    n_test: int = 0,
) -> Contents:
    """Return the contents of a source whose missing values are settled.

    `notes` are those of its reader, and `identity` is what its fingerprint is made from.
    """
    return Contents(
        settled.X,
        labels,
        digest(identity),
        (*notes, *settled.notes),
        fills=settled.fills,
        is_dropped=settled.is_dropped,
        n_test=n_test,
    )


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


def is_infinite(X: Any) -> bool:
    """Return whether a feature is infinite."""
    numbers = X.data if sparse.issparse(X) else X
    return any(np.isinf(numbers[block]).any() for block in slices(numbers, LARGEST_CHUNK))


def check_finite(path: Path | str, X: Any) -> None:
    """Raise DatasetError at the first feature that is not finite, naming its column and row.

    In dense features NaN is a missing value, and passed over.
    """
    if sparse.issparse(X):
        if (position := first_true(~np.isfinite(X.data))) is not None:
            row = int(np.searchsorted(X.indptr, position, side="right")) - 1
            _refuse(path, X.indices[position], row, X.data[position])
        return
    for block in slices(X, LARGEST_CHUNK):
        if (place := first_true(np.isinf(X[block]))) is not None:
            row, column = divmod(place, X.shape[1])
            _refuse(path, column, block.start + row, X[block][row, column])


def _refuse(path: Path | str, column: int, row: int, value: Any) -> None:
    raise DatasetError(
        f"{path}: column {column}, row {row} (the first is 0) of X: {value} is not finite"
    )
