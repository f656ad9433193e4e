"""Coordinates in the row space of the features: n dimensions for n examples."""

from typing import Any

import numpy as np
from scipy.linalg import solve_triangular
from scipy.sparse import issparse

from alrun.arrays import FloatArray


class RowSpace:
    """Orthonormal coordinates of the span of n examples, for more features than examples.

    With X X' = L L', the rows of L are the examples in the orthonormal basis L^-1 X. If the
    examples are linearly dependent, L is the factor of a slightly larger matrix. A solution in
    these coordinates is then not exact and has to be corrected on X itself. `A` holds the examples
    in these coordinates and a last column of ones, shape (n, n + 1).
    """

    def __init__(self, X: Any) -> None:
        self._X = X
        gram = X @ X.T
        gram = gram.toarray() if issparse(gram) else gram
        self._L = _factor(gram)
        self.A = np.hstack([self._L, np.ones((len(gram), 1))])

    def down(self, W: FloatArray) -> FloatArray:
        """Return the coordinates of weights W of shape (k, n_features + 1), shape (k, n + 1)."""
        products = np.asarray(self._X @ W[:, :-1].T)
        features = solve_triangular(self._L, products, lower=True, check_finite=False)
        return np.column_stack([features.T, W[:, -1]])

    def up(self, w: FloatArray) -> FloatArray:
        """Return the weights with coordinates w of shape (k, n + 1), shape (k, n_features + 1)."""
        per_row = solve_triangular(self._L, w[:, :-1].T, lower=True, trans="T", check_finite=False)
        return np.column_stack([np.asarray(per_row.T @ self._X), w[:, -1]])


def _factor(gram: FloatArray) -> FloatArray:
    """Return the Cholesky factor of a positive semidefinite matrix, slightly regularised."""
    added = 1e-13 * max(float(gram.diagonal().max()), 1e-100)
    while True:
        gram.flat[:: len(gram) + 1] += added
        try:
            return np.asarray(np.linalg.cholesky(gram), dtype=np.float64)
        except np.linalg.LinAlgError:
            added *= 10
