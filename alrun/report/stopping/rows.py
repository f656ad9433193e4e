"""The numbers of a judgement of stopping rules: a row per cell and rule, and one per cell."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from alrun import stats
from alrun.arrays import FloatArray, IntArray
from alrun.report.stopping.stops import Stops
from alrun.results.curves import COMPARISON_GROUP, Curves

Row = dict[str, Any]

# The columns of the rows, and further three for each error cost: the regret and its interval.
COLUMNS = [
    *COMPARISON_GROUP,
    "strategy",
    "rule",
    "hindsight",
    "n_seeds",
    "stopped",
    "stopped_low",
    "stopped_high",
    "mean_labels",
    "mean_labels_low",
    "mean_labels_high",
    "median_labels",
    "min_labels",
    "max_labels",
    "score",
    "score_low",
    "score_high",
    "missed",
    "missed_low",
    "missed_high",
    "budget_difference",
    "budget_difference_low",
    "budget_difference_high",
    "budget_p_value",
    "budget_p_adjusted",
]
# The columns of the cells, and as many for each error cost: the labels of the best stop.
CELL_COLUMNS = [
    *COMPARISON_GROUP,
    "strategy",
    "n_seeds",
    "budget",
    "final",
    "best",
]


def cost_name(cost: float) -> str:
    """Return an error cost as the key of its regret: "1000"."""
    return str(int(cost)) if cost == int(cost) else repr(cost)


def judge(stops: Stops, is_hindsight: bool, costs: Mapping[float, tuple[FloatArray, float]]) -> Row:
    """Return the numbers of one rule in one cell.

    `costs` holds, by error cost, the least cost of each run as of `cheapest`, and that of a label.
    A rule in hindsight is not tested, nor is one whose stops are the same whichever run they are
    dealt to: it would count in the correction for many tests.
    """
    n, stopped = len(stops.runs), int(stops.fired.sum())
    share = stats.share_interval(stopped, n)
    score, final = stops.score, stops.score_at(np.array([np.inf]))[:, 0]
    row: Row = {
        "hindsight": is_hindsight,
        "n_seeds": n,
        "stopped": stopped,
        "stopped_low": share.low,
        "stopped_high": share.high,
        **_mean("mean_labels", stops.labels),
        "median_labels": float(np.median(stops.labels)),
        "min_labels": float(stops.labels.min()),
        "max_labels": float(stops.labels.max()),
        **_mean("score", score),
        **_mean("missed", final - score),
        **_against_budget(stops, score),
    }
    if not is_hindsight and stops.fired.any() and np.ptp(stops.labels) > 0:
        sign = 1.0 if stops.curves.metric.greater_is_better else -1.0
        row["budget_p_value"] = stats.adaptation(sign * stops.score_at(stops.labels))
    for cost, (least, label_cost) in costs.items():
        regret = label_cost * stops.labels + cost * (1 - score) - least
        row |= _mean(f"regret_{cost_name(cost)}", regret, least=0.0)
    return row


def _mean(name: str, values: FloatArray, least: float = -np.inf) -> Row:
    """Return a mean with its interval, by column."""
    interval = stats.mean_interval(values).within(least, np.inf)
    return {
        name: float(values.mean()),
        f"{name}_low": interval.low,
        f"{name}_high": interval.high,
    }


def _against_budget(stops: Stops, score: FloatArray) -> Row:
    """Return the difference from a fixed budget of the same mean labels, with its interval."""
    budget = float(stops.labels.mean())
    ends = [stops.curves.rounds(run)[0][[0, -1]] for run in stops.runs]
    first, last = max(end[0] for end in ends), min(end[1] for end in ends)
    # Over the range in which the rule stops: between two rounds the slope would be mostly noise.
    around = np.clip(budget + np.array([-1, 1]) * stops.labels.std(), first, last)
    low, high = stops.score_at(around).mean(axis=0)
    slope = (high - low) / (around[1] - around[0]) if around[1] > around[0] else 0.0
    differences = score - stops.score_at(np.array([budget]))[:, 0]
    interval = stats.against_budget(differences, slope, stops.labels)
    return {
        "budget_difference": float(differences.mean()),
        "budget_difference_low": interval.low,
        "budget_difference_high": interval.high,
    }


def cheapest(
    curves: Curves, runs: IntArray, label_cost: float, error_cost: float
) -> tuple[FloatArray, FloatArray]:
    """Return, per run, the least cost of any round in hindsight, and the labels of that round."""
    least, labels = [], []
    for run in runs:
        n_labels, score = curves.rounds(run)
        costs = label_cost * n_labels + error_cost * (1 - score)
        at = int(np.argmin(costs))
        least.append(costs[at])
        labels.append(n_labels[at])
    return np.array(least), np.array(labels, dtype=np.float64)


def describe_cell(curves: Curves, runs: IntArray, labels: Mapping[float, FloatArray]) -> Row:
    """Return the numbers of one cell: budget, final and best score, and its cheapest stops.

    `labels` holds, by error cost, the labels of the cheapest stop of each run.
    """
    ends = [curves.rounds(run) for run in runs]
    better = max if curves.metric.greater_is_better else min
    row: Row = {
        "n_seeds": len(runs),
        "budget": max(int(n_labels[-1]) for n_labels, _ in ends),
        "final": float(np.mean([score[-1] for _, score in ends])),
        "best": float(np.mean([better(score) for _, score in ends])),
    }
    for cost, values in labels.items():
        row |= _mean(f"best_labels_{cost_name(cost)}", values)
    return row
