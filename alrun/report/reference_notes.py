"""Notes on the floor, the ceiling, and what targets mean beside them."""

from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd

from alrun.arrays import Array
from alrun.errors import quoted
from alrun.report.phrasing import (
    Definition,
    Listing,
    counted,
    group_name,
    group_of,
    score_text,
    target_name,
)
from alrun.report.references import (
    DEFAULT_TARGETS,
    FEWEST_CEILINGS,
    references_of_start,
)
from alrun.report.rows import Tables, comparison_groups
from alrun.results.curves import COMPARISON_GROUP, Curves
from alrun.targets import read_target

# From this accuracy on, that of naming one class hides what a model learns of the others.
_IMBALANCED = 0.7
# By how much another score must be lower for the same answer.
_FOOLED = 0.1
# Scores that count each class alike.
_NOT_FOOLED = ("balanced_accuracy", "macro_f1")


def read_as(tables: Tables) -> Iterator[str]:
    """Say what floor and ceiling are, which targets the report chose, and what shares are of."""
    rows, options = tables.rows, tables.options
    if rows[["floor", "ceiling"]].notna().any(axis=None):
        yield Definition(
            f"Floor: mean {options.metric} of always naming the most frequent class of the training"
            " part; ceiling: that of the same model with all training labels."
        )
    if options.chooses and tables.target_scores and not _are_named(tables):
        yield (
            "No target is named, so the report chose these; name others with --target, or as"
            " targets of the experiment, before you look at the curves."
        )
    texts = [text for text in options.targets if isinstance(text, str)]
    shares = [text for text in texts if read_target(text).share is not None]
    if shares:
        yield Definition(
            f"{_quotes(shares)}: a share of the score with all training labels, seed by seed; the"
            " table has its mean over the seeds."
        )
    if any(read_target(text).is_between for text in shares):
        yield Definition(
            "Between floor and full: the score that lies this share of the way from the floor to"
            " the ceiling, since the same share of the ceiling is no better than the floor."
        )
    for text in (text for text in texts if read_target(text).is_end):
        yield (
            f"Note: {quoted(text)} is the mean score of {options.baseline} at the budget. It comes"
            " from the baseline's own curves; in simulations the test keeps its level all the same."
        )


def _are_named(tables: Tables) -> bool:
    """Return whether the targets are others than those that a report chooses."""
    shares = {read_target(text).share for text in DEFAULT_TARGETS}
    return any(read_target(text).share not in shares for text in tables.options.targets)


def find_idle_targets(tables: Tables) -> Iterator[str]:
    """Yield warnings on targets that say nothing: no value, at the floor, or out of reach."""
    if not tables.options.targets:
        return
    rows = tables.rows
    unknown = _one_each(rows[rows["target_value"].isna()])
    if len(unknown):
        yield Listing(
            "Warning: these targets have no value: ",
            _named(unknown),
            ". A share of full needs the score with all training labels, which a sweep computes"
            " (for more than 20,000 training examples with ceiling = true), and random@end needs"
            " the baseline.",
        )
    yield from _partly_unknown(tables)
    low = _one_each(rows[~rows["informative"]])
    if len(low):
        yield Listing(
            "Warning: no learning is needed for these targets, which are at or below the floor: ",
            _named(low, "floor"),
            ". Their savings are in brackets, without a star.",
        )
    high = _one_each(rows[rows["ceiling_reached"] < FEWEST_CEILINGS])
    if len(high):
        yield Listing(
            "Warning: these targets are out of reach, since fewer than half of the seeds get there"
            " with all training labels: ",
            _named(high, "ceiling"),
            ". They get no star.",
        )
    yield from _nearest(tables)


def _one_each(rows: pd.DataFrame) -> pd.DataFrame:
    """Return a row for each data set, model and target."""
    return rows.drop_duplicates(["dataset", "model", "target"])


def _partly_unknown(tables: Tables) -> Iterator[str]:
    """Count the seeds without a ceiling, where shares of it are targets."""
    if all(read_target(text).share is None for text in tables.options.targets):
        return
    lacking = []
    for key, rows in comparison_groups(tables.rows):
        seeds = _seeds_without_ceiling(tables, key)
        if seeds and rows["ceiling"].notna().all():
            lacking.append(f"{counted(seeds, 'seed')} of {group_name(key)}")
    if lacking:
        yield Listing(
            "Note: the score with all training labels is not known for ",
            lacking,
            "; a share of full is there one of the mean of the others.",
        )


def _seeds_without_ceiling(tables: Tables, key: tuple[object, ...]) -> int:
    runs, references = tables.curves.runs, tables.references
    same = (runs[COMPARISON_GROUP].astype(object) == list(key)).all(axis=1)
    seeds = set(runs.loc[same, "seed"])
    if references is None or tables.options.metric not in references.columns:
        return len(seeds)
    references = references_of_start(references, str(key[COMPARISON_GROUP.index("start")]))
    is_ours = (references["dataset"] == key[0]) & (references["model"] == key[1])
    is_known = (references["reference"] == "ceiling") & references[tables.options.metric].notna()
    return len(seeds - set(references.loc[is_ours & is_known, "seed"]))


def _nearest(tables: Tables) -> Iterator[str]:
    """Name the nearest scores that are reached, for targets that nobody reaches."""
    curves, rows = tables.curves, tables.rows
    keys = [*COMPARISON_GROUP, "target"]
    nobody = rows[rows.groupby(keys, observed=True)["reached"].transform("max") == 0]
    nobody = nobody.drop_duplicates(keys)
    if nobody.empty:
        return
    best = best_scores(curves, tables.options.sustain)
    named = []
    for row in nobody.itertuples():
        same = [(curves.runs[name] == getattr(row, name)).to_numpy() for name in COMPARISON_GROUP]
        own = best[np.logical_and.reduce(same)]
        own = own[np.isfinite(own)]
        if len(own) == 0:
            continue
        rising = curves.metric.greater_is_better
        top = own.max() if rising else own.min()
        half = np.quantile(own, 0.5, method="lower" if rising else "higher")
        named.append(
            f"{target_name(row.target)} ({group_of(row)}): the best run gets to"
            f" {_reachable(top, rising)}, half of the runs to {_reachable(half, rising)}"
        )
    if named:
        yield Listing("Warning: nobody reaches ", named, ". Choose a target that is reached.")


def best_scores(curves: Curves, sustain: int) -> Array:
    """Return the best score that each run holds for `sustain` rounds in a row, shape (n_runs,).

    Infinite, on the bad side, for a run with fewer rounds.
    """
    sign = 1.0 if curves.metric.greater_is_better else -1.0
    held = sign * curves.score
    left = np.repeat(curves.start[1:], np.diff(curves.start)) - np.arange(len(held))
    lowest = held.copy()
    for later in range(1, min(sustain, len(held))):
        lowest[:-later] = np.minimum(lowest[:-later], held[later:])
    lowest[left < sustain] = -np.inf
    return np.asarray(sign * np.maximum.reduceat(lowest, curves.start[:-1]))


def _reachable(score: float, rising: bool) -> str:
    """Return a score with three decimals, rounded to the side that is reached."""
    whole = np.floor(1000 * score + 1e-6) if rising else np.ceil(1000 * score - 1e-6)
    return score_text(whole / 1000)


def find_imbalance(tables: Tables) -> Iterator[str]:
    """Name the scores that naming one class does not fool, where it fools the accuracy."""
    if not tables.curves.metric.is_share_correct or tables.references is None:
        return
    rows = tables.rows.drop_duplicates(["dataset", "model"])
    fooled = rows[(rows["floor"] >= _IMBALANCED) | ~_all_informative(tables, rows)]
    references = tables.references[tables.references["reference"] == "floor"]
    for name in dict.fromkeys(fooled["dataset"]):
        floors = references[references["dataset"] == name].mean(numeric_only=True)
        own = floors[tables.options.metric]
        others = [
            f"{score} ({score_text(floors[score])})"
            for score in _NOT_FOOLED
            if floors.get(score, np.inf) < own - _FOOLED
        ]
        if others:
            yield (
                f"Note: on {name} always naming one class has"
                f" {score_text(own)} {tables.options.metric}; it"
                f" does not fool {' or '.join(others)}, see --metric."
            )


def _all_informative(tables: Tables, rows: pd.DataFrame) -> Array:
    """Return for each data set and model whether all its targets are above the floor."""
    keys = ["dataset", "model"]
    least = tables.rows.groupby(keys, observed=True)["informative"].transform("min")
    return least.loc[rows.index].to_numpy(bool)


def _named(rows: pd.DataFrame, level: str | None = None) -> list[str]:
    """Name targets with their comparison group, and the level beside them."""
    return [
        f"{target_name(row.target)} ({row.dataset}, {row.model}"
        + (f", {level} {score_text(getattr(row, level))})" if level else ")")
        for row in rows.itertuples()
    ]


def _quotes(texts: Iterable[str]) -> str:
    return ", ".join(map(quoted, texts))
