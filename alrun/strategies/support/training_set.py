"""The examples that can be labelled, and what is computed of their features only once."""

from collections.abc import Callable, Hashable
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
# Splits whose results are kept for the next run on them; a worker takes its runs in turns.
_shared: LRUCache[dict[str, Any]] = LRUCache(2)


class TrainingSet:
    """The training part of a split: pool and initial set together.

    Positions number its examples in the order of the data set; they mean the same in every round,
    and in every run on the split.

    Attributes
    ----------
    kept
        What a strategy keeps from one round of the run to the next, by name.
    stopwatch
        That of the run; what is computed once per split is its phase `prepare`.
    """

    def __init__(
        self,
        X: Any,
        rows: IntArray,
        identity: Hashable,
        stream: Callable[[str], np.random.Generator],
    ) -> None:
        self._X, self._rows = X, rows
        self._identity, self._stream = identity, stream
        self.run_state: dict[str, Any] = {}
        self.stopwatch = Stopwatch(PHASES)

    def __len__(self) -> int:
        return len(self._rows)

    def positions(self, rows: IntArray) -> IntArray:
        """Return the positions of these rows of the data set."""
        return np.searchsorted(self._rows, rows)

    @cached_property
    def X(self) -> Any:
        """Features, shape (len(training), n_features), in double precision; a copy of them all."""
        return self.features(np.arange(len(self)))

    @property
    def n_features(self) -> int:
        """Number of features."""
        return int(self._X.shape[1])

    @property
    def is_sparse(self) -> bool:
        """Whether the features are sparse."""
        return sparse.issparse(self._X)

    def features(self, positions: IntArray) -> Any:
        """Return the features of these, in double precision, shape (len(positions), n_features)."""
        return as_float64(self._X[self._rows[positions]])

    @cached_property
    def squared_norms(self) -> FloatArray:
        """Of the features, shape (len(training),)."""
        matrix, own = self._stored
        return map_in_blocks(squared_norms, matrix)[own]

    def products(self, positions: IntArray) -> FloatArray:
        """Return the inner products of all with these, shape (len(training), len(positions))."""
        return self.products_with(self.features(positions))

    def products_with(self, rows: Any) -> FloatArray:
        """Return the inner products of all with rows of features, shape (len(training), n)."""
        matrix, own = self._stored
        return map_in_blocks(lambda X: products_of(X, rows), matrix)[own]

    def squared_distances(self, positions: IntArray) -> FloatArray:
        """Return those of all to these, shape (len(training), len(positions)); 0 where equal."""
        norms = self.squared_norms
        return squared_distances_inplace(norms, norms[positions], self.products(positions))

    def weighted_mean(self, weights: FloatArray) -> FloatArray:
        """Return the mean of the features, each example's times its weight, shape (n_features,)."""
        matrix, own = self._stored
        of_matrix = np.zeros(matrix.shape[0])
        of_matrix[own] = weights / len(self)
        return weighted_sum(matrix, of_matrix)

    @cached_property
    def _stored(self) -> tuple[Any, IntArray | slice]:
        """A matrix that holds the features, and in which of its rows.

        That is mostly the one of the whole data set: to multiply the test part as well takes less
        than a copy of the rest.
        """
        if self.is_sparse or 2 * len(self) < self._X.shape[0]:
            return self._X[self._rows], slice(None)
        return self._X, self._rows

    def cached(self, key: str, make: Callable[[np.random.Generator], T]) -> T:
        """Return what `make` makes of the split, computed by the first run on it that asks.

        It must not depend on labels or on anything but the split; its stream depends on the split
        and on `key`, which names it with its parameters.
        """
        made = _shared.get_or_compute(self._identity, dict)
        if key not in made:
            phase = self.stopwatch.enter("prepare")
            made[key] = make(self._stream(key))
            self.stopwatch.enter(phase)
        return made[key]
