"""The numbers of a report: a row per data set, model, batch size, target and strategy."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from alrun.errors import ResultsError, nearest
from alrun.report.comparison import Readings, Row, compare_curves, compare_labels, sensitivity_of
from alrun.report.multiplicity import adjust
from alrun.results.curves import COMPARISON_GROUP, Curves, read_curves, summaries

# The columns of a report, in order. NaN stands for what cannot be estimated.
COLUMNS = [
    *("dataset", "model", "batch_size", "target", "strategy", "is_baseline"),
    *(
        "n_seeds",
        "n_pairs",
        "n_start_at_target",
        "reached",
        "reached_low",
        "reached_high",
        "budget",
    ),
    *("mean_labels", "mean_labels_low", "mean_labels_high"),
    *("median_labels", "median_labels_low", "median_labels_high"),
    *("saving", "saving_low", "saving_high", "wins", "ties", "losses", "no_variation"),
    *("probability_of_improvement", "difference_sd", "drop_back"),
    *("sensitivity_reached", "sensitivity_mean_labels", "sensitivity_saving"),
    *("p_value", "p_adjusted", "significant", "random_mean_labels"),
    *("aulc", "aulc_low", "aulc_high", "aulc_difference", "aulc_p_value", "aulc_p_adjusted"),
    *("initial", "final", "final_low", "final_high", "gain"),
    *("final_difference", "final_p_value", "final_p_adjusted", "query_seconds"),
    *("aulc_significant", "final_significant"),
]


# Those that hold whole numbers, where they hold one.
COUNTS = frozenset(
    [
        *("batch_size", "n_seeds", "n_pairs", "n_start_at_target", "reached", "budget"),
        *("wins", "ties", "losses", "sensitivity_reached", "n_datasets"),
    ]
)


@dataclass(frozen=True)
class Tables:
    """The rows of a report and what they were read from.

    Attributes
    ----------
    rows
        The columns of COLUMNS; labels to target are NaN where no target is given.
    curves
        What they were computed from.
    family
        How many tests of labels to target were adjusted together.
    """

    rows: pd.DataFrame
    curves: Curves
    metric: str
    baseline: str
    targets: tuple[float, ...]
    sustain: int
    adjustment: str
    family: int

    @property
    def sensitivity(self) -> int:
        """How many rounds in a row the sensitivity check asks for: 2, or 1 beside more."""
        return sensitivity_of(self.sustain)

    @property
    def has_baseline(self) -> bool:
        """Whether there is anything to compare with."""
        return bool(self.rows["is_baseline"].any())


def build_tables(
    frame: pd.DataFrame,
    *,
    targets: Sequence[float],
    metric: str = "accuracy",
    baseline: str = "random",
    sustain: int = 1,
    adjustment: str = "holm",
    order: Sequence[str] = (),
    query_seconds: Mapping[tuple[Any, ...], float] | None = None,
    known_ends: Callable[[], Mapping[Any, int]] = dict,
) -> Tables:
    """Compute a report from a table of curves.

    Parameters
    ----------
    sustain
        In how many rounds in a row the score must be at the target.
    adjustment
        One of `stats.ADJUSTMENTS`.
    order
        Labels of strategies in the order wanted; others follow by the alphabet.
    query_seconds
        Mean seconds that a run spent in its strategy, by (data set, model, batch size, strategy).
    known_ends
        As for `read_curves`.
    """
    curves = read_curves(frame, metric, known_ends)
    if curves.runs.empty:
        raise ResultsError("; ".join(["there is no run that can be reported", *curves.excluded]))
    strategies = list(curves.runs["strategy"].unique())
    if baseline not in strategies and baseline != "random":
        raise ResultsError(f"there is no strategy '{baseline}'{nearest(baseline, strategies)}")
    per_run = curves.runs.join(summaries(curves))
    readings = {target: Readings.of(curves, target, sustain) for target in targets}
    rows: list[Row] = []
    for key, block in per_run.groupby(COMPARISON_GROUP, observed=True):
        ranked = _ranked(block["strategy"].unique(), baseline, order)
        whole = {name: compare_curves(block, name, baseline) for name in ranked}
        for target in targets or (np.nan,):
            reading = readings[target].in_block(block) if target in readings else None
            for name in ranked:
                row = dict(zip(COMPARISON_GROUP, key, strict=True)) | {
                    "target": target,
                    "strategy": name,
                }
                row |= whole[name]
                if reading is not None:
                    row |= compare_labels(block, reading, name, baseline)
                row["query_seconds"] = (query_seconds or {}).get((*key, name), np.nan)
                rows.append(row)
    table = pd.DataFrame(rows, columns=COLUMNS)
    family = adjust(table, rows, adjustment)
    return Tables(table, curves, metric, baseline, tuple(targets), sustain, adjustment, family)


def _ranked(names: Iterable[str], baseline: str, order: Sequence[str]) -> list[str]:
    """Sort strategies: the baseline, then the order of the experiment, then the alphabet."""
    places = {name: place for place, name in enumerate(order)}
    return sorted(names, key=lambda name: (name != baseline, places.get(name, len(places)), name))


def comparison_groups(table: pd.DataFrame) -> Iterator[tuple[tuple[Any, ...], pd.DataFrame]]:
    """Yield the rows of each data set, model and batch size."""
    yield from table.groupby(COMPARISON_GROUP, observed=True, sort=False)


def too_wide(table: pd.DataFrame, half_width: float) -> pd.DataFrame:
    """Return the rows whose saving has an interval with a half-width above that.

    Those whose saving cannot be estimated are passed over.
    """
    rows = table[~table["is_baseline"] & table["saving"].notna()]
    return rows[~((rows["saving_high"] - rows["saving_low"]) / 2 <= half_width)]
