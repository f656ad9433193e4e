"""The numbers of a report: a row per data set, model, batch size, target and strategy."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from alrun import stats
from alrun.curves import BLOCK, Curves, labels_to_target, read_curves, summaries
from alrun.errors import ResultsError, nearest

Array = npt.NDArray[Any]
Row = dict[str, Any]

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
        *("wins", "ties", "losses"),
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
    family: int

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
    order: Sequence[str] = (),
    query_seconds: Mapping[tuple[Any, ...], float] | None = None,
    known_ends: Callable[[], Mapping[Any, int]] = dict,
) -> Tables:
    """Compute a report from a table of curves.

    Parameters
    ----------
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
    by_target = {target: labels_to_target(curves, target) for target in targets}
    rows: list[Row] = []
    for key, block in per_run.groupby(BLOCK, observed=True):
        ranked = _ranked(block["strategy"].unique(), baseline, order)
        whole = {name: _whole_curve(block, name, baseline) for name in ranked}
        for target in targets or (np.nan,):
            labels = by_target[target][block.index] if target in by_target else None
            for name in ranked:
                row = dict(zip(BLOCK, key, strict=True)) | {"target": target, "strategy": name}
                row |= whole[name]
                if labels is not None:
                    row |= _labels_to_target(block, labels, name, baseline)
                row["query_seconds"] = (query_seconds or {}).get((*key, name), np.nan)
                rows.append(row)
    table = pd.DataFrame(rows, columns=COLUMNS)
    family = _adjust(table)
    return Tables(table, curves, metric, baseline, tuple(targets), family)


def _ranked(names: Iterable[str], baseline: str, order: Sequence[str]) -> list[str]:
    """Sort strategies: the baseline, then the order of the experiment, then the alphabet."""
    places = {name: place for place, name in enumerate(order)}
    return sorted(names, key=lambda name: (name != baseline, places.get(name, len(places)), name))


def _pairs(block: pd.DataFrame, name: str, baseline: str) -> tuple[Array, Array | None]:
    """Return the positions in `block` of a strategy's runs, and those of the baseline's pairs.

    Both are in the order of the seeds they share. Where they share none, without a baseline, and
    for the baseline, the first holds all runs and the second is None.
    """
    seeds, strategy = block["seed"].to_numpy(), block["strategy"].to_numpy()
    mine = np.flatnonzero(strategy == name)
    theirs = np.flatnonzero(strategy == baseline)
    if name == baseline or len(theirs) == 0:
        return mine, None
    _, at, at_baseline = np.intersect1d(seeds[mine], seeds[theirs], return_indices=True)
    return (mine[at], theirs[at_baseline]) if len(at) else (mine, None)


def _labels_to_target(block: pd.DataFrame, labels: Array, name: str, baseline: str) -> Row:
    """Return the part of a row that is about labels to one target.

    Runs are cut at the common budget: the smallest last label count among the runs of the block
    that did not reach the target, or where all did, the largest count that one needed.
    """
    last = block["last"].to_numpy()
    censored = np.isinf(labels)
    budget = int(last[censored].min() if censored.any() else labels.max())
    cut = np.minimum(labels, budget).astype(np.int64)
    shown = np.where(labels <= budget, labels, np.inf)
    mine, theirs = _pairs(block, name, baseline)
    reached = int((labels[mine] <= budget).sum())
    mean, share = stats.mean_interval(cut[mine]), stats.Interval()
    if len(mine) > 1:
        share = stats.share_interval(reached, len(mine))
    middle = stats.median_interval(shown[mine])
    row: Row = {
        "n_start_at_target": int((labels[mine] == block["first"].to_numpy()[mine]).sum()),
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
        "random_mean_labels": _mean(cut[mine]) if name == baseline else np.nan,
    }
    if theirs is not None:
        anyone = reached > 0 or bool((labels[theirs] <= budget).any())
        row |= _against_baseline(cut[theirs], cut[mine], anyone)
    return row


def _against_baseline(baseline: Array, strategy: Array, anyone_reached: bool) -> Row:
    differences = baseline - strategy
    row: Row = {
        "random_mean_labels": _mean(baseline),
        "wins": int((differences > 0).sum()),
        "ties": int((differences == 0).sum()),
        "losses": int((differences < 0).sum()),
        "no_variation": len(differences) > 1 and bool(differences[0]) and np.ptp(differences) == 0,
        "p_value": stats.sign_flip(differences) if len(differences) > 1 else np.nan,
    }
    if anyone_reached:
        interval = stats.saving_interval(baseline, strategy)
        row["saving"] = stats.saving(baseline, strategy)
        row["saving_low"], row["saving_high"] = interval.low, interval.high
    return row


def _whole_curve(block: pd.DataFrame, name: str, baseline: str) -> Row:
    """Return the part of a row that holds for every target: counts, AULC and final score."""
    mine, theirs = _pairs(block, name, baseline)
    aulc, initial, final = (block[key].to_numpy()[mine] for key in ("aulc", "initial", "final"))
    aulc_mean, final_mean = stats.mean_interval(aulc), stats.mean_interval(final)
    row: Row = {
        "is_baseline": name == baseline,
        "n_seeds": int((block["strategy"] == name).sum()),
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
        apart = np.round(aulc - block["aulc"].to_numpy()[theirs], 12)
        row["aulc_difference"] = _mean(apart)
        row["final_difference"] = _mean(final - block["final"].to_numpy()[theirs])
        if len(mine) > 1:
            row["aulc_p_value"] = stats.sign_flip(apart)
            row["final_p_value"] = stats.sign_flip(_final_differences(block, mine, theirs))
    return row


def _final_differences(block: pd.DataFrame, mine: Array, theirs: Array) -> Array:
    """Return the differences of the final scores, as counts where those say the same."""
    correct, tested = block["final_correct"].to_numpy(), block["final_test"].to_numpy()
    rows = np.concatenate([mine, theirs])
    if len(np.unique(tested[rows])) == 1 and np.isfinite(correct[rows] + tested[rows]).all():
        return (correct[mine] - correct[theirs]).astype(np.int64)
    final = block["final"].to_numpy()
    return np.round(final[mine] - final[theirs], 12)


def _adjust(table: pd.DataFrame) -> int:
    """Add adjusted p values to a table of rows; return the size of the family of labels to target.

    AULC and the final score do not depend on the target: each is tested once, not once per target.
    """
    table["p_adjusted"] = stats.holm(table["p_value"].to_numpy(np.float64))
    once = ~table.duplicated([*BLOCK, "strategy"])
    for name in ("aulc", "final"):
        tests = table.loc[once, [*BLOCK, "strategy"]].copy()
        tests["adjusted"] = stats.holm(table.loc[once, f"{name}_p_value"].to_numpy(np.float64))
        adjusted = table[[*BLOCK, "strategy"]].merge(tests, how="left")["adjusted"]
        table[f"{name}_p_adjusted"] = adjusted.to_numpy()
        table[f"{name}_significant"] = table[f"{name}_p_adjusted"] <= stats.ALPHA
    table["significant"] = table["p_adjusted"] <= stats.ALPHA
    table["no_variation"] = table["no_variation"].eq(True)
    return int(table["p_value"].notna().sum())


def _mean(values: Array) -> float:
    return float(np.mean(values)) if len(values) else np.nan


def _median(values: Array) -> float:
    """Return the median, infinite where half of the values or more are."""
    if len(values) == 0:
        return np.nan
    ordered = np.sort(values)
    low, high = ordered[(len(values) - 1) // 2], ordered[len(values) // 2]
    return float(high if np.isinf(high) else (low + high) / 2)


def blocks(table: pd.DataFrame) -> Iterator[tuple[tuple[Any, ...], pd.DataFrame]]:
    """Yield the rows of each data set, model and batch size."""
    yield from table.groupby(BLOCK, observed=True, sort=False)
