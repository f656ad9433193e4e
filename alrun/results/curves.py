"""Numbers per run, read off its curve: labels to target, area, first and last score.

The curves come as a table like `curves.parquet`: a row per round, in any order.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from alrun import metrics
from alrun.arrays import Array, BoolArray, FloatArray, IntArray, first_true
from alrun.errors import ResultsError
from alrun.metrics import Metric
from alrun.results.schema import LATER_LABELS

COMPARISON_GROUP = ["dataset", "model", *LATER_LABELS, "batch_size"]
RUN = [*COMPARISON_GROUP, "strategy", "seed"]
_LABELS = ("dataset", "model", *LATER_LABELS, "strategy")
REQUIRED = (*(key for key in RUN if key not in LATER_LABELS), "n_labels")


@dataclass(frozen=True)
class Curves:
    """Valid curves of one metric, run after run, each in ascending `n_labels`.

    Attributes
    ----------
    runs
        A row per run: the columns of RUN, the first and last `n_labels`, the score of its first
        round (`first_score`), whether its labels have prices (`is_priced`), and the share of wrong
        ones among all at its end (`wrong`), NaN where it is not known.
    start
        Where each run's rounds begin, with the total at the end, shape (n_runs + 1,).
    n_labels, score
        Of every round, shape (n_rounds,). Along costs `n_labels` holds what the labels have cost.
    n_correct, n_test
        Counts of every round where the score is their ratio and they are known, else None; NaN
        where a round has none.
    excluded
        Sentences about the runs that were left out.
    metric
        How the score is read.
    along
        "n_labels" or "cost": what they run along.
    """

    runs: pd.DataFrame
    start: IntArray
    n_labels: Array
    score: Array
    n_correct: Array | None
    n_test: Array | None
    excluded: tuple[str, ...]
    metric: Metric
    along: str = "n_labels"

    def rounds(self, run: int) -> tuple[Array, Array]:
        """Return `n_labels` and score of one run."""
        rows = slice(self.start[run], self.start[run + 1])
        return self.n_labels[rows], self.score[rows]


def read_curves(
    frame: pd.DataFrame,
    metric: str,
    known_ends: Callable[[], Mapping[Any, int]] = dict,
    along: str = "n_labels",
) -> Curves:
    """Check and sort a table of curves, and drop unusable runs.

    A run with a NaN score, or one that ends before the longest run of its strategy, is left out and
    named: it is neither censored nor a zero. `known_ends` gives, for data set and seed, the label
    count from which a run may end, as where the pool is smaller; it is asked where runs differ. A
    run with prices may have fewer labels, as long as another round could have cost more than what
    is left of the largest cost.

    `along` is "n_labels" or "cost". Rounds of a run that have the same, as after an answer that
    gives no label, count as the last of them. Where no cost is known each label costs 1.

    Raises ResultsError where columns are missing, where the same round stands twice, where a cost
    falls, and where the counts of a row contradict its score.
    """
    for column in (*REQUIRED, metric):
        if column not in frame.columns:
            remedy = "" if column in REQUIRED else "; choose another with --metric"
            raise ResultsError(f"the curves have no column '{column}'{remedy}")
    if frame.empty:
        raise ResultsError("the curves hold no row: there is no run that can be reported")
    if frame[metric].isna().all():
        raise ResultsError(
            f"'{metric}' does not apply to these curves: it is empty in every round; choose another"
            " with --metric"
        )
    frame = _typed(frame, metric)
    order = [*_varying_keys(frame), "n_labels"]
    frame = frame.sort_values(order, kind="stable", ignore_index=True)
    begins = _begins(frame)
    frame = _rounds_in_order(frame, begins)
    start = np.append(np.flatnonzero(begins), len(frame))
    costs = _costs(frame, start)
    runs = _runs_of(frame, start, costs)
    keep, excluded = _usable(runs, frame[metric].to_numpy(), start, costs, known_ends)
    runs["first_score"] = frame[metric].to_numpy()[start[:-1]]
    if along == "cost":
        frame["cost"] = costs
    frame, start = _last_of_each(frame, start, along)
    n_labels = frame[along].to_numpy()
    runs["first"], runs["last"] = n_labels[start[:-1]], n_labels[start[1:] - 1]
    rows = np.repeat(keep, np.diff(start))
    how = metrics.find(metric)
    counts = how.is_share_correct and {"n_correct", "n_test"} <= set(frame.columns)
    return Curves(
        runs=runs[keep].reset_index(drop=True),
        start=np.concatenate([[0], np.cumsum(np.diff(start)[keep])]),
        n_labels=n_labels[rows],
        score=frame[metric].to_numpy()[rows],
        n_correct=frame["n_correct"].to_numpy()[rows] if counts else None,
        n_test=frame["n_test"].to_numpy()[rows] if counts else None,
        excluded=excluded,
        metric=how,
        along=along,
    )


def labels_to_target(curves: Curves, target: float | FloatArray, sustain: int = 1) -> Array:
    """Return per run the fewest labels with a score at the target; infinite without one.

    The target is one score, or one for each run, shape (n_runs,).

    At the target is at least there, or at most where less is better. No interpolation and no
    smoothing: the label counts are those that were evaluated. With `sustain` k the score must be at
    the target in k rounds in a row, all of them seen; the labels are those of the first of them.
    """
    n_rounds = len(curves.score)
    at_target = _is_at(curves, target)
    left = np.repeat(curves.start[1:], np.diff(curves.start)) - np.arange(n_rounds)
    sustained = at_target & (left >= sustain)
    for later in range(1, min(sustain, n_rounds)):
        sustained[:-later] &= at_target[later:]
    reached = np.where(sustained, curves.n_labels.astype(np.float64), np.inf)
    return np.minimum.reduceat(reached, curves.start[:-1]) if len(curves.runs) else reached


def falls_back(curves: Curves, target: float | FloatArray) -> BoolArray:
    """Return per run whether its score left `target` after it had been there."""
    rounds = np.arange(len(curves.score))
    at_target = _is_at(curves, target)
    starts = curves.start[:-1]
    first_at = np.minimum.reduceat(np.where(at_target, rounds, len(rounds)), starts)
    last_away = np.maximum.reduceat(np.where(at_target, -1, rounds), starts)
    return np.asarray(first_at < last_away)


def _is_at(curves: Curves, target: float | FloatArray) -> BoolArray:
    """Return a mask of the rounds at the target of their run."""
    if isinstance(target, np.ndarray):
        target = np.repeat(target, np.diff(curves.start))
    return curves.metric.is_at(curves.score, target)


def area_under_curve(n_labels: Array, score: Array, low: float, high: float) -> float:
    """Return the mean height of a curve between two label counts, by the trapezoid rule.

    Between rounds the curve is a straight line. NaN where the range is empty.
    """
    if high <= low:
        return float("nan")
    inside = (n_labels > low) & (n_labels < high)
    n = np.concatenate([[low], n_labels[inside], [high]])
    return float(np.trapezoid(np.interp(n, n_labels, score), n) / (high - low))


def summaries(curves: Curves) -> pd.DataFrame:
    """Return per run its AULC, first and final score over the range common to its group.

    The range runs from the largest first to the smallest last `n_labels` of the group, so that
    curves of unequal budgets or grids are compared over the same labels. `final_correct` is the
    count behind the final accuracy where it is known and the run was evaluated just there, NaN
    elsewhere.
    """
    groups = curves.runs.groupby(COMPARISON_GROUP, observed=True, sort=False)
    low = groups["first"].transform("max").to_numpy()
    high = groups["last"].transform("min").to_numpy()
    runs = range(len(curves.runs))
    rows = [_summary(curves, run, float(low[run]), float(high[run])) for run in runs]
    return pd.DataFrame(rows, columns=["aulc", "initial", "final", "final_correct", "final_test"])


def _summary(
    curves: Curves, run: int, low: float, high: float
) -> tuple[float, float, float, float, float]:
    n_labels, score = curves.rounds(run)
    if high < low:
        return (np.nan,) * 5
    first, final = np.interp([low, high], n_labels, score)
    area = area_under_curve(n_labels, score, low, high)
    at = int(curves.start[run] + np.searchsorted(n_labels, high))
    if curves.n_correct is None or curves.n_test is None or curves.n_labels[at] != high:
        return (area, first, final, np.nan, np.nan)
    return (area, first, final, curves.n_correct[at], curves.n_test[at])


def _typed(frame: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Return the frame with names as categories in alphabetical order, the rest as numbers."""
    frame = frame.copy(deep=False)
    for column in LATER_LABELS:
        labels = frame[column].astype(object) if column in frame.columns else ""
        frame[column] = pd.Series(labels, index=frame.index).fillna("").astype("category")
    for column in _LABELS:
        if frame[column].isna().any():
            raise ResultsError(f"the column '{column}' has a row without a value")
        values = frame[column].astype("category")
        names = sorted(values.cat.categories.astype(str))
        frame[column] = values.cat.rename_categories(str).cat.set_categories(names)
    for column in ("batch_size", "seed", "n_labels"):
        whole = _numbers(frame, column)
        if not np.array_equal(whole, np.rint(whole)) or np.isinf(whole).any() or (whole < 0).any():
            raise ResultsError(f"the column '{column}' must hold whole numbers, none below 0")
        frame[column] = whole.astype(np.int64)
    for column in sorted({"n_correct", "n_test", "n_wrong", "cost", metric} & set(frame.columns)):
        values = _numbers(frame, column)
        known = values[~np.isnan(values)]
        is_count = column not in ("cost", metric)
        if np.isinf(known).any() or (is_count and (known != np.rint(known)).any()):
            kind = "whole" if is_count else "finite"
            raise ResultsError(f"the column '{column}' must hold {kind} numbers")
        frame[column] = values
    if "round" in frame.columns:
        frame["round"] = pd.to_numeric(frame["round"], errors="coerce")
    if metrics.find(metric).is_share_correct and {"n_correct", "n_test"} <= set(frame.columns):
        _check_counts(frame, metric)
    _check_range(metric, frame[metric].dropna().to_numpy())
    return frame


def _check_counts(frame: pd.DataFrame, metric: str) -> None:
    """Raise ResultsError at the first row with impossible counts, or with another score.

    The score may be rounded or cut off: it may differ from n_correct / n_test by less than one unit
    of the last decimal that the column has.
    """
    correct, test = frame["n_correct"].to_numpy(), frame["n_test"].to_numpy()
    score = frame[metric].to_numpy()
    impossible = (correct < 0) | (correct > test) | (test < 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = np.abs(score - correct / test)
    other = apart > 1e-6  # single precision
    if other.any():
        other = apart >= 10.0 ** -_decimals(score) * (1 - 1e-9)
    if (place := first_true(impossible | other)) is None:
        return
    counts = f"n_correct {correct[place]:g} of n_test {test[place]:g}"
    what = (
        f"{counts} cannot be; n_correct counts the right ones among n_test examples, at least one"
        if impossible[place]
        else f"{counts} is not the {metric} {score[place]:g}; mend the counts or the {metric}, or"
        " drop the columns of counts"
    )
    raise ResultsError(f"row {frame.index[place]} (the first is 0): {what}")


def _decimals(scores: FloatArray) -> int:
    """Return how many decimals the most exact of the scores has, at most 6."""
    known = scores[np.isfinite(scores)]
    exact = (
        places for places in range(6) if np.allclose(known, known.round(places), rtol=0, atol=1e-7)
    )
    return next(exact, 6)


def _check_range(metric: str, scores: FloatArray) -> None:
    """Raise ResultsError at a score outside the metric's range."""
    how = metrics.find(metric)
    low, high = -how.tolerance, how.largest + how.tolerance
    if not ((scores >= low) & (scores <= high)).all():
        bounds = "from 0 on" if np.isinf(high) else f"from 0 to {how.largest:g}"
        kind = "shares of one, not percentages" if how.largest == 1 else f"numbers {bounds}"
        raise ResultsError(f"the column '{metric}' must hold {kind}")


def _numbers(frame: pd.DataFrame, column: str) -> FloatArray:
    try:
        return frame[column].to_numpy(np.float64, na_value=np.nan)
    except (TypeError, ValueError):
        raise ResultsError(f"the column '{column}' must hold numbers") from None


def _varying_keys(frame: pd.DataFrame) -> list[str]:
    """Return the columns that tell runs apart; to sort by one with a single label takes time."""
    return [name for name in RUN if name not in _LABELS or len(frame[name].cat.categories) > 1]


def _begins(frame: pd.DataFrame) -> BoolArray:
    """Return a mask of the first row of each run in a sorted table."""
    begins = np.zeros(len(frame), dtype=bool)
    begins[:1] = True
    for column in _varying_keys(frame):
        values = (frame[column].cat.codes if column in _LABELS else frame[column]).to_numpy()
        begins[1:] |= values[1:] != values[:-1]
    return begins


def _rounds_in_order(frame: pd.DataFrame, begins: BoolArray) -> pd.DataFrame:
    """Return a sorted table with the rounds of equal label counts in order.

    They are the rounds after an answer that gave no label, or a label again. Raises ResultsError
    for a repeated round, and for two runs with the same keys.
    """
    same = _follows(frame["n_labels"], begins)
    if same.any() and "round" in frame.columns:
        order = [*_varying_keys(frame), "n_labels", "round"]
        frame = frame.sort_values(order, kind="stable", ignore_index=True)
        rounds = frame["round"].to_numpy(np.float64)
        same &= ~(rounds[1:] > rounds[:-1])  # nothing is above NaN: without numbers it is a twin
    _check_no_twins(frame, begins, same)
    return frame


def _follows(values: pd.Series, begins: BoolArray) -> BoolArray:
    """Return for each row but the first whether it has the value of the one before in its run."""
    numbers = values.to_numpy()
    return np.asarray((numbers[1:] == numbers[:-1]) & ~begins[1:])


def _check_no_twins(frame: pd.DataFrame, begins: BoolArray, same: BoolArray) -> None:
    if (row := first_true(same)) is not None:
        twin = frame.iloc[row]
        keys = _keys_of(twin)
        name = f"run {twin['run_id']} ({keys})" if "run_id" in frame.columns else keys
        raise ResultsError(
            f"the curves hold n_labels {twin['n_labels']} more than once for {name}"
            f" ({same.sum()} such rows in all); each round of a run must stand once"
        )
    if "run_id" not in frame.columns:
        return
    codes = frame["run_id"].astype("category").cat.codes.to_numpy()
    if (row := first_true((codes[1:] != codes[:-1]) & ~begins[1:])) is not None:
        one, other = frame["run_id"].iloc[[row, row + 1]]
        keys = _keys_of(frame.iloc[row])
        raise ResultsError(f"the curves hold two runs, {one} and {other}, for {keys}; drop one")


def _keys_of(row: pd.Series) -> str:
    return ", ".join(f"{column} {row[column]}" for column in RUN if row[column] != "")


def _costs(frame: pd.DataFrame, start: IntArray) -> FloatArray:
    """Return what the labels of every round have cost; 1 for each where a run has no costs.

    Raises ResultsError where a run has costs in some of its rounds, or one that falls.
    """
    n_labels = frame["n_labels"].to_numpy()
    sizes = np.diff(start)
    counted = (n_labels - np.repeat(n_labels[start[:-1]], sizes)).astype(np.float64)
    if "cost" not in frame.columns or frame["cost"].isna().all():
        return counted
    # Rounded, so that equal costs that were added up in another order are equal.
    costs = frame["cost"].to_numpy().round(9)
    is_known = ~np.isnan(costs)
    n_known = np.add.reduceat(is_known, start[:-1], dtype=np.int64)
    some = (n_known > 0) & (n_known < sizes)
    falls = np.append(False, costs[1:] < costs[:-1])
    falls[start[:-1]] = costs[start[:-1]] < 0
    for bad, what in (
        (np.repeat(some, sizes) & ~is_known, "is empty in one round and not in others"),
        (falls, "falls from one round to the next, or begins below 0,"),
    ):
        if (row := first_true(bad)) is not None:
            keys = _keys_of(frame.iloc[row])
            raise ResultsError(
                f"the column 'cost' {what} for {keys}; it holds what all answers before a round"
                " cost together"
            )
    return np.where(is_known, costs, counted)


def _runs_of(frame: pd.DataFrame, start: IntArray, costs: FloatArray) -> pd.DataFrame:
    """Return the keys of each run, its last label count, whether it is priced, its wrong labels."""
    n_labels, ends = frame["n_labels"].to_numpy(), start[1:] - 1
    runs = frame.loc[start[:-1], RUN].reset_index(drop=True)
    runs["last"] = n_labels[ends]
    bought = n_labels - np.repeat(n_labels[start[:-1]], np.diff(start))
    runs["is_priced"] = np.logical_or.reduceat(costs != bought, start[:-1])
    wrong = frame["n_wrong"].to_numpy()[ends] if "n_wrong" in frame.columns else np.nan
    runs["wrong"] = wrong / np.maximum(n_labels[ends], 1)
    return runs


def _last_of_each(
    frame: pd.DataFrame, start: IntArray, along: str
) -> tuple[pd.DataFrame, IntArray]:
    """Return the last round of each label count, or cost, of each run, and where runs begin."""
    values = frame[along].to_numpy()
    is_last = np.append(values[1:] != values[:-1], True)
    is_last[start[1:] - 1] = True
    if is_last.all():
        return frame, start
    counts = np.add.reduceat(is_last, start[:-1], dtype=np.int64)
    return frame[is_last], np.append(0, np.cumsum(counts))


def _usable(
    runs: pd.DataFrame,
    score: Array,
    start: IntArray,
    costs: FloatArray,
    known_ends: Callable[[], Mapping[Any, int]],
) -> tuple[BoolArray, tuple[str, ...]]:
    """Return a mask of the usable runs, and a sentence per kind of unusable ones."""
    if runs.empty:
        return np.zeros(0, dtype=bool), ()
    has_nan = np.add.reduceat(np.isnan(score), start[:-1]) > 0
    sound = runs["last"].where(~has_nan)
    keys = [runs[column] for column in (*COMPARISON_GROUP, "strategy")]
    longest = sound.groupby(keys, observed=True).transform("max")
    is_short = (runs["last"] < longest).to_numpy() & ~has_nan
    if is_short.any() and runs["is_priced"].any():
        is_short &= _could_go_on(runs, has_nan, start, costs)
    if is_short.any():
        ends = known_ends()
        allowed = [ends.get(key, np.inf) for key in zip(runs["dataset"], runs["seed"], strict=True)]
        is_short &= runs["last"].to_numpy() < np.array(allowed)
    kinds = {"has a NaN score": has_nan, "ends before others of its strategy": is_short}
    sentences = tuple(
        f"left out, since it {what}: {_named(runs[bad])}"
        for what, bad in kinds.items()
        if bad.any()
    )
    return ~(has_nan | is_short), sentences


def _could_go_on(
    runs: pd.DataFrame, has_nan: BoolArray, start: IntArray, costs: FloatArray
) -> BoolArray:
    """Return a mask of the runs that end while the dearest round would still be paid for.

    What may be spent is what the dearest run of the strategy spent. Those without prices always
    could go on.
    """
    spent = pd.Series(costs[start[1:] - 1]).where(~has_nan)
    steps = np.diff(costs, prepend=0.0)
    steps[start[:-1]] = 0.0
    dearest = pd.Series(np.maximum.reduceat(steps, start[:-1]))
    group = [runs[column] for column in COMPARISON_GROUP]
    cell = [*group, runs["strategy"]]
    most = spent.groupby(cell, observed=True).transform("max")
    step = dearest.groupby(group, observed=True).transform("max")
    is_priced = runs["is_priced"].groupby(cell, observed=True).transform("any")
    return ((spent + step < most - 1e-9) | ~is_priced).to_numpy()


def _named(runs: pd.DataFrame) -> str:
    """Name up to ten runs."""
    first = runs.head(10)
    names = [
        f"{run.strategy} seed {run.seed} (batch size {run.batch_size}, {run.dataset}, {run.model}"
        f"{''.join(f', {label}' for label in labels if label)})"
        for run, *labels in zip(
            first.itertuples(), *(first[column] for column in LATER_LABELS), strict=True
        )
    ]
    more = f" and {len(runs) - 10} more" if len(runs) > 10 else ""
    return "; ".join(names) + more
