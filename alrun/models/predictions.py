"""Predictions of one round's model for the rows of the feature matrix."""

from functools import cache, cached_property
from typing import Any

import numpy as np

from alrun.arrays import FloatArray, IntArray
from alrun.data.features import map_in_blocks, map_rows
from alrun.models.classifier import Classifier
from alrun.models.logistic.estimator import Logistic


class Predictions:
    """Predictions of a fitted classifier for the rows of X.

    Strategies use the predictions of most rows, and selecting rows of X copies them. So
    `probabilities` and `decision` are computed for all rows at once, and later requests for some of
    the rows are answered from these.
    """

    def __init__(self, classifier: Classifier, X: Any) -> None:
        self.classifier = classifier
        self._X = X

    @cached_property
    def probabilities(self) -> FloatArray:
        """Class probabilities of all rows, shape (n, n_classes)."""
        return map_in_blocks(self.classifier.probabilities, self._X)

    @cached_property
    def decision(self) -> FloatArray:
        """Decision values of all rows, shape (n, n_classes); -inf for unseen classes."""
        return map_in_blocks(self.classifier.decision, self._X)

    @property
    def has_all_probabilities(self) -> bool:
        """Whether the probabilities of all rows have been computed."""
        return "probabilities" in self.__dict__  # cached_property has stored them there

    def probabilities_of(self, rows: IntArray) -> FloatArray:
        """Return the class probabilities of these rows, shape (len(rows), n_classes)."""
        if self.has_all_probabilities:
            return rows_of(self.probabilities, rows)
        return map_rows(self.classifier.probabilities, self._X, rows)

    def decision_of(self, rows: IntArray) -> FloatArray:
        """Return the decision values of these rows, shape (len(rows), n_classes)."""
        if "decision" in self.__dict__:
            return rows_of(self.decision, rows)
        return map_rows(self.classifier.decision, self._X, rows)

    def classes_of(self, rows: IntArray, probabilities: FloatArray | None) -> IntArray:
        """Return the predicted class code of each of these rows, shape (len(rows),).

        `probabilities` are those of these rows, or None. They only decide for `Logistic`: some
        models of scikit-learn do not predict the class with the largest probability.
        """
        if isinstance(self.classifier.estimator, Logistic) and probabilities is not None:
            return likeliest(probabilities)
        return map_rows(self.classifier.predict, self._X, rows)


def rows_of(values: FloatArray, rows: IntArray) -> FloatArray:
    """Return some rows, always stored class by class, whatever the layout of `values`."""
    return np.take(values.T, rows, axis=1).T


def likeliest(p: FloatArray) -> IntArray:
    """Return the first column with the largest value of each row, shape (n,); no value is NaN.

    It is the argmax, without a branch that the processor guesses wrong: up to three times as fast.
    """
    columns = p.T
    ranks = _falling_ranks(len(columns)) * (columns == columns.max(axis=0))
    return len(columns) - ranks.max(axis=0).astype(np.intp)


@cache
def _falling_ranks(n: int) -> IntArray:
    """Return n ... 1 as a column: the highest rank of the largest values is that of the first."""
    return np.arange(n, 0, -1, dtype=np.min_scalar_type(n))[:, None]
