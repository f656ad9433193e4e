"""The verdict on stopping rules: which adapt, which a fixed budget matches, which never stop."""

from collections import Counter
from collections.abc import Iterator
from enum import Enum
from typing import Any

import numpy as np
import pandas as pd

from alrun import stats
from alrun.report.phrasing import (
    counted,
    enumerated,
    group_name,
    labels_text,
    number,
    percent,
    score_text,
)
from alrun.report.stopping.options import Costs
from alrun.report.stopping.rows import cost_name
from alrun.report.verdict import Paragraph
from alrun.results.curves import COMPARISON_GROUP

CELL = [*COMPARISON_GROUP, "strategy"]


class Kind(Enum):
    """What the numbers say of a rule that stops at least one run."""

    adapts_and_gains = "the rule adapts, and does better than a fixed budget"
    adapts = "the rule adapts, but it is not shown to do better than a fixed budget"
    adapts_and_loses = "the rule adapts, but a fixed budget does better"
    gains = "more than a fixed budget gives, but it is not shown that the rule adapts"
    as_well = "a fixed budget does as well: nothing shows that the rule adapts"
    loses = "a fixed budget does better: nothing shows that the rule adapts"
    fixed = "at the same labels in every run, as a budget would, so not tested"
    untested = "not tested, with one seed"
    hindsight = "in hindsight, so not tested"


_ADAPTS = (Kind.adapts_and_gains, Kind.adapts, Kind.adapts_and_loses)


def write_verdict(rows: pd.DataFrame, cells: pd.DataFrame, costs: Costs) -> Iterator[Paragraph]:
    """Yield a paragraph over all, where there are several cells, and one for each cell."""
    groups = list(rows.groupby(CELL, observed=True, sort=False))
    if len(groups) > 1:
        yield Paragraph("", tuple(_over_all(rows, len(groups))))
    for place, (key, own) in enumerate(groups):
        *group, strategy = key
        cell = cells.iloc[place]
        sentences = [*_by_kind(own), *_never(own), *_cheapest(own, cell, costs)]
        yield Paragraph(f"{group_name(group)}, {strategy}", tuple(sentences))


def kind_of(row: Any) -> Kind:
    """Return what the numbers of a row say."""
    if row.hindsight:
        return Kind.hindsight
    if np.isnan(row.budget_p_adjusted):
        is_fixed = row.n_seeds > 1 and row.min_labels == row.max_labels
        return Kind.fixed if is_fixed else Kind.untested
    is_above, is_below = row.budget_difference_low > 0, row.budget_difference_high < 0
    if row.budget_p_adjusted <= stats.ALPHA:
        if is_above:
            return Kind.adapts_and_gains
        return Kind.adapts_and_loses if is_below else Kind.adapts
    if is_above:
        return Kind.gains
    return Kind.loses if is_below else Kind.as_well


def _over_all(rows: pd.DataFrame, n_cells: int) -> Iterator[str]:
    """Count, rule by rule, the cells in which it adapts, and name those that rarely stop.

    Only where a rule was tested can it be found to adapt, or to do better than a budget.
    """
    rows = rows[~rows["hindsight"]]
    tested = rows[rows["budget_p_adjusted"].notna()]
    if tested.empty:
        yield "No rule could be tested, in any cell."
    else:
        kinds = [kind_of(row) for row in tested.itertuples()]
        yield from _shown(tested["rule"].tolist(), kinds, counted(n_cells, "cell"))
    rare = []
    for rule, own in rows.groupby("rule", sort=False):
        share = own["stopped"].sum() / own["n_seeds"].sum()
        if share < 0.5:
            rare.append(f"{rule} {percent(share)} %")
    if rare:
        yield f"Stop fewer than half of the runs: {', '.join(rare)}."


def _shown(rules: list[str], kinds: list[Kind], cells: str) -> Iterator[str]:
    """Say which rules are shown to adapt, and which to do better than a budget, test by test."""
    pairs = list(zip(rules, kinds, strict=True))
    adapting = Counter(rule for rule, kind in pairs if kind in _ADAPTS)
    better = Counter(rule for rule, kind in pairs if kind is Kind.adapts_and_gains)
    tested = f"{counted(len(set(rules)), 'rule')} in {counted(len(rules), 'test')}"
    if adapting:
        yield f"Shown to adapt to the runs that they stop, of {cells}: {_in_cells(adapting)}."
    else:
        yield f"No rule is shown to adapt to the runs that it stops, in any of {cells} ({tested})."
    if better:
        yield f"Better than a fixed budget of the same mean labels: {_in_cells(better)}."
    else:
        yield "No rule that was tested does better than a fixed budget of the same mean labels."


def _in_cells(counts: Counter[str]) -> str:
    return ", ".join(f"{rule} in {n}" for rule, n in counts.items())


def _by_kind(rows: pd.DataFrame) -> Iterator[str]:
    """Yield a sentence for each kind, with the rules that it holds for."""
    named: dict[Kind, list[Any]] = {kind: [] for kind in Kind}
    for row in rows[rows["stopped"] > 0].itertuples():
        named[kind_of(row)].append(row)
    for kind, found in named.items():
        if found:
            items = [f"{row.rule} stops {_where(row)}" for row in found]
            yield f"{'; '.join(items)}: {_words(kind, found)}."


def _words(kind: Kind, rows: list[Any]) -> str:
    """Return what is said of one rule, or of several."""
    if len(rows) == 1:
        labels = labels_text(rows[0].mean_labels, False)
        return kind.value.replace("a fixed budget", f"a fixed budget of {labels}")
    words = kind.value.replace("the rule adapts", "the rules adapt")
    return words.replace("a fixed budget", "a fixed budget of as many labels").replace(
        "and does", "and do"
    )


def _where(row: Any) -> str:
    """Return where a rule stops, with which score, and how often it does not."""
    labels = labels_text(row.mean_labels, False)
    if not np.isnan(row.mean_labels_low):
        ends = (row.mean_labels_low, row.mean_labels_high)
        labels += f" labels [{', '.join(labels_text(end, False) for end in ends)}]"
    else:
        labels += " labels"
    text = f"at {labels} with {score_text(row.score).removeprefix('0')}"
    if row.stopped < row.n_seeds:
        text += f" (never in {row.n_seeds - row.stopped} of {row.n_seeds} runs)"
    return text


def _never(rows: pd.DataFrame) -> Iterator[str]:
    never = rows.loc[rows["stopped"] == 0, "rule"].tolist()
    if never:
        yield f"Never stop: {', '.join(never)}." if len(never) > 1 else f"{never[0]} never stops."


def _cheapest(rows: pd.DataFrame, cell: Any, costs: Costs) -> Iterator[str]:
    """Say which rule costs least, by error cost, beside the best stop in hindsight."""
    rows = rows[~rows["hindsight"] & (rows["stopped"] > 0)]
    if len(rows) < 2 or not costs.errors:
        return
    items = []
    for cost in costs.errors:
        column = f"regret_{cost_name(cost)}"
        best = rows.loc[rows[column].idxmin()]
        optimum = labels_text(cell[f"best_labels_{cost_name(cost)}"], False)
        items.append(
            f"{best['rule']} at error cost {number(cost)} ({best[column]:.0f} above the best stop"
            f" in hindsight, at {optimum} labels)"
        )
    yield f"Least regret: {enumerated(items)}."
