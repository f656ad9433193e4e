"""Computations on large feature matrices in double precision, block by block.

Features may be stored in single precision, which halves their memory. The results are those of
double precision: each block is converted just before it is used.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from scipy import sparse

from alrun.arrays import FloatArray, IntArray
from alrun.data.mapped_arrays import empty, is_in_file

# Numbers in a block of features that is copied: 32 MB.
LARGEST_CHUNK = 4_000_000
# Numbers in a block that is converted to double precision. It is used right after, and should still
# be in the processor's cache.
_WIDENED = 250_000
# A squared distance below this share of the squared norms counts as zero: the rows are equal.
ROUNDING = 1e-12


def row_chunks(X: Any, rows: IntArray) -> Iterator[IntArray]:
    """Yield the rows in blocks of at most 32 MB of features.

    Selecting rows copies them, so a block bounds the memory of the copy. Sparse features are small
    and come in one block.
    """
    size = len(rows) if sparse.issparse(X) else LARGEST_CHUNK // max(X.shape[1], 1)
    for start in range(0, len(rows), max(size, 1)):
        yield rows[start : start + max(size, 1)]


def slices(X: Any, most: int) -> Iterator[slice]:
    """Yield slices of the rows of an array, each of at most `most` numbers or one row."""
    height = max(most // max(X[:1].size, 1), 1)
    for start in range(0, len(X), height):
        yield slice(start, min(start + height, len(X)))


def private_copy(X: Any) -> Any:
    """Return dense features that can be written without changing X.

    Of features in a file that processes share, only the pages that are written are copied.
    """
    if is_in_file(X):
        return np.memmap(X.file, X.dtype, "c", X.place.offset, X.shape)
    return np.array(X)


def select(X: Any, rows: IntArray) -> Any:
    """Return a copy of these rows, in a temporary file if it is huge."""
    if sparse.issparse(X):
        return X[rows]
    selected = empty((len(rows), *X.shape[1:]), X.dtype)
    for block in slices(selected, LARGEST_CHUNK):
        selected[block] = X[rows[block]]
    return selected


def as_float64(X: Any) -> Any:
    """Return features in double precision, without a copy if they already are."""
    return X if X.dtype == np.float64 else X.astype(np.float64)


def with_small_indices(X: Any) -> Any:
    """Return sparse features with indices of 32 bits where they fit, else as they are.

    Some models, such as SVC, take no others.
    """
    if not sparse.issparse(X) or max(X.nnz, *X.shape) > np.iinfo(np.int32).max:
        return X
    parts = (X.data, X.indices.astype(np.int32), X.indptr.astype(np.int32))
    return sparse.csr_matrix(parts, shape=X.shape)


def map_in_blocks(method: Callable[..., Any], X: Any, *others: FloatArray) -> Any:
    """Apply `method` to X in double precision and return the results, a row for each row.

    The rows of `others` are those of X, and `method` takes them too. Features in single precision
    are converted block by block; others are passed on at once.
    """
    if sparse.issparse(X) or X.dtype == np.float64:
        return method(as_float64(X), *others)
    return map_each_block(method, X, *others)


def map_each_block(method: Callable[..., Any], X: Any, *others: FloatArray) -> Any:
    """Apply `method` to dense X in double precision, block by block, and stack the results.

    `method` takes a block of X and of each of `others`, and must return one row for each row of its
    block. The result is laid out in memory as those of the blocks are; a huge one is in a temporary
    file.
    """
    whole: Any = None
    for block in slices(X, _WIDENED):
        values = method(as_float64(X[block]), *(other[block] for other in others))
        if whole is None:
            whole = _empty_like(values, X.shape[0])
        whole[block] = values
    return whole


def _empty_like(values: Any, n: int) -> Any:
    """Return an array for `n` rows like these, of the same type and order."""
    shape = (n, *values.shape[1:])
    if values.flags.c_contiguous or not values.flags.f_contiguous:
        return empty(shape, values.dtype)
    return empty(shape[::-1], values.dtype).T


def map_rows(method: Callable[[Any], Any], X: Any, rows: IntArray) -> Any:
    """Apply `method` to these rows of X in double precision and return the stacked results.

    `method` must return one row for each row of its block.
    """
    parts = [method(as_float64(X[block])) for block in row_chunks(X, rows)]
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def weighted_sum(X: Any, weights: FloatArray) -> FloatArray:
    """Return the sum of the rows of X, each times its weight, shape (n_features,)."""
    if sparse.issparse(X) or X.dtype == np.float64:
        return np.asarray(X.T @ weights)
    return sum(weights[block] @ as_float64(X[block]) for block in slices(X, _WIDENED))


def squared_norms(X: Any) -> FloatArray:
    """Return the squared norm of each row, dense or sparse."""
    if sparse.issparse(X):
        return np.asarray(X.multiply(X).sum(axis=1)).ravel()
    return np.einsum("ij,ij->i", X, X)


def products_of(X: Any, others: Any) -> FloatArray:
    """Return the inner products of all rows of X and of `others`, shape (n, n_others).

    Both may be dense or sparse; the result is dense.
    """
    products = X @ others.T
    return products.toarray() if sparse.issparse(products) else products


def squared_distances_inplace(
    norms: FloatArray, others: FloatArray, products: FloatArray
) -> FloatArray:
    """Return squared distances from squared norms and inner products; overwrites `products`.

    The distance of equal rows is exactly 0.
    """
    for block in slices(products, _WIDENED):
        part, own = products[block], norms[block, None]
        part *= -2.0
        part += own
        part += others
        if part.min(initial=np.inf) < ROUNDING * (own.max() + others.max()):
            part[part < ROUNDING * (own + others)] = 0.0
    return products
