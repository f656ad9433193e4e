"""Where each stopping rule stops each run, from the tables of curves and of signals."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from alrun.arrays import BoolArray, FloatArray, IntArray
from alrun.results.curves import RUN, Curves
from alrun.stopping.registry import Rule
from alrun.stopping.signals import NAMES, Curve, Signals

_ROUND = [*RUN, "n_labels"]


@dataclass(frozen=True)
class Stops:
    """One rule on the runs of one cell, all of shape (n_seeds,).

    Attributes
    ----------
    runs
        Places of the runs in `curves`.
    labels
        Where each run stops; its last where the rule never stops it.
    fired
        Whether the rule stops it.
    """

    curves: Curves
    runs: IntArray
    labels: FloatArray
    fired: BoolArray

    def score_at(self, labels: FloatArray) -> FloatArray:
        """Return the score of each run at these labels: shape (n_seeds, n_labels).

        Between rounds a curve is a straight line, and before and after them it is level.
        """
        return np.array([np.interp(labels, *self.curves.rounds(run)) for run in self.runs])

    @property
    def score(self) -> FloatArray:
        """The score of each run where it stops."""
        return np.diagonal(self.score_at(self.labels))


def signals_of(curves: Curves, table: pd.DataFrame) -> pd.DataFrame:
    """Return the signals of every round of the curves, in their order; NaN where there is none.

    A signal that the table lacks is NaN throughout.
    """
    rounds = curves.runs.loc[np.repeat(curves.runs.index, np.diff(curves.start)), RUN]
    rounds = rounds.assign(n_labels=curves.n_labels.astype(np.int64))
    keys = {column: table[column].astype(rounds[column].dtype) for column in _ROUND}
    known = table.reindex(columns=list(NAMES)).astype(np.float64).assign(**keys)
    known = known.drop_duplicates(_ROUND, keep="last")
    return rounds.merge(known, on=_ROUND, how="left")[list(NAMES)]


def without_signals(curves: Curves, signals: pd.DataFrame) -> BoolArray:
    """Return a mask of the runs that have no signal in any round."""
    known = signals.notna().any(axis=1).to_numpy()
    return ~np.logical_or.reduceat(known, curves.start[:-1])


def find_stops(
    curves: Curves, signals: pd.DataFrame, rules: Sequence[Rule], runs: IntArray
) -> Iterator[Stops]:
    """Yield where each rule stops these runs, in the order of the rules."""
    sign = 1.0 if curves.metric.greater_is_better else -1.0
    values = signals.to_numpy(np.float64)
    found = np.full((len(rules), len(runs)), -1)
    for place, run in enumerate(runs):
        n_labels, score = curves.rounds(run)
        rows = slice(curves.start[run], curves.start[run + 1])
        own = Signals(n_labels, *values[rows].T)
        curve = Curve(n_labels.astype(np.float64), sign * score)
        for number, rule in enumerate(rules):
            stop = rule.stop(own, curve)
            found[number, place] = -1 if stop is None else stop
    for stops in found:
        labels = [curves.rounds(run)[0][stop] for run, stop in zip(runs, stops, strict=True)]
        yield Stops(curves, runs, np.array(labels, dtype=np.float64), stops >= 0)
