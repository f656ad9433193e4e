"""The numbers of a report: a row per data set, model, start, batch size, target and strategy."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from alrun.arrays import Array
from alrun.errors import ResultsError, nearest
from alrun.report.comparison import Comparison, Readings, compare_curves, compare_labels
from alrun.report.multiplicity import adjust
from alrun.report.options import ReportOptions
from alrun.report.references import (
    all_scores,
    is_withheld,
    judged,
    levels_of,
    mean_levels,
    targets_of,
)
from alrun.results.curves import COMPARISON_GROUP, Curves, read_curves, summaries
from alrun.targets import Written, in_order

# The columns of a report, in order. NaN stands for what cannot be estimated.
COLUMNS = [
    *COMPARISON_GROUP,
    "target",
    "strategy",
    "is_baseline",
    "n_seeds",
    "n_pairs",
    "n_start_at_target",
    "reached",
    "reached_low",
    "reached_high",
    "budget",
    "mean_labels",
    "mean_labels_low",
    "mean_labels_high",
    "median_labels",
    "median_labels_low",
    "median_labels_high",
    "saving",
    "saving_low",
    "saving_high",
    "wins",
    "ties",
    "losses",
    "no_variation",
    "probability_of_improvement",
    "difference_sd",
    "drop_back",
    "sensitivity_reached",
    "sensitivity_mean_labels",
    "sensitivity_saving",
    "p_value",
    "p_adjusted",
    "significant",
    "baseline_mean_labels",
    "random_mean_labels",  # deprecated: baseline_mean_labels by its old name
    "aulc",
    "aulc_low",
    "aulc_high",
    "aulc_difference",
    "aulc_p_value",
    "aulc_p_adjusted",
    "initial",
    "final",
    "final_low",
    "final_high",
    "gain",
    "final_difference",
    "final_p_value",
    "final_p_adjusted",
    "query_seconds",
    "query_seconds_low",
    "query_seconds_high",
    "aulc_significant",
    "final_significant",
    "target_value",
    "floor",
    "ceiling",
    "ceiling_reached",
    "informative",
]
# Those that hold whole numbers, where they hold one.
COUNTS = frozenset(
    [
        "batch_size",
        "n_seeds",
        "n_pairs",
        "n_start_at_target",
        "reached",
        "budget",
        "wins",
        "ties",
        "losses",
        "sensitivity_reached",
        "n_datasets",
    ]
)


@dataclass(frozen=True)
class Tables:
    """The rows of a report, with their options and their curves.

    Attributes
    ----------
    rows
        The columns of COLUMNS; labels to target are NaN where no target is given.
    curves
        What the rows were computed from.
    family
        How many tests of labels to target were adjusted together.
    target_scores
        The score to reach in each run, by target, NaN where it is not known.
    references
        The table of floors and ceilings; None where there is none.
    """

    rows: pd.DataFrame
    options: ReportOptions
    curves: Curves
    family: int
    target_scores: Mapping[Written, Array]
    references: pd.DataFrame | None

    @property
    def has_baseline(self) -> bool:
        """Whether there is anything to compare with."""
        return bool(self.rows["is_baseline"].any())


def build_tables(
    frame: pd.DataFrame,
    options: ReportOptions,
    *,
    order: Mapping[str, Sequence[Any]] = MappingProxyType({}),
    query_seconds: Mapping[tuple[Any, ...], Mapping[str, float]] = MappingProxyType({}),
    known_ends: Callable[[], Mapping[Any, int]] = dict,
    references: pd.DataFrame | None = None,
) -> Tables:
    """Compute the tables of a report from a table of curves.

    Parameters
    ----------
    order
        Labels and batch sizes in the order wanted, by column; others follow by the alphabet.
    query_seconds
        The columns on seconds that a run spent in its strategy, by the keys of COMPARISON_GROUP and
        strategy.
    known_ends
        As for `read_curves`.
    references
        What `read_references` returns.
    """
    curves = read_curves(frame, options.metric, known_ends, options.axis.column)
    if curves.runs.empty:
        raise ResultsError("; ".join(["there is no run that can be reported", *curves.excluded]))
    baseline, strategies = options.baseline, list(curves.runs["strategy"].unique())
    if baseline not in strategies and baseline != ReportOptions.baseline:
        raise ResultsError(f"there is no strategy '{baseline}'{nearest(baseline, strategies)}")
    levels = levels_of(references, curves.runs, options.metric)
    per_run = curves.runs.join(summaries(curves)).join(levels)
    scores = all_scores(options, per_run, curves.metric)
    rows = list(_compare_all(curves, per_run, options, scores, order))
    for row in rows:
        key = (*(row[column] for column in COMPARISON_GROUP), row["strategy"])
        row |= query_seconds.get(key, {})
    table = pd.DataFrame(rows, columns=COLUMNS)
    table["random_mean_labels"] = table["baseline_mean_labels"]
    table["informative"] = table["informative"].ne(False)
    family = adjust(table, rows, options.adjustment)
    table["significant"] &= ~is_withheld(table)
    options = replace(options, targets=in_order(set(scores)))
    return Tables(table, options, curves, family, scores, references)


def _compare_all(
    curves: Curves,
    per_run: pd.DataFrame,
    options: ReportOptions,
    scores: Mapping[Written, Array],
    order: Mapping[str, Sequence[Any]],
) -> Iterator[Comparison]:
    """Yield the comparison of each strategy with the baseline, target by target."""
    baseline, metric = options.baseline, curves.metric
    readings = {target: Readings.of(curves, score, options) for target, score in scores.items()}
    groups = dict(iter(per_run.groupby(COMPARISON_GROUP, observed=True)))
    for key in sorted(groups, key=lambda key: places_of(key, order)):
        group = groups[key]
        names = ranked(group["strategy"].unique(), baseline, order.get("strategy", ()))
        whole = {name: compare_curves(group, name, baseline, metric) for name in names}
        common = dict(zip(COMPARISON_GROUP, key, strict=True)) | mean_levels(group)
        for target in targets_of(options, group, metric) or (np.nan,):
            meaning: Comparison = {}
            if target in scores:
                meaning = judged(scores[target][group.index], group, metric)
            is_known = not np.isnan(meaning.get("target_value", np.nan))
            reading = readings[target].in_group(group) if is_known else None
            for name in names:
                row: Comparison = {**common, "target": target, "strategy": name}
                row |= meaning | whole[name]
                if reading is not None:
                    row |= compare_labels(group, reading, name, baseline)
                yield row


def places_of(key: tuple[Any, ...], order: Mapping[str, Sequence[Any]]) -> list[tuple[int, Any]]:
    """Return what sorts a comparison group: the order wanted, then the alphabet."""
    wanted = ([*order.get(column, ())] for column in COMPARISON_GROUP)
    return [
        (known.index(name) if name in known else len(known), name)
        for name, known in zip(key, wanted, strict=True)
    ]


def ranked(names: Iterable[str], baseline: str, order: Sequence[str]) -> list[str]:
    """Sort strategies: the baseline, then the order of the experiment, then the alphabet."""
    places = {name: place for place, name in enumerate(order)}
    return sorted(names, key=lambda name: (name != baseline, places.get(name, len(places)), name))


def comparison_groups(table: pd.DataFrame) -> Iterator[tuple[tuple[Any, ...], pd.DataFrame]]:
    """Yield the rows of each data set, model, start and batch size."""
    yield from table.groupby(COMPARISON_GROUP, observed=True, sort=False)


def too_wide(table: pd.DataFrame, half_width: float) -> pd.DataFrame:
    """Return the rows whose saving has an interval with a larger half-width.

    Savings that cannot be estimated, or are at targets no better than the floor, are passed over.
    """
    rows = table[~table["is_baseline"] & table["saving"].notna() & table["informative"]]
    return rows[~((rows["saving_high"] - rows["saving_low"]) / 2 <= half_width)]
