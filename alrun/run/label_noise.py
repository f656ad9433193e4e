"""How wrong labels are spread over examples: evenly, by class, by example, or along a boundary."""

from typing import Any, Protocol

import numpy as np
from scipy import special, stats

from alrun.arrays import FloatArray, IntArray
from alrun.data.features import as_float64
from alrun.models.build import resolve
from alrun.models.classifier import Classifier
from alrun.models.predictions import Predictions
from alrun.spec_parts import AnnotatorSpec

# The standard deviation of the rates of `instance`, from the paper.
_SPREAD = 0.1


class LabelNoise(Protocol):
    """A way to err.

    Attributes
    ----------
    rates
        The probability of a wrong answer for each example, shape (n_examples,).
    """

    rates: FloatArray

    def wrong_classes(self, rows: IntArray, draws: FloatArray) -> IntArray:
        """Return the wrong class of each of these examples, by uniform draws of shape (n,)."""


class ConfusionNoise:
    """Answers that depend on the true class alone.

    Parameters
    ----------
    y
        The true class codes, shape (n_examples,).
    confusion
        The probability of each answer, a row for each true class, shape (n_classes, n_classes).
    """

    def __init__(self, y: IntArray, confusion: FloatArray) -> None:
        wrong = confusion.copy()
        np.fill_diagonal(wrong, 0.0)
        self._y, self._ends = y, np.cumsum(wrong, axis=1)
        self.rates = self._ends[y, -1]

    def wrong_classes(self, rows: IntArray, draws: FloatArray) -> IntArray:
        """Return the wrong class of each of these examples."""
        ends = self._ends[self._y[rows]]
        return _classes_at(ends, draws)


class InstanceNoise:
    """Answers that depend on the features: each example has a rate and likely wrong classes.

    The rate is drawn from the normal distribution of mean `noise` and deviation .1, truncated to
    [0, 1]. The wrong class is drawn from the softmax of x . w, with a normal w for each pair of a
    true and a wrong class (Xia et al. 2020, Part-dependent label noise, algorithm 2).

    Parameters
    ----------
    X
        Features, shape (n_examples, n_features), without missing values.
    uniform
        A draw for each example, shape (n_examples,).
    """

    def __init__(
        self,
        X: Any,
        y: IntArray,
        n_classes: int,
        noise: float,
        uniform: FloatArray,
        rng: np.random.Generator,
    ) -> None:
        self._X, self._y = X, y
        self._weights = rng.standard_normal((n_classes, X.shape[1], n_classes))
        low, high = (0 - noise) / _SPREAD, (1 - noise) / _SPREAD
        self.rates = stats.truncnorm.ppf(uniform, low, high, loc=noise, scale=_SPREAD)

    def wrong_classes(self, rows: IntArray, draws: FloatArray) -> IntArray:
        """Return the wrong class of each of these examples."""
        found = np.empty(len(rows), dtype=np.int64)
        for true in np.unique(self._y[rows]):
            of_class = np.flatnonzero(self._y[rows] == true)
            scores = np.asarray(as_float64(self._X[rows[of_class]]) @ self._weights[true])
            scores[:, true] = -np.inf
            ends = np.cumsum(special.softmax(scores, axis=1), axis=1)
            found[of_class] = _classes_at(ends, draws[of_class])
        return found


class BoundaryNoise:
    """Answers that are wrong where a reference model is unsure: the rate falls with its margin.

    The rate of an example is c (1 - margin), at most that of guessing, with c such that the mean
    rate of the training part is `noise`. The wrong class is the likeliest other one. The reference
    is the logistic model, fitted on all true labels of the training part.

    Parameters
    ----------
    probabilities
        Those of the reference model, shape (n_examples, n_classes).
    training
        The rows of the training part.
    """

    def __init__(
        self, probabilities: FloatArray, y: IntArray, training: IntArray, noise: float
    ) -> None:
        # Rounded, so that no last digit of a processor decides which label is wrong.
        p = np.round(probabilities, 6)
        ordered = np.sort(p, axis=1)
        doubt = 1.0 - (ordered[:, -1] - ordered[:, -2])
        self.rates = _scaled_to_mean(doubt, training, noise, 1 - 1 / p.shape[1])
        p[np.arange(len(y)), y] = -1.0
        self._other = p.argmax(axis=1)

    def wrong_classes(self, rows: IntArray, draws: FloatArray) -> IntArray:
        """Return the wrong class of each of these examples; `draws` decide nothing."""
        return self._other[rows]


def even_confusion(annotator: AnnotatorSpec, n_classes: int) -> FloatArray:
    """Return the confusion of an annotator, shape (n_classes, n_classes).

    Without one of its own it is right with 1 - noise, and gives each other class equally often.
    """
    if annotator.confusion is not None:
        return np.array(annotator.confusion)
    confusion = np.full((n_classes, n_classes), annotator.noise / (n_classes - 1))
    np.fill_diagonal(confusion, 1 - annotator.noise)
    return confusion


def reference_probabilities(
    X: Any, y: IntArray, training: IntArray, n_classes: int, rng: np.random.Generator
) -> FloatArray:
    """Return the probabilities of a logistic model fitted on all true labels of a training part."""
    classifier = Classifier("logistic", resolve("logistic", {}), n_classes, rng)
    return Predictions(classifier.fit(as_float64(X[training]), y[training]), X).probabilities


def _scaled_to_mean(doubt: FloatArray, training: IntArray, mean: float, most: float) -> FloatArray:
    """Return min(c doubt, most) with the c at which its mean over the training part is `mean`.

    If no c is large enough, it is `most` wherever there is any doubt.
    """
    ordered = np.sort(doubt[training])
    n, below = len(ordered), np.cumsum(ordered)
    # With c = most / ordered[k] the examples after k are at the most.
    with np.errstate(divide="ignore", invalid="ignore"):
        reached = (most / ordered * below + most * np.arange(n - 1, -1, -1)) / n
    enough = np.flatnonzero((ordered > 0) & (reached >= mean))
    if len(enough) == 0:
        return np.where(doubt > 0, most, 0.0)
    last = enough[-1]
    factor = (mean * n - most * (n - 1 - last)) / below[last]
    return np.minimum(factor * doubt, most)


def _classes_at(ends: FloatArray, draws: FloatArray) -> IntArray:
    """Return where uniform draws fall in rows of cumulative weights, each of any sum above 0."""
    heights = draws[:, None] * ends[:, -1:]
    return np.asarray((ends <= heights).sum(axis=1)).clip(max=ends.shape[1] - 1)
