"""The label-free signals of a run, on which stopping rules decide."""

import warnings
from contextlib import AbstractContextManager, nullcontext
from math import log

import numpy as np

from alrun.arrays import BoolArray, FloatArray, IntArray
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
            with warnings.catch_warnings(action="ignore"), self._own_generators():
                p, p_unlabelled = self._probabilities(predictions, rows, unlabelled, len(batch))
                classes = predictions.classes_of(rows, p)
        except Exception:  # an estimator can raise anything, and no signal is worth a run
            self._past = (None, self._past[0])
            return signals
        n = len(self._stop_set)
        signals |= self._stability(classes[:n], predictions.classifier.n_classes)
        is_right = classes[n:] == labels
        if len(batch):
            signals["batch_accuracy"] = np.count_nonzero(is_right) / len(batch)
        if p is not None and p_unlabelled is not None:
            signals["expected_f1"] = expected_f1(p[:n])
            signals |= _of_unlabelled(p_unlabelled) | _of_batch(p[n:], is_right)
        return signals

    def _own_generators(self) -> AbstractContextManager[None]:
        """Return a context that leaves the global generators as they are."""
        return nullcontext() if self._rng is None else seeded(self._rng)

    def _probabilities(
        self, predictions: Predictions, rows: IntArray, unlabelled: IntArray, n_queried: int
    ) -> tuple[FloatArray, FloatArray] | tuple[None, None]:
        """Return class probabilities of these rows, and of the unlabelled or a sample of them.

        It is all of them if the strategy has asked for their probabilities. In the last round
        nothing is queried, and they are those as in the round before.
        """
        if not predictions.classifier.has_probabilities:
            return None, None
        if n_queried:
            self._uses_all = predictions.has_all_probabilities
        if self._uses_all:
            return rows_of(predictions.probabilities, rows), rows_of(
                predictions.probabilities, unlabelled
            )
        sample = self._sample(unlabelled)
        is_needed = np.zeros(self._n_examples, dtype=bool)
        is_needed[rows] = is_needed[sample] = True
        needed = np.flatnonzero(is_needed)
        places = np.empty(self._n_examples, dtype=np.intp)
        places[needed] = np.arange(len(needed))
        p = predictions.probabilities_of(needed)
        return rows_of(p, places[rows]), rows_of(p, places[sample])

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


def expected_f1(p: FloatArray) -> float:
    """Return the F1 score that a model expects of itself, from probabilities (n, n_classes).

    It is 2 TP / (2 TP + FP + FN), with TP the sum of the largest probabilities, FP that of their
    distances to 1, and FN that of all other probabilities.
    """
    found = float(p.max(axis=1).sum())
    return 2 * found / (2 * found + (len(p) - found) + (float(p.sum()) - found))


def _of_unlabelled(p: FloatArray) -> Signals:
    """Return the signals of the unlabelled, from their class probabilities (n, n_classes)."""
    n, n_classes = p.shape
    if n == 0:
        return {}
    uncertainty, entropy = 1.0 - p.max(axis=1), entropy_of(p)
    mean = float(uncertainty.sum()) / n
    distances = uncertainty - mean
    return {
        "mean_uncertainty": mean,
        "max_uncertainty": float(uncertainty.max()),
        "var_uncertainty": float(distances @ distances) / n,
        "mean_entropy": float(entropy.sum()) / n / log(n_classes),
        "max_entropy": float(entropy.max()) / log(n_classes),
    }


def _of_batch(p: FloatArray, is_right: BoolArray) -> Signals:
    """Return the signals of the batch, from class probabilities (n, n_classes) and hits (n,)."""
    n, n_classes = p.shape
    if n == 0:
        return {}
    uncertainty = 1.0 - p.max(axis=1)
    ordered = np.sort(uncertainty).tolist()
    mean = sum(ordered) / n
    wrong = float(uncertainty[~is_right].sum())
    return {
        "batch_uncertainty_min": ordered[0],
        "batch_uncertainty_median": (ordered[(n - 1) // 2] + ordered[n // 2]) / 2,
        "batch_uncertainty_max": ordered[-1],
        "batch_entropy_max": float(entropy_of(p).max()) / log(n_classes),
        "contradiction": wrong / mean if mean > 0 else None,
    }
