"""The built-in stopping rules, each a plain function of the signals of a run.

A rule returns the first round in which it stops, or None if it never does. A signal that is NaN
stops nothing. What depends on the labels of a batch stops in the round after it: these labels have
been bought by then.
"""

from typing import Any

import numpy as np

from alrun.arrays import BoolArray, FloatArray, first_true
from alrun.errors import StoppingError
from alrun.stopping.signals import Signals
from alrun.util.numbers import is_number, is_whole

# Means and differences of rounded signals are rounded again, to what a sum can spoil.
_DECIMALS = 9


def budget(signals: Signals, labels: int) -> int | None:
    """Stop at a fixed number of labels: the honest baseline."""
    return first_true(signals.n_labels >= whole_number("budget", "labels", labels))


def kappa(signals: Signals, threshold: float = 0.99, window: int = 3) -> int | None:
    """Stop when the mean agreement of successive models is high over the last rounds.

    Source: Bloodgood and Vijay-Shanker 2009, A method for stopping active learning based on
    stabilizing predictions and the need for user-adjustable stopping.
    """
    number("kappa", "threshold", threshold)
    mean = _means(signals.kappa, whole_number("kappa", "window", window))
    return first_true(mean >= threshold)


def classification_change(signals: Signals, tolerance: float = 0.0) -> int | None:
    """Stop when at most this share of predicted classes changed since the last round.

    Source: Zhu, Wang and Hovy 2008, Multi-criteria-based strategy to stop active learning for data
    annotation.
    """
    number("classification_change", "tolerance", tolerance)
    return first_true(signals.changed <= tolerance)


def overall_uncertainty(signals: Signals, threshold: float = 0.05) -> int | None:
    """Stop when the mean entropy over the unlabelled examples is low.

    Source: Zhu, Wang and Hovy 2008, Multi-criteria-based strategy to stop active learning for data
    annotation.
    """
    number("overall_uncertainty", "threshold", threshold)
    return first_true(signals.mean_entropy < threshold)


def max_confidence(signals: Signals, threshold: float = 0.001) -> int | None:
    """Stop when every entropy in the batch to buy is low.

    Source: Zhu and Hovy 2007, Active learning for word sense disambiguation with methods for
    addressing the class imbalance problem.
    """
    number("max_confidence", "threshold", threshold)
    return first_true(signals.batch_entropy_max < threshold)


def min_error(signals: Signals, threshold: float = 0.01) -> int | None:
    """Stop when the error that the model expects over the unlabelled examples is low.

    Source: Zhu and Hovy 2007, Active learning for word sense disambiguation with methods for
    addressing the class imbalance problem.
    """
    number("min_error", "threshold", threshold)
    return first_true(signals.mean_uncertainty <= threshold)


def batch_accuracy(signals: Signals, threshold: float = 0.9) -> int | None:
    """Stop when the model before it had predicted most of a bought batch right.

    Source: Zhu and Hovy 2007, Active learning for word sense disambiguation with methods for
    addressing the class imbalance problem.
    """
    number("batch_accuracy", "threshold", threshold)
    return _after(signals, signals.batch_accuracy >= threshold)


def performance_convergence(
    signals: Signals, threshold: float = 5e-5, window: int = 10
) -> int | None:
    """Stop when the expected F1 is at a new maximum and its windowed gradient is almost zero.

    Source: Laws and Schuetze 2008, Stopping criteria for active learning of named entity
    recognition.
    """
    number("performance_convergence", "threshold", threshold)
    whole_number("performance_convergence", "window", window)
    return _convergence(signals.expected_f1, threshold, window)


def uncertainty_convergence(
    signals: Signals, threshold: float = 5e-5, window: int = 10
) -> int | None:
    """Stop when the median certainty of the batch is at a new maximum, its gradient almost zero.

    Source: Laws and Schuetze 2008, Stopping criteria for active learning of named entity
    recognition.
    """
    number("uncertainty_convergence", "threshold", threshold)
    whole_number("uncertainty_convergence", "window", window)
    return _convergence(1.0 - signals.batch_uncertainty_median, threshold, window)


def contradiction(signals: Signals, rounds: int = 3) -> int | None:
    """Stop when bought labels contradict the model less and less, so many rounds running.

    Source: Vlachos 2008, A stopping criterion for active learning.
    """
    whole_number("contradiction", "rounds", rounds)
    return _after(signals, _falls_running(signals.contradiction, rounds))


def variance(signals: Signals, rounds: int = 2) -> int | None:
    """Stop when the variance of the uncertainty falls so many rounds running.

    Source: Ghayoomi 2010, Using variance as a stopping criterion for active learning of frame
    assignment.
    """
    whole_number("variance", "rounds", rounds)
    return first_true(_falls_running(signals.var_uncertainty, rounds))


def plateau(signals: Signals, gain: float = 0.005, rounds: int = 5) -> int | None:
    """Stop when the expected F1 has gained at most this over its best in the last rounds."""
    number("plateau", "gain", gain)
    return first_true(
        is_plateau(signals.expected_f1, gain, whole_number("plateau", "rounds", rounds))
    )


def diminishing_returns(signals: Signals, gain: float = 0.01, rounds: int = 5) -> int | None:
    """Stop when the expected F1 gains less than this per 100 labels over the last rounds."""
    number("diminishing_returns", "gain", gain)
    whole_number("diminishing_returns", "rounds", rounds)
    expected, n_labels = signals.expected_f1, signals.n_labels
    stops = np.zeros(len(signals), dtype=bool)
    if len(signals) > rounds:
        gained = np.round(expected[rounds:] - expected[:-rounds], _DECIMALS)
        stops[rounds:] = gained * 100 < gain * (n_labels[rounds:] - n_labels[:-rounds])
    return first_true(stops)


def is_plateau(heights: FloatArray, gain: float, rounds: int) -> BoolArray:
    """Return a mask of the rounds whose last `rounds` gained at most `gain` over the best before.

    NaN is no height; without a height before, or among the last ones, there is no plateau.
    """
    stops = np.zeros(len(heights), dtype=bool)
    best = np.fmax.accumulate(heights)
    for round in range(rounds, len(heights)):
        last = np.fmax.reduce(heights[round - rounds + 1 : round + 1])
        stops[round] = np.round(last - best[round - rounds], _DECIMALS) <= gain
    return stops


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


def _after(signals: Signals, mask: BoolArray) -> int | None:
    """Return the round after the first true one: the batch has been bought by then."""
    found = first_true(mask[:-1])
    return None if found is None else found + 1


def _means(values: FloatArray, window: int) -> FloatArray:
    """Return the mean of the last `window` values; NaN where one of them is."""
    means = np.full(len(values), np.nan)
    if len(values) >= window:
        windows = np.lib.stride_tricks.sliding_window_view(values, window)
        means[window - 1 :] = np.round(windows.mean(axis=1), _DECIMALS)
    return means


def _convergence(values: FloatArray, threshold: float, window: int) -> int | None:
    """Return the first new maximum where the mean of a window rose by less than the threshold."""
    means = _means(values, window)
    gradient = np.full(len(values), np.nan)
    gradient[window:] = np.round(means[window:] - means[:-window], _DECIMALS)
    before = np.append(np.nan, np.fmax.accumulate(values)[:-1])[: len(values)]
    return first_true((gradient > 0) & (gradient < threshold) & (values > before))


def _falls_running(values: FloatArray, rounds: int) -> BoolArray:
    """Return a mask of the rounds up to which the values fell so many times in a row."""
    falls = np.diff(values, prepend=np.nan) < 0
    running = falls.copy()
    for earlier in range(1, min(rounds, len(values))):
        running[earlier:] &= falls[:-earlier]
        running[:earlier] = False
    return running if rounds < len(values) else np.zeros(len(values), dtype=bool)
