"""Reference points, a sample representing the training part, and the distances to them.

The distances of 60,000 examples to 5,000 points are too many to keep. Lower bounds of them are
computed in single precision, block by block, in half the time of double precision. Where the bounds
do not decide, distances are computed in double precision, so no decision depends on rounding.
"""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import sparse

from alrun.arrays import FloatArray, IntArray
from alrun.data.features import ROUNDING, products_of, squared_distances_inplace, squared_norms
from alrun.strategies.support.training_set import TrainingSet

# A multiple of eight, large enough for products to run at full speed.
_BLOCK = 512
# Examples whose distances to each other are all computed at once and kept: 8 MB.
FEW = 1000
# With a larger share of nonzero numbers, products of dense rows are faster.
_SPARSE = 0.1


def reference_points(training: TrainingSet, size: int) -> IntArray:
    """Return the positions of `size` examples, drawn once per split, or of all if there are fewer.

    They are in ascending order.
    """
    n = len(training)
    if size >= n:
        return np.arange(n)
    return training.cached(
        f"reference {size}", lambda rng: np.sort(rng.choice(n, size=size, replace=False))
    )


class Reference:
    """The reference points with their features, for computing distances to them.

    Attributes
    ----------
    positions
        Positions of the points in the training part, in ascending order.
    unit
        A length. No example is farther than this from the mean of the points.
    slack
        The bounds are below the squared distances by at most twice this share of the sum of the two
        squared norms.
    """

    def __init__(self, training: TrainingSet, positions: IntArray) -> None:
        self._training, self.positions = training, positions
        self._is_sparse = training.is_sparse and training.X.nnz < _SPARSE * math.prod(
            training.X.shape
        )
        points = self._rows(positions)
        # Centred, because far from the origin distances are small differences of large norms.
        self._mean = 0.0 if self._is_sparse else points.mean(axis=0)
        self._points, self._norms = self._centred(points)
        farthest = np.sqrt(training.squared_norms.max()) + np.sqrt(np.sum(np.square(self._mean)))
        self.unit = float(farthest) or 1.0
        if self._is_sparse:
            self._factor, self.slack = self._points * (-2 / self.unit**2), ROUNDING
        else:
            self._factor = (self._points * (-2 / self.unit)).astype(np.float32)
            # Several times the rounding errors of the features and of the sums of products.
            self.slack = float((8 + np.sqrt(points.shape[1])) * np.finfo(np.float32).eps)

    def __len__(self) -> int:
        return len(self.positions)

    @property
    def n_examples(self) -> int:
        """Number of examples of the training part."""
        return len(self._training)

    def squared_distances(self, positions: IntArray) -> FloatArray:
        """Return squared distances of examples to the points, shape (len(positions), len(self))."""
        if len(self) == self.n_examples <= FEW:  # all pairs are few, and are asked for repeatedly
            everything = self._training.cached(
                "squared distances", lambda _: self._distances_of(self._points, self._norms)
            )
            return everything[positions]
        return self._distances_of(*self._centred(self._rows(positions)))

    def _distances_of(self, rows: Any, norms: FloatArray) -> FloatArray:
        return squared_distances_inplace(norms, self._norms, products_of(rows, self._points))

    def blocks(self) -> Iterator[tuple[slice, FloatArray, FloatArray]]:
        """Yield blocks of the training part with lower bounds of their squared distances.

        Each is the slice of the block, the bounds, shape (block, len(self)), and the squared norms
        of its examples, shape (block,). Both are in units of `unit` squared.
        """
        share = (1 - self.slack) / self.unit**2
        for start in range(0, len(self._training), _BLOCK):
            block = slice(start, min(start + _BLOCK, len(self._training)))
            rows, norms = self._centred(self._rows(np.arange(block.start, block.stop)))
            if not self._is_sparse:
                rows = (rows * (1 / self.unit)).astype(np.float32)
            bounds = products_of(rows, self._factor)
            bounds += (share * norms).astype(bounds.dtype)[:, None]
            bounds += (share * self._norms).astype(bounds.dtype)
            yield block, bounds, norms / self.unit**2

    def _rows(self, positions: IntArray) -> Any:
        rows = self._training.features(positions)
        return rows.toarray() if sparse.issparse(rows) and not self._is_sparse else rows

    def _centred(self, rows: Any) -> tuple[Any, FloatArray]:
        """Return rows relative to the mean of the points, and their squared norms."""
        rows = rows if self._is_sparse else rows - self._mean
        return rows, squared_norms(rows)
