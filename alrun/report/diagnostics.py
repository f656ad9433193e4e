"""What makes a comparison mean less than it seems: found in the results, said in sentences."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from alrun.records import DIAGNOSTICS
from alrun.report.phrasing import MOST_NAMED, about, counted, group_name, listed, number, seed_list
from alrun.report.rows import Tables
from alrun.results.curves import COMPARISON_GROUP

# Above this share of runs that fall below the target again, labels to target say little.
MOST_DROP_BACK = 0.5
# Above this share of batches that the tie-break chose, a strategy is partly random.
MOST_TIED = 0.2


def find_degeneracies(
    tables: Tables,
    runs: pd.DataFrame | None,
    queries: pd.DataFrame | None,
    cells: Mapping[tuple[Any, ...], int] = MappingProxyType({}),
) -> Iterator[str]:
    """Yield a sentence for each kind of trouble.

    Parameters
    ----------
    runs
        The table of runs; None where there is none.
    queries
        What `fingerprints` returns; None where the queries are not known.
    cells
        How many runs the experiment has by data set, model, batch size and strategy.
    """
    yield from _missing(tables, cells)
    yield from _lacking(tables)
    yield from _pairs(tables)
    if tables.targets:
        yield from _starts(tables)
        yield from _drop_back(tables)
    if queries is not None:
        yield from _equal_queries(queries)
    if runs is None:
        yield (
            "Note: without runs.parquet neither the seconds spent in queries (null) nor failed"
            " runs, fits that did not converge, ties, classes without a label and duplicates are"
            " known."
        )
        return
    yield from _failures(runs)
    yield from _unconverged(runs)
    if set(DIAGNOSTICS) <= set(runs.columns):  # runs of an earlier alrun have none
        yield from _ties(runs)
        yield from _initial_sets(runs)
        yield from _duplicates(runs)


def _lacking(tables: Tables) -> Iterator[str]:
    """Name the runs that were left out, and the seeds that some strategies lack."""
    for sentence in tables.curves.excluded:
        yield f"Warning: {sentence}."
    lacking = []
    for key, block in tables.curves.runs.groupby(COMPARISON_GROUP, observed=True):
        everyone = set(block["seed"])
        for name, runs in block.groupby("strategy", observed=True):
            missing = sorted(everyone - set(runs["seed"]))
            if missing:
                lacking.append(f"{name} lacks {seed_list(missing)} ({group_name(key)})")
    if lacking:
        yield f"Warning: {'; '.join(lacking)}; pairs are the seeds that both have."
        rows = tables.rows
        fewer = rows[~rows["is_baseline"] & rows["random_mean_labels"].notna()]
        of_baseline = rows[rows["is_baseline"]].set_index([*COMPARISON_GROUP, "target"])["n_seeds"]
        fewer = fewer.join(of_baseline.rename("n_baseline"), on=[*COMPARISON_GROUP, "target"])
        named = [
            f"{row.random_mean_labels:.1f} on the pairs of {row.strategy} at {number(row.target)}"
            f" ({group_name((row.dataset, row.model, row.batch_size))})"
            for row in fewer[fewer["n_pairs"] < fewer["n_baseline"]].itertuples()
        ]
        if named:
            yield f"Mean labels of {tables.baseline}, which savings are of: {listed(named, '; ')}."


def _missing(tables: Tables, cells: Mapping[tuple[Any, ...], int]) -> Iterator[str]:
    """Say which runs of the experiment are not there."""
    found = tables.curves.runs.groupby([*COMPARISON_GROUP, "strategy"], observed=True).size()
    there = {tuple(map(str, key)): int(n) for key, n in found.items()}
    left = {key: n - there.get(tuple(map(str, key)), 0) for key, n in cells.items()}
    named = [f"{n} of {key[-1]} ({group_name(key[:-1])})" for key, n in left.items() if n > 0]
    if named:
        yield (
            f"Warning: {sum(n for n in left.values() if n > 0)} of the {sum(cells.values())} runs"
            f" of the experiment are missing or left out: {listed(named, '; ')}."
        )


def _pairs(tables: Tables) -> Iterator[str]:
    """Say where the runs of a seed do not begin with the same score, as pairs do."""
    runs = tables.curves.runs.assign(initial=tables.curves.score[tables.curves.start[:-1]])
    apart = []
    for key, block in runs.groupby(COMPARISON_GROUP, observed=True):
        scores = block.groupby(["seed", "first"])["initial"]
        if (scores.max() - scores.min() > 1e-9).any():
            apart.append(group_name(key))
    if apart:
        yield (
            "Warning: runs of one seed do not begin with the same score, so that they may not be of"
            f" the same split and initial labels, and no pairs: {listed(apart, '; ')}."
        )


def _starts(tables: Tables) -> Iterator[str]:
    starts = tables.rows[tables.rows["n_start_at_target"] > 0]
    what = "runs start at the target, which the initial labels reach already"
    yield from about(starts, what, count="n_start_at_target")


def _drop_back(tables: Tables) -> Iterator[str]:
    yield from about(
        tables.rows[tables.rows["drop_back"] > MOST_DROP_BACK],
        "more than half of the runs that were at the target fell below it later, so that being"
        f" there says little; --sustain {max(tables.sustain + 1, 2)} asks for more",
    )


def fingerprints(queries: pd.DataFrame, cells: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of `cells` with a number that stands for all that the run queried.

    `queries` has the columns run_id, a category, round and index; `cells` a row per run. Runs that
    queried the same examples in every round have the same number, others hardly ever.
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
    return cells.merge(pd.DataFrame({"run_id": names, "examples": sums}), on="run_id")


def _equal_queries(queries: pd.DataFrame) -> Iterator[str]:
    """Name strategies that queried the same examples as another, round for round."""
    twins: dict[str, list[str]] = {}
    for key, block in queries.groupby(COMPARISON_GROUP, observed=True):
        table = block.pivot(index="seed", columns="strategy", values="examples")
        names = sorted(map(str, table.columns))
        for place, name in enumerate(names):
            for other in names[:place]:
                pairs = table[[other, name]].dropna()
                if len(pairs) and (pairs[other] == pairs[name]).all():
                    twins.setdefault(f"{other} and {name}", []).append(group_name(key))
                    break  # one twin is enough to name
    if twins:
        named = [f"{pair} ({listed(cells, '; ')})" for pair, cells in twins.items()]
        yield (
            "Warning: these strategies queried the same examples in every round of every seed, so"
            f" that they are one: {listed(named, '; ')}."
        )


def _failures(runs: pd.DataFrame) -> Iterator[str]:
    bad = runs[runs["status"] != "finished"]
    if len(bad):
        named = [
            f"{run.strategy} seed {run.seed} ({run.error})"
            for run in bad.head(MOST_NAMED).itertuples()
        ]
        more = f"; and {len(bad) - MOST_NAMED} more" if len(bad) > MOST_NAMED else ""
        left_out = "run failed and is" if len(bad) == 1 else "runs failed and are"
        yield f"Warning: {len(bad)} {left_out} left out: {'; '.join(named)}{more}."


def _unconverged(runs: pd.DataFrame) -> Iterator[str]:
    unconverged = runs[runs["unconverged"].fillna(0) > 0]
    if len(unconverged):
        yield (
            f"Warning: {counted(int(unconverged['unconverged'].sum()), 'fit')} in"
            f" {counted(len(unconverged), 'run')} did"
            " not converge; what they chose may differ on another machine."
        )


def _ties(runs: pd.DataFrame) -> Iterator[str]:
    """Say which strategies left the choice of a batch to the tie-break, and how often."""
    cells = runs.groupby([*COMPARISON_GROUP, "strategy"], observed=True)[
        ["tied_batches", "batches"]
    ].sum()
    share = cells["tied_batches"] / cells["batches"]
    tied = share[share > MOST_TIED]
    if len(tied):
        named = [
            f"{key[-1]} in {value:.0%} of the batches ({group_name(key[:-1])})"
            for key, value in tied.items()
        ]
        yield (
            "Warning: scores were so tied that the tie-break, which is random, chose part of the"
            f" batch: {listed(named, '; ')}."
        )


def _initial_sets(runs: pd.DataFrame) -> Iterator[str]:
    """Say where the first labels held no example of a class."""
    seeds = runs[runs["missing_classes"] > 0].drop_duplicates(["dataset", "seed"])
    for name, cell in seeds.groupby("dataset", observed=True):
        n = runs.loc[runs["dataset"] == name, "seed"].nunique()
        yield (
            f"Warning: the initial labels of {name} lack a class in {len(cell)} of"
            f" {counted(n, 'seed')}: a model cannot predict it until one of it is queried."
        )


def _duplicates(runs: pd.DataFrame) -> Iterator[str]:
    pools = runs[runs["pool_duplicates"] > 0].groupby("dataset", observed=True)["pool_duplicates"]
    for name, counts in pools:
        yield (
            f"Note: up to {int(counts.max())} examples of the pool of {name} have the features of"
            " another; a batch may hold both."
        )
