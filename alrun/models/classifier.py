"""A scikit-learn classifier over all classes of a data set, those it has not seen included."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from alrun.arrays import FloatArray, IntArray
from alrun.errors import AlrunError, ModelError
from alrun.models.build import build
from alrun.models.class_weights import labels_weighted, weights_by_code
from alrun.models.logistic.estimator import Logistic


class Classifier:
    """A model that is fitted on the labels of one round after the other.

    The classes are the codes 0 ... n_classes - 1. One that has no label yet has probability zero;
    with one class labelled the prediction is that class, and nothing is fitted. `labels` holds the
    labels of the classes by code, as class weights name them.
    """

    def __init__(
        self,
        name: str,
        parameters: Mapping[str, Any],
        n_classes: int,
        rng: np.random.Generator,
        labels: Sequence[str] = (),
    ) -> None:
        self.estimator: Any = None
        self.n_classes = n_classes
        self._name, self._parameters, self._rng = name, parameters, rng
        self._labels = labels if any(labels_weighted(name, parameters)) else ()
        self._seen: IntArray = np.empty(0, dtype=np.int64)

    def fit(self, X: Any, y: IntArray) -> "Classifier":
        """Fit on the labelled examples, X of shape (n_labels, n_features)."""
        self._seen = np.flatnonzero(np.bincount(y, minlength=self.n_classes))
        parameters = self._parameters
        if self._labels:  # a weight of a class not seen yet may be refused
            seen = {code: self._labels[code] for code in self._seen.tolist()}
            parameters = weights_by_code(self._name, parameters, seen)
        if not isinstance(self.estimator, Logistic):
            self.estimator = build(self._name, parameters, self._rng)
        elif self._labels:  # it goes on from the round before
            self.estimator.class_weight = parameters["class_weight"]
        if len(self._seen) > 1:
            self.estimator.fit(X, y)
            self._check_classes()
        return self

    @property
    def has_probabilities(self) -> bool:
        """Whether the model gives probabilities."""
        return hasattr(self.estimator, "predict_proba")

    @property
    def has_decision(self) -> bool:
        """Whether the model gives decision values."""
        return hasattr(self.estimator, "decision_function")

    def predict(self, X: Any) -> IntArray:
        """Return a class code for each row of X."""
        if len(self._seen) == 1:
            return np.full(X.shape[0], self._seen[0])
        predicted = np.asarray(self.estimator.predict(X))
        if predicted.shape != (X.shape[0],) or not np.isin(predicted, self._seen).all():
            raise ModelError(f"{self._called} predicted something else than a class for each row")
        return predicted

    def probabilities(self, X: Any) -> FloatArray:
        """Return the class probabilities of each row of X, shape (n, n_classes)."""
        if len(self._seen) == 1:
            return self._over_all_classes(np.ones((X.shape[0], 1)), 0.0)
        given = np.asarray(self.estimator.predict_proba(X))
        if given.shape != (X.shape[0], len(self._seen)):
            raise ModelError(
                f"{self._called} gave probabilities of shape {given.shape} for"
                f" {X.shape[0]} examples of {len(self._seen)} classes"
            )
        check_sums(given, self._called, ModelError)
        return self._over_all_classes(given, 0.0)

    def decision(self, X: Any) -> FloatArray:
        """Return a value per row and class that is larger the likelier the class, -inf if unseen.

        For two classes seen the columns are -d/2 and d/2 with d the signed distance that
        scikit-learn gives, so that the difference of the columns is d.
        """
        if len(self._seen) == 1:
            return self._over_all_classes(np.zeros((X.shape[0], 1)), -np.inf)
        values = self.estimator.decision_function(X)
        if values.ndim == 1:
            values = np.column_stack([-values / 2, values / 2])
        of_pairs = getattr(_last_of(self.estimator), "decision_function_shape", None) == "ovo"
        if values.shape[1] != len(self._seen) or (of_pairs and len(self._seen) > 2):
            raise ModelError(
                f"{self._called} gave {values.shape[1]} decision values for"
                f' {len(self._seen)} classes, not one each; use decision_function_shape = "ovr"'
            )
        if np.isnan(values).any():
            raise ModelError(f"{self._called} gave decision values that are NaN")
        return self._over_all_classes(values, -np.inf)

    @property
    def _called(self) -> str:
        """What the model is called in an error; of a pipeline its last step."""
        return type(_last_of(self.estimator)).__name__

    def _check_classes(self) -> None:
        """Raise ModelError unless the columns that the model gives are the classes seen."""
        classes: Any = getattr(self.estimator, "classes_", None)
        if not np.array_equal(classes, self._seen):
            raise ModelError(
                f"{self._called} must keep the classes that it was fitted on, in ascending order,"
                " as classes_"
            )

    def _over_all_classes(self, values: FloatArray, unseen: float) -> FloatArray:
        """Put the columns of the classes seen in their places, stored class by class."""
        if len(self._seen) == self.n_classes:
            return values
        whole = np.full((self.n_classes, len(values)), unseen)
        whole[self._seen] = values.T
        return whole.T


def check_sums(probabilities: FloatArray, called: str, error: type[AlrunError]) -> None:
    """Raise `error` unless each row sums to one; `called` says whose probabilities they are."""
    if not (np.abs(probabilities.sum(axis=1) - 1) < 1e-3).all():  # so also where one is NaN
        raise error(f"{called} gave probabilities that are not finite, or do not sum to one")


def _last_of(estimator: Any) -> Any:
    return estimator[-1] if isinstance(estimator, Pipeline) else estimator
