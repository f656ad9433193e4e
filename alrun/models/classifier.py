"""A scikit-learn classifier over all classes of a data set, including unseen ones."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from alrun.arrays import FloatArray, IntArray
from alrun.errors import AlrunError, ModelError
from alrun.models.build import build, resolve
from alrun.models.class_weights import labels_weighted, weights_by_code
from alrun.models.consecutive_codes import ConsecutiveCodes, fitted
from alrun.models.logistic.estimator import Logistic


class Classifier:
    """A model fitted anew on the labelled examples of each round.

    The classes are the codes 0 ... n_classes - 1. A class without a labelled example has
    probability zero. While only one class is labelled, it is always predicted and nothing is
    fitted. `labels` holds the label of each class by code, as used in class weights. A `fallback`
    takes the model's place until it can be fitted, and `n_fallbacks` counts its fits. `rng` is the
    random stream of the fits.
    """

    def __init__(
        self,
        name: str,
        parameters: Mapping[str, Any],
        n_classes: int,
        rng: np.random.Generator,
        labels: Sequence[str] = (),
        fallback: str | None = None,
    ) -> None:
        self.estimator: Any = None
        self.n_classes = n_classes
        self.n_fallbacks = 0
        self._fallback = fallback
        self._name, self._parameters, self.rng = name, parameters, rng
        self._labels = labels if any(labels_weighted(name, parameters)) else ()
        self._seen: IntArray = np.empty(0, dtype=np.int64)

    def fit(self, X: Any, y: IntArray) -> "Classifier":
        """Fit on the labelled examples, X of shape (n_labels, n_features)."""
        self._seen = np.flatnonzero(np.bincount(y, minlength=self.n_classes))
        parameters = self._parameters
        if self._labels:  # estimators may reject weights of classes not seen yet
            seen = {code: self._labels[code] for code in self._seen.tolist()}
            parameters = weights_by_code(self._name, parameters, seen)
        if not isinstance(self.estimator, Logistic) or self._fallback is not None:
            self.estimator = build(self._name, parameters, self.rng)
        elif self._labels:  # the same object is fitted again, from its last solution
            self.estimator.class_weight = parameters["class_weight"]
        if len(self._seen) > 1:
            if self._fallback is None:
                self.estimator = fitted(self.estimator, X, y)
            else:
                self._fit_or_fall_back(self._fallback, X, y)
            self._check_classes()
        return self

    def _fit_or_fall_back(self, fallback: str, X: Any, y: IntArray) -> None:
        """Fit the model, and once that works do without the fallback; until then fit that."""
        try:
            self.estimator = fitted(self.estimator, X, y)
            self.estimator.predict(X[:1])  # neighbours are counted only now
            self._fallback = None
        except Exception:  # an estimator can raise anything
            self.estimator = build(fallback, resolve(fallback, {}), self.rng).fit(X, y)
            self.n_fallbacks += 1

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
            raise ModelError(
                f"{self._estimator_name} predicted something else than a class for each row; its"
                " predict must return one of the classes it was fitted on for each row"
            )
        return predicted

    def probabilities(self, X: Any) -> FloatArray:
        """Return the class probabilities of each row of X, shape (n, n_classes)."""
        if len(self._seen) == 1:
            return self._over_all_classes(np.ones((X.shape[0], 1)), 0.0)
        given = self.estimator.predict_proba(X)
        values = np.asarray(given)
        if values.shape != (X.shape[0], len(self._seen)):
            what = "None" if given is None else f"probabilities of shape {values.shape}"
            raise ModelError(
                f"{self._estimator_name} gave {what} for {X.shape[0]} examples of"
                f" {len(self._seen)} classes"
            )
        check_sums(values, self._estimator_name, ModelError)
        return self._over_all_classes(values, 0.0)

    def decision(self, X: Any) -> FloatArray:
        """Return decision values, larger for likelier classes, shape (n, n_classes).

        Classes not seen have -inf. With two classes seen the columns are -d/2 and d/2, with d the
        signed distance of scikit-learn, so that their difference is d.
        """
        if len(self._seen) == 1:
            return self._over_all_classes(np.zeros((X.shape[0], 1)), -np.inf)
        values = self.estimator.decision_function(X)
        if values.ndim == 1:
            values = np.column_stack([-values / 2, values / 2])
        is_ovo = getattr(_last_step(self.estimator), "decision_function_shape", None) == "ovo"
        if values.shape[1] != len(self._seen) or (is_ovo and len(self._seen) > 2):
            raise ModelError(
                f"{self._estimator_name} gave {values.shape[1]} decision values for"
                f' {len(self._seen)} classes, not one each; use decision_function_shape = "ovr"'
            )
        if np.isnan(values).any():
            raise ModelError(f"{self._estimator_name} gave decision values that are NaN")
        return self._over_all_classes(values, -np.inf)

    @property
    def _estimator_name(self) -> str:
        """Class name of the estimator, or of the last step of a pipeline, for errors."""
        return type(_last_step(self.estimator)).__name__

    def _check_classes(self) -> None:
        """Raise ModelError unless the `classes_` of the model are the classes seen."""
        classes: Any = getattr(self.estimator, "classes_", None)
        if not np.array_equal(classes, self._seen):
            raise ModelError(
                f"{self._estimator_name} must keep the classes of its training labels, in ascending"
                " order, as its attribute classes_"
            )

    def _over_all_classes(self, values: FloatArray, unseen: float) -> FloatArray:
        """Return a matrix with a column for every class, stored class by class.

        `values` has a column for each class seen; the other columns are filled with `unseen`.
        """
        if len(self._seen) == self.n_classes:
            return values
        whole = np.full((self.n_classes, len(values)), unseen)
        whole[self._seen] = values.T
        return whole.T


def check_sums(probabilities: FloatArray, model: str, error: type[AlrunError]) -> None:
    """Raise `error`, with the name of the model, unless its probabilities sum to one per row."""
    # Not `>= 1e-3`: a comparison with NaN is False, so this form also finds NaN.
    is_right = np.abs(probabilities.sum(axis=1) - 1) < 1e-3
    if not is_right.all():
        row = int(is_right.argmin())
        shown = ", ".join(f"{value:g}" for value in probabilities[row][:5])
        raise error(
            f"{model} gave probabilities that are not finite, or do not sum to one, as in row"
            f" {row}: {shown}"
        )


def _last_step(estimator: Any) -> Any:
    if isinstance(estimator, ConsecutiveCodes):
        estimator = estimator.estimator
    return estimator[-1] if isinstance(estimator, Pipeline) else estimator
