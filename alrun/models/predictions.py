"""What the model of one round says of the rows of the feature matrix."""

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from alrun.metrics import FloatArray
from alrun.models.classifier import Classifier
from alrun.models.logistic import Logistic
from alrun.spec import IntArray

# Numbers in a block of rows that is copied out of the feature matrix: 32 MB.
BLOCK = 4_000_000


class Predictions:
    """Predictions of a fitted classifier for the rows of X.

    A strategy asks for so many rows that all are computed, since to select rows of X is to copy
    them; who asks for others after that is served from what is there.
    """

    def __init__(self, classifier: Classifier, X: Any) -> None:
        self.classifier = classifier
        self._X = X

    @cached_property
    def probabilities(self) -> FloatArray:
        """Class probabilities of all rows, shape (n, n_classes)."""
        return self.classifier.probabilities(self._X)

    @cached_property
    def decision(self) -> FloatArray:
        """Decision values of all rows, shape (n, n_classes); -inf where a class is unseen."""
        return self.classifier.decision(self._X)

    def probabilities_of(self, rows: IntArray) -> FloatArray:
        """Return the class probabilities of these rows, shape (len(rows), n_classes)."""
        if "probabilities" in self.__dict__:
            return rows_of(self.probabilities, rows)
        return self._in_blocks(self.classifier.probabilities, rows)

    def decision_of(self, rows: IntArray) -> FloatArray:
        """Return the decision values of these rows, shape (len(rows), n_classes)."""
        if "decision" in self.__dict__:
            return rows_of(self.decision, rows)
        return self._in_blocks(self.classifier.decision, rows)

    def classes_of(self, rows: IntArray, probabilities: FloatArray | None) -> IntArray:
        """Return the class code that the model predicts for each of these rows.

        `probabilities` are theirs. Not every model of scikit-learn predicts the likeliest class.
        """
        if isinstance(self.classifier.estimator, Logistic) and probabilities is not None:
            return probabilities.argmax(axis=1)
        return self._in_blocks(self.classifier.predict, rows)

    def _in_blocks(self, method: Callable[[Any], Any], rows: IntArray) -> Any:
        size = max(BLOCK // max(self._X.shape[1], 1), 1)
        if len(rows) <= size:
            return method(self._X[rows])
        starts = range(0, len(rows), size)
        return np.concatenate([method(self._X[rows[start : start + size]]) for start in starts])


def rows_of(values: FloatArray, rows: IntArray) -> FloatArray:
    """Return some rows of values that are stored class by class, stored likewise."""
    return np.take(values.T, rows, axis=1).T
