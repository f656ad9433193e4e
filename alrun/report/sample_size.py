"""The number of seeds for seeing a saving, with a report as the pilot."""

import math
from collections.abc import Iterator

import numpy as np
import pandas as pd

from alrun import stats
from alrun.errors import ResultsError
from alrun.report.build import Report
from alrun.report.phrasing import group_name, number, target_name
from alrun.report.rows import Tables, comparison_groups
from alrun.report.sections import Section, first_of_each
from alrun.results.curves import COMPARISON_GROUP


def seeds_needed(report: Report, saving: float, power: float) -> pd.DataFrame:
    """Return for each comparison how many seeds see a saving with this power.

    The report's seeds are the pilot. It gives the spread of the paired differences, taken at its
    upper limit, and the mean labels of the baseline, of which the saving is a share. Each test is
    at alpha / family; no number is smaller than the fewest seeds that can be significant there.

    Columns: the names of the comparison, `n_pilot`, `difference` and `spread` in labels, and
    `seeds`. They are infinite above `stats.MOST_SEEDS`, and NaN where the pilot has fewer than two
    pairs or no run at the target: if all end at the budget, nothing is known of the spread.
    Raises ResultsError where saving or power is no share, or the report holds no test.
    """
    if not 0 < saving < 1 or not 0 < power < 1:
        raise ResultsError("the saving and the power are shares between 0 and 1, as in 0.1 and 0.8")
    if report.family == 0:
        raise ResultsError(
            "there is no test to plan for: it takes a target (see --target), a baseline and two"
            " seeds"
        )
    fewest = stats.fewest_seeds(report.family, report.adjustment)
    rows = report.rows[~report.rows["is_baseline"]]
    table = rows[[*COMPARISON_GROUP, "target", "strategy"]].copy()
    table["n_pilot"] = rows["n_pairs"]
    table["difference"] = saving * rows["baseline_mean_labels"]
    table["spread"] = rows["difference_sd"].where(rows["saving"].notna())
    needed = []
    for row in table.itertuples():
        enough: float | None = np.nan
        if not np.isnan(row.spread):
            spread = stats.upper_spread(row.spread, row.n_pilot)
            alpha = stats.ALPHA / report.family
            enough = stats.seeds_for(row.difference, spread, power, alpha)
        needed.append(np.inf if enough is None else max(enough, fewest))
    table["seeds"] = needed
    return table


def smallest_savings(tables: Tables, n_seeds: int, power: float = 0.8) -> pd.Series:
    """Return for each comparison the smallest saving that so many seeds see with this power.

    The seeds of the tables are the pilot, as for `seeds_needed`. Comparisons that cannot be
    estimated, or whose target is no better than the floor, are left out. A value of 1 or more means
    that no saving is seen.
    """
    rows = tables.rows[~tables.rows["is_baseline"] & tables.rows["informative"]]
    rows = rows[rows["saving"].notna() & (rows["difference_sd"] > 0)]
    effect = stats.smallest_effect(n_seeds, power, stats.ALPHA / max(tables.family, 1))
    spreads = [stats.upper_spread(row.difference_sd, row.n_pairs) for row in rows.itertuples()]
    return effect * pd.Series(spreads, rows.index, np.float64) / rows["baseline_mean_labels"]


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
