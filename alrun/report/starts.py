"""Sentences on whether the start of the runs decides how strategies compare."""

from collections.abc import Iterator
from itertools import combinations

import numpy as np
import pandas as pd

from alrun import stats
from alrun.report.comparison import Readings
from alrun.report.phrasing import Listing, target_name
from alrun.report.rows import Tables
from alrun.results.curves import COMPARISON_GROUP
from alrun.targets import Written

_BLOCK = [key for key in COMPARISON_GROUP if key != "start"]


def compare_starts(tables: Tables) -> Iterator[str]:
    """Yield a sentence on the order of strategies and one on the tests; none with one start.

    A test is about one strategy, two starts and a target: the difference in labels from the
    baseline, from one start less that from the other, paired by seed, by the sign-flip test; Holm
    over all of them. Labels are cut at the budget common to both starts.
    """
    if tables.curves.runs["start"].nunique() < 2 or not tables.options.targets:
        return
    tests, orders = [], []
    for target, scores in tables.target_scores.items():
        labels = Readings.of(tables.curves, scores, tables.options).labels
        runs = tables.curves.runs.assign(labels=labels)[~np.isnan(scores)]
        for _, block in runs.groupby(_BLOCK, observed=True):
            wide = _by_start(block)
            if wide.columns.get_level_values("start").nunique() > 1:
                orders.append(_orders(wide))
                tests += _interactions(wide, tables.options.baseline, target)
    yield from _order_sentence(orders)
    if tests:
        yield _test_sentence(pd.DataFrame(tests))


def _by_start(block: pd.DataFrame) -> pd.DataFrame:
    """Return the labels to target, cut at the common budget: a row per seed, by start, strategy."""
    censored = np.isinf(block["labels"])
    budget = block.loc[censored, "last"].min() if censored.any() else block["labels"].max()
    cut = block.assign(labels=block["labels"].clip(upper=budget))
    return cut.pivot_table(
        index="seed", columns=["start", "strategy"], values="labels", observed=True
    )


def _orders(wide: pd.DataFrame) -> dict[str, tuple[str, ...]]:
    """Return the strategies by mean labels, the fewest first, for each start."""
    means = wide.mean()
    return {
        str(start): tuple(means[start].sort_values(kind="stable").index)
        for start in means.index.unique("start")
    }


def _interactions(wide: pd.DataFrame, baseline: str, target: Written) -> list[dict[str, object]]:
    """Return the tests of one block and target."""
    found = []
    for one, other in combinations(wide.columns.unique("start"), 2):
        for name in wide.columns.unique("strategy"):
            needed = [(start, by) for start in (one, other) for by in (baseline, name)]
            if name == baseline or not set(needed) <= set(wide.columns):
                continue
            pairs = wide[needed].dropna().to_numpy()
            if len(pairs) < 2:
                continue
            effect = (pairs[:, 0] - pairs[:, 1]) - (pairs[:, 2] - pairs[:, 3])
            p_value = stats.sign_flip(effect.astype(np.int64))
            where = f"{name} at {target_name(target)}, {one} against {other}"
            found.append({"where": where, "p_value": p_value})
    return found


def _order_sentence(orders: list[dict[str, tuple[str, ...]]]) -> Iterator[str]:
    differing = [order for order in orders if len(set(order.values())) > 1]
    if not differing:
        if orders:
            yield "The order of the strategies by mean labels is the same from every start."
        return
    shown = "; ".join(f"{start}: {', '.join(names)}" for start, names in differing[0].items())
    yield (
        "The order of the strategies by mean labels depends on the start in"
        f" {len(differing)} of {len(orders)} comparisons, as in {shown}."
    )


def _test_sentence(tests: pd.DataFrame) -> str:
    adjusted = stats.holm(tests["p_value"].to_numpy(np.float64))
    real = adjusted <= stats.ALPHA
    family = f"paired differences of differences, Holm over {len(tests)}"
    if real.any():
        named = [
            f"{where} (p adj. {p:.2g})"
            for where, p in zip(tests["where"][real], adjusted[real], strict=True)
        ]
        return Listing("The start changes the saving in labels of ", named, f": {family}.")
    return (
        "No strategy's saving in labels can be said to depend on the start: the smallest adjusted p"
        f" is {adjusted.min():.2g} ({family})."
    )
