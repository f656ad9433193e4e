"""The pool: the view of one round for a query strategy."""

from collections.abc import Callable
from copy import deepcopy
from functools import cached_property
from typing import Any

import numpy as np

from alrun.arrays import FloatArray, IntArray
from alrun.data.features import as_float64, map_rows, slices
from alrun.models.predictions import Predictions, rows_of
from alrun.strategies.support.training_set import TrainingSet
from alrun.util.random_streams import generator


class Pool:
    """The unlabelled examples of one round, with the labels bought so far and the fitted model.

    Its public names give no access to labels that have not been bought, nor to the test part. Rows
    number the unlabelled examples, in a random order drawn once per run; `len(pool)` is their
    number.
    """

    def __init__(
        self,
        X: Any,
        unlabelled: IntArray,
        labelled: IntArray,
        labels: IntArray,
        predictions: Predictions,
        training: TrainingSet | None = None,
        costs: FloatArray | None = None,
    ) -> None:
        self._X = X
        self._unlabelled = unlabelled
        self._labelled = labelled
        self._labels = labels
        self._predictions = predictions
        self._costs = costs
        self.training = training or _training_of(X, unlabelled, labelled)

    def __len__(self) -> int:
        return len(self._unlabelled)

    @cached_property
    def X(self) -> Any:
        """Features of the unlabelled, shape (len(pool), n_features), float64; a copy."""
        return as_float64(self._X[self._unlabelled])

    @cached_property
    def X_labelled(self) -> Any:
        """Features of the labelled, shape (n_labels, n_features), float64; a copy."""
        return as_float64(self._X[self._labelled])

    @cached_property
    def y_labelled(self) -> IntArray:
        """Class codes of the labelled examples, shape (n_labels,); a copy."""
        return self._labels.copy()

    @cached_property
    def costs(self) -> FloatArray:
        """What the label of each unlabelled example costs, shape (len(pool),).

        It is 1 for all unless the experiment names a column with costs. Costs that depend on the
        class or on who answers are not known before.
        """
        if self._costs is None:
            return np.ones(len(self))
        return self._costs[self._unlabelled]

    @cached_property
    def unlabelled(self) -> IntArray:
        """Positions of the unlabelled in `training`, shape (len(pool),)."""
        return self.training.positions(self._unlabelled)

    @cached_property
    def labelled(self) -> IntArray:
        """Positions of the labelled in `training`, the oldest first, shape (n_labels,)."""
        return self.training.positions(self._labelled)

    def predict_rows(self, method: Callable[[Any], Any]) -> Any:
        """Apply `method` to X block by block and return the stacked results.

        `method` must return one row for each row of its block. This avoids a copy of all of X.
        """
        return map_rows(method, self._X, self._unlabelled)

    @cached_property
    def rows(self) -> IntArray:
        """Row of each position in `training`, shape (len(training),); len(self) if labelled."""
        rows = np.full(len(self.training), len(self))
        rows[self.unlabelled] = np.arange(len(self))
        return rows

    @property
    def n_classes(self) -> int:
        """Number of classes in the data set, including those without a labelled example."""
        return self._predictions.classifier.n_classes

    @cached_property
    def model(self) -> Any:
        """A copy of the fitted estimator; unfitted while all labelled examples are of one class.

        Changes to it affect neither the scores nor the fits of other rounds.
        """
        return deepcopy(self._predictions.classifier.estimator)

    @property
    def has_probabilities(self) -> bool:
        """Whether the model gives probabilities."""
        return self._predictions.classifier.has_probabilities

    @cached_property
    def probabilities(self) -> FloatArray:
        """Class probabilities of the unlabelled, shape (len(pool), n_classes).

        Raises AttributeError if the model has none.
        """
        return rows_of(self._predictions.probabilities, self._unlabelled)

    @property
    def probabilities_by_position(self) -> FloatArray:
        """Class probabilities of all examples in `training`, shape (len(training), n_classes)."""
        return rows_of(self._predictions.probabilities, self.training.rows)

    def probabilities_of(self, X: Any) -> FloatArray:
        """Return the class probabilities of any rows of features, shape (len(X), n_classes)."""
        return self._predictions.classifier.probabilities(X)

    def classes_of(self, X: Any) -> IntArray:
        """Return the predicted class codes of any rows of features, shape (len(X),)."""
        return self._predictions.classifier.predict(X)

    @cached_property
    def decision(self) -> FloatArray:
        """Decision values of the unlabelled, shape (len(pool), n_classes); -inf if unseen.

        Raises AttributeError if the model has none.
        """
        return rows_of(self._predictions.decision, self._unlabelled)

    @property
    def margins(self) -> FloatArray:
        """Difference of the two largest probabilities, or decision values, shape (len(pool),)."""
        predictions = self._predictions
        values = predictions.probabilities if self.has_probabilities else predictions.decision
        margins = np.empty(len(values))
        for block in slices(values, _AT_ONCE):
            margins[block] = _margins_of(values[block])
        return margins[self._unlabelled]


# Predictions in a block that fits into the processor's cache.
_AT_ONCE = 100_000


def _margins_of(values: FloatArray) -> FloatArray:
    """Return the difference of the two largest values of each row."""
    first, second = np.maximum(*values.T[:2]), np.minimum(*values.T[:2])
    for column in values.T[2:]:  # several times as fast as sorting each row
        np.maximum(second, np.minimum(first, column), out=second)
        np.maximum(first, column, out=first)
    return np.where(second == -np.inf, np.inf, first - second)


def _training_of(X: Any, unlabelled: IntArray, labelled: IntArray) -> TrainingSet:
    """Return the training part of a pool outside of any run."""
    rows = np.sort(np.concatenate([unlabelled, labelled]).astype(np.int64))
    return TrainingSet(X, rows, object(), lambda key: generator(0, "training", key))
