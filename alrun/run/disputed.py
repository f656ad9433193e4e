"""Labels that the model disputes: those it finds least likely, fitted on others."""

from collections.abc import Callable

import numpy as np

from alrun.arrays import FloatArray, IntArray
from alrun.data.features import as_float64
from alrun.models.classifier import Classifier
from alrun.run.learner import Learner

_N_FOLDS = 5
# Confidences are compared at so many digits, as scores of strategies are.
_DIGITS = 9


def out_of_fold_confidence(
    learner: Learner, new_classifier: Callable[[], Classifier], rng: np.random.Generator
) -> FloatArray:
    """Return how likely a model finds the label of each labelled example, shape (n_labels,).

    The model of an example is fitted on the labels outside its fold; there are five random ones.
    Where it gives no probabilities the value is 1 if it predicts the label, and 0 if not.
    """
    n = len(learner.labelled)
    confidence = np.ones(n)
    for fold in np.array_split(rng.permutation(n), min(_N_FOLDS, n)):
        rest = np.setdiff1d(np.arange(n), fold)
        if len(rest) == 0:
            continue
        X = as_float64(learner.X[learner.labelled[fold]])
        classifier = new_classifier()
        classifier.fit(as_float64(learner.X[learner.labelled[rest]]), learner.labels[rest])
        labels = learner.labels[fold]
        if classifier.has_probabilities:
            confidence[fold] = classifier.probabilities(X)[np.arange(len(fold)), labels]
        else:
            confidence[fold] = classifier.predict(X) == labels
    return confidence


def most_disputed(confidence: FloatArray, n: int) -> IntArray:
    """Return the positions of the n lowest confidences, the lowest first; the older of equals."""
    return np.argsort(np.round(confidence, _DIGITS), kind="stable")[:n]
