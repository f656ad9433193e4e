"""Sentences on whether a further axis of the grid decides how strategies compare."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from alrun import stats
from alrun.report.axis import Axis
from alrun.report.comparison import Readings, cut_at_budget, whole_or_rounded
from alrun.report.phrasing import Listing, counted, target_name
from alrun.report.rows import Tables
from alrun.results.curves import COMPARISON_GROUP
from alrun.targets import Written

# How sentences call all values of an axis.
_EVERY = {
    "start": "from every start",
    "oracle": "with every oracle",
    "cost_model": "with every cost model",
}


@dataclass(frozen=True)
class Block:
    """The runs that differ in strategy, seed and the value of one axis, at one target.

    Attributes
    ----------
    key
        What they have in common: the columns of COMPARISON_GROUP less the axis.
    runs
        A row per run, with its labels to target, infinite where it does not get there.
    budget
        The budget common to all of them, by the rule of `cut_at_budget`.
    wide
        The labels cut there: a row per seed, a column per value of the axis and strategy.
    """

    target: Written
    key: tuple[Any, ...]
    runs: pd.DataFrame
    budget: float
    wide: pd.DataFrame


def blocks_along(tables: Tables, axis: str) -> Iterator[Block]:
    """Yield the blocks in which an axis has several values, target by target."""
    if tables.curves.runs[axis].nunique() < 2 or not tables.options.targets:
        return
    for target, scores in tables.target_scores.items():
        labels = Readings.of(tables.curves, scores, tables.options).labels
        runs = tables.curves.runs.assign(labels=labels)[~np.isnan(scores)]
        for key, block in runs.groupby(keys_beside(axis), observed=True):
            if block[axis].nunique() > 1:
                budget, cut = cut_at_budget(block, block["labels"].to_numpy())
                wide = block.assign(cut=cut).pivot_table(
                    index="seed", columns=[axis, "strategy"], values="cut", observed=True
                )
                yield Block(target, key, block, budget, wide)


def keys_beside(axis: str) -> list[str]:
    """Return what the runs of a block have in common."""
    return [key for key in COMPARISON_GROUP if key != axis]


def compare_axes(tables: Tables) -> Iterator[str]:
    """Yield what starts and costs decide, where there are several.

    Of each there is a sentence on the order of strategies and one on the tests. A test is about one
    strategy, two values of the axis and a target: the difference in labels from the baseline at one
    of them less that at the other, paired by seed, by the sign-flip test; Holm over all of an axis.
    Labels are cut at the budget common to both.
    """
    for axis in ("start", "cost_model"):
        blocks = list(blocks_along(tables, axis))
        yield from order_sentence(blocks, axis, tables.options.axis)
        baseline = tables.options.baseline
        tests = [test for block in blocks for test in _interactions(block, axis, baseline)]
        if tests:
            yield _test_sentence(pd.DataFrame(tests), axis, tables.options.axis)


def _orders(wide: pd.DataFrame, axis: str) -> dict[str, tuple[str, ...]]:
    """Return the strategies by mean labels, the fewest first, for each value of the axis."""
    means = wide.mean()
    return {
        str(value): tuple(means[value].sort_values(kind="stable").index)
        for value in means.index.unique(axis)
    }


def _interactions(block: Block, axis: str, baseline: str) -> list[dict[str, object]]:
    """Return the tests of one block."""
    wide, found = block.wide, []
    for one, other in combinations(wide.columns.unique(axis), 2):
        for name in wide.columns.unique("strategy"):
            needed = [(value, by) for value in (one, other) for by in (baseline, name)]
            if name == baseline or not set(needed) <= set(wide.columns):
                continue
            pairs = wide[needed].dropna().to_numpy()
            if len(pairs) < 2:
                continue
            effect = (pairs[:, 0] - pairs[:, 1]) - (pairs[:, 2] - pairs[:, 3])
            p_value = stats.sign_flip(whole_or_rounded(effect))
            where = f"{name} at {target_name(block.target)}, {one} against {other}"
            found.append({"where": where, "p_value": p_value})
    return found


def order_sentence(blocks: Sequence[Block], axis: str, measure: Axis) -> Iterator[str]:
    """Say whether the order of the strategies is the same with every value of an axis."""
    orders = [_orders(block.wide, axis) for block in blocks]
    differing = [order for order in orders if len(set(order.values())) > 1]
    if not differing:
        if orders:
            yield f"The order of the strategies by mean {measure} is the same {_EVERY[axis]}."
        return
    shown = "; ".join(f"{value}: {', '.join(names)}" for value, names in differing[0].items())
    yield (
        f"The order of the strategies by mean {measure} depends on the {_words(axis)} in"
        f" {len(differing)} of {len(orders)} comparisons, as in {shown}."
    )


def _test_sentence(tests: pd.DataFrame, axis: str, measure: Axis) -> str:
    adjusted = stats.holm(tests["p_value"].to_numpy(np.float64))
    real = adjusted <= stats.ALPHA
    family = f"paired differences of differences, Holm over {counted(len(tests), 'test')}"
    if real.any():
        named = [
            f"{where} (p adj. {p:.2g})"
            for where, p in zip(tests["where"][real], adjusted[real], strict=True)
        ]
        changes = f"The {_words(axis)} changes the saving in {measure} of "
        return Listing(changes, named, f": {family}.")
    return (
        f"No strategy's saving in {measure} can be said to depend on the {_words(axis)}: the"
        f" smallest adjusted p is {adjusted.min():.2g} ({family})."
    )


def _words(axis: str) -> str:
    return axis.replace("_", " ")
