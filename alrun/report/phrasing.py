"""Parts of sentences: names of groups, lists, counts, numbers."""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from alrun.metrics import Metric
from alrun.report.axis import Axis
from alrun.results.curves import COMPARISON_GROUP
from alrun.results.schema import FURTHER_AXES
from alrun.targets import Written

MOST_NAMED = 6


class Definition(str):
    """A sentence on how to read the tables, which says nothing of these results."""


class Listing(str):
    """A sentence with a list in it, which may be long.

    As a text it names the first MOST_NAMED items; `naming` returns it with more or fewer.
    """

    _parts: tuple[str, list[str], str, str]

    def __new__(
        cls, before: str, items: Iterable[Any], after: str = ".", separator: str = "; "
    ) -> "Listing":
        """Return the sentence that begins with `before` and ends with `after`."""
        named = [str(item) for item in items]
        made = super().__new__(cls, f"{before}{listed(named, separator)}{after}")
        made._parts = before, named, after, separator
        return made

    def naming(self, most: int | None) -> str:
        """Return the sentence with so many of the items, None for all."""
        before, named, after, separator = self._parts
        return f"{before}{listed(named, separator, most)}{after}"


def about(
    rows: pd.DataFrame, what: str, kind: str = "Warning", count: str | None = None
) -> Iterator[str]:
    """Yield one sentence with the names of these rows; none for no rows."""
    if rows.empty:  # as mostly; to begin with tuples takes longer than all the rest
        return
    named = []
    for row in rows.itertuples():
        amount = f"{getattr(row, count):.0f} of {row.n_pairs or row.n_seeds}, " if count else ""
        named.append(f"{row.strategy} at {target_name(row.target)} ({amount}{group_of(row)})")
    yield Listing(f"{kind}: {what}: ", named)


def group_name(key: Sequence[Any]) -> str:
    """Name a data set, model, start and batch size; start and further axes if there are several."""
    *names, batch_size = key
    return ", ".join([*(str(name) for name in names if name), f"batch size {batch_size}"])


def group_words(rows: pd.DataFrame) -> str:
    """Return what sets groups apart: "data set, model, start and batch size", and other axes."""
    named = [
        column.replace("dataset", "data set").replace("_", " ")
        for column in COMPARISON_GROUP
        if column not in FURTHER_AXES or (rows[column] != "").any()
    ]
    return enumerated(named)


def group_of(row: Any) -> str:
    """Name the data set, model, start and batch size of a row."""
    return group_name([getattr(row, key) for key in COMPARISON_GROUP])


def listed(items: Iterable[Any], separator: str = ", ", most: int | None = MOST_NAMED) -> str:
    """Name the first few of many; all where `most` is None."""
    items = [str(item) for item in items]
    left = 0 if most is None else len(items) - most
    more = f"{separator}and {left} more" if left > 0 else ""
    return separator.join(items[:most]) + more


def enumerated(items: Sequence[str]) -> str:
    """Name all of several: a, b and c."""
    return " and ".join([*filter(None, [", ".join(items[:-1])]), *items[-1:]])


def seed_list(seeds: Sequence[int]) -> str:
    """Name seeds, runs of them as ranges: seeds 1, 4-7."""
    cuts = np.flatnonzero(np.diff(seeds) != 1) + 1
    groups = np.split(np.asarray(seeds), cuts)
    spans = [
        f"{group[0]}-{group[-1]}" if len(group) > 2 else ", ".join(map(str, group))
        for group in groups
    ]
    return f"{'seed' if len(seeds) == 1 else 'seeds'} {', '.join(spans)}"


def counted(n: int, noun: str) -> str:
    """Return a count with its noun."""
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def seed_counts(counts: pd.Series) -> str:
    """Return a number of seeds, as a range if it differs: 10 to 20 seeds."""
    low, high = counts.min(), counts.max()
    return f"{low} to {high} seeds" if low < high else counted(high, "seed")


def number(value: float) -> str:
    """Return a number without needless digits."""
    return f"{value:g}"


def target_name(target: Written) -> str:
    """Return a target as it is written."""
    return target if isinstance(target, str) else number(target)


def score_text(value: float) -> str:
    """Return a score with three decimals, empty for NaN."""
    return "" if np.isnan(value) else f"{value:.3f}"


def seconds_text(value: float) -> str:
    """Return seconds: whole from ten on, else with one decimal, or three below one."""
    digits = 0 if value >= 10 else 1 if value >= 1 else 3
    return f"{value:.{digits}f}"


def labels_text(value: float, is_exact: bool) -> str:
    """Return a mean number of labels: exact to a tenth, or whole."""
    return Axis.labels.mean(value, is_exact)


def percent(value: float) -> str:
    """Return a share as a whole percentage, without the sign of a zero."""
    return f"{100 * value:.0f}".replace("-0", "0") if abs(value) < 0.005 else f"{100 * value:.0f}"


def percent_with_interval(value: float, low: float, high: float) -> str:
    """Return a share in per cent with its interval, as far as there is one."""
    if math.isinf(low):
        return f"{percent(value)} % [unbounded]"
    if math.isnan(low):
        return f"{percent(value)} %"
    return f"{percent(value)} % [{percent(low)}, {percent(high)}]"


def p_text(value: float) -> str:
    """Return a p value without its leading zero; empty for NaN."""
    if math.isnan(value):
        return ""
    if value < 0.001:
        return "<.001"
    return "1.00" if value > 0.995 else f"{value:.3f}".removeprefix("0")


def left_target(metric: Metric) -> str:
    """Return the verb for a score leaving its target."""
    return "fell below" if metric.greater_is_better else "rose above"
