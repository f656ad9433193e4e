"""Counts of examples with identical feature rows."""

from typing import Any

import numpy as np
from scipy import sparse

from alrun.arrays import IntArray
from alrun.data.dataset import Dataset
from alrun.util.lru_cache import LRUCache

# Cached because all runs on a data set need it, and hashing all features takes as long as several
# rounds.
_group_cache: LRUCache[IntArray] = LRUCache(2)


def count_duplicates(dataset: Dataset, rows: IntArray) -> int:
    """Count the rows with the same features as another of these rows."""
    counts = np.bincount(_codes(dataset)[rows])
    return int(counts[counts > 1].sum())


def count_shared(dataset: Dataset, rows: IntArray, others: IntArray) -> int:
    """Count the rows with the same features as one of the `others`."""
    codes = _codes(dataset)
    return int(np.isin(codes[rows], codes[others]).sum())


def _codes(dataset: Dataset) -> IntArray:
    """Return a code for each row, equal for equal features, shape (n_examples,)."""
    # Data drawn anew for each seed have one fingerprint. The classes tell the seeds apart, or the
    # first example if the classes are always the same.
    first = hash(_content(dataset.X, 0))
    identity = (dataset.fingerprint, hash(dataset.y.tobytes()), first)
    return _group_cache.get_or_compute(identity, lambda: _groups(dataset.X))


def _groups(X: Any) -> IntArray:
    """Return a code for each row, equal for equal features, shape (n_examples,)."""
    digests = [hash(_content(X, row)) for row in range(X.shape[0])]
    return np.unique(np.array(digests, dtype=np.int64), return_inverse=True)[1].astype(np.int64)


def _content(X: Any, row: int) -> bytes:
    if not sparse.issparse(X):
        return bytes((X[row] + 0.0).tobytes())  # -0 is 0
    entries = slice(X.indptr[row], X.indptr[row + 1])
    columns, values = X.indices[entries], X.data[entries]
    nonzero = values != 0  # a sparse matrix may store zeros
    return bytes(columns[nonzero].tobytes() + values[nonzero].tobytes())
