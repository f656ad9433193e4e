"""Points of the training part that stand for all of it, and the distances of all to them.

All distances of 60,000 examples to 5,000 points are too many to keep. They are bounded from below
in single precision, in half the time of double, a block at a time; what the bounds leave open is
computed in double precision, so that no decision hangs on their rounding.
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
# With a larger share of numbers that are not zero, products of dense rows take less time.
_SPARSE = 0.1


def reference_points(training: TrainingSet, size: int) -> IntArray:
    """Return the positions of `size` examples, drawn once per split; of all if no more."""
    n = len(training)
    if size >= n:
        return np.arange(n)
    return training.cached(
        f"reference {size}", lambda rng: np.sort(rng.choice(n, size=size, replace=False))
    )


class Reference:
    """The features of reference points, to compute distances to.

    Attributes
    ----------
    positions
        Where the points stand in the training part, in its order.
    unit
        A length: no example has a larger norm, seen from the mean of the points.
    slack
        Bounds of squared distances are below them by at most twice that share of the squared norms.
    """

    def __init__(self, training: TrainingSet, positions: IntArray) -> None:
        self._training, self.positions = training, positions
        self._is_sparse = training.is_sparse and training.X.nnz < _SPARSE * math.prod(
            training.X.shape
        )
        points = self._rows(positions)
        # Far from the origin, squared distances are small differences of large norms.
        self._mean = 0.0 if self._is_sparse else points.mean(axis=0)
        self._points, self._norms = self._centred(points)
        farthest = np.sqrt(training.squared_norms.max()) + np.sqrt(np.sum(np.square(self._mean)))
        self.unit = float(farthest) or 1.0
        if self._is_sparse:
            self._factor, self.slack = self._points * (-2 / self.unit**2), ROUNDING
        else:
            self._factor = (self._points * (-2 / self.unit)).astype(np.float32)
            # Several times the rounding of the features and of the sums of their products.
            self.slack = float((8 + np.sqrt(points.shape[1])) * np.finfo(np.float32).eps)

    def __len__(self) -> int:
        return len(self.positions)

    def squared_distances(self, positions: IntArray) -> FloatArray:
        """Return those of these examples to the points, shape (len(positions), len(self))."""
        rows, norms = self._centred(self._rows(positions))
        return squared_distances_inplace(norms, self._norms, products_of(rows, self._points))

    def blocks(self) -> Iterator[tuple[slice, FloatArray, FloatArray]]:
        """Yield the training part in blocks, with what the squared distances are at least.

        In units of `unit` squared, shape (block, len(self)); and the squared norms of the examples
        in that unit.
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
        chosen = self._training.features(positions)
        return chosen.toarray() if sparse.issparse(chosen) and not self._is_sparse else chosen

    def _centred(self, rows: Any) -> tuple[Any, FloatArray]:
        """Return rows as seen from the mean of the points, and their squared norms."""
        rows = rows if self._is_sparse else rows - self._mean
        return rows, squared_norms(rows)
