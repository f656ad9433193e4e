"""Hashes of rows, by which a project notices rows that changed and finds duplicates.

A hash has 64 bits. It depends on the names and the values of the columns, and neither on their
order nor on the type of their numbers: pandas reads 1 as 1.0 beside a missing value.
"""

import struct
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from alrun.data.features import LARGEST_CHUNK, slices

Hashes = NDArray[np.uint64]
# Large odd numbers: a product with one spreads the bits of a value upwards.
_SPREAD, _SPREAD_NAME = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)
_HALF = np.uint64(32)
_MISSING = np.uint64(0x5851F42D4C957F2D)


def hashes_of_frame(frame: Any) -> Hashes:
    """Return the hash of each row of a DataFrame, shape (n_rows,)."""
    total = np.zeros(len(frame), dtype=np.uint64)
    for name in frame.columns:
        total += _mixed(_bits(frame[name]), np.full(1, _bits_of_text(str(name))))
    return total


def hashes_of_matrix(X: Any) -> Hashes:
    """Return the hash of each row of features, dense or CSR, shape (n_rows,)."""
    if sparse.issparse(X):
        return _hashes_of_sparse(X)
    total = np.zeros(X.shape[0], dtype=np.uint64)
    names = np.arange(1, X.shape[1] + 1, dtype=np.uint64)
    for block in slices(X, LARGEST_CHUNK):
        total[block] = _mixed(_bits_of_numbers(X[block]), names).sum(axis=1, dtype=np.uint64)
    return total


def _hashes_of_sparse(X: Any) -> Hashes:
    mixed = _mixed(_bits_of_numbers(X.data), X.indices.astype(np.uint64) + np.uint64(1))
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(mixed, dtype=np.uint64)])
    return np.asarray(sums[X.indptr[1:]] - sums[X.indptr[:-1]])


def _mixed(bits: Hashes, name: Hashes) -> Hashes:
    """Return the bits of values, spread in another way for each name of a column."""
    mixed = (bits ^ (name * _SPREAD_NAME)) * _SPREAD
    mixed ^= mixed >> _HALF
    mixed *= _SPREAD_NAME
    return np.asarray(mixed ^ (mixed >> _HALF))


def _bits(values: Any) -> Hashes:
    """Return 64 bits for each value of a column."""
    from pandas.api import types

    if types.is_numeric_dtype(values) or types.is_bool_dtype(values):
        return _bits_of_numbers(values.to_numpy(np.float64, na_value=np.nan))
    return np.array([_bits_of_value(value) for value in values], dtype=np.uint64)


def _bits_of_numbers(values: Any) -> Hashes:
    numbers = np.asarray(values, dtype=np.float64) + 0.0  # -0.0 becomes 0.0
    return np.where(np.isnan(numbers), _MISSING, numbers.view(np.uint64))


def _bits_of_value(value: Any) -> int:
    if isinstance(value, str):
        return int(_bits_of_text(value))
    if isinstance(value, (list, np.ndarray)):
        return int(_bits_of_text(np.asarray(value, dtype=np.float64).tobytes().hex()))
    if isinstance(value, (bool, int, float, np.number, np.bool_)) and value == value:
        return int.from_bytes(struct.pack("<d", float(value) + 0.0), "little")
    text = "" if value is None else str(value)
    return int(_MISSING) if text in ("", "nan", "NaT", "<NA>") else int(_bits_of_text(text))


def _bits_of_text(text: str) -> np.uint64:
    content = text.encode("utf-8", errors="surrogatepass")
    return np.uint64(int.from_bytes(blake2b(content, digest_size=8).digest(), "little"))
