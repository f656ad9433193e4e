"""Fits of models that want the classes 0 ... k - 1, where a class has no label yet."""

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.utils.metaestimators import available_if

from alrun.arrays import FloatArray, IntArray


def fitted(estimator: Any, X: Any, y: IntArray) -> Any:
    """Fit an estimator to X of shape (n, n_features) and class codes, and return it.

    If it refuses codes with a gap, as XGBoost does, a wrapped copy is returned, with the codes as
    its classes. Raises what the estimator raises.
    """
    try:
        estimator.fit(X, y)  # its result is not used: a model of a user's own may return nothing
        return estimator
    except ValueError:
        codes = np.unique(y)
        if np.array_equal(codes, np.arange(len(codes))):
            raise
        return ConsecutiveCodes(clone(estimator)).fit(X, y)


def _has(method: str) -> Any:
    return available_if(lambda wrapped: hasattr(wrapped.estimator, method))


class ConsecutiveCodes(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A classifier fitted to the codes 0 ... k - 1 of the classes it gets."""

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator

    def fit(self, X: Any, y: IntArray) -> Self:
        """Fit the estimator to the positions of the labels among the sorted classes."""
        self.classes_, positions = np.unique(y, return_inverse=True)
        self.estimator.fit(X, positions)
        return self

    def predict(self, X: Any) -> IntArray:
        """Return a class for each row, shape (n,)."""
        return self.classes_[np.asarray(self.estimator.predict(X)).astype(np.int64)]

    @_has("predict_proba")  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any) -> FloatArray:
        """Return the probabilities of the classes, shape (n, k)."""
        return np.asarray(self.estimator.predict_proba(X))

    @_has("decision_function")  # type: ignore[untyped-decorator]
    def decision_function(self, X: Any) -> FloatArray:
        """Return decision values as the estimator gives them, shape (n,) or (n, k)."""
        return np.asarray(self.estimator.decision_function(X))
