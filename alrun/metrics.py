"""The scores of one round, from one confusion matrix.

Written in NumPy because it runs in every round; scikit-learn is the oracle of its tests. Where a
definition has variants, it is scikit-learn's: the balanced accuracy is the mean recall over the
classes in the test part, the macro F1 the mean over the classes in the test part or predicted.
"""

import numpy as np

from alrun.arrays import FloatArray, IntArray
from alrun.errors import nearest
from alrun.records import Scores

# What is scored in each round, besides the counts.
SCORES = ("accuracy", "balanced_accuracy", "macro_f1", "log_loss", "average_precision")
# A score that falls as models improve cannot carry a target.
TARGET_SCORES = tuple(score for score in SCORES if score != "log_loss")


def check_metric(name: str) -> None:
    """Raise ValueError unless targets can be read on this score."""
    if name == "log_loss":
        raise ValueError("log_loss falls as models improve, so that no target can be read on it")
    if name not in TARGET_SCORES:
        raise ValueError(f"there is no metric '{name}'{nearest(name, TARGET_SCORES)}")


def score(
    y: IntArray,
    predicted: IntArray,
    probabilities: FloatArray | None,
    ranking: FloatArray | None,
    n_classes: int,
) -> Scores:
    """Return the scores of predictions on a test part.

    Parameters
    ----------
    y, predicted
        Class codes 0 ... n_classes - 1, shape (n_test,).
    probabilities
        Shape (n_test, n_classes), rows summing to one; None where the model has none.
    ranking
        Shape (n_test,), larger for the second class; None unless there are two classes.
    """
    confusion = np.bincount(y * n_classes + predicted, minlength=n_classes**2)
    confusion = confusion.reshape(n_classes, n_classes)
    hits = np.diagonal(confusion)
    actual, guessed = confusion.sum(axis=1), confusion.sum(axis=0)
    n_correct = int(hits.sum())
    recall = hits[actual > 0] / actual[actual > 0]
    seen = actual + guessed > 0
    f1 = 2 * hits[seen] / (actual[seen] + guessed[seen])
    return Scores(
        n_test=len(y),
        n_correct=n_correct,
        accuracy=n_correct / len(y),
        balanced_accuracy=float(recall.mean()),
        macro_f1=float(f1.mean()),
        log_loss=None if probabilities is None else log_loss(y, probabilities),
        average_precision=None if ranking is None else average_precision(y, ranking),
    )


def log_loss(y: IntArray, probabilities: FloatArray) -> float:
    """Return the mean of -log p of the right class; p is at least the machine epsilon.

    A class that the model has not seen has probability zero; the bound, which is scikit-learn's,
    keeps the mean finite.
    """
    right = probabilities[np.arange(len(y)), y]
    return float(-np.log(np.maximum(right, np.finfo(np.float64).eps)).mean())


def average_precision(y: IntArray, ranking: FloatArray) -> float | None:
    """Return the area under the precision-recall steps, examples of one score taken together.

    AP = sum over the thresholds of (R_k - R_(k-1)) P_k; None where the test part has no example of
    the second class.
    """
    order = np.argsort(-ranking, kind="stable")
    positive, scores = y[order] == 1, ranking[order]
    if not positive.any():
        return None
    last = np.append(np.flatnonzero(scores[1:] != scores[:-1]), len(scores) - 1)
    true_positives = np.cumsum(positive)[last]
    precision = true_positives / (last + 1)
    gained = np.diff(true_positives, prepend=0) / true_positives[-1]
    return float((gained * precision).sum())
