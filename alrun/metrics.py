"""The metrics of a round, in one table.

They are written in NumPy because they run in every round. The tests compare them with
scikit-learn, whose definition is used wherever there are variants.
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
        Shape (n_test, n_classes), rows summing to one; None if the model has none.
    ranking
        Scores that are larger for the second class, shape (n_test,); None unless there are two
        classes and the model has such scores.
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

    @cached_property
    def of_right(self) -> FloatArray:
        """Probability of the right class, shape (n_test,); only if there are probabilities."""
        assert self.probabilities is not None
        right: FloatArray = self.probabilities[np.arange(len(self.y)), self.y]
        return right


@dataclass(frozen=True)
class Metric:
    """A score of a round: its function, and how to read it.

    Attributes
    ----------
    function
        Returns the score, or None if the test part or the model does not allow one.
    summary
        One line for people.
    greater_is_better
        Whether the score rises as models improve; a target is then reached from below.
    largest
        The largest possible score.
    binary_only
        Whether it applies to two classes only.
    requires
        Methods of the model; any one of them is enough. Empty if it needs none.
    tolerance
        The largest difference between processors in the score of the same run.
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

    def is_at(self, score: FloatArray, target: float | FloatArray) -> BoolArray:
        """Return a mask of the scores at the target or better."""
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
    """Return the mean F1 over the classes in the test part or in the predictions."""
    hits = np.diagonal(outputs.confusion)
    actual, predicted = outputs.confusion.sum(axis=1), outputs.confusion.sum(axis=0)
    seen = actual + predicted > 0
    return float((2 * hits[seen] / (actual[seen] + predicted[seen])).mean())


def log_loss(outputs: ModelOutputs) -> float | None:
    """Return the mean of -log p of the right class, with p bounded below by the machine epsilon.

    A class that the model has not seen has probability zero. The bound keeps the mean finite; it is
    scikit-learn's.
    """
    if outputs.probabilities is None:
        return None
    return float(-np.log(np.maximum(outputs.of_right, np.finfo(np.float64).eps)).mean())


def average_precision(outputs: ModelOutputs) -> float | None:
    """Return the area under the precision-recall steps of the second class.

    AP = sum over the thresholds k of (R_k - R_(k-1)) P_k. Examples with the same score share a
    threshold. None if the test part has no example of the second class.
    """
    if outputs.ranking is None:
        return None
    order = np.argsort(-outputs.ranking)  # the order of equal scores does not matter
    positive, scores = outputs.y[order] == 1, outputs.ranking[order]
    if not positive.any():
        return None
    last = np.append(np.flatnonzero(scores[1:] != scores[:-1]), len(scores) - 1)
    true_positives = np.cumsum(positive)[last]
    precision = true_positives / (last + 1)
    gained = np.diff(true_positives, prepend=0) / true_positives[-1]
    return float((gained * precision).sum())


def roc_auc(outputs: ModelOutputs) -> float | None:
    """Return the area under the ROC curve; for more than two classes the mean of one against rest.

    Scores that agree in nine digits are ties and count as half. The mean is over the classes with
    examples both of the class and of the rest in the test part. None if there is no such class, or
    if there are more than two classes and no probabilities (Hanley and McNeil 1982; Provost and
    Domingos 2000).
    """
    scores = outputs.probabilities
    if outputs.n_classes == 2 and outputs.ranking is not None:
        scores = np.column_stack([-outputs.ranking, outputs.ranking])
    if scores is None:
        return None
    n, n_classes = scores.shape
    # Classes are offset, so that one sort orders the scores within each class.
    keys = _ordered_integers(scores.T) + (np.arange(n_classes) << 43)[:, None]
    own = np.sort(keys[outputs.y, np.arange(n)])  # in order they are found several times as fast
    keys.sort(axis=1)
    ordered = keys.ravel()
    ranks = (ordered.searchsorted(own) + ordered.searchsorted(own, "right") + 1) / 2
    positives = np.bincount(outputs.y, minlength=n_classes)
    y = np.repeat(np.arange(n_classes), positives)
    sums = np.bincount(y, ranks - n * y, minlength=n_classes)
    pairs = positives * (n - positives)
    defined = pairs > 0
    if not defined.any():
        return None
    above = sums - positives * (positives + 1) / 2
    return float((above[defined] / pairs[defined]).mean())


def _ordered_integers(values: FloatArray) -> IntArray:
    """Return integers of 42 bits in the order of the floats; equal if 30 binary digits agree."""
    bits = np.ascontiguousarray(values, dtype=np.float64).view(np.int64)
    magnitudes = ((bits & np.iinfo(np.int64).max) + (1 << 21)) >> 22
    return np.where(bits < 0, -magnitudes, magnitudes)


def brier(outputs: ModelOutputs) -> float | None:
    """Return the mean squared distance of the probabilities from the right class.

    It is the sum over the classes, halved if there are two, as in scikit-learn (Brier 1950).
    """
    if outputs.probabilities is None:
        return None
    squares = np.einsum("ij,ij->i", outputs.probabilities, outputs.probabilities)
    sums = squares - 2 * outputs.of_right + 1
    return float(sums.mean()) / (2 if outputs.n_classes == 2 else 1)


def ece(outputs: ModelOutputs) -> float | None:
    """Return the expected calibration error of the likeliest class, in 15 bins of equal width.

    It is the mean over the examples of |accuracy - confidence| of their bin (Guo et al. 2017, On
    calibration of modern neural networks, equation 3). A confidence that equals an edge in nine
    digits is in the bin below.
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
    """Return the F1 of the second class, or None if the test part has no example of it."""
    hits, actual, predicted = _second_class(outputs)
    return 2 * hits / (actual + predicted) if actual else None


def recall(outputs: ModelOutputs) -> float | None:
    """Return the recall of the second class, or None if the test part has no example of it."""
    hits, actual, _ = _second_class(outputs)
    return hits / actual if actual else None


def _second_class(outputs: ModelOutputs) -> tuple[int, int, int]:
    """Return how many examples of the second class are correct, actual and predicted."""
    confusion = outputs.confusion
    return int(confusion[1, 1]), int(confusion[1].sum()), int(confusion[:, 1].sum())


_SCORES = ("predict_proba", "decision_function")
# The metrics by name, in the order of the columns of `curves.parquet`.
METRICS = {
    "accuracy": Metric(accuracy, "share of correct predictions", is_share_correct=True),
    "balanced_accuracy": Metric(balanced_accuracy, "mean recall over the classes in the test part"),
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
        "area under the precision-recall steps of the positive class",
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
    "f1": Metric(f1, "F1 of the positive class", binary_only=True),
    "recall": Metric(recall, "recall of the positive class", binary_only=True),
}


def find(name: str) -> Metric:
    """Return a metric by its name; raises ValueError if there is none."""
    if name not in METRICS:
        raise ValueError(f"there is no metric '{name}'{nearest(name, METRICS)}")
    return METRICS[name]


def score(outputs: ModelOutputs) -> Scores:
    """Return all scores of a test part, with None for metrics not applicable to it."""
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
