"""The examples that can be labelled, and what is computed of their features only once."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from functools import cached_property
from time import perf_counter
from typing import Any, TypeVar

import numpy as np
from scipy import sparse

from alrun.metrics import FloatArray
from alrun.spec import IntArray

T = TypeVar("T")
# A squared distance below this, relative to the squared norms, is that of equal rows.
ROUNDING = 1e-12
# Splits whose results are kept for the next run on them; a worker takes its runs in turns.
_MOST_SPLITS = 2
_shared: OrderedDict[Hashable, dict[str, Any]] = OrderedDict()


class Training:
    """The training part of a split: pool and initial set together.

    Positions number its examples in the order of the data set; they mean the same in every round,
    and in every run on the split.

    Attributes
    ----------
    kept
        What a strategy keeps from one round of the run to the next, by name.
    seconds
        What this run has spent on what is computed once per split.
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
        self.kept: dict[str, Any] = {}
        self.seconds = 0.0

    def __len__(self) -> int:
        return len(self._rows)

    def positions(self, rows: IntArray) -> IntArray:
        """Return the positions of these rows of the data set."""
        return np.searchsorted(self._rows, rows)

    @cached_property
    def X(self) -> Any:
        """Features, shape (len(training), n_features); a copy, made when it is first asked for."""
        return self._X[self._rows]

    @cached_property
    def squared_norms(self) -> FloatArray:
        """Of the features, shape (len(training),)."""
        return squared_norms_of(self.X)

    def products(self, positions: IntArray) -> FloatArray:
        """Return the inner products of all with these, shape (len(training), len(positions))."""
        return products_of(self.X, self.X[positions])

    def squared_distances(self, positions: IntArray) -> FloatArray:
        """Return those of all to these, shape (len(training), len(positions)); 0 where equal."""
        norms = self.squared_norms
        return distances_from(norms, norms[positions], self.products(positions))

    def once(self, key: str, make: Callable[[np.random.Generator], T]) -> T:
        """Return what `make` makes of the split, computed by the first run on it that asks.

        It must not depend on labels or on anything but the split; its stream depends on the split
        and on `key`, which names it with its parameters.
        """
        made = _shared.setdefault(self._identity, {})
        _shared.move_to_end(self._identity)
        if len(_shared) > _MOST_SPLITS:
            _shared.popitem(last=False)
        if key not in made:
            started = perf_counter()
            made[key] = make(self._stream(key))
            self.seconds += perf_counter() - started
        return made[key]


def squared_norms_of(X: Any) -> FloatArray:
    """Return the squared norm of each row, dense or sparse."""
    if sparse.issparse(X):
        return np.asarray(X.multiply(X).sum(axis=1)).ravel()
    return np.einsum("ij,ij->i", X, X)


def products_of(X: Any, others: Any) -> FloatArray:
    """Return the inner products of rows with others, dense or sparse, shape (n, n_others)."""
    products = X @ others.T
    return products.toarray() if sparse.issparse(products) else products


def distances_from(norms: FloatArray, others: FloatArray, products: FloatArray) -> FloatArray:
    """Return squared distances from squared norms and inner products; 0 where equal."""
    sums = norms[:, None] + others
    distances = sums - 2 * products
    distances[distances < ROUNDING * sums] = 0.0
    return distances
