"""What is said across data sets: from one number per data set, never from pooled seeds."""

import numpy as np
import pandas as pd

from alrun import stats

# Below this many data sets nothing can be significant, and the row is marked as descriptive.
FEWEST_DATASETS = 6
_CELL = ["model", "batch_size", "target"]
COLUMNS = [
    *(*_CELL, "strategy", "n_datasets", "saving", "saving_low", "saving_high"),
    *("p_value", "p_adjusted", "significant", "descriptive", "probability_of_improvement"),
]


def build_across(rows: pd.DataFrame) -> pd.DataFrame:
    """Return a row per model, batch size, target and strategy over the data sets of a report.

    The geometric saving is 1 - exp(mean of log(mean labels / mean labels of the baseline)), one
    ratio per data set, with a t interval and a sign-flip test over the data sets, Holm over the
    strategies. Data sets where the saving cannot be estimated, or is of all labels so that the
    ratio has no logarithm, have no part in it. No row where there are fewer than two data sets.
    """
    compared = rows[~rows["is_baseline"] & rows["saving"].notna() & (rows["mean_labels"] > 0)]
    found = [
        {**dict(zip(_CELL, key, strict=True)), "strategy": name, **_row(cell)}
        for key, block in compared.groupby(_CELL, observed=True, sort=False)
        for name, cell in block.groupby("strategy", observed=True, sort=False)
        if len(cell) > 1
    ]
    table = pd.DataFrame(found, columns=COLUMNS)
    for _, cell in table.groupby(_CELL, observed=True):
        table.loc[cell.index, "p_adjusted"] = stats.holm(cell["p_value"].to_numpy(np.float64))
    table["descriptive"] = table["n_datasets"] < FEWEST_DATASETS
    table["significant"] = (table["p_adjusted"] <= stats.ALPHA) & ~table["descriptive"]
    return table


def _row(cell: pd.DataFrame) -> dict[str, float]:
    means = cell["mean_labels"].to_numpy(np.float64)
    log_ratios = np.log(means / cell["random_mean_labels"].to_numpy(np.float64))
    saving, interval = stats.geometric_saving(log_ratios)
    return {
        "n_datasets": len(cell),
        "saving": saving,
        "saving_low": interval.low,
        "saving_high": interval.high,
        "p_value": stats.sign_flip(np.round(log_ratios, 12)),
        "probability_of_improvement": float(cell["probability_of_improvement"].mean()),
    }
