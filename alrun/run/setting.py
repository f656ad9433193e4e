"""The parts that a run and a reference have in common: rows of a split, the model, its scores."""

from typing import Any

import numpy as np

from alrun.arrays import IntArray
from alrun.data.dataset import Dataset
from alrun.data.features import select
from alrun.metrics import ModelOutputs, score
from alrun.models.classifier import Classifier
from alrun.models.predictions import Predictions
from alrun.records import Scores, Split
from alrun.spec import TaskSpec
from alrun.util.random_streams import generator


def select_rows(dataset: Dataset, split: Split) -> tuple[IntArray, Any, Split]:
    """Return the rows to work on, their features, and the split as positions there.

    If the split uses less than half of the data set, its rows are copied: predicting all the others
    in every round would take longer. Otherwise all rows stay, uncopied.
    """
    rows = split.rows
    if 2 * len(rows) < dataset.n_examples:
        return rows, select(dataset.X, rows), split.among(rows)
    return np.arange(dataset.n_examples), dataset.X, split


def new_classifier(spec: TaskSpec, dataset: Dataset) -> Classifier:
    """Return the model, not fitted; its random stream depends on data set, model and seed alone."""
    rng = generator(spec.seed, "model", spec.dataset.fingerprint, spec.model.identity())
    model = spec.model
    return Classifier(
        model.name, model.parameters, dataset.n_classes, rng, dataset.labels, model.fallback
    )


def score_test_part(predictions: Predictions, test: IntArray, y_test: IntArray) -> Scores:
    """Return the scores of a fitted model on the rows of a test part, of class codes `y_test`."""
    classifier = predictions.classifier
    probabilities, ranking = None, None
    if classifier.has_probabilities:
        probabilities = predictions.probabilities_of(test)
    if classifier.n_classes == 2:
        if probabilities is not None:
            ranking = probabilities[:, 1]
        elif classifier.has_decision:
            decision = predictions.decision_of(test)
            ranking = decision[:, 1] - decision[:, 0]
    predicted = predictions.classes_of(test, probabilities)
    return score(ModelOutputs(y_test, predicted, probabilities, ranking, classifier.n_classes))
