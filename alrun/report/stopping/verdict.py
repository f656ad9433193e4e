"""The verdict on stopping rules: which adapt, which a fixed budget matches, which never stop."""

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
    untested = "not tested, with one seed"
    hindsight = "in hindsight, so not tested"


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
        return Kind.untested
    is_above, is_below = row.budget_difference_low > 0, row.budget_difference_high < 0
    if row.budget_p_adjusted <= stats.ALPHA:
        if is_above:
            return Kind.adapts_and_gains
        return Kind.adapts_and_loses if is_below else Kind.adapts
    if is_above:
        return Kind.gains
    return Kind.loses if is_below else Kind.as_well


def _over_all(rows: pd.DataFrame, n_cells: int) -> Iterator[str]:
    """Count, rule by rule, the cells in which it adapts, and name those that rarely stop."""
    tested = rows[~rows["hindsight"]]
    counts, rare = [], []
    for rule, own in tested.groupby("rule", sort=False):
        kinds = [kind_of(row) for row in own.itertuples()]
        n = sum(
            kind in (Kind.adapts_and_gains, Kind.adapts, Kind.adapts_and_loses) for kind in kinds
        )
        if n:
            counts.append(f"{rule} in {n}")
        share = own["stopped"].sum() / own["n_seeds"].sum()
        if share < 0.5:
            rare.append(f"{rule} {percent(share)} %")
    of = counted(n_cells, "cell")
    if counts:
        yield f"Shown to adapt to the runs that they stop, of {of}: {', '.join(counts)}."
    else:
        yield f"No rule is shown to adapt to the runs that it stops, in any of {of}."
    better = [kind_of(row) is Kind.adapts_and_gains for row in tested.itertuples()]
    named = tested["rule"][better].value_counts(sort=False)
    if len(named):
        beating = ", ".join(f"{rule} in {n}" for rule, n in named.items())
        yield f"Better than a fixed budget of the same mean labels: {beating}."
    else:
        yield "None does better than a fixed budget of the same mean labels."
    if rare:
        yield f"Stop fewer than half of the runs: {', '.join(rare)}."


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
