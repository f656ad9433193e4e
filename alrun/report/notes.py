"""What a report says in words: how to read it, what the claim is about, and every warning."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from alrun import stats
from alrun.curves import BLOCK
from alrun.report.tables import Tables

MOST_NAMED = 6


def write_notes(
    tables: Tables,
    *,
    named_targets: Sequence[float] | None = None,
    per_seed: Collection[str] = (),
    runs: pd.DataFrame | None = None,
) -> list[str]:
    """Return the sentences that stand under the tables, the warnings last.

    Parameters
    ----------
    named_targets
        The targets that the experiment names; None where there is no experiment file.
    per_seed
        Labels of the data sets that are drawn anew for each seed.
    runs
        The table of runs, for failures and unconverged fits.
    """
    notes = [
        *_reading(tables),
        *_claim(tables, per_seed),
        *_lacking(tables),
        *_baseline(tables),
        *_power(tables),
        *(_estimates(tables) if tables.targets else ()),
        *_ranges(tables),
        *_runs(runs),
    ]
    if named_targets is not None:
        late = [target for target in tables.targets if target not in named_targets]
        if late:
            notes.append(
                f"Warning: the experiment does not name the target {_listed(map(_number, late))};"
                " a target chosen after a look at the curves is exploratory."
            )
    return [" ".join(note.split()) for note in notes]


def _reading(tables: Tables) -> Iterator[str]:
    seeds = tables.rows["n_seeds"]
    low, high = seeds.min(), seeds.max()
    count = _counted(high, "seed") if low == high else f"{low} to {high} seeds"
    yield f"{count} per strategy; scores are {tables.metric}."
    if not tables.targets:
        yield "No target is named: there are no labels to target (null); name one with --target."
    else:
        yield (
            "Labels to target: the fewest labels at which a run's score was at the target. A run"
            " that never got there counts as the budget common to its group (column within): it is"
            " neither dropped nor guessed, and means and savings hold within that budget."
        )
    if tables.has_baseline and tables.targets:
        yield (
            f"Saving: 1 - mean labels / mean labels of {tables.baseline}, seed by seed on the same"
            " split and initial labels (Fieller's interval)."
        )
    if tables.has_baseline:
        tests = _counted(tables.family, "test")
        families = f"the {tests} of labels to target; " if tables.targets else ""
        yield (
            "A star: adjusted p <= .05, paired sign-flip test against"
            f" {tables.baseline}, Holm over {families}AULC and final score are"
            f" {'families of their own' if tables.targets else 'a family each'}."
        )
        yield (
            "Intervals are 95 % each, not jointly; with few seeds a t-based interval and an exact p"
            " can disagree."
        )
    if len(tables.targets) > 1 and (tables.rows["reached"] < tables.rows["n_seeds"]).any():
        yield "Savings at different targets are cut at different budgets; do not compare them."


def _claim(tables: Tables, per_seed: Collection[str]) -> Iterator[str]:
    names = set(tables.rows["dataset"].astype(str))
    fixed, drawn = sorted(names - set(per_seed)), sorted(names & set(per_seed))
    if fixed:
        yield (
            f"The claim is about {_listed(fixed)} as it is, split anew for each seed; it is none"
            " about other data from the same source."
        )
    if drawn:
        yield f"{_listed(drawn)} is drawn anew for each seed: the claim is about its generator."


def _lacking(tables: Tables) -> Iterator[str]:
    """Name the runs that were left out, and the seeds that some strategies lack."""
    for sentence in tables.curves.excluded:
        yield f"Warning: {sentence}."
    lacking = []
    for key, block in tables.curves.runs.groupby(BLOCK, observed=True):
        everyone = set(block["seed"])
        for name, runs in block.groupby("strategy", observed=True):
            missing = sorted(everyone - set(runs["seed"]))
            if missing:
                lacking.append(f"{name} lacks {_seed_list(missing)} ({_cell(key)})")
    if lacking:
        yield f"Warning: {'; '.join(lacking)}; pairs are the seeds that both have."


def _baseline(tables: Tables) -> Iterator[str]:
    """Say where there is nothing to compare with."""
    if not tables.has_baseline:
        yield (
            f"Warning: there is no {tables.baseline} in these results, so that nothing is tested"
            " (null); name another baseline with --baseline."
        )
        return
    found = tables.rows.groupby(BLOCK, observed=True)["is_baseline"].any()
    if not found.all():
        cells = _listed((_cell(key) for key in found.index[~found]), "; ")
        yield f"Warning: there is no {tables.baseline} and so no test (null) for {cells}."


def _power(tables: Tables) -> Iterator[str]:
    """Say where there are too few seeds for an interval or for significance."""
    rows = tables.rows
    if ((rows["n_seeds"] == 1) | (rows["n_pairs"] == 1)).any():
        yield "Warning: with one seed there is no interval and no test (null)."
    if tables.targets and (rows["n_seeds"] < 6).any():
        yield "Note: below six seeds the median has no interval (null)."
    tests = rows["p_value" if tables.targets else "aulc_p_value"].notna()
    family = int(tests.sum())
    fewest = int(rows.loc[tests, "n_pairs"].min()) if family else 0
    if family and family * stats.smallest_p(fewest) > stats.ALPHA:
        yield (
            f"Warning: {_counted(fewest, 'seed')} cannot reach significance in a family of"
            f" {_counted(family, 'test')}; it takes {stats.fewest_seeds(family)} at least."
        )


def _estimates(tables: Tables) -> Iterator[str]:
    rows = tables.rows
    others = rows[~rows["is_baseline"] & (rows["n_pairs"] > 0)]
    nobody = others["saving"].isna()
    yield from _about(
        others[nobody],
        "neither strategy nor baseline reaches the target, so that the saving is not"
        " estimable (null)",
    )
    of_baseline = rows[rows["is_baseline"]].set_index([*BLOCK, "target"])["reached"]
    others = others.join(of_baseline.rename("baseline_reached"), on=[*BLOCK, "target"])
    alone = ~nobody & (others["baseline_reached"] == 0)
    yield from _about(
        others[alone],
        f"{tables.baseline} never reaches the target: the saving is within the budget alone",
    )
    yield from _about(
        others[np.isinf(others["saving_low"])], "the interval of the saving is unbounded (null)"
    )
    yield from _about(
        rows[np.isinf(rows["median_labels"]) | np.isinf(rows["median_labels_high"])],
        "so many runs do not reach the target that the median, or the upper end of its interval,"
        " lies above the budget (null)",
        "Note",
    )
    starts = rows[rows["n_start_at_target"] > 0]
    yield from _about(
        starts,
        "runs start at the target, which the initial labels reach already",
        "Warning",
        "n_start_at_target",
    )
    constant = others[others["no_variation"]]
    yield from _about(constant, "all differences are equal: no variation across seeds")


def _ranges(tables: Tables) -> Iterator[str]:
    """Say where the curves of a block do not cover the same labels."""
    empty = tables.rows[tables.rows["aulc"].isna()].drop_duplicates([*BLOCK])
    if len(empty):
        cells = _listed((_cell(key) for key in empty[BLOCK].itertuples(index=False)), "; ")
        yield f"Warning: curves that share no range of labels have no AULC (null): {cells}."
    ends = tables.curves.runs.groupby(BLOCK, observed=True)["last"]
    for key, last in ends:
        if last.nunique() > 1:
            yield (
                f"Warning: runs end at {_listed(map(str, sorted(last.unique())))} labels"
                f" ({_cell(key)}); they are compared within the budget that they share."
            )


def _runs(runs: pd.DataFrame | None) -> Iterator[str]:
    if runs is None:
        yield "Note: without runs.parquet the seconds spent in queries are not known (null)."
        return
    bad = runs[runs["status"] != "finished"]
    if len(bad):
        named = [
            f"{run.strategy} seed {run.seed} ({run.error})"
            for run in bad.head(MOST_NAMED).itertuples()
        ]
        more = f"; and {len(bad) - MOST_NAMED} more" if len(bad) > MOST_NAMED else ""
        yield f"Warning: {len(bad)} runs failed and are left out: {'; '.join(named)}{more}."
    unconverged = runs[runs["unconverged"].fillna(0) > 0]
    if len(unconverged):
        yield (
            f"Warning: {int(unconverged['unconverged'].sum())} fits in {len(unconverged)} runs did"
            " not converge; what they chose may differ on another machine."
        )


def _about(
    rows: pd.DataFrame, what: str, kind: str = "Warning", count: str | None = None
) -> Iterator[str]:
    """Yield one sentence that names the rows it is about."""
    named = []
    for row in rows.itertuples():
        amount = f"{getattr(row, count):.0f} of {row.n_pairs or row.n_seeds}, " if count else ""
        cell = _cell((row.dataset, row.model, row.batch_size))
        named.append(f"{row.strategy} at {_number(row.target)} ({amount}{cell})")
    if named:
        yield f"{kind}: {what}: {_listed(named, '; ')}."


def _cell(key: Sequence[Any]) -> str:
    dataset, model, batch_size = key
    return f"{dataset}, {model}, batch size {batch_size}"


def _listed(items: Any, separator: str = ", ") -> str:
    items = list(items)
    more = f"{separator}and {len(items) - MOST_NAMED} more" if len(items) > MOST_NAMED else ""
    return separator.join(items[:MOST_NAMED]) + more


def _seed_list(seeds: Sequence[int]) -> str:
    """Name seeds, runs of them as ranges: seeds 1, 4-7."""
    cuts = np.flatnonzero(np.diff(seeds) != 1) + 1
    groups = np.split(np.asarray(seeds), cuts)
    spans = [
        f"{group[0]}-{group[-1]}" if len(group) > 2 else ", ".join(map(str, group))
        for group in groups
    ]
    return f"{'seed' if len(seeds) == 1 else 'seeds'} {', '.join(spans)}"


def _counted(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def _number(value: float) -> str:
    return f"{value:g}"
