"""The built-in stopping rules, each a plain function of the signals of a run.

A rule returns its criterion: it stops in the first round in which that holds. A signal that is NaN
stops nothing. What depends on the labels of a batch stops in the round after it: these labels have
been bought by then.
"""

from typing import Any

import numpy as np

from alrun.arrays import FloatArray
from alrun.errors import StoppingError
from alrun.stopping.criterion import Criterion
from alrun.stopping.signals import Signals
from alrun.util.numbers import is_number, is_whole

# Means and differences of rounded signals are rounded again, to what a sum can spoil.
_DECIMALS = 9


def budget(signals: Signals, labels: int) -> Criterion:
    """Stop at a fixed number of labels: the honest baseline."""
    threshold = whole_number("budget", "labels", labels)
    return Criterion("the number of labels", signals.n_labels, ">=", threshold)


def kappa(signals: Signals, threshold: float = 0.99, window: int = 3) -> Criterion:
    """Stop when the mean agreement of successive models is high over the last rounds.

    Source: Bloodgood and Vijay-Shanker 2009, A method for stopping active learning based on
    stabilizing predictions and the need for user-adjustable stopping.
    """
    number("kappa", "threshold", threshold)
    mean = _means(signals.kappa, whole_number("kappa", "window", window))
    return Criterion(f"the mean kappa of the last {window} rounds", mean, ">=", threshold)


def classification_change(signals: Signals, tolerance: float = 0.0) -> Criterion:
    """Stop when at most this share of predicted classes changed since the last round.

    Source: Zhu, Wang and Hovy 2008, Multi-criteria-based strategy to stop active learning for data
    annotation.
    """
    number("classification_change", "tolerance", tolerance)
    subject = "the share of predicted classes that changed"
    return Criterion(subject, signals.changed, "<=", tolerance)


def overall_uncertainty(signals: Signals, threshold: float = 0.05) -> Criterion:
    """Stop when the mean entropy over the unlabelled examples is low.

    Source: Zhu, Wang and Hovy 2008, Multi-criteria-based strategy to stop active learning for data
    annotation.
    """
    number("overall_uncertainty", "threshold", threshold)
    subject = "the mean entropy of the unlabelled"
    return Criterion(subject, signals.mean_entropy, "<", threshold)


def max_confidence(signals: Signals, threshold: float = 0.001) -> Criterion:
    """Stop when every entropy in the batch to buy is low.

    Source: Zhu and Hovy 2007, Active learning for word sense disambiguation with methods for
    addressing the class imbalance problem.
    """
    number("max_confidence", "threshold", threshold)
    subject = "the largest entropy in the batch"
    return Criterion(subject, signals.batch_entropy_max, "<", threshold)


def min_error(signals: Signals, threshold: float = 0.01) -> Criterion:
    """Stop when the error that the model expects over the unlabelled examples is low.

    Source: Zhu and Hovy 2007, Active learning for word sense disambiguation with methods for
    addressing the class imbalance problem.
    """
    number("min_error", "threshold", threshold)
    subject = "the mean uncertainty of the unlabelled"
    return Criterion(subject, signals.mean_uncertainty, "<=", threshold)


def batch_accuracy(signals: Signals, threshold: float = 0.9) -> Criterion:
    """Stop when the model before it had predicted most of a bought batch right.

    Source: Zhu and Hovy 2007, Active learning for word sense disambiguation with methods for
    addressing the class imbalance problem.
    """
    number("batch_accuracy", "threshold", threshold)
    subject = "the share of the batch before that was predicted right"
    return Criterion(subject, _a_round_later(signals.batch_accuracy), ">=", threshold)


def performance_convergence(
    signals: Signals, threshold: float = 5e-5, window: int = 10
) -> Criterion:
    """Stop when the expected F1 is at a new maximum and its windowed gradient is almost zero.

    Source: Laws and Schuetze 2008, Stopping criteria for active learning of named entity
    recognition.
    """
    number("performance_convergence", "threshold", threshold)
    whole_number("performance_convergence", "window", window)
    subject = "the gradient of the expected F1 at a new maximum"
    return Criterion(subject, _rises(signals.expected_f1, window), "<", threshold)


def uncertainty_convergence(
    signals: Signals, threshold: float = 5e-5, window: int = 10
) -> Criterion:
    """Stop when the median certainty of the batch is at a new maximum, its gradient almost zero.

    Source: Laws and Schuetze 2008, Stopping criteria for active learning of named entity
    recognition.
    """
    number("uncertainty_convergence", "threshold", threshold)
    whole_number("uncertainty_convergence", "window", window)
    subject = "the gradient of the median certainty at a new maximum"
    certainty = 1.0 - signals.batch_uncertainty_median
    return Criterion(subject, _rises(certainty, window), "<", threshold)


def contradiction(signals: Signals, rounds: int = 3) -> Criterion:
    """Stop when bought labels contradict the model less and less, so many rounds running.

    Source: Vlachos 2008, A stopping criterion for active learning.
    """
    whole_number("contradiction", "rounds", rounds)
    falls = _a_round_later(_falls_running(signals.contradiction))
    return Criterion("the number of falls in a row of the contradiction", falls, ">=", rounds)


def variance(signals: Signals, rounds: int = 2) -> Criterion:
    """Stop when the variance of the uncertainty falls so many rounds running.

    Source: Ghayoomi 2010, Using variance as a stopping criterion for active learning of frame
    assignment.
    """
    whole_number("variance", "rounds", rounds)
    falls = _falls_running(signals.var_uncertainty)
    return Criterion("the number of falls in a row of the variance", falls, ">=", rounds)


def plateau(signals: Signals, gain: float = 0.005, rounds: int = 5) -> Criterion:
    """Stop when the expected F1 has gained at most this over its best in the last rounds."""
    number("plateau", "gain", gain)
    gained = gains(signals.expected_f1, whole_number("plateau", "rounds", rounds))
    subject = f"the gain of the expected F1 over its best, in the last {rounds} rounds"
    return Criterion(subject, gained, "<=", gain)


def diminishing_returns(signals: Signals, gain: float = 0.01, rounds: int = 5) -> Criterion:
    """Stop when the expected F1 gains less than this per 100 labels over the last rounds."""
    number("diminishing_returns", "gain", gain)
    whole_number("diminishing_returns", "rounds", rounds)
    expected, n_labels = signals.expected_f1, signals.n_labels
    gained, least = np.full((2, len(signals)), np.nan)
    if len(signals) > rounds:
        gained[rounds:] = 100 * np.round(expected[rounds:] - expected[:-rounds], _DECIMALS)
        least[rounds:] = gain * (n_labels[rounds:] - n_labels[:-rounds])
    subject = f"the gain of the expected F1 in the last {rounds} rounds, in points"
    return Criterion(subject, gained, "<", least)


def gains(heights: FloatArray, rounds: int) -> FloatArray:
    """Return how far the best of the last `rounds` heights is above the best before, by round.

    NaN is no height; without a height before, or among the last ones, the gain is NaN.
    """
    gained = np.full(len(heights), np.nan)
    best = np.fmax.accumulate(heights)
    for round in range(rounds, len(heights)):
        last = np.fmax.reduce(heights[round - rounds + 1 : round + 1])
        gained[round] = np.round(last - best[round - rounds], _DECIMALS)
    return gained


def number(rule: str, key: str, value: Any) -> float:
    """Return the value of a parameter if it is a finite number; raises StoppingError otherwise."""
    if not is_number(value) or not abs(value) < np.inf:
        raise StoppingError(f"{key} of {rule} must be a finite number, not {value!r}")
    return float(value)


def whole_number(rule: str, key: str, value: Any) -> int:
    """Return the value of a parameter if it is a whole number above 0; raises StoppingError."""
    if not is_whole(value) or value < 1:
        raise StoppingError(f"{key} of {rule} must be a whole number of at least 1, not {value!r}")
    return value


def _a_round_later(values: FloatArray) -> FloatArray:
    """Return what is known of each round's batch in the round after: it has been bought by then."""
    return np.append(np.nan, values)[: len(values)]


def _means(values: FloatArray, window: int) -> FloatArray:
    """Return the mean of the last `window` values; NaN where one of them is."""
    means = np.full(len(values), np.nan)
    if len(values) >= window:
        windows = np.lib.stride_tricks.sliding_window_view(values, window)
        means[window - 1 :] = np.round(windows.mean(axis=1), _DECIMALS)
    return means


def _rises(values: FloatArray, window: int) -> FloatArray:
    """Return how much the mean of a window rose; NaN unless it did, to a new maximum."""
    means = _means(values, window)
    gradient = np.full(len(values), np.nan)
    gradient[window:] = np.round(means[window:] - means[:-window], _DECIMALS)
    before = np.append(np.nan, np.fmax.accumulate(values)[:-1])[: len(values)]
    return np.where((gradient > 0) & (values > before), gradient, np.nan)


def _falls_running(values: FloatArray) -> FloatArray:
    """Return how many times in a row the values have fallen up to each round."""
    falls = np.diff(values, prepend=np.nan) < 0
    running = np.zeros(len(values))
    for round in np.flatnonzero(falls):
        running[round] = running[round - 1] + 1
    return running
