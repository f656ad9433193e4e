"""What wrong labels do: savings by oracle, and whether they differ from those of the cleanest."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from alrun import stats
from alrun.arrays import Array
from alrun.report.axes import Block, blocks_along, keys_beside, order_sentence
from alrun.report.comparison import whole_or_rounded
from alrun.report.phrasing import (
    Definition,
    Listing,
    counted,
    group_name,
    group_of,
    score_text,
    target_name,
)
from alrun.report.references import noisy_ceilings
from alrun.report.rows import Tables
from alrun.results.curves import COMPARISON_GROUP

COLUMNS = [
    *COMPARISON_GROUP,
    "target",
    "strategy",
    "n_pairs",
    "wrong",
    "noisy_ceiling",
    "budget",
    "mean_labels",
    "baseline_mean_labels",
    "saving",
    "saving_low",
    "saving_high",
    "compared_with",
    "change",
    "change_low",
    "change_high",
    "p_value",
    "p_adjusted",
    "significant",
]


def compare_noise(tables: Tables) -> pd.DataFrame:
    """Return a row per comparison group, target and strategy but the baseline; COLUMNS.

    There is none unless the grid has several oracles and a baseline. Labels are cut at the budget
    common to all oracles of a block, so that the savings of one strategy can be compared. `wrong`
    is the mean share of wrong labels at the end of its runs, and `noisy_ceiling` the mean score
    with all labels as the oracle gives them, NaN where it is not known. `compared_with` is the
    oracle with the fewest wrong labels, the first of those that have as few. `change` is how many
    more labels than there the strategy saves against the baseline, a mean over seeds with its
    interval; p is that of the sign-flip test on these differences of differences, Holm over all.
    """
    rows = [row for block in blocks_along(tables, "oracle") for row in _rows(tables, block)]
    table = pd.DataFrame(rows, columns=COLUMNS)
    table["p_adjusted"] = stats.holm(table["p_value"].to_numpy(np.float64))
    table["significant"] = table["p_adjusted"] <= stats.ALPHA
    return table


def _rows(tables: Tables, block: Block) -> Iterator[dict[str, Any]]:
    """Yield the rows of one block, oracle by oracle in the order of the report."""
    baseline = tables.options.baseline
    columns = set(block.wide.columns)
    oracles = [name for name in tables.rows["oracle"].unique() if (name, baseline) in columns]
    if not oracles:
        return
    clean = _cleanest(block.runs, oracles)
    ceilings = noisy_ceilings(tables.references, block.runs, tables.options.metric)
    common = dict(zip(keys_beside("oracle"), block.key, strict=True)) | {"target": block.target}
    for oracle in oracles:
        of_oracle = block.runs["oracle"] == oracle
        for name in tables.rows["strategy"].unique():
            if name == baseline or (oracle, name) not in columns:
                continue
            own = block.runs[of_oracle & (block.runs["strategy"] == name)]
            theirs = block.runs[of_oracle & (block.runs["strategy"] == baseline)]
            least = min(own["labels"].min(), theirs["labels"].min())
            yield common | {
                "oracle": oracle,
                "strategy": name,
                "wrong": float(own["wrong"].mean()),
                "noisy_ceiling": float(ceilings[of_oracle].mean()),
                "budget": block.budget,
                "compared_with": "" if oracle == clean else clean,
                **_saving(block, oracle, name, baseline, is_reached=least <= block.budget),
                **({} if oracle == clean else _change(block, (oracle, clean), name, baseline)),
            }


def _cleanest(runs: pd.DataFrame, oracles: list[str]) -> str:
    """Return the oracle with the fewest wrong labels, the first where they are not known."""
    wrong = runs.groupby("oracle", observed=True)["wrong"].mean().round(9)
    return min(oracles, key=lambda name: wrong.fillna(np.inf)[name])


def _pairs(block: Block, columns: list[tuple[str, str]]) -> Array:
    """Return the labels of these oracles and strategies, shape (n_pairs, n_columns)."""
    return block.wide[columns].dropna().to_numpy(np.float64)


def _saving(
    block: Block, oracle: str, name: str, baseline: str, is_reached: bool
) -> dict[str, float]:
    theirs, mine = _pairs(block, [(oracle, baseline), (oracle, name)]).T
    row: dict[str, float] = {"n_pairs": len(mine)}
    if len(mine):
        row |= {"mean_labels": mine.mean(), "baseline_mean_labels": theirs.mean()}
    if len(mine) and is_reached:
        interval = stats.saving_interval(theirs, mine)
        row["saving"] = stats.saving(theirs, mine)
        row |= {"saving_low": interval.low, "saving_high": interval.high}
    return row


def _change(block: Block, oracles: tuple[str, str], name: str, baseline: str) -> dict[str, float]:
    """Return how many more labels a strategy saves with the first oracle, and the test of it."""
    columns = [(oracle, by) for oracle in oracles for by in (baseline, name)]
    if not set(columns) <= set(block.wide.columns):
        return {}
    pairs = _pairs(block, columns)
    effect = whole_or_rounded((pairs[:, 0] - pairs[:, 1]) - (pairs[:, 2] - pairs[:, 3]))
    if len(effect) < 2:
        return {}
    interval = stats.mean_interval(effect)
    return {
        "change": float(effect.mean()),
        "change_low": interval.low,
        "change_high": interval.high,
        "p_value": stats.sign_flip(effect),
    }


def noise_notes(tables: Tables, noise: pd.DataFrame) -> Iterator[str]:
    """Yield whether noise changes the order of strategies and their savings, and its ceilings."""
    yield from _unreachable(tables)
    measure = tables.options.axis
    yield from order_sentence(list(blocks_along(tables, "oracle")), "oracle", measure)
    tests = noise[noise["p_value"].notna()]
    if tests.empty:
        return
    yield Definition(
        "What noise does: savings within the budget common to all oracles of a group. Change: how"
        f" much more {measure} a strategy saves against {tables.options.baseline} than with the"
        " oracle that has the fewest wrong labels, seed by seed."
    )
    family = f"paired differences of differences, Holm over {counted(len(tests), 'test')}"
    if tests["significant"].any():
        named = [
            f"{row.strategy} at {target_name(row.target)} ({group_of(row)}: {row.change:+.4g},"
            f" p adj. {row.p_adjusted:.2g})"
            for row in tests[tests["significant"]].itertuples()
        ]
        yield Listing(f"Noise changes the {measure} saved by ", named, f": {family}.")
        return
    yield (
        f"No strategy's saving in {measure} can be said to depend on the noise: the smallest"
        f" adjusted p is {tests['p_adjusted'].min():.2g} ({family})."
    )


def _unreachable(tables: Tables) -> Iterator[str]:
    """Name targets above the score with all labels as an oracle gives them."""
    runs, metric = tables.curves.runs, tables.curves.metric
    ceilings = noisy_ceilings(tables.references, runs, tables.options.metric)
    if ceilings.isna().all():
        return
    means = runs.assign(ceiling=ceilings).groupby(COMPARISON_GROUP, observed=True)["ceiling"].mean()
    found = []
    rows = tables.rows.drop_duplicates([*COMPARISON_GROUP, "target"])
    for key, target, value in zip(
        rows[COMPARISON_GROUP].itertuples(index=False, name=None),
        rows["target"],
        rows["target_value"],
        strict=True,
    ):
        ceiling = means.get(key, np.nan)
        if not np.isnan(ceiling) and not np.isnan(value) and not metric.is_at(ceiling, value):
            found.append(f"{target_name(target)} ({group_name(key)}: {score_text(ceiling)})")
    if found:
        yield Listing(
            "Warning: with all training labels as the oracle gives them the score is short of ",
            found,
        )
