"""Scales of features: a divisor, applied on loading, or a scaler, fitted in each run."""

from typing import Any

import numpy as np
from scipy import sparse
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from alrun.arrays import IntArray
from alrun.data.features import as_float64, map_each_block, row_chunks
from alrun.data.mapped_arrays import empty
from alrun.data.readers.contents import is_infinite
from alrun.errors import DatasetError


def check_scale(source: str, X: Any, scale: str | float) -> None:
    """Raise DatasetError if these features cannot be scaled in this way."""
    if sparse.issparse(X) and scale in ("standard", "minmax"):
        raise DatasetError(
            f'{source}: scale = "{scale}" would make the sparse features dense; use "none",'
            ' "tfidf" or a number to divide by'
        )
    if scale != "tfidf":
        return
    if not sparse.issparse(X):
        raise DatasetError(
            f'{source}: scale = "tfidf" is for sparse features, such as counts of words, and these'
            ' are dense; use "none", "standard", "minmax" or a number to divide by'
        )
    if X.data.min(initial=0) < 0:
        raise DatasetError(
            f'{source}: scale = "tfidf" is for counts, and a feature is negative; use "none" or a'
            " number to divide by"
        )


def divided(source: str, X: Any, scale: str | float) -> Any:
    """Return features divided by a numeric scale, in place if they can be written.

    Any other scale leaves them unchanged. Raises DatasetError if a result is not finite.
    """
    if isinstance(scale, str) or scale == 1:
        return X
    with np.errstate(all="ignore"):
        if sparse.issparse(X):
            X = X / scale
        else:
            X = np.divide(X, scale, out=X if X.flags.writeable else empty(X.shape, X.dtype))
        is_representable = 0 < X.dtype.type(scale) < np.inf
    if not is_representable or is_infinite(X):
        raise DatasetError(
            f"{source}: divided by scale = {scale}, some features are not finite; choose another"
            " number"
        )
    return X


def rescale(X: Any, scale: str | float, rows: IntArray) -> Any:
    """Return X with "standard", "minmax" or "tfidf" scaling fitted on `rows` alone.

    With any other scale X is returned unchanged: a divisor is applied on loading.
    """
    if scale == "tfidf":
        return TfidfTransformer().fit(X[rows]).transform(X)
    if scale not in ("standard", "minmax"):
        return X
    scaler = StandardScaler() if scale == "standard" else MinMaxScaler()
    for block in row_chunks(X, rows):
        scaler.partial_fit(as_float64(X[block]))
    return map_each_block(scaler.transform, X)
