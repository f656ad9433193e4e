"""Sentences on whether a further axis of the grid decides how strategies compare."""

from collections.abc import Iterator
from itertools import combinations

import numpy as np
import pandas as pd

from alrun import stats
from alrun.report.axis import Axis
from alrun.report.comparison import Readings, whole_or_rounded
from alrun.report.phrasing import Listing, target_name
from alrun.report.rows import Tables
from alrun.results.curves import COMPARISON_GROUP
from alrun.targets import Written

# How sentences call all values of an axis.
_EVERY = {"start": "from every start", "cost_model": "with every cost model"}


def compare_axes(tables: Tables) -> Iterator[str]:
    """Yield what each axis decides that has several values: starts and costs.

    Of each there is a sentence on the order of strategies and one on the tests. A test is about one
    strategy, two values of the axis and a target: the difference in labels from the baseline at one
    of them less that at the other, paired by seed, by the sign-flip test; Holm over all of an axis.
    Labels are cut at the budget common to both.
    """
    for axis in _EVERY:
        if tables.curves.runs[axis].nunique() > 1 and tables.options.targets:
            yield from _compare(tables, axis)


def _compare(tables: Tables, axis: str) -> Iterator[str]:
    block_keys = [key for key in COMPARISON_GROUP if key != axis]
    tests, orders = [], []
    for target, scores in tables.target_scores.items():
        labels = Readings.of(tables.curves, scores, tables.options).labels
        runs = tables.curves.runs.assign(labels=labels)[~np.isnan(scores)]
        for _, block in runs.groupby(block_keys, observed=True):
            wide = _by_value(block, axis)
            if wide.columns.get_level_values(axis).nunique() > 1:
                orders.append(_orders(wide, axis))
                tests += _interactions(wide, axis, tables.options.baseline, target)
    yield from _order_sentence(orders, axis, tables.options.axis)
    if tests:
        yield _test_sentence(pd.DataFrame(tests), axis, tables.options.axis)


def _by_value(block: pd.DataFrame, axis: str) -> pd.DataFrame:
    """Return the labels to target, cut at the common budget: a row per seed, by axis, strategy."""
    censored = np.isinf(block["labels"])
    budget = block.loc[censored, "last"].min() if censored.any() else block["labels"].max()
    cut = block.assign(labels=block["labels"].clip(upper=budget))
    return cut.pivot_table(index="seed", columns=[axis, "strategy"], values="labels", observed=True)


def _orders(wide: pd.DataFrame, axis: str) -> dict[str, tuple[str, ...]]:
    """Return the strategies by mean labels, the fewest first, for each value of the axis."""
    means = wide.mean()
    return {
        str(value): tuple(means[value].sort_values(kind="stable").index)
        for value in means.index.unique(axis)
    }


def _interactions(
    wide: pd.DataFrame, axis: str, baseline: str, target: Written
) -> list[dict[str, object]]:
    """Return the tests of one block and target."""
    found = []
    for one, other in combinations(wide.columns.unique(axis), 2):
        for name in wide.columns.unique("strategy"):
            needed = [(value, by) for value in (one, other) for by in (baseline, name)]
            if name == baseline or not set(needed) <= set(wide.columns):
                continue
            pairs = wide[needed].dropna().to_numpy()
            if len(pairs) < 2:
                continue
            effect = whole_or_rounded((pairs[:, 0] - pairs[:, 1]) - (pairs[:, 2] - pairs[:, 3]))
            p_value = stats.sign_flip(effect)
            where = f"{name} at {target_name(target)}, {one} against {other}"
            found.append({"where": where, "p_value": p_value})
    return found


def _order_sentence(
    orders: list[dict[str, tuple[str, ...]]], axis: str, measure: Axis
) -> Iterator[str]:
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
    family = f"paired differences of differences, Holm over {len(tests)}"
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
