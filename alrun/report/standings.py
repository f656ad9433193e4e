"""Where each strategy stands at a target: beside the best, and beside the baseline."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import pandas as pd

from alrun import stats
from alrun.report.pairs import compare_pairs
from alrun.report.references import FEWEST_CEILINGS, is_own_end
from alrun.report.rows import Tables, comparison_groups
from alrun.results.curves import COMPARISON_GROUP
from alrun.targets import Written


class Kind(StrEnum):
    """What can be said of a target."""

    saves = "the best saves labels against the baseline"
    unshown = "the best is not shown to save labels"
    baseline_first = "no strategy has fewer labels than the baseline"
    without_baseline = "there is a best, and no baseline"
    alone = "there is one strategy"
    at_start = "every run starts at the target"
    unreached = "no run reaches the target"
    at_floor = "no learning is needed"
    without_value = "the target has no value"


class Withheld(StrEnum):
    """Why nothing is claimed, whatever the p values."""

    no = ""
    out_of_reach = "fewer than half of the seeds get there with all training labels"
    own_end = "the target comes from the baseline's own curves"


class ToBest(StrEnum):
    """A strategy beside that with the fewest labels."""

    same = "the same within the rope"
    near = "differs, by less than the rope"
    untold = "cannot be told from it"
    told = "needs more labels"
    uncompared = "has fewer than two seeds in common with it"


class ToBaseline(StrEnum):
    """A strategy beside the baseline, by its adjusted p value."""

    saves = "saves labels"
    unshown = "no difference is shown"
    needs_more = "needs more labels"
    untested = "there is no test"


Relation = tuple[ToBest, ToBaseline]


@dataclass(frozen=True)
class Standing:
    """The strategies of one comparison group at one target.

    Attributes
    ----------
    key
        Data set, model, start and batch size.
    kind, withheld
        What can be said, and what keeps it from being claimed.
    first
        A row of the group at the target, for what all of them share.
    best, baseline
        The rows of these strategies; None where there is none.
    contender
        Index of the row whose saving is not shown, and for which more seeds would help; None where
        there is none.
    is_same
        Whether best and baseline are the same within the rope.
    others
        All strategies but best and baseline, in order, with their relations to these two.
    """

    key: tuple[Any, ...]
    target: Written
    kind: Kind
    withheld: Withheld
    first: Any
    best: Any = None
    baseline: Any = None
    contender: Any = None
    is_same: bool = False
    others: tuple[tuple[str, Relation], ...] = ()

    @property
    def words(self) -> tuple[Any, ...]:
        """All but the numbers: standings with the same words are said once."""
        best = self.best.strategy if self.best is not None else ""
        return (self.target, self.kind, self.withheld, best, self.is_same, self.others)


def find_standings(tables: Tables) -> Iterator[Standing]:
    """Yield the standing of each comparison group and target, in the order of the rows."""
    pairs = compare_pairs(tables)
    keys = [*COMPARISON_GROUP, "target"]
    by_target = dict(iter(pairs.groupby(keys, observed=True, sort=False)))
    for key, group in comparison_groups(tables.rows):
        for target, rows in group.groupby("target", sort=False):
            yield _stand(key, target, rows, by_target.get((*key, target), pairs[:0]))


def _stand(
    key: tuple[Any, ...], target: Written, rows: pd.DataFrame, pairs: pd.DataFrame
) -> Standing:
    first = next(rows.itertuples())
    kind, withheld = _without_best(rows), _withheld(first)
    if kind is not None:
        best = first if kind is Kind.alone else None
        return Standing(key, target, kind, withheld, first, best)
    baseline = next(rows[rows["is_baseline"]].itertuples(), None)
    best = _best(rows)
    beside = _beside(pairs, best.strategy)
    is_same = baseline is not None and bool(beside.get(baseline.strategy, {}).get("same", False))
    others = {
        row.strategy: (_to_best(row, beside[row.strategy], best), _to_baseline(row))
        for row in rows.itertuples()
        if row.strategy != best.strategy and not row.is_baseline
    }
    kind = _with_best(best, baseline)
    open_ones = [
        name
        for name, (to_best, to_baseline) in others.items()
        if to_baseline is ToBaseline.unshown and to_best is not ToBest.same
    ]
    if kind is not Kind.baseline_first:
        open_ones = [best.strategy] if kind is Kind.unshown and not is_same else []
    contender = None
    if open_ones and withheld is Withheld.no:
        contender = rows.loc[rows["strategy"].isin(open_ones), "mean_labels"].idxmin()
    return Standing(
        *(key, target, kind, withheld, first, best, baseline, contender, is_same),
        others=tuple(others.items()),
    )


def _best(rows: pd.DataFrame) -> Any:
    """Return the row with the fewest mean labels, as a share of the baseline's where there is one.

    The share is of the baseline on the same seeds: with equal seeds the order is that of the means,
    and a strategy that lacks the hard seeds gains nothing by it.
    """
    shares = rows["mean_labels"] / rows["baseline_mean_labels"]
    score = shares if shares.notna().any() else rows["mean_labels"]
    return next(rows[score == score.min()].itertuples())


def _without_best(rows: pd.DataFrame) -> Kind | None:
    """Return what there is to say where no strategy is the best; None elsewhere."""
    if rows["reached"].isna().any():
        return Kind.without_value
    if not rows["informative"].all():
        return Kind.at_floor
    if (rows["reached"] == 0).all():
        return Kind.unreached
    n_runs = rows["n_pairs"].where(rows["n_pairs"] > 0, rows["n_seeds"])
    if (rows["n_start_at_target"] == n_runs).all():
        return Kind.at_start
    return Kind.alone if len(rows) == 1 else None


def _with_best(best: Any, baseline: Any) -> Kind:
    if baseline is None:
        return Kind.without_baseline
    if best.is_baseline:
        return Kind.baseline_first
    return Kind.saves if best.significant and best.saving > 0 else Kind.unshown


def _withheld(row: Any) -> Withheld:
    if is_own_end(row.target):
        return Withheld.own_end
    return Withheld.out_of_reach if row.ceiling_reached < FEWEST_CEILINGS else Withheld.no


def _beside(pairs: pd.DataFrame, name: str) -> dict[str, Mapping[str, Any]]:
    """Return the pairs of one strategy by the other one; `ratio` is that of their mean labels."""
    return {
        pair["b"] if pair["a"] == name else pair["a"]: pair
        for pair in pairs.to_dict("records")
        if name in (pair["a"], pair["b"])
    }


def _to_best(row: Any, pair: Mapping[str, Any], best: Any) -> ToBest:
    """Return where a strategy stands beside the best; beside the baseline its own test decides."""
    if np.isnan(pair["p_value"]):
        return ToBest.uncompared
    if best.is_baseline:
        is_told = _to_baseline(row) is ToBaseline.needs_more
    else:
        # With other seeds the best of all may have more labels on those that the two share.
        mine, its = ("mean_a", "mean_b") if pair["a"] == row.strategy else ("mean_b", "mean_a")
        is_told = pair["p_adjusted"] <= stats.ALPHA and pair[mine] > pair[its]
    if pair["same"]:
        return ToBest.near if is_told else ToBest.same
    return ToBest.told if is_told else ToBest.untold


def _to_baseline(row: Any) -> ToBaseline:
    if np.isnan(row.p_value):
        return ToBaseline.untested
    if not row.significant:
        return ToBaseline.unshown
    return ToBaseline.saves if row.saving > 0 else ToBaseline.needs_more
