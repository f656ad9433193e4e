"""One comparison: a strategy at a batch size and a target, beside the baseline."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from alrun import stats
from alrun.arrays import Array, FloatArray
from alrun.metrics import Metric
from alrun.report.options import ReportOptions
from alrun.results.curves import Curves, falls_back, labels_to_target

# A row of a report by column. The adjustment of p values also needs `seeds`, `differences`,
# `aulc_differences` and `final_differences`: arrays, one value per pair.
Comparison = dict[str, Any]


@dataclass(frozen=True)
class Readings:
    """What is read off the curves at one target, a value per run.

    Attributes
    ----------
    labels
        Labels to target, infinite where a run did not get there.
    checked
        The same with the number of rounds of the sensitivity check.
    fell_back
        Whether the score left the target after it had been there.
    """

    labels: Array
    checked: Array
    fell_back: Array

    @classmethod
    def of(cls, curves: Curves, target: FloatArray, options: ReportOptions) -> "Readings":
        """Read every run at its own score to reach, shape (n_runs,)."""
        return cls(
            labels_to_target(curves, target, options.sustain),
            labels_to_target(curves, target, options.sensitivity),
            falls_back(curves, target),
        )

    def in_group(self, group: pd.DataFrame) -> "Readings":
        """Return the readings of the runs of one group."""
        rows = group.index
        return Readings(self.labels[rows], self.checked[rows], self.fell_back[rows])


def _pairs(group: pd.DataFrame, name: str, baseline: str) -> tuple[Array, Array | None]:
    """Return the positions in `group` of a strategy's runs, and of the baseline's runs they pair.

    Both are in the order of the seeds they share. Where they share none, without a baseline, and
    for the baseline, the first holds all runs and the second is None.
    """
    seeds, strategy = group["seed"].to_numpy(), group["strategy"].to_numpy()
    mine = np.flatnonzero(strategy == name)
    theirs = np.flatnonzero(strategy == baseline)
    if name == baseline or len(theirs) == 0:
        return mine, None
    _, at, at_baseline = np.intersect1d(seeds[mine], seeds[theirs], return_indices=True)
    return (mine[at], theirs[at_baseline]) if len(at) else (mine, None)


def compare_labels(group: pd.DataFrame, reading: Readings, name: str, baseline: str) -> Comparison:
    """Return the columns about labels to one target."""
    labels = reading.labels
    budget, cut = cut_at_budget(group, labels)
    shown = np.where(labels <= budget, labels, np.inf)
    mine, theirs = _pairs(group, name, baseline)
    reached = int((labels[mine] <= budget).sum())
    # No run needs fewer labels than the fewest at the start, or counts as more than the budget.
    possible = (min(float(group["first"].min()), float(budget)), float(budget))
    mean, share = stats.mean_interval(cut[mine]).within(*possible), stats.Interval()
    if len(mine) > 1:
        share = stats.share_interval(reached, len(mine))
    middle = stats.median_interval(shown[mine])
    row: Comparison = {
        "n_start_at_target": int((labels[mine] == group["first"].to_numpy()[mine]).sum()),
        "reached": reached,
        "reached_low": share.low,
        "reached_high": share.high,
        "budget": budget,
        "mean_labels": _mean(cut[mine]),
        "mean_labels_low": mean.low,
        "mean_labels_high": mean.high,
        "median_labels": _median(shown[mine]),
        "median_labels_low": middle.low,
        "median_labels_high": middle.high,
        "baseline_mean_labels": _mean(cut[mine]) if name == baseline else np.nan,
    }
    ever = np.isfinite(np.minimum(labels, reading.checked)[mine])
    row["drop_back"] = _mean(reading.fell_back[mine][ever])
    row |= _sensitivity(group, reading.checked, mine, theirs)
    if theirs is not None:
        anyone = reached > 0 or bool((labels[theirs] <= budget).any())
        row |= _against_baseline(cut[theirs], cut[mine], anyone)
    return row


def cut_at_budget(group: pd.DataFrame, labels: Array) -> tuple[float, Array]:
    """Return the common budget of a group, and the labels, or costs, cut there.

    The budget is the smallest last label count among the runs that did not reach the target; where
    all did, the largest count that one needed. Whole numbers are returned as integers, whose tests
    are exact for any number of seeds.
    """
    censored = np.isinf(labels)
    last = group["last"].to_numpy()
    budget = float(last[censored].min() if censored.any() else labels.max())
    cut = whole_or_rounded(np.minimum(labels, budget))
    return (int(budget) if budget.is_integer() else budget), cut


def whole_or_rounded(values: Array) -> Array:
    """Return numbers as integers where all are whole, rounded elsewhere so that equal ones tie."""
    if (values == np.rint(values)).all():
        return values.astype(np.int64)
    return np.round(values, 9)


def _sensitivity(
    group: pd.DataFrame, labels: Array, mine: Array, theirs: Array | None
) -> Comparison:
    """Return the labels and the saving with the alternative `sustain`."""
    budget, cut = cut_at_budget(group, labels)
    row: Comparison = {
        "sensitivity_reached": int((labels[mine] <= budget).sum()),
        "sensitivity_mean_labels": _mean(cut[mine]),
    }
    if theirs is not None and (labels[np.concatenate([mine, theirs])] <= budget).any():
        row["sensitivity_saving"] = stats.saving(cut[theirs], cut[mine])
    return row


def _against_baseline(baseline: Array, strategy: Array, anyone_reached: bool) -> Comparison:
    differences = whole_or_rounded(baseline - strategy)
    wins, ties = int((differences > 0).sum()), int((differences == 0).sum())
    losses, several = len(differences) - wins - ties, len(differences) > 1
    row: Comparison = {
        "baseline_mean_labels": _mean(baseline),
        "wins": wins,
        "ties": ties,
        "losses": losses,
        "no_variation": several and bool(differences[0]) and np.ptp(differences) == 0,
        "probability_of_improvement": stats.improvement(wins, ties, losses),
        "difference_sd": float(np.std(differences, ddof=1)) if several else np.nan,
        "p_value": stats.sign_flip(differences) if several else np.nan,
        "differences": differences,
    }
    if anyone_reached:
        interval = stats.saving_interval(baseline, strategy)
        row["saving"] = stats.saving(baseline, strategy)
        row["saving_low"], row["saving_high"] = interval.low, interval.high
    return row


def compare_curves(group: pd.DataFrame, name: str, baseline: str, metric: Metric) -> Comparison:
    """Return the columns without a target: counts, AULC and final score.

    Intervals of scores end where the scores of the metric end.
    """
    mine, theirs = _pairs(group, name, baseline)
    aulc, initial, final = (group[key].to_numpy()[mine] for key in ("aulc", "initial", "final"))
    aulc_mean, final_mean = (
        stats.mean_interval(values).within(0.0, metric.largest) for values in (aulc, final)
    )
    row: Comparison = {
        "is_baseline": name == baseline,
        "n_seeds": int((group["strategy"] == name).sum()),
        "n_pairs": len(mine) if theirs is not None or name == baseline else 0,
        "aulc": _mean(aulc),
        "aulc_low": aulc_mean.low,
        "aulc_high": aulc_mean.high,
        "initial": _mean(initial),
        "final": _mean(final),
        "final_low": final_mean.low,
        "final_high": final_mean.high,
        "gain": _mean(final - initial),
    }
    if theirs is not None:
        # Rounded, so that equal areas summed in another order are ties.
        apart = np.round(aulc - group["aulc"].to_numpy()[theirs], 12)
        row["aulc_difference"] = _mean(apart)
        row["final_difference"] = _mean(final - group["final"].to_numpy()[theirs])
        row["aulc_differences"] = apart
        row["final_differences"] = _final_differences(group, mine, theirs)
        row["seeds"] = group["seed"].to_numpy()[mine]
        if len(mine) > 1:
            row["aulc_p_value"] = stats.sign_flip(apart)
            row["final_p_value"] = stats.sign_flip(row["final_differences"])
    return row


def _final_differences(group: pd.DataFrame, mine: Array, theirs: Array) -> Array:
    """Return the differences of the final scores, as counts if they are exact."""
    correct, tested = group["final_correct"].to_numpy(), group["final_test"].to_numpy()
    rows = np.concatenate([mine, theirs])
    if len(np.unique(tested[rows])) == 1 and np.isfinite(correct[rows] + tested[rows]).all():
        return (correct[mine] - correct[theirs]).astype(np.int64)
    final = group["final"].to_numpy()
    return np.round(final[mine] - final[theirs], 12)


def _mean(values: Array) -> float:
    return float(np.mean(values)) if len(values) else np.nan


def _median(values: Array) -> float:
    """Return the median; infinite if half of the values or more are."""
    if len(values) == 0:
        return np.nan
    ordered = np.sort(values)
    low, high = ordered[(len(values) - 1) // 2], ordered[len(values) // 2]
    return float(high if np.isinf(high) else (low + high) / 2)
