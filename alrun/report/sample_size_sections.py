"""The number of seeds for seeing a saving, as tables and notes."""

import math
from collections.abc import Iterator

import pandas as pd

from alrun import stats
from alrun.report.build import Report
from alrun.report.phrasing import group_name, number, target_name
from alrun.report.rows import comparison_groups
from alrun.report.sections import Section, first_of_each


def seeds_sections(table: pd.DataFrame) -> list[Section]:
    """Return the tables of a result of `seeds_needed`."""
    header = ("target", "strategy", "pilot seeds", "difference", "spread", "seeds")
    found = []
    for key, rows in comparison_groups(table):
        texts: list[tuple[str, ...]] = [
            (
                target_name(row.target),
                row.strategy,
                f"{row.n_pilot}",
                f"{row.difference:.1f}",
                "" if math.isnan(row.spread) else f"{row.spread:.1f}",
                _seeds_needed(row.seeds),
            )
            for row in rows.itertuples()
        ]
        found.append(
            Section(f"Seeds needed: {group_name(key)}", "", header, first_of_each(texts), 2)
        )
    return found


def seeds_notes(table: pd.DataFrame, report: Report, saving: float, power: float) -> Iterator[str]:
    """Yield the notes on the numbers of seeds, the number for all last."""
    yield (
        f"Seeds that see a saving of {number(100 * saving)} % with a chance of"
        f" {number(100 * power)} %, by a paired test at .05 / {report.family}, the size of the"
        " family. Difference: that saving in labels. Spread: the standard deviation of the paired"
        " differences in the pilot; the plan takes its upper 80 % limit."
    )
    known = table["seeds"].dropna()
    if len(known):
        enough = _seeds_needed(known.max())
        yield f"Enough for every comparison that can be estimated: {enough} seeds."


def _seeds_needed(seeds: float) -> str:
    if math.isnan(seeds):
        return "not estimable"
    return f"more than {stats.MOST_SEEDS:,}" if math.isinf(seeds) else f"{seeds:.0f}"
