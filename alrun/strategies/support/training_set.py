"""The training part of a split, with results computed once per split."""

from collections.abc import Callable, Hashable, Iterator
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from scipy import sparse

from alrun.arrays import FloatArray, IntArray
from alrun.data.features import (
    as_float64,
    map_in_blocks,
    products_of,
    squared_distances_inplace,
    squared_norms,
    weighted_sum,
)
from alrun.records import PHASES
from alrun.util.lru_cache import LRUCache
from alrun.util.stopwatch import Stopwatch

T = TypeVar("T")
# Results by split, for the next run on it. A worker alternates between few splits.
_split_results: LRUCache[dict[str, Any]] = LRUCache(2)
# Numbers in a block of features in double precision, 2 MB.
_CACHED = 250_000


class TrainingSet:
    """The training part of a split: pool and initial set together.

    Positions number its examples in the order of the data set. They are the same in every round and
    in every run on the split.

    Attributes
    ----------
    rows
        Rows of the data set with these examples, ascending.
    run_state
        State of a strategy, kept between the rounds of a run, by name.
    stopwatch
        The stopwatch of the run. Results computed once per split are its phase `prepare`.
    """

    def __init__(
        self,
        X: Any,
        rows: IntArray,
        identity: Hashable,
        stream: Callable[[str], np.random.Generator],
    ) -> None:
        self._X, self.rows = X, rows
        self._identity, self._stream = identity, stream
        self.run_state: dict[str, Any] = {}
        self.stopwatch = Stopwatch(PHASES)

    def __len__(self) -> int:
        return len(self.rows)

    def positions(self, rows: IntArray) -> IntArray:
        """Return the positions of these rows of the data set."""
        return self._positions[rows]

    @cached_property
    def _positions(self) -> IntArray:
        """The position of each row of the data set; those of the test part have none."""
        positions = np.full(self._X.shape[0], -1)
        positions[self.rows] = np.arange(len(self))
        return positions

    @cached_property
    def X(self) -> Any:
        """All features in double precision, shape (len(training), n_features); a copy."""
        return self.features(np.arange(len(self)))

    @property
    def stored(self) -> Any:
        """All features in the precision they are stored in; no copy if there is no test part."""
        return self._X if len(self) == self._X.shape[0] else self._X[self.rows]

    @property
    def n_features(self) -> int:
        """Number of features."""
        return int(self._X.shape[1])

    @property
    def is_sparse(self) -> bool:
        """Whether the features are sparse."""
        return sparse.issparse(self._X)

    def features(self, positions: IntArray) -> Any:
        """Return features in double precision, shape (len(positions), n_features)."""
        return as_float64(self._X[self.rows[positions]])

    @cached_property
    def squared_norms(self) -> FloatArray:
        """Squared norms of the features, shape (len(training),)."""
        return self._matrix_norms[self._matrix[1]]

    def products_with(self, vectors: Any) -> FloatArray:
        """Return inner products of all with n rows of features, shape (len(training), n)."""
        matrix, rows = self._matrix
        return map_in_blocks(lambda X: products_of(X, vectors), matrix)[rows]

    def blocks(self) -> Iterator[slice]:
        """Yield slices of positions whose features fit into the processor's cache.

        Sparse features are small and come in one block.
        """
        height = len(self) if self.is_sparse else max(_CACHED // max(self.n_features, 1), 1)
        for start in range(0, len(self), max(height, 1)):
            yield slice(start, min(start + height, len(self)))

    def squared_distances(self, of: IntArray | slice, others: IntArray) -> FloatArray:
        """Return squared distances between examples, shape (n, len(others)).

        Both are positions. The distance of equal examples is exactly 0. Each column lies together
        in memory.
        """
        norms = self.squared_norms
        products = self.products(of, others)
        # Transposed, its rows lie together, as the blocks of the computation should.
        return squared_distances_inplace(norms[others], norms[of], products.T).T

    def products(self, of: IntArray | slice, others: IntArray) -> FloatArray:
        """Return inner products of examples, shape (n, len(others)), as squared_distances does."""
        vectors = self.features(others)
        if not isinstance(of, slice):
            return _by_column(self.features(of), vectors)
        X, rows = self._surrounding(of)
        products = _by_column(as_float64(X), vectors)
        return products if isinstance(rows, slice) else np.take(products.T, rows, axis=1).T

    def _surrounding(self, block: slice) -> tuple[Any, IntArray | slice]:
        """Return rows of the data set that hold a block of positions, and where they hold it.

        The rows may include some of the test part: multiplying these, too, takes less time than
        copying the others.
        """
        rows = self.rows[block]
        first, last = int(rows[0]), int(rows[-1])
        if last - first >= 2 * len(rows):
            return self._X[rows], slice(None)
        is_whole = last - first == len(rows) - 1
        return self._X[first : last + 1], slice(None) if is_whole else rows - first

    def weighted_mean(self, weights: FloatArray) -> FloatArray:
        """Return the mean over all examples of weight times features, shape (n_features,)."""
        matrix, rows = self._matrix
        matrix_weights = np.zeros(matrix.shape[0])
        matrix_weights[rows] = weights / len(self)
        return weighted_sum(matrix, matrix_weights)

    @cached_property
    def _matrix_norms(self) -> FloatArray:
        """Squared norms of all rows of the matrix in `_matrix`."""
        return np.asarray(map_in_blocks(squared_norms, self._matrix[0]))

    @cached_property
    def _matrix(self) -> tuple[Any, IntArray | slice]:
        """A matrix with the features, and the rows of it with the training part.

        Mostly it is the matrix of the whole data set: multiplying the test part, too, takes less
        time than copying the training part.
        """
        if self.is_sparse or 2 * len(self) < self._X.shape[0]:
            return self._X[self.rows], slice(None)
        return self._X, self.rows

    def cached(self, key: str, make: Callable[[np.random.Generator], T]) -> T:
        """Return `make(rng)`, computed once per split and shared by all runs on it.

        The result must depend on nothing but the split, in particular not on labels. The random
        stream depends on the split and on `key`, the name of the result with its parameters.
        """
        results = _split_results.get_or_compute(self._identity, dict)
        if key not in results:
            phase = self.stopwatch.enter("prepare")
            results[key] = make(self._stream(key))
            self.stopwatch.enter(phase)
        return results[key]


def _by_column(X: Any, vectors: Any) -> FloatArray:
    """Return the inner products of X with some vectors, each column together in memory."""
    if sparse.issparse(X):
        return np.asfortranarray(products_of(X, vectors))
    return products_of(vectors, X).T
