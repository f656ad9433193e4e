"""Lines over the number of labels: curves in, a line per strategy out.

Arrays and names alone, without colours or axes.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from alrun import stats
from alrun.arrays import Array
from alrun.results.curves import COMPARISON_GROUP, Curves, labels_to_target

# Hardly two runs have the same costs: of more of them a line has so many points, evenly spaced.
MOST_POINTS = 120


@dataclass(frozen=True)
class Line:
    """One strategy over the number of labels.

    Attributes
    ----------
    n_labels, height
        The points of the line.
    half_width
        Of its band at each point, NaN where there is none.
    """

    strategy: str
    n_labels: Array
    height: Array
    half_width: Array


def mean_curves(curves: Curves, rows: pd.DataFrame) -> tuple[Line, ...]:
    """Return the mean learning curve of each strategy of a group, with its simultaneous band.

    `rows` are the group's rows in a report; the lines have their order. A curve is a straight line
    between its rounds, drawn over the range of labels that all runs of the group share.
    """
    n_labels, scores = _on_one_grid(curves, rows)
    return tuple(
        _mean_line(name, n_labels, scores.loc[name].to_numpy())
        for name in rows["strategy"].unique()
        if len(n_labels)
    )


def mean_differences(curves: Curves, rows: pd.DataFrame, baseline: str) -> tuple[Line, ...]:
    """Return the mean paired difference of each strategy from the baseline, with its band.

    Pairs are the seeds that both have; a strategy that shares none has no line.
    """
    n_labels, scores = _on_one_grid(curves, rows)
    return tuple(
        _mean_line(name, n_labels, pairs.to_numpy())
        for name, pairs in _paired(scores, rows, baseline)
        if len(n_labels) and len(pairs)
    )


def shares_at_target(
    curves: Curves, rows: pd.DataFrame, scores: Array, sustain: int = 1
) -> tuple[Line, ...]:
    """Return the share of each strategy's runs at a target, by number of labels.

    `rows` are those of one group and one target, which must be sustained for `sustain` rounds;
    `scores` is what it stands for in each run.
    Shares begin where every run has been evaluated, and end at the budget of the rows.
    """
    runs = _runs_of(curves, rows)
    reached = labels_to_target(curves, scores, sustain)[runs.index]
    budget = rows["budget"].iloc[0]
    counts = _label_counts(curves, runs, runs["first"].max(), budget)
    n_labels = np.union1d(counts, [budget])
    return tuple(
        Line(name, n_labels, shares, np.full(len(n_labels), np.nan))
        for name in rows["strategy"].unique()
        for shares in [(reached[runs["strategy"] == name] <= n_labels[:, None]).mean(axis=1)]
    )


def _mean_line(name: str, n_labels: Array, scores: Array) -> Line:
    return Line(name, n_labels, scores.mean(axis=0), stats.band_half_width(scores))


def _paired(
    scores: pd.DataFrame, rows: pd.DataFrame, baseline: str
) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield each strategy but the baseline, with a row of differences for each common seed."""
    theirs = scores.loc[baseline]
    for name in rows["strategy"].unique():
        if name != baseline:
            mine = scores.loc[name]
            seeds = mine.index.intersection(theirs.index)
            yield name, mine.loc[seeds] - theirs.loc[seeds]


def _on_one_grid(curves: Curves, rows: pd.DataFrame) -> tuple[Array, pd.DataFrame]:
    """Return label counts, and every run's score at each: a row per strategy and seed.

    The counts are all at which a run of the group was evaluated, within the range that all runs
    share; none where they share no range.
    """
    runs = _runs_of(curves, rows)
    n_labels = _label_counts(curves, runs, runs["first"].max(), runs["last"].min())
    scores = [np.interp(n_labels, *curves.rounds(run)) for run in runs.index]
    keys = pd.MultiIndex.from_arrays([runs["strategy"].astype(str), runs["seed"]])
    return n_labels, pd.DataFrame(scores, index=keys)


def _runs_of(curves: Curves, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the runs of the group of these rows."""
    same = [(curves.runs[column] == rows[column].iloc[0]).to_numpy() for column in COMPARISON_GROUP]
    return curves.runs[np.logical_and.reduce(same)]


def _label_counts(curves: Curves, runs: pd.DataFrame, low: float, high: float) -> Array:
    """Return the evaluated label counts of these runs between two."""
    counts = np.unique(np.concatenate([curves.rounds(run)[0] for run in runs.index]))
    counts = counts[(counts >= low) & (counts <= high)]
    if curves.along == "cost" and len(counts) > MOST_POINTS:
        return np.linspace(low, high, MOST_POINTS)
    return counts
