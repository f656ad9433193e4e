"""What a report says in words: how to read it, what the claim is about, what has no estimate."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from alrun import stats
from alrun.experiment.settings import Experiment
from alrun.report.across_datasets import FEWEST_DATASETS
from alrun.report.phrasing import about, counted, group_name, listed, number
from alrun.report.rows import Tables, too_wide
from alrun.results.curves import COMPARISON_GROUP

ADJUSTED = {"holm": "Holm", "maxT": "step-down maxT"}


def write_notes(
    tables: Tables,
    across: pd.DataFrame,
    experiment: Experiment | None,
    warnings: Iterable[str] = (),
) -> list[str]:
    """Return the sentences that stand under the tables, the warnings last.

    `experiment` is None where the results have no file of it. `warnings` say what else is wrong
    with the results.
    """
    notes = [
        *_reading(tables),
        *_sequential(tables, experiment),
        *_across(tables, across),
        *_claim(tables, experiment),
        *_baseline(tables),
        *_power(tables),
        *(_estimates(tables) if tables.targets else ()),
        *_ranges(tables),
        *warnings,
        *_exploratory(tables, experiment),
    ]
    return [" ".join(note.split()) for note in notes]


def _reading(tables: Tables) -> Iterator[str]:
    seeds = tables.rows["n_seeds"]
    low, high = seeds.min(), seeds.max()
    count = counted(high, "seed") if low == high else f"{low} to {high} seeds"
    yield f"{count} per strategy; scores are {tables.metric}."
    if not tables.targets:
        yield "No target is named: there are no labels to target (null); name one with --target."
    else:
        yield (
            "Labels to target: the fewest labels at which a run's score was at the target"
            f"{_lasting(tables.sustain)}. A run that did not get there within the budget common to"
            " its group (column within) counts as that budget: it is neither dropped nor guessed,"
            " and means and savings hold within it."
        )
        yield (
            f"Column k={tables.sensitivity}: the saving in % if the score had to be at the target"
            f"{_lasting(tables.sensitivity, 'once')}, within a budget of its own. Column back: of"
            " the runs that were at the target, the share in % that fell below it later."
        )
    if tables.has_baseline and tables.targets:
        yield (
            f"Saving: 1 - mean labels / mean labels of {tables.baseline}, seed by seed on the same"
            " split and initial labels (Fieller's interval)."
        )
    if tables.rows["aulc_p_value"].notna().any() or tables.family:
        labels = f"the {counted(tables.family, 'test')} of labels to target"
        families = f"{labels}; those of AULC and" if tables.targets else "the tests of AULC, and"
        yield (
            f"A star: adjusted p <= .05, paired sign-flip test against {tables.baseline},"
            f" {ADJUSTED[tables.adjustment]} over {families} those of the final score are"
            f" {'families of their own' if tables.targets else 'another family'}."
        )
    if high > 1:
        yield (
            "Intervals are 95 % each, not jointly; with few seeds a t-based interval and an exact p"
            " can disagree."
        )
    if len(tables.targets) > 1 and (tables.rows["reached"] < tables.rows["n_seeds"]).any():
        yield "Savings at different targets hold within different budgets; do not compare them."


def _lasting(sustain: int, otherwise: str = "") -> str:
    if sustain == 1:
        return f" {otherwise}".rstrip()
    return f" in {sustain} rounds in a row, the first of them"


def _sequential(tables: Tables, experiment: Experiment | None) -> Iterator[str]:
    half_width = experiment.until_halfwidth if experiment else None
    if half_width is None:
        return
    yield (
        "Sequential: seeds were added until the intervals of the savings had a half-width of at"
        f" most {number(100 * half_width)} points, or there were as many as allowed; such"
        " intervals cover a little less than 95 %, and the tests err in a little more than 5 %."
    )
    yield from about(too_wide(tables.rows, half_width), "the interval is wider all the same")


def _across(tables: Tables, across: pd.DataFrame) -> Iterator[str]:
    """Say how to read the rows across data sets."""
    if tables.rows["dataset"].nunique() < 2 or not tables.targets or not tables.has_baseline:
        return
    if across.empty:
        yield "Warning: no strategy has a saving on two data sets: nothing is said across them."
        return
    yield (
        "Across data sets: 1 - the geometric mean of the ratios of mean labels, one ratio per data"
        " set where it can be estimated; t interval and sign-flip test over the data sets, Holm"
        " over the strategies of one target and model. Seeds are never pooled. Improves: the share"
        f" of pairs with fewer labels than with {tables.baseline}, ties as half, as a mean over"
        " them."
    )
    n_strategies = across.groupby(["model", "batch_size", "target"])["strategy"].transform("count")
    too_few = n_strategies * stats.smallest_p(across["n_datasets"]) > stats.ALPHA
    if (too_few & ~across["descriptive"]).any():
        yield (
            "Warning: with so many strategies these data sets are too few for a difference across"
            " them to be significant."
        )
    if across["descriptive"].any():
        yield (
            f"Descriptive: below {FEWEST_DATASETS} data sets no difference across them can be"
            " significant."
        )


def _claim(tables: Tables, experiment: Experiment | None) -> Iterator[str]:
    """Say what the numbers are about: of what a seed draws, other draws are meant."""
    names = set(tables.rows["dataset"].astype(str))
    entries = experiment.dataset if experiment else []
    drawn = sorted(names & {str(entry.label) for entry in entries if entry.per_seed})
    given = sorted(names & {str(entry.label) for entry in entries if entry.splits is not None})
    for fixed, how in (
        (sorted(names - {*drawn, *given}), "split anew for each seed"),
        (given, "split as the file of splits has it"),
    ):
        if fixed:
            yield (
                f"The claim is about {listed(fixed)} as"
                f" {'it is' if len(fixed) == 1 else 'they are'}, {how}; it is none about other data"
                " from the same source."
            )
    if drawn:
        verb, whose = ("is", "its generator") if len(drawn) == 1 else ("are", "their generators")
        yield f"{listed(drawn)} {verb} drawn anew for each seed: the claim is about {whose}."
    if experiment and experiment.initial and experiment.initial.file is not None:
        yield (
            f"The initial labels are those that {Path(experiment.initial.file).name} lists: where"
            " seeds share a list, no interval and no test covers how another would have fared."
        )


def _exploratory(tables: Tables, experiment: Experiment | None) -> Iterator[str]:
    late = [target for target in tables.targets if experiment and target not in experiment.targets]
    if late:
        yield (
            f"Warning: the experiment does not name the target {listed(map(number, late))}; a"
            " target chosen after a look at the curves is exploratory."
        )


def _baseline(tables: Tables) -> Iterator[str]:
    """Say where there is nothing to compare with."""
    if not tables.has_baseline:
        yield (
            f"Warning: there is no {tables.baseline} in these results, so that nothing is tested"
            " (null); name another baseline with --baseline."
        )
        return
    found = tables.rows.groupby(COMPARISON_GROUP, observed=True)["is_baseline"].any()
    if not found.all():
        cells = listed((group_name(key) for key in found.index[~found]), "; ")
        yield f"Warning: there is no {tables.baseline} and so no test (null) for {cells}."
    rows = tables.rows.drop_duplicates([*COMPARISON_GROUP, "strategy"])
    rows = rows[~rows["is_baseline"] & (rows["n_pairs"] == 0)].join(
        found.rename("found"), on=COMPARISON_GROUP
    )
    alone = [f"{row.strategy} ({_cell_of(row)})" for row in rows[rows["found"]].itertuples()]
    if alone:
        yield (
            f"Warning: no seed in common with {tables.baseline}, and so no saving and no test"
            f" (null): {listed(alone, '; ')}."
        )


def _power(tables: Tables) -> Iterator[str]:
    """Say where there are too few seeds for an interval or for significance."""
    rows = tables.rows
    if ((rows["n_seeds"] == 1) | (rows["n_pairs"] == 1)).any():
        yield "Warning: with one seed there is no interval and no test (null)."
    if tables.targets and (rows["n_seeds"] < 6).any():
        yield "Note: below six seeds the median has no interval (null)."
    tested = "p_value" if tables.targets else "aulc_p_value"
    tests = rows[rows[tested].notna()].drop_duplicates([*COMPARISON_GROUP, "target", "strategy"])
    if tests.empty:
        return
    what = "labels to target" if tables.targets else "AULC"
    of_family = f"in a family of {counted(len(tests), 'test')} of {what}"
    needed = stats.fewest_seeds(len(tests), tables.adjustment)
    smallest = stats.smallest_adjusted_p(tests["n_pairs"].to_numpy(), tables.adjustment)
    too_few = tests[smallest > stats.ALPHA]
    if len(too_few) == len(tests):
        most = int(tests["n_pairs"].max())
        yield (
            f"Warning: {counted(most, 'seed')} cannot reach significance {of_family}; it takes"
            f" {needed} at least."
        )
    elif len(too_few):
        few = "these have too few pairs with the baseline and cannot reach significance"
        yield from about(too_few, f"{few} {of_family}", count="n_pairs")
    else:
        yield (
            f"The smallest adjusted p that {counted(int(tests['n_pairs'].min()), 'seed')} can give"
            f" {of_family} is {smallest.max():.1g}; significance takes {needed} seeds at least."
        )


def _cell_of(row: Any) -> str:
    return group_name((row.dataset, row.model, row.batch_size))


def _estimates(tables: Tables) -> Iterator[str]:
    rows = tables.rows
    others = rows[~rows["is_baseline"] & (rows["n_pairs"] > 0)]
    nobody = others["saving"].isna()
    yield from about(
        others[nobody],
        "neither strategy nor baseline reaches the target within the common budget, so that the"
        " saving is not estimable (null)",
    )
    of_baseline = rows[rows["is_baseline"]].set_index([*COMPARISON_GROUP, "target"])["reached"]
    others = others.join(of_baseline.rename("baseline_reached"), on=[*COMPARISON_GROUP, "target"])
    alone = ~nobody & (others["baseline_reached"] == 0)
    yield from about(
        others[alone],
        f"{tables.baseline} does not reach the target within the common budget, and the saving says"
        " nothing beyond it",
    )
    yield from about(
        others[np.isinf(others["saving_low"])], "the interval of the saving is unbounded (null)"
    )
    yield from about(
        rows[np.isinf(rows["median_labels"]) | np.isinf(rows["median_labels_high"])],
        "so many runs do not reach the target that the median, or the upper end of its interval,"
        " lies above the budget (null)",
        "Note",
    )
    constant = others[others["no_variation"]]
    yield from about(constant, "all differences are equal: no variation across seeds")


def _ranges(tables: Tables) -> Iterator[str]:
    """Say where the curves of a block do not cover the same labels."""
    empty = tables.rows[tables.rows["aulc"].isna()].drop_duplicates([*COMPARISON_GROUP])
    if len(empty):
        cells = listed(
            (group_name(key) for key in empty[COMPARISON_GROUP].itertuples(index=False)), "; "
        )
        yield f"Warning: curves that share no range of labels have no AULC (null): {cells}."
    for key, runs in tables.curves.runs.groupby(COMPARISON_GROUP, observed=True):
        for name, counts in (("start", runs["first"]), ("end", runs["last"])):
            if counts.nunique() > 1:
                within = f"{runs['first'].max()} to {runs['last'].min()}"
                yield (
                    f"Warning: runs {name} at {listed(sorted(counts.unique()))} labels"
                    f" ({group_name(key)}); AULC, initial and final score are over {within}, labels"
                    " to target within the budget of each row."
                )
