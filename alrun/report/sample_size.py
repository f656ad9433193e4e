"""The number of seeds for seeing a saving, with the rows of a report as the pilot."""

import numpy as np
import pandas as pd

from alrun import stats
from alrun.errors import ResultsError
from alrun.report.rows import Tables
from alrun.results.curves import COMPARISON_GROUP


def seeds_needed(tables: Tables, saving: float, power: float) -> pd.DataFrame:
    """Return for each comparison how many seeds see a saving with this power.

    Their seeds are the pilot. It gives the spread of the paired differences, taken at its
    upper limit, and the mean labels of the baseline, of which the saving is a share. Each test is
    at alpha / family; no number is smaller than the fewest seeds that can be significant there.

    Columns: the names of the comparison, `n_pilot`, `difference` and `spread` in labels, and
    `seeds`. They are infinite above `stats.MOST_SEEDS`, and NaN where the pilot has fewer than two
    pairs or no run at the target: if all end at the budget, nothing is known of the spread.
    Raises ResultsError where saving or power is no share, or there is no test.
    """
    if not 0 < saving < 1 or not 0 < power < 1:
        raise ResultsError("the saving and the power are shares between 0 and 1, as in 0.1 and 0.8")
    if tables.family == 0:
        raise ResultsError(
            "there is no test to plan for: it takes a target (see --target), a baseline and two"
            " seeds"
        )
    fewest = stats.fewest_seeds(tables.family, tables.options.adjustment)
    rows = tables.rows[~tables.rows["is_baseline"]]
    table = rows[[*COMPARISON_GROUP, "target", "strategy"]].copy()
    table["n_pilot"] = rows["n_pairs"]
    table["difference"] = saving * rows["baseline_mean_labels"]
    table["spread"] = rows["difference_sd"].where(rows["saving"].notna())
    needed = []
    for row in table.itertuples():
        enough: float | None = np.nan
        if not np.isnan(row.spread):
            spread = stats.upper_spread(row.spread, row.n_pilot)
            alpha = stats.ALPHA / tables.family
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
