"""Savings across data sets: from one number per data set, never from pooled seeds."""

import numpy as np
import pandas as pd

from alrun import stats
from alrun.results.curves import COMPARISON_GROUP

# Below this many data sets nothing can be significant, and the row is marked as descriptive.
FEWEST_DATASETS = 6
_GROUP = [*COMPARISON_GROUP[1:], "target"]
COLUMNS = [
    *_GROUP,
    "strategy",
    "n_datasets",
    "saving",
    "saving_low",
    "saving_high",
    "p_value",
    "p_adjusted",
    "significant",
    "descriptive",
    "probability_of_improvement",
]


def build_across(rows: pd.DataFrame) -> pd.DataFrame:
    """Return a row per model, start, batch size, target and strategy over the data sets.

    The geometric saving is 1 - exp(mean of log(mean labels / mean labels of the baseline)), one
    ratio per data set, with a t interval and a sign-flip test over the data sets, Holm over the
    strategies. A data set is left out where the saving cannot be estimated, or is of all labels, so
    that the ratio has no logarithm, and where the target is no better than the floor. Below two
    data sets there is no row.
    """
    usable = rows["saving"].notna() & (rows["mean_labels"] > 0) & rows["informative"]
    compared = rows.assign(usable=usable)[~rows["is_baseline"]]
    # Groups are made before rows are left out, so that targets and strategies keep their order.
    found = [
        {**dict(zip(_GROUP, key, strict=True)), "strategy": name, **_row(own[own["usable"]])}
        for key, group in compared.groupby(_GROUP, observed=True, sort=False)
        for name, own in group.groupby("strategy", observed=True, sort=False)
        if own["usable"].sum() > 1
    ]
    table = pd.DataFrame(found, columns=COLUMNS)
    for _, group in table.groupby(_GROUP, observed=True, sort=False):
        table.loc[group.index, "p_adjusted"] = stats.holm(group["p_value"].to_numpy(np.float64))
    table["descriptive"] = table["n_datasets"] < FEWEST_DATASETS
    table["significant"] = (table["p_adjusted"] <= stats.ALPHA) & ~table["descriptive"]
    return table


def _row(rows: pd.DataFrame) -> dict[str, float]:
    """Return the columns of one strategy from its rows, one per data set."""
    means = rows["mean_labels"].to_numpy(np.float64)
    log_ratios = np.log(means / rows["baseline_mean_labels"].to_numpy(np.float64))
    saving, interval = stats.geometric_saving(log_ratios)
    return {
        "n_datasets": len(rows),
        "saving": saving,
        "saving_low": interval.low,
        "saving_high": interval.high,
        "p_value": stats.sign_flip(np.round(log_ratios, 12)),
        "probability_of_improvement": float(rows["probability_of_improvement"].mean()),
    }
