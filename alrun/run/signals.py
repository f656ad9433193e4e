"""The label-free signals of a run, on which stopping rules decide."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from math import log

import numpy as np

from alrun.arrays import BoolArray, FloatArray, IntArray
from alrun.models.classifier import Classifier
from alrun.models.logistic.estimator import Logistic
from alrun.models.predictions import Predictions, rows_of
from alrun.records import SIGNAL_TOLERANCES
from alrun.spec import RunSpec
from alrun.stats.agreement import cohen_kappa
from alrun.strategies.uncertainty import entropy_of
from alrun.util.process_state import seeded
from alrun.util.random_streams import generator

# An example stays in the stop set after it was labelled: without those, the set would follow the
# strategy, and hold ever fewer examples whose predictions change.
_STOP_SET_SIZE = 1_000
_SAMPLE_SIZE = 5_000

Signals = dict[str, float | None]


class SignalMeter:
    """Computes the signals of a run, round by round.

    It sees no label but those bought, and nothing of the test part. The stop set and the sample of
    the unlabelled are the first ones in a permutation of the training part, which depends on the
    data set and the seed alone.

    Parameters
    ----------
    training
        Positions in X of the training part, in ascending order.
    n_examples
        Number of rows of X.
    """

    def __init__(self, spec: RunSpec, training: IntArray, n_examples: int) -> None:
        rng = generator(spec.seed, "signals", spec.dataset.fingerprint)
        self._order = rng.permutation(training)
        self._stop_set = self._order[:_STOP_SET_SIZE]
        self._n_examples = n_examples
        # The predicted classes on the stop set, of the last round and of the round before.
        self._past: tuple[IntArray | None, IntArray | None] = (None, None)
        self._uses_all = False
        # Models of the user's own may draw from the global generators when they predict.
        self._rng = rng if spec.model.user_code else None

    @property
    def past(self) -> tuple[IntArray | None, IntArray | None]:
        """The predicted classes on the stop set, of the last round and of the round before.

        A run that goes on in another process sets them.
        """
        return self._past

    @past.setter
    def past(self, past: tuple[IntArray | None, IntArray | None]) -> None:
        self._past = past

    def measure(
        self, predictions: Predictions, unlabelled: IntArray, batch: IntArray, labels: IntArray
    ) -> Signals:
        """Return the signals of the next round by name; one is None if it does not apply.

        Parameters
        ----------
        predictions
            Those of the round's model.
        unlabelled
            Positions in X of the examples unlabelled before the query.
        batch, labels
            Positions in X of the batch that was queried, and its class codes; both are empty in the
            last round.
        """
        signals: Signals = dict.fromkeys(SIGNAL_TOLERANCES)
        rows = np.concatenate([self._stop_set, batch])
        try:
            with self._aside(predictions.classifier):
                p, places, others = self._probabilities(predictions, rows, unlabelled, len(batch))
                of_rows = None if p is None else rows_of(p, places)
                classes = predictions.classes_of(rows, of_rows)
        except Exception:  # an estimator can raise anything, and no signal is worth a run
            self._past = (None, self._past[0])
            return signals
        n = len(self._stop_set)
        signals |= self._stability(classes[:n], predictions.classifier.n_classes)
        is_right = classes[n:] == labels
        if len(batch):
            signals["batch_accuracy"] = np.count_nonzero(is_right) / len(batch)
        if p is not None and of_rows is not None:
            # All rows at once, of which some are then taken: rows of p are slower to take.
            largest, entropy = p.max(axis=1), entropy_of(p)
            uncertainty, most, own = 1.0 - largest, log(p.shape[1]), places[n:]
            signals["expected_f1"] = expected_f1(of_rows[:n], largest[places[:n]])
            signals |= _of_batch(uncertainty[own], entropy[own], most, is_right)
            signals |= _of_unlabelled(uncertainty[others], entropy[others], most)
        return signals

    @contextmanager
    def _aside(self, classifier: Classifier) -> Iterator[None]:
        """Ignore warnings in the context, and leave the global generators as they are.

        `Logistic` does neither, and to begin and end such a context takes as long as some signals.
        """
        if isinstance(classifier.estimator, Logistic):
            yield
            return
        with warnings.catch_warnings(action="ignore"):
            if self._rng is None:
                yield
                return
            with seeded(self._rng):
                yield

    def _probabilities(
        self, predictions: Predictions, rows: IntArray, unlabelled: IntArray, n_queried: int
    ) -> tuple[FloatArray | None, IntArray, IntArray]:
        """Return class probabilities, and the places in them of these rows and of the unlabelled.

        Of the unlabelled it is a sample unless the strategy has asked for the probabilities of all.
        In the last round nothing is queried, and they are those as in the round before.
        """
        if not predictions.classifier.has_probabilities:
            return None, rows, unlabelled
        if n_queried:
            self._uses_all = predictions.has_all_probabilities
        if self._uses_all:
            return predictions.probabilities, rows, unlabelled
        sample = self._sample(unlabelled)
        is_asked = np.zeros(self._n_examples, dtype=bool)
        is_asked[rows] = is_asked[sample] = True
        asked = np.flatnonzero(is_asked)
        places = np.empty(self._n_examples, dtype=np.intp)
        places[asked] = np.arange(len(asked))
        return predictions.probabilities_of(asked), places[rows], places[sample]

    def _sample(self, unlabelled: IntArray) -> IntArray:
        if len(unlabelled) <= _SAMPLE_SIZE:
            return unlabelled
        is_unlabelled = np.zeros(self._n_examples, dtype=bool)
        is_unlabelled[unlabelled] = True
        return self._order[is_unlabelled[self._order]][:_SAMPLE_SIZE]

    def _stability(self, classes: IntArray, n_classes: int) -> Signals:
        """Compare the predicted classes with those of the two rounds before."""
        last, before = self._past
        self._past = (classes, last)
        signals: Signals = {}
        if last is not None:
            signals["kappa"] = cohen_kappa(last, classes, n_classes)
            signals["changed"] = np.count_nonzero(last != classes) / len(classes)
        if before is not None:
            signals["kappa_2"] = cohen_kappa(before, classes, n_classes)
        return signals


def expected_f1(p: FloatArray, largest: FloatArray) -> float:
    """Return the F1 score that a model expects of itself.

    It is 2 TP / (2 TP + FP + FN), with TP the sum of the largest probabilities, FP that of their
    distances to 1, and FN that of all other probabilities.

    Parameters
    ----------
    p
        Class probabilities, shape (n, n_classes).
    largest
        The largest in each row, shape (n,).
    """
    found = float(largest.sum())
    return 2 * found / (2 * found + (len(p) - found) + (float(p.sum()) - found))


def _of_batch(
    uncertainty: FloatArray, entropy: FloatArray, largest: float, is_right: BoolArray
) -> Signals:
    """Return the signals of the batch, from arrays of shape (n,) and the largest entropy."""
    n = len(uncertainty)
    if n == 0:
        return {}
    ordered = sorted(uncertainty.tolist())
    mean = sum(ordered) / n
    wrong = float(uncertainty[~is_right].sum())
    return {
        "batch_uncertainty_min": ordered[0],
        "batch_uncertainty_median": (ordered[(n - 1) // 2] + ordered[n // 2]) / 2,
        "batch_uncertainty_max": ordered[-1],
        "batch_entropy_max": float(entropy.max()) / largest,
        "contradiction": wrong / mean if mean > 0 else None,
    }


def _of_unlabelled(uncertainty: FloatArray, entropy: FloatArray, largest: float) -> Signals:
    """Return the signals of the unlabelled, from arrays of shape (n,) and the largest entropy."""
    n = len(uncertainty)
    if n == 0:
        return {}
    mean = float(uncertainty.sum()) / n
    distances = uncertainty - mean
    return {
        "mean_uncertainty": mean,
        "max_uncertainty": float(uncertainty.max()),
        "var_uncertainty": float(distances @ distances) / n,
        "mean_entropy": float(entropy.sum()) / n / largest,
        "max_entropy": float(entropy.max()) / largest,
    }
