"""Features of many examples: taken, multiplied and measured in double precision, part by part.

They may be stored in single precision, in half the memory. What is computed of them is then what it
would be if they were stored in double: each part of them is widened when its turn comes.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from scipy import sparse

from alrun.arrays import FloatArray, IntArray

# Numbers in a part of the features that is copied out: 32 MB.
LARGEST_CHUNK = 4_000_000
# Numbers in a part that is widened; it is read at once again, from a cache that must hold it.
_WIDENED = 1_000_000
# A squared distance below this, relative to the squared norms, is that of equal rows.
ROUNDING = 1e-12


def row_chunks(X: Any, rows: IntArray) -> Iterator[IntArray]:
    """Yield the rows in parts whose features, to select which is to copy them, take 32 MB.

    Sparse features are so small that all come at once.
    """
    size = len(rows) if sparse.issparse(X) else LARGEST_CHUNK // max(X.shape[1], 1)
    for start in range(0, len(rows), max(size, 1)):
        yield rows[start : start + max(size, 1)]


def slices(X: Any, most: int) -> Iterator[slice]:
    """Yield all rows of an array in parts of at most so many numbers, or one row."""
    height = max(most // max(X[:1].size, 1), 1)
    for start in range(0, len(X), height):
        yield slice(start, min(start + height, len(X)))


def as_float64(X: Any) -> Any:
    """Return features in double precision, themselves if they are."""
    return X if X.dtype == np.float64 else X.astype(np.float64)


def map_in_blocks(method: Callable[[Any], Any], X: Any) -> Any:
    """Return what `method` makes of the rows of X in double precision, a row for each of them."""
    if sparse.issparse(X) or X.dtype == np.float64:
        return method(as_float64(X))
    whole: Any = None
    for part in slices(X, _WIDENED):
        made = method(as_float64(X[part]))
        if whole is None:
            whole = np.empty_like(made, shape=(X.shape[0], *made.shape[1:]))
        whole[part] = made
    return whole


def map_rows(method: Callable[[Any], Any], X: Any, rows: IntArray) -> Any:
    """Return what `method` makes of these rows of X in double precision, a row for each."""
    parts = [method(as_float64(X[block])) for block in row_chunks(X, rows)]
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def weighted_sum(X: Any, weights: FloatArray) -> FloatArray:
    """Return the sum of the rows of X, each times its weight, shape (n_features,)."""
    if sparse.issparse(X) or X.dtype == np.float64:
        return np.asarray(X.T @ weights)
    return sum(weights[part] @ as_float64(X[part]) for part in slices(X, _WIDENED))


def squared_norms(X: Any) -> FloatArray:
    """Return the squared norm of each row, dense or sparse."""
    if sparse.issparse(X):
        return np.asarray(X.multiply(X).sum(axis=1)).ravel()
    return np.einsum("ij,ij->i", X, X)


def products_of(X: Any, others: Any) -> FloatArray:
    """Return the inner products of rows with others, dense or sparse, shape (n, n_others)."""
    products = X @ others.T
    return products.toarray() if sparse.issparse(products) else products


def squared_distances_inplace(
    norms: FloatArray, others: FloatArray, products: FloatArray
) -> FloatArray:
    """Return squared distances from squared norms and inner products, in place of these.

    They are 0 where rows are equal.
    """
    sums = norms[:, None] + others
    products *= -2.0
    products += sums
    sums *= ROUNDING
    products[products < sums] = 0.0
    return products
