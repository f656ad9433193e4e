"""Where each strategy stands at a target: beside the best, and beside the baseline."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
import pandas as pd

from alrun import stats
from alrun.report.pairs import compare_pairs
from alrun.report.references import FEWEST_CEILINGS
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
    kind
        What can be said.
    is_out_of_reach
        Whether too few seeds get there with all training labels for any claim.
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
    is_out_of_reach: bool
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
        return (self.target, self.kind, self.is_out_of_reach, best, self.is_same, self.others)


def find_standings(tables: Tables, pairs: pd.DataFrame | None = None) -> Iterator[Standing]:
    """Yield the standing of each comparison group and target, in the order of the rows.

    `pairs` are those of `compare_pairs`; without them they are computed.
    """
    pairs = compare_pairs(tables, has_raw_p=False) if pairs is None else pairs
    by_target: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for pair in pairs.to_dict("records"):
        key = (*(pair[name] for name in COMPARISON_GROUP), pair["target"])
        by_target.setdefault(key, []).append(pair)
    for group, rows in comparison_groups(tables.rows):
        for target, own in rows.groupby("target", sort=False):
            yield _stand(group, target, list(own.itertuples()), by_target.get((*group, target), []))


def _stand(
    key: tuple[Any, ...], target: Written, rows: list[Any], pairs: list[dict[str, Any]]
) -> Standing:
    first = rows[0]
    is_out_of_reach = bool(first.ceiling_reached < FEWEST_CEILINGS)
    kind = _without_best(rows)
    if kind is not None:
        best = first if kind is Kind.alone else None
        return Standing(key, target, kind, is_out_of_reach, first, best)
    baseline = next((row for row in rows if row.is_baseline), None)
    best = _best(rows)
    beside = {
        pair["b"] if pair["a"] == best.strategy else pair["a"]: pair
        for pair in pairs
        if best.strategy in (pair["a"], pair["b"])
    }
    is_same = baseline is not None and baseline is not best and beside[baseline.strategy]["same"]
    others = {
        row.strategy: (_to_best(row, beside[row.strategy], best), _to_baseline(row))
        for row in rows
        if row is not best and row is not baseline
    }
    kind = _with_best(best, baseline)
    open_ones = [row for row in rows if _is_open(others.get(row.strategy))]
    if kind is not Kind.baseline_first:
        open_ones = [best] if kind is Kind.unshown and not is_same else []
    contender = None
    if open_ones and not is_out_of_reach:
        contender = min(open_ones, key=lambda row: row.mean_labels).Index
    return Standing(
        *(key, target, kind, is_out_of_reach, first, best, baseline, contender, is_same),
        others=tuple(others.items()),
    )


def _is_open(relation: Relation | None) -> bool:
    """Return whether nothing is shown of a strategy beside a baseline that is the best."""
    return relation in ((ToBest.untold, ToBaseline.unshown), (ToBest.near, ToBaseline.unshown))


def _best(rows: list[Any]) -> Any:
    """Return the row with the fewest mean labels, as a share of the baseline's where there is one.

    The share is of the baseline on the same seeds: with equal seeds the order is that of the means,
    and a strategy that lacks the hard seeds gains nothing by it.
    """
    compared = [row for row in rows if row.baseline_mean_labels > 0]
    if compared:
        return min(compared, key=lambda row: row.mean_labels / row.baseline_mean_labels)
    return min(rows, key=lambda row: row.mean_labels)


def _without_best(rows: list[Any]) -> Kind | None:
    """Return what there is to say where no strategy is the best; None elsewhere."""
    if any(np.isnan(row.reached) for row in rows):
        return Kind.without_value
    if not all(row.informative for row in rows):
        return Kind.at_floor
    if all(row.reached == 0 for row in rows):
        return Kind.unreached
    if all(row.n_start_at_target == (row.n_pairs or row.n_seeds) for row in rows):
        return Kind.at_start
    return Kind.alone if len(rows) == 1 else None


def _with_best(best: Any, baseline: Any) -> Kind:
    if baseline is None:
        return Kind.without_baseline
    if best.is_baseline:
        return Kind.baseline_first
    return Kind.saves if best.significant and best.saving > 0 else Kind.unshown


def _to_best(row: Any, pair: Mapping[str, Any], best: Any) -> ToBest:
    """Return where a strategy stands beside the best; beside the baseline its own test decides."""
    if np.isnan(pair["p_adjusted"]):
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
