"""A scikit-learn classifier over all classes of a data set, those it has not seen included."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from alrun.errors import ModelError
from alrun.metrics import FloatArray
from alrun.models import build
from alrun.spec import IntArray


class Classifier:
    """A model fitted on the labels of one round.

    The classes are the codes 0 ... n_classes - 1. One that has no label yet has probability zero;
    with one class labelled the prediction is that class, and nothing is fitted.
    """

    def __init__(
        self,
        name: str,
        parameters: Mapping[str, Any],
        n_classes: int,
        rng: np.random.Generator,
    ) -> None:
        self.estimator = build(name, parameters, rng)
        self.n_classes = n_classes
        self.has_probabilities = hasattr(self.estimator, "predict_proba")
        self.has_decision = hasattr(self.estimator, "decision_function")
        self._seen: IntArray = np.empty(0, dtype=np.int64)

    def fit(self, X: Any, y: IntArray) -> "Classifier":
        """Fit on the labelled examples, X of shape (n_labels, n_features)."""
        self._seen = np.unique(y)
        if len(self._seen) > 1:
            self.estimator.fit(X, y)
        return self

    def predict(self, X: Any) -> IntArray:
        """Return a class code for each row of X."""
        if len(self._seen) == 1:
            return np.full(X.shape[0], self._seen[0])
        return np.asarray(self.estimator.predict(X))

    def probabilities(self, X: Any) -> FloatArray:
        """Return the class probabilities of each row of X, shape (n, n_classes)."""
        probabilities = np.zeros((X.shape[0], self.n_classes))
        if len(self._seen) == 1:
            probabilities[:, self._seen] = 1.0
            return probabilities
        given = np.asarray(self.estimator.predict_proba(X))
        if given.shape != (X.shape[0], len(self._seen)):
            raise ModelError(
                f"{type(self.estimator).__name__} gave probabilities of shape {given.shape} for"
                f" {X.shape[0]} examples of {len(self._seen)} classes"
            )
        if not (np.abs(given.sum(axis=1) - 1) < 1e-3).all():  # so also where one is NaN
            raise ModelError(
                f"{type(self.estimator).__name__} gave probabilities that are not finite, or do not"
                " sum to one"
            )
        probabilities[:, self._seen] = given
        return probabilities

    def decision(self, X: Any) -> FloatArray:
        """Return a value per row and class that is larger the likelier the class, -inf if unseen.

        For two classes seen the columns are -d/2 and d/2 with d the signed distance that
        scikit-learn gives, so that the difference of the columns is d.
        """
        decision = np.full((X.shape[0], self.n_classes), -np.inf)
        if len(self._seen) == 1:
            decision[:, self._seen] = 0.0
            return decision
        values = self.estimator.decision_function(X)
        if values.ndim == 1:
            values = np.column_stack([-values / 2, values / 2])
        of_pairs = getattr(self.estimator, "decision_function_shape", None) == "ovo"
        if values.shape[1] != len(self._seen) or (of_pairs and len(self._seen) > 2):
            raise ModelError(
                f"{type(self.estimator).__name__} gave {values.shape[1]} decision values for"
                f' {len(self._seen)} classes, not one each; use decision_function_shape = "ovr"'
            )
        decision[:, self._seen] = values
        return decision
