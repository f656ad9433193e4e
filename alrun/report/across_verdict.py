"""The verdict over many data sets: sentences on which strategies save labels, and on how many."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from alrun.report.across_datasets import FEWEST_DATASETS
from alrun.report.axis import Axis
from alrun.report.phrasing import enumerated, group_name, percent_with_interval, target_name
from alrun.report.verdict import Paragraph
from alrun.results.curves import COMPARISON_GROUP

_GROUP = COMPARISON_GROUP[1:]


def write_across_verdict(
    rows: pd.DataFrame, across: pd.DataFrame, baseline: str, axis: Axis
) -> Iterator[Paragraph]:
    """Yield a paragraph for each model, start and batch size with enough data sets to test over.

    `rows` are those of a report, and `across` those of `build_across`.
    """
    for key, own in across.groupby(_GROUP, observed=True, sort=False):
        if own["n_datasets"].max() < FEWEST_DATASETS:
            continue
        here = rows[(rows[_GROUP] == list(key)).all(axis=1)]
        sentences: list[str] = []
        for target, found in own.groupby("target", sort=False):
            at_target = here[here["target"] == target]
            sentences += [_over_all(target, found, baseline, axis), _one_by_one(at_target, axis)]
        yield Paragraph(f"all data sets, {group_name(key)}", tuple(sentences), True)


def _over_all(target: Any, across: pd.DataFrame, baseline: str, axis: Axis) -> str:
    """Return the sentence on the savings over the data sets at a target."""
    named: dict[str, list[str]] = {"saves": [], "costs": [], "untold": []}
    for row in across.itertuples():
        kind = "untold" if not row.significant else "saves" if row.saving > 0 else "costs"
        saving = percent_with_interval(row.saving, row.saving_low, row.saving_high)
        named[kind].append(f"{row.strategy} ({saving})")
    parts = []
    for kind, one, several in (("saves", "saves", "save"), ("costs", "needs more", "need more")):
        if named[kind]:
            verb = one if len(named[kind]) == 1 else several
            parts.append(f"{enumerated(named[kind])} {verb} {axis}")
    if named["untold"]:
        parts.append(f"no difference is shown for {enumerated(named['untold'])}")
    return f"At {target_name(target)}, against {baseline}: {'; '.join(parts)}."


def _one_by_one(rows: pd.DataFrame, axis: Axis) -> str:
    """Return the sentence on how many data sets each strategy saves labels on, or needs more."""
    is_reached = rows.groupby("dataset", observed=True)["reached"].transform("sum") > 0
    usable = rows[rows["informative"] & is_reached & ~rows["is_baseline"]]
    shown = usable.assign(
        saves=usable["significant"] & (usable["saving"] > 0),
        costs=usable["significant"] & (usable["saving"] < 0),
    )
    counts = shown.groupby("strategy", observed=True, sort=False)[["saves", "costs"]].sum()
    ranked = counts.sort_values(["saves", "costs"], ascending=[False, True], kind="stable")
    named = [f"{row.Index} {row.saves} and {row.costs}" for row in ranked.itertuples()]
    return (
        f"Of {usable['dataset'].nunique()} data sets, shown to save {axis} on and to need more on:"
        f" {', '.join(named)}."
    )
