"""Records of a run: its split, its rounds with their scores, and its result or failure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from alrun.arrays import FloatArray, IntArray
from alrun.errors import printable

# The roles in `splits.parquet`. The order is that of the codes in memory.
ROLES = ("pool", "initial", "test")


@dataclass(frozen=True)
class Split:
    """Rows of the data set by role: disjoint, each in ascending order."""

    test: IntArray
    initial: IntArray
    pool: IntArray

    @property
    def training(self) -> IntArray:
        """Rows of the initial set and the pool, in ascending order; scalers are fitted on them."""
        return np.sort(np.concatenate([self.initial, self.pool]))

    @property
    def rows(self) -> IntArray:
        """All rows with a role, in ascending order."""
        return np.sort(np.concatenate([self.test, self.initial, self.pool]))

    def among(self, rows: IntArray) -> "Split":
        """Return the split as positions in `rows`: ascending, with all rows of the split."""
        parts = (self.test, self.initial, self.pool)
        return Split(*(np.searchsorted(rows, part) for part in parts))


@dataclass(frozen=True)
class Scores:
    """The scores of one round on the test part.

    `values` are by the name of the metric; one is None if its metric does not apply.
    """

    n_test: int
    n_correct: int
    values: Mapping[str, float | None]


# The code of an answer that names no class: "I don't know".
ABSTAINED = -1


@dataclass(frozen=True)
class Answers:
    """The answers of an oracle for a batch of n examples.

    Attributes
    ----------
    given
        The class codes that the examples have after these answers, shape (n,); ABSTAINED where
        nobody named a class.
    votes
        For each example the answers that were bought for it now, in order: the number of the
        annotator, and the class code or ABSTAINED.
    costs
        What the answers to each example cost together, shape (n,).
    """

    given: IntArray
    votes: tuple[tuple[tuple[int, int], ...], ...]
    costs: FloatArray


@dataclass(frozen=True)
class Round:
    """One pass of the loop: the scores on `n_labels` labels, then the batch queried.

    Attributes
    ----------
    batch
        Rows of the data set, best first; empty in the last round.
    labels
        Their true class codes, of the same length.
    answers
        What the oracle answered for them; None where its labels are the true ones and all cost 1.
    cost
        What all answers before the round cost; the initial labels are free.
    n_wrong
        Number of labels so far that are not the true ones.
    signals
        The label-free signals by name, as in SIGNAL_TOLERANCES; one is None if it does not apply.
        Without any, they were not computed.
    """

    n_labels: int
    scores: Scores
    batch: IntArray
    labels: IntArray
    signals: Mapping[str, float | None] = field(default_factory=dict)
    answers: Answers | None = None
    cost: float = 0.0
    n_wrong: int = 0


# The label-free signals of a round, in the order of the columns of `signals.parquet`, and by how
# much the same one may differ between processors.
SIGNAL_TOLERANCES = {
    "kappa": 0.0,
    "changed": 0.0,
    "kappa_2": 0.0,
    "mean_uncertainty": 1e-6,
    "max_uncertainty": 1e-6,
    "var_uncertainty": 1e-6,
    "mean_entropy": 1e-6,
    "max_entropy": 1e-6,
    "batch_uncertainty_min": 1e-6,
    "batch_uncertainty_median": 1e-6,
    "batch_uncertainty_max": 1e-6,
    "batch_entropy_max": 1e-6,
    "batch_accuracy": 0.0,
    "contradiction": 1e-6,
    "expected_f1": 1e-6,
}


# The phases of a run. In `prepare` a strategy computes what all its queries on one split share.
PHASES = ("fit", "query", "evaluate", "prepare", "signals")
# Counts that say how far a comparison of this run can be trusted.
DIAGNOSTICS = (
    "batches",
    "tied_batches",
    "missing_classes",
    "pool_duplicates",
    "test_duplicates",
    "fallback_rounds",
)


@dataclass(frozen=True)
class RunResult:
    """The rounds of one run, with its times and diagnostics.

    Attributes
    ----------
    ended
        Why it ended: "budget", "budget_cost" or "pool empty".
    seconds, cpu_seconds
        Wall and CPU seconds by phase.
    warnings
        Counts of the warnings of models and strategies, by their first line.
    diagnostics
        The counts of DIAGNOSTICS: batches; batches in which a tie was broken; classes without an
        initial label; examples of the pool with the same features as another one; examples of the
        test part with the same features as one of the pool or the initial set; rounds in which the
        fallback took the model's place.
    """

    rounds: tuple[Round, ...]
    ended: str
    seconds: Mapping[str, float]
    cpu_seconds: Mapping[str, float]
    warnings: Mapping[str, int] = field(default_factory=dict)
    diagnostics: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Failure:
    """An unfinished run.

    Its status is "failed" if it raised an error, "crashed" if it killed its worker.
    """

    status: str
    error: str
    traceback: str
    attempts: int

    @property
    def reason(self) -> str:
        """The error as one printable line."""
        return printable(" ".join(self.error.split()))
