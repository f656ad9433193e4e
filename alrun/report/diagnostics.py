"""Diagnostics of results: warnings of weak comparisons."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from alrun.report.phrasing import (
    Listing,
    about,
    counted,
    group_name,
    group_of,
    left_target,
    listed,
    seed_list,
    target_name,
)
from alrun.report.rows import Tables
from alrun.results.curves import COMPARISON_GROUP

# Above this share of runs that leave the target again, labels to target say little.
MOST_DROP_BACK = 0.5
# Above this share of batches with ties, a strategy is partly random.
MOST_TIED = 0.2
# The counts that these notes read. Tables without them are older; they may lack other counts too.
_COUNTS = ("batches", "tied_batches", "missing_classes", "pool_duplicates")


def find_degeneracies(
    tables: Tables,
    runs: pd.DataFrame | None,
    queries: pd.DataFrame | None,
    wanted: Mapping[tuple[Any, ...], int] = MappingProxyType({}),
) -> Iterator[str]:
    """Yield a sentence for each kind of trouble.

    Parameters
    ----------
    runs
        The table of runs; None where there is none.
    queries
        What `fingerprints` returns; None where the queries are not known.
    wanted
        How many runs the experiment has by data set, model, batch size and strategy.
    """
    yield from _missing(tables, wanted)
    yield from _lacking(tables)
    yield from _pairs(tables)
    if tables.options.targets:
        yield from _starts(tables)
        yield from _drop_back(tables)
    if queries is not None:
        yield from _equal_queries(queries)
    if runs is None:
        yield (
            "Note: there is no runs.parquet, so that the seconds spent in queries, failed runs,"
            " fits that did not converge, ties, classes without a label and duplicates are not"
            " known."
        )
        return
    yield from _failures(runs)
    yield from _unconverged(runs)
    if set(_COUNTS) <= set(runs.columns):  # runs of an earlier alrun have none
        yield from _ties(runs)
        yield from _initial_sets(runs)
        yield from _duplicates(runs)
    if "fallback_rounds" in runs.columns:
        yield from _fallbacks(runs)
    if "test_duplicates" in runs.columns:
        yield from _shared(runs)


def _lacking(tables: Tables) -> Iterator[str]:
    """Name excluded runs, and the missing seeds of strategies."""
    for sentence in tables.curves.excluded:
        yield f"Warning: {sentence}."
    lacking = []
    for key, group in tables.curves.runs.groupby(COMPARISON_GROUP, observed=True):
        everyone = set(group["seed"])
        for name, runs in group.groupby("strategy", observed=True):
            missing = sorted(everyone - set(runs["seed"]))
            if missing:
                lacking.append(f"{name} lacks {seed_list(missing)} ({group_name(key)})")
    if lacking:
        yield Listing("Warning: ", lacking, "; pairs are the seeds that both have.")
        rows = tables.rows
        fewer = rows[~rows["is_baseline"] & rows["baseline_mean_labels"].notna()]
        of_baseline = rows[rows["is_baseline"]].set_index([*COMPARISON_GROUP, "target"])["n_seeds"]
        fewer = fewer.join(of_baseline.rename("n_baseline"), on=[*COMPARISON_GROUP, "target"])
        named = [
            f"{row.baseline_mean_labels:.1f} on the pairs of {row.strategy} at"
            f" {target_name(row.target)} ({group_of(row)})"
            for row in fewer[fewer["n_pairs"] < fewer["n_baseline"]].itertuples()
        ]
        if named:
            axis = tables.options.axis
            of_baseline = f"Mean {axis} of {tables.options.baseline} that savings are shares of: "
            yield Listing(of_baseline, named)


def _missing(tables: Tables, wanted: Mapping[tuple[Any, ...], int]) -> Iterator[str]:
    """Count the missing runs of the experiment."""
    found = tables.curves.runs.groupby([*COMPARISON_GROUP, "strategy"], observed=True).size()
    there = {tuple(map(str, key)): int(n) for key, n in found.items()}
    left = {key: n - there.get(tuple(map(str, key)), 0) for key, n in wanted.items()}
    named = [f"{n} of {key[-1]} ({group_name(key[:-1])})" for key, n in left.items() if n > 0]
    if named:
        yield Listing(
            f"Warning: {sum(n for n in left.values() if n > 0)} of the {sum(wanted.values())} runs"
            " of the experiment are missing or left out: ",
            named,
        )


def _pairs(tables: Tables) -> Iterator[str]:
    """Name groups with unequal first scores within a seed; pairs have equal ones."""
    runs, apart = tables.curves.runs, []
    for key, group in runs.groupby(COMPARISON_GROUP, observed=True):
        scores = group.groupby(["seed", "first"])["first_score"]
        if (scores.max() - scores.min() > 1e-9).any():
            apart.append(group_name(key))
    if apart:
        yield Listing(
            "Warning: runs of one seed do not begin with the same score. They may differ in split"
            " or initial labels, and would then be no pairs: ",
            apart,
        )


def _starts(tables: Tables) -> Iterator[str]:
    starts = tables.rows[tables.rows["n_start_at_target"] > 0]
    what = "runs start at the target, which the initial labels reach already"
    yield from about(starts, what, count="n_start_at_target")


def _drop_back(tables: Tables) -> Iterator[str]:
    yield from about(
        tables.rows[tables.rows["drop_back"] > MOST_DROP_BACK],
        f"more than half of the runs that were at the target {left_target(tables.curves.metric)} it"
        f" later, so that being there says little; --sustain {tables.options.sustain + 1} asks for"
        " more",
    )


def fingerprints(queries: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    """Return `runs` with a column `examples`: a fingerprint of the queries of each run.

    `queries` has the columns run_id, a category, round and index; `runs` a row per run. Runs that
    queried the same examples in every round have the same fingerprint, others hardly ever.
    """
    codes = queries["run_id"].cat.codes.to_numpy()
    rounds = queries["round"].to_numpy(np.uint64) << np.uint64(32)
    examples = pd.util.hash_array(rounds | queries["index"].to_numpy(np.uint64))
    if (np.diff(codes) < 0).any():
        order = np.argsort(codes, kind="stable")
        codes, examples = codes[order], examples[order]
    starts = np.flatnonzero(np.diff(codes, prepend=-1))
    sums = np.add.reduceat(examples, starts) if len(starts) else examples
    names = queries["run_id"].cat.categories[codes[starts]]
    return runs.merge(pd.DataFrame({"run_id": names, "examples": sums}), on="run_id")


def _equal_queries(queries: pd.DataFrame) -> Iterator[str]:
    """Name strategies with the same queries as another, round for round."""
    twins: dict[str, list[str]] = {}
    for key, group in queries.groupby(COMPARISON_GROUP, observed=True):
        table = group.pivot(index="seed", columns="strategy", values="examples")
        names = sorted(map(str, table.columns))
        for place, name in enumerate(names):
            for other in names[:place]:
                pairs = table[[other, name]].dropna()
                if len(pairs) and (pairs[other] == pairs[name]).all():
                    twins.setdefault(f"{other} and {name}", []).append(group_name(key))
                    break  # one twin is enough to name
    if twins:
        named = [f"{pair} ({listed(groups, '; ')})" for pair, groups in twins.items()]
        yield Listing(
            "Warning: these strategies queried the same examples in every round of every seed, so"
            " that they are one: ",
            named,
        )


def _failures(runs: pd.DataFrame) -> Iterator[str]:
    bad = runs[runs["status"] != "finished"]
    if len(bad):
        named = [
            f"{listed(f'{run.strategy} seed {run.seed}' for run in runs.itertuples())} ({error})"
            for error, runs in bad.groupby("error", sort=False)
        ]
        left_out = "run failed and is" if len(bad) == 1 else "runs failed and are"
        yield Listing(f"Warning: {len(bad)} {left_out} left out: ", named)


def _unconverged(runs: pd.DataFrame) -> Iterator[str]:
    unconverged = runs[runs["unconverged"].fillna(0) > 0]
    if len(unconverged):
        yield (
            f"Warning: {counted(int(unconverged['unconverged'].sum()), 'fit')} in"
            f" {counted(len(unconverged), 'run')} did"
            " not converge; what they chose may differ on another machine."
        )


def _ties(runs: pd.DataFrame) -> Iterator[str]:
    """Say how often the tie-break chose part of a strategy's batch."""
    by_strategy = runs.groupby([*COMPARISON_GROUP, "strategy"], observed=True)
    sums = by_strategy[["tied_batches", "batches"]].sum()
    share = sums["tied_batches"] / sums["batches"]
    tied = share[share > MOST_TIED]
    if len(tied):
        named = [
            f"{key[-1]} in {value:.0%} of the batches ({group_name(key[:-1])})"
            for key, value in tied.items()
        ]
        yield Listing(
            "Warning: scores were tied, so that the tie-break, which is random, chose part of the"
            " batch: ",
            named,
        )


def _initial_sets(runs: pd.DataFrame) -> Iterator[str]:
    """Name data sets with a class missing from initial labels."""
    seeds = runs[runs["missing_classes"] > 0].drop_duplicates(["dataset", "seed"])
    for name, group in seeds.groupby("dataset", observed=True):
        n = runs.loc[runs["dataset"] == name, "seed"].nunique()
        yield (
            f"Warning: the initial labels of {name} lack a class in {len(group)} of"
            f" {counted(n, 'seed')}: a model cannot predict it until one of it is queried."
        )


def _fallbacks(runs: pd.DataFrame) -> Iterator[str]:
    """Say in how many rounds another model took the place of the model."""
    waited = runs[runs["fallback_rounds"].fillna(0) > 0]
    for name, group in waited.groupby("model", observed=True):
        n_rounds = int(group["fallback_rounds"].sum())
        yield (
            f"Note: {name} could not be fitted in {counted(n_rounds, 'round')} of"
            f" {counted(len(group), 'run')}, where its fallback took its place."
        )


def _duplicates(runs: pd.DataFrame) -> Iterator[str]:
    pools = runs[runs["pool_duplicates"] > 0].groupby("dataset", observed=True)["pool_duplicates"]
    for name, counts in pools:
        yield (
            f"Note: up to {int(counts.max())} examples of the pool of {name} have the features of"
            " another; a batch may hold both."
        )


def _shared(runs: pd.DataFrame) -> Iterator[str]:
    """Count the examples of test parts that the training part holds too."""
    shared = runs[runs["test_duplicates"] > 0].groupby("dataset", observed=True)["test_duplicates"]
    for name, counts in shared:
        yield (
            f"Note: up to {int(counts.max())} examples of the test part of {name} have the features"
            " of one in pool or initial set, which makes the scores look better than on new data."
        )
