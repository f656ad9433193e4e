"""All strategies over several data sets: mean ranks, wins, and the tests of every two."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from alrun import stats
from alrun.arrays import Array, BoolArray
from alrun.report.phrasing import (
    Listing,
    counted,
    group_name,
    listed,
    number,
    p_text,
    target_name,
)
from alrun.results.schema import LATER_LABELS

GROUP = ["model", "batch_size", *LATER_LABELS, "target"]
COLUMNS = [*GROUP, "strategy", "n_datasets", "mean_rank", "wins", "ties", "losses"]
PAIR_COLUMNS = ["a", "b", "n_datasets", "ratio", "ratio_low", "ratio_high", "p_value", "p_adjusted"]


@dataclass(frozen=True)
class Ranking:
    """The strategies of one model, batch size, start and target over the data sets.

    Attributes
    ----------
    key
        Model, batch size, start and target.
    table
        A row per strategy that is on every data set, with COLUMNS. A win is a data set and another
        strategy that needs more labels there, by the adjusted p value of all pairs of the data set.
    pairs
        A row for every two of these strategies, with PAIR_COLUMNS: the geometric mean over data
        sets of mean labels of a / of b, and the sign-flip test, Holm over the pairs.
    friedman, nemenyi
        The p value of Friedman's test, and those of Nemenyi's in the order of `pairs`.
    critical_difference
        Of mean ranks, by Nemenyi's test.
    left_out
        Strategies that lack a data set.
    """

    key: tuple[Any, ...]
    table: pd.DataFrame
    pairs: pd.DataFrame
    friedman: float
    nemenyi: Array
    critical_difference: float
    left_out: tuple[str, ...]

    @property
    def where(self) -> str:
        """What it is about, but for the target."""
        model, batch_size, *labels, _ = self.key
        return group_name([model, *labels, batch_size])

    @property
    def n_datasets(self) -> int:
        """On how many data sets the strategies are ranked."""
        return int(self.table["n_datasets"].iloc[0])


def rank_strategies(rows: pd.DataFrame, pairs: pd.DataFrame, told: BoolArray) -> Iterator[Ranking]:
    """Yield the ranking of each model, batch size, start and target with two data sets or more.

    `rows` are those of a report, `pairs` those of `compare_pairs`, and `told` says which pairs
    differ. The unit is the data set: a data set counts once, however many seeds it has. It is left
    out where the target has no value or is no better than the floor.
    """
    usable = rows[rows["informative"] & rows["reached"].notna()]
    all_pairs = pairs.assign(told=told)
    by_key = dict(iter(all_pairs.groupby(GROUP, observed=True, sort=False)))
    for key, own in usable.groupby(GROUP, observed=True, sort=False):
        means = own.pivot(index="dataset", columns="strategy", values="mean_labels")
        names = [name for name in own["strategy"].unique() if means[name].notna().all()]
        if len(means) > 1 and len(names) > 1 and key in by_key:
            left_out = tuple(name for name in own["strategy"].unique() if name not in names)
            yield _rank(key, means[names], by_key[key], left_out)


def _rank(
    key: tuple[Any, ...], means: pd.DataFrame, pairs: pd.DataFrame, left_out: tuple[str, ...]
) -> Ranking:
    names = list(means.columns)
    values = means.to_numpy(np.float64).round(9)
    places = np.array(list(combinations(range(len(names)), 2)))
    nemenyi = stats.nemenyi(values)[tuple(places.T)]
    # A data set may have the same two in the other order, where its baseline is missing.
    turned = pairs.assign(
        a=pairs["b"], b=pairs["a"], mean_a=pairs["mean_b"], mean_b=pairs["mean_a"]
    )
    both_ways = pd.concat([pairs, turned], ignore_index=True)
    by_names = dict(iter(both_ways.groupby(["a", "b"], observed=True)))
    none = both_ways.iloc[:0]
    found = [
        {"a": a, "b": b, **_across(by_names.get((a, b), none))} for a, b in combinations(names, 2)
    ]
    across = pd.DataFrame(found, columns=PAIR_COLUMNS)
    across["p_adjusted"] = stats.holm(across["p_value"].to_numpy(np.float64))
    table = pd.DataFrame(
        [
            {**dict(zip(GROUP, key, strict=True)), "strategy": name, "n_datasets": len(means)}
            | {"mean_rank": rank}
            | _wins(both_ways[(both_ways["a"] == name) & both_ways["b"].isin(names)])
            for name, rank in zip(names, stats.mean_ranks(values).tolist(), strict=True)
        ],
        columns=COLUMNS,
    )
    return Ranking(
        *(key, table, across, stats.friedman(values), nemenyi),
        stats.critical_difference(len(values), len(names), stats.ALPHA),
        left_out,
    )


def _wins(pairs: pd.DataFrame) -> dict[str, int]:
    """Return how often a strategy, which is `a` in each pair, needs fewer labels, or more."""
    wins = int((pairs["told"] & (pairs["mean_a"] < pairs["mean_b"])).sum())
    losses = int((pairs["told"] & (pairs["mean_a"] > pairs["mean_b"])).sum())
    return {"wins": wins, "ties": len(pairs) - wins - losses, "losses": losses}


def _across(pairs: pd.DataFrame) -> dict[str, float]:
    """Return the columns of two strategies from their pairs, one per data set."""
    has_ratio = pairs["ratio"].notna() & (pairs["mean_a"] > 0) & (pairs["mean_b"] > 0)
    usable = pairs[has_ratio]
    log_ratios = np.log((usable["mean_a"] / usable["mean_b"]).to_numpy(np.float64))
    saving, interval = stats.geometric_saving(log_ratios)
    several = len(usable) > 1
    return {
        "n_datasets": len(usable),
        "ratio": 1 - saving,
        "ratio_low": 1 - interval.high,
        "ratio_high": 1 - interval.low,
        "p_value": stats.sign_flip(np.round(log_ratios, 12)) if several else np.nan,
    }


def ranking_notes(ranking: Ranking) -> Iterator[str]:
    """Yield what Friedman's and Nemenyi's tests say, and where the sign-flip test disagrees."""
    n_datasets, n_tests = ranking.n_datasets, len(ranking.pairs)
    at = f"{target_name(ranking.key[-1])} ({ranking.where})"
    if not np.isnan(ranking.friedman):
        yield (
            f"Ranks at {at}, {counted(n_datasets, 'data set')}: Friedman's p"
            f" {p_text(ranking.friedman)}; by Nemenyi's test two strategies differ whose mean ranks"
            f" are {ranking.critical_difference:.2f} apart."
        )
        by_ranks = ranking.nemenyi <= stats.ALPHA
        by_ratio = (ranking.pairs["p_adjusted"] <= stats.ALPHA).to_numpy()
        names = [f"{pair.a} and {pair.b}" for pair in ranking.pairs.itertuples()]
        for who, other, apart in (
            ("Nemenyi's test", "the sign-flip test, which decides,", by_ranks & ~by_ratio),
            ("the sign-flip test, which decides,", "Nemenyi's test", by_ratio & ~by_ranks),
        ):
            if apart.any():
                told = [name for name, is_apart in zip(names, apart, strict=True) if is_apart]
                before = f"At {at} {who} tells apart what {other} does not: "
                yield Listing(
                    before,
                    told,
                    ". Ranks count no sizes and depend on the other strategies; log ratios of"
                    " labels do neither.",
                )
    smallest = stats.smallest_p(n_datasets)
    if smallest * n_tests > stats.ALPHA:
        over = f" times {n_tests} pairs" if n_tests > 1 else ""
        yield (
            f"Over {counted(n_datasets, 'data set')} no two strategies can be told apart at {at}:"
            f" the smallest p is {number(round(smallest, 4))}{over}."
        )
    if ranking.left_out:
        yield (f"Not ranked at {at}, since a data set lacks them: {listed(ranking.left_out)}.")
