"""The metrics of a round: one table of how each is computed and read.

Written in NumPy because they run in every round; scikit-learn is the oracle of their tests. Where a
definition has variants, it is scikit-learn's.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from math import inf, isfinite, isinf

import numpy as np

from alrun.arrays import BoolArray, FloatArray, IntArray
from alrun.errors import nearest
from alrun.records import Scores
from alrun.util.entries import Entry

# Bins of the expected calibration error (Guo et al. 2017 use 15).
_BINS = 15


@dataclass(frozen=True)
class ModelOutputs:
    """Predictions of a model for a test part.

    Attributes
    ----------
    y, predicted
        Class codes 0 ... n_classes - 1, shape (n_test,).
    probabilities
        Shape (n_test, n_classes), rows summing to one; None where the model has none.
    ranking
        Shape (n_test,), larger for the second class; None unless there are two classes.
    """

    y: IntArray
    predicted: IntArray
    probabilities: FloatArray | None
    ranking: FloatArray | None
    n_classes: int

    @cached_property
    def confusion(self) -> IntArray:
        """Counts by actual and predicted class, shape (n_classes, n_classes)."""
        codes = self.y * self.n_classes + self.predicted
        counts = np.bincount(codes, minlength=self.n_classes**2)
        return counts.reshape(self.n_classes, self.n_classes)


@dataclass(frozen=True)
class Metric:
    """A score of a round: how it is computed, and how it is read.

    Attributes
    ----------
    function
        Returns the score; None where the test part or the model does not allow one.
    summary
        One line for people.
    greater_is_better
        Whether the score rises as models improve; a target is then reached from below.
    largest
        The largest score there can be.
    binary_only
        Whether it is for two classes.
    requires
        Methods of the model, one of which is enough; empty where it needs none.
    tolerance
        By how much the score of the same run may differ between processors.
    is_share_correct
        Whether it is n_correct / n_test, so that counts say it exactly.
    """

    function: Callable[[ModelOutputs], float | None]
    summary: str
    greater_is_better: bool = True
    largest: float = 1.0
    binary_only: bool = False
    requires: tuple[str, ...] = ()
    tolerance: float = 0.0
    is_share_correct: bool = False

    def is_at(self, score: FloatArray, target: float) -> BoolArray:
        """Return which scores are at the target: at least, or where less is better at most."""
        return score >= target if self.greater_is_better else score <= target

    def is_best(self, score: FloatArray) -> BoolArray:
        """Return which scores are the best of them; NaN never is."""
        return score == (np.fmax if self.greater_is_better else np.fmin).reduce(score)

    def check_target(self, target: float) -> None:
        """Raise ValueError for a target that no score can be at, or every score is."""
        if not (0 < target <= self.largest and isfinite(target)):
            bounds = "above 0" if isinf(self.largest) else f"between 0 and {self.largest:g}"
            raise ValueError(f"the target {target:g} is no score {bounds}")


def accuracy(outputs: ModelOutputs) -> float:
    """Return the share of correct predictions."""
    return int(np.trace(outputs.confusion)) / len(outputs.y)


def balanced_accuracy(outputs: ModelOutputs) -> float:
    """Return the mean recall over the classes in the test part."""
    hits, actual = np.diagonal(outputs.confusion), outputs.confusion.sum(axis=1)
    return float((hits[actual > 0] / actual[actual > 0]).mean())


def macro_f1(outputs: ModelOutputs) -> float:
    """Return the mean F1 over the classes in the test part or predicted."""
    hits = np.diagonal(outputs.confusion)
    actual, guessed = outputs.confusion.sum(axis=1), outputs.confusion.sum(axis=0)
    seen = actual + guessed > 0
    return float((2 * hits[seen] / (actual[seen] + guessed[seen])).mean())


def log_loss(outputs: ModelOutputs) -> float | None:
    """Return the mean of -log p of the right class; p is at least the machine epsilon.

    A class that the model has not seen has probability zero; the bound, which is scikit-learn's,
    keeps the mean finite.
    """
    if outputs.probabilities is None:
        return None
    right = outputs.probabilities[np.arange(len(outputs.y)), outputs.y]
    return float(-np.log(np.maximum(right, np.finfo(np.float64).eps)).mean())


def average_precision(outputs: ModelOutputs) -> float | None:
    """Return the area under the precision-recall steps, examples of one score taken together.

    AP = sum over the thresholds of (R_k - R_(k-1)) P_k; None where the test part has no example of
    the second class.
    """
    if outputs.ranking is None:
        return None
    order = np.argsort(-outputs.ranking, kind="stable")
    positive, scores = outputs.y[order] == 1, outputs.ranking[order]
    if not positive.any():
        return None
    last = np.append(np.flatnonzero(scores[1:] != scores[:-1]), len(scores) - 1)
    true_positives = np.cumsum(positive)[last]
    precision = true_positives / (last + 1)
    gained = np.diff(true_positives, prepend=0) / true_positives[-1]
    return float((gained * precision).sum())


def roc_auc(outputs: ModelOutputs) -> float | None:
    """Return the area under the ROC curve, for more than two classes the mean of one against rest.

    Scores that agree at nine digits are ties and count as half. The mean is over the classes that
    the test part can tell from the rest; None where there is none, or without probabilities for
    more than two classes (Hanley and McNeil 1982; Provost and Domingos 2000).
    """
    scores = outputs.probabilities
    if outputs.n_classes == 2 and outputs.ranking is not None:
        scores = np.column_stack([-outputs.ranking, outputs.ranking])
    if scores is None:
        return None
    n, n_classes = scores.shape
    keys = _ordered_integers(scores) + (np.arange(n_classes) << 43)  # those of a class are together
    ordered = np.sort(keys.T, axis=1).ravel()
    own = keys[np.arange(n), outputs.y]
    ranks = (ordered.searchsorted(own) + ordered.searchsorted(own, "right") + 1) / 2
    positives = np.bincount(outputs.y, minlength=n_classes)
    sums = np.bincount(outputs.y, ranks - n * outputs.y, minlength=n_classes)
    pairs = positives * (n - positives)
    told = pairs > 0
    if not told.any():
        return None
    above = sums - positives * (positives + 1) / 2
    return float((above[told] / pairs[told]).mean())


def _ordered_integers(values: FloatArray) -> IntArray:
    """Return integers of 42 bits in the order of floats, equal where 30 binary digits agree."""
    bits = np.ascontiguousarray(values, dtype=np.float64).view(np.int64)
    magnitudes = ((bits & np.iinfo(np.int64).max) + (1 << 21)) >> 22
    return np.where(bits < 0, -magnitudes, magnitudes)


def brier(outputs: ModelOutputs) -> float | None:
    """Return the mean squared distance of the probabilities from the right class.

    The sum over the classes, halved for two, as in scikit-learn (Brier 1950).
    """
    if outputs.probabilities is None:
        return None
    right = outputs.probabilities[np.arange(len(outputs.y)), outputs.y]
    sums = np.einsum("ij,ij->i", outputs.probabilities, outputs.probabilities) - 2 * right + 1
    return float(sums.mean()) / (2 if outputs.n_classes == 2 else 1)


def ece(outputs: ModelOutputs) -> float | None:
    """Return the expected calibration error of the likeliest class, in 15 bins of equal width.

    The mean over the examples of |accuracy - confidence| of their bin (Guo et al. 2017, On
    calibration of modern neural networks, equation 3). A confidence on an edge, at nine digits,
    is in the bin below.
    """
    if outputs.probabilities is None:
        return None
    likeliest = outputs.probabilities.argmax(axis=1)
    confidence = outputs.probabilities[np.arange(len(likeliest)), likeliest]
    right = likeliest == outputs.y
    bins = np.ceil(confidence * _BINS - 1e-9).astype(np.int64)
    gaps = np.bincount(bins, right - confidence, minlength=_BINS + 1)
    return float(np.abs(gaps).sum()) / len(right)


def f1(outputs: ModelOutputs) -> float | None:
    """Return the F1 of the second class; None where the test part has no example of it."""
    hits, actual, guessed = _second_class(outputs)
    return 2 * hits / (actual + guessed) if actual else None


def recall(outputs: ModelOutputs) -> float | None:
    """Return the recall of the second class; None where the test part has no example of it."""
    hits, actual, _ = _second_class(outputs)
    return hits / actual if actual else None


def _second_class(outputs: ModelOutputs) -> tuple[int, int, int]:
    """Return how many of the second class were found, are there, and were predicted."""
    confusion = outputs.confusion
    return int(confusion[1, 1]), int(confusion[1].sum()), int(confusion[:, 1].sum())


_SCORES = ("predict_proba", "decision_function")
# By name, in the order of the columns of `curves.parquet`.
METRICS = {
    "accuracy": Metric(accuracy, "share of correct predictions", is_share_correct=True),
    "balanced_accuracy": Metric(balanced_accuracy, "mean recall over the classes"),
    "macro_f1": Metric(macro_f1, "mean F1 over the classes"),
    "log_loss": Metric(
        log_loss,
        "mean of -log p of the right class, in nats",
        greater_is_better=False,
        largest=inf,
        requires=("predict_proba",),
        tolerance=1e-6,
    ),
    "average_precision": Metric(
        average_precision,
        "area under the precision-recall steps of the second class",
        binary_only=True,
        requires=_SCORES,
    ),
    "roc_auc": Metric(
        roc_auc,
        "area under the ROC curve; for more than two classes the mean of one against the rest",
        requires=_SCORES,
    ),
    "brier": Metric(
        brier,
        "mean squared distance of the probabilities from the right class",
        greater_is_better=False,
        largest=2.0,
        requires=("predict_proba",),
        tolerance=1e-6,
    ),
    "ece": Metric(
        ece,
        "expected calibration error of the likeliest class, 15 bins",
        greater_is_better=False,
        requires=("predict_proba",),
        tolerance=1e-6,
    ),
    "f1": Metric(f1, "F1 of the second class", binary_only=True),
    "recall": Metric(recall, "recall of the second class", binary_only=True),
}


def find(name: str) -> Metric:
    """Return a metric by its name; raises ValueError where there is none."""
    if name not in METRICS:
        raise ValueError(f"there is no metric '{name}'{nearest(name, METRICS)}")
    return METRICS[name]


def score(outputs: ModelOutputs) -> Scores:
    """Return all scores of a test part; None where a metric does not apply."""
    values = {
        name: None if metric.binary_only and outputs.n_classes != 2 else metric.function(outputs)
        for name, metric in METRICS.items()
    }
    return Scores(len(outputs.y), int(np.trace(outputs.confusion)), values)


def entries() -> list[Entry]:
    """Return an entry for each metric."""
    return [
        Entry(
            name,
            metric.summary
            + ("" if metric.greater_is_better else "; less is better")
            + ("; two classes" if metric.binary_only else ""),
        )
        for name, metric in METRICS.items()
    ]
