"""Records of a run: its split, its rounds with their scores, and its result or failure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from alrun.arrays import IntArray
from alrun.errors import printable

# As in `splits.parquet`; the order is that of the codes in which splits are held.
ROLES = ("pool", "initial", "test")


@dataclass(frozen=True)
class Split:
    """Rows of the data set by role, each in ascending order and none in two."""

    test: IntArray
    initial: IntArray
    pool: IntArray

    @property
    def training(self) -> IntArray:
        """Initial set and pool: what scalers are fitted on."""
        return np.sort(np.concatenate([self.initial, self.pool]))

    @property
    def rows(self) -> IntArray:
        """Those that have a role, in ascending order."""
        return np.sort(np.concatenate([self.test, self.initial, self.pool]))

    def among(self, rows: IntArray) -> "Split":
        """Return the split by places in `rows`, which hold its own in ascending order."""
        parts = (self.test, self.initial, self.pool)
        return Split(*(np.searchsorted(rows, part) for part in parts))


@dataclass(frozen=True)
class Scores:
    """The scores of one round on the test part: counts, and a value by the name of each metric.

    A value is None where its metric does not apply.
    """

    n_test: int
    n_correct: int
    values: Mapping[str, float | None]


@dataclass(frozen=True)
class Round:
    """One pass of the loop: the scores on `n_labels` labels, then the batch queried.

    Attributes
    ----------
    batch
        Rows of the data set in the order of the query; the last round queries none.
    labels
        The class codes bought for them.
    """

    n_labels: int
    scores: Scores
    batch: IntArray
    labels: IntArray


# The phases of a run; in `prepare` a strategy computes what holds for a whole split.
PHASES = ("fit", "query", "evaluate", "prepare")
# Counts of a run that may make its comparison mean less.
DIAGNOSTICS = ("batches", "tied_batches", "missing_classes", "pool_duplicates")


@dataclass(frozen=True)
class RunResult:
    """What one run gives.

    Attributes
    ----------
    ended
        Why it ended: "budget" or "pool empty".
    seconds, cpu_seconds
        Wall and CPU seconds by phase.
    warnings
        Those of models and strategies, with their counts.
    diagnostics
        The counts of DIAGNOSTICS: batches; those of them that the tie-break had a part in; classes
        without an initial label; examples of the pool that have the features of another.
    """

    rounds: tuple[Round, ...]
    ended: str
    seconds: Mapping[str, float]
    cpu_seconds: Mapping[str, float]
    warnings: Mapping[str, int] = field(default_factory=dict)
    diagnostics: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Failure:
    """A run that did not finish: it failed (it raised) or crashed (it killed its worker)."""

    status: str
    error: str
    traceback: str
    attempts: int

    @property
    def reason(self) -> str:
        """The error as a line that a screen can show."""
        return printable(" ".join(self.error.split()))
