"""What a report says in words: how to read it, what the claim is about, what has no estimate."""

from collections.abc import Collection, Iterable, Iterator, Sequence

import numpy as np
import pandas as pd

from alrun import stats
from alrun.curves import BLOCK
from alrun.report.across import FEWEST_DATASETS
from alrun.report.tables import Tables, too_wide
from alrun.report.words import about, cell_name, counted, listed, number

ADJUSTED = {"holm": "Holm", "maxT": "step-down maxT"}


def write_notes(
    tables: Tables,
    across: pd.DataFrame,
    *,
    named_targets: Sequence[float] | None = None,
    per_seed: Collection[str] = (),
    half_width: float | None = None,
    warnings: Iterable[str] = (),
) -> list[str]:
    """Return the sentences that stand under the tables, the warnings last.

    Parameters
    ----------
    named_targets
        The targets that the experiment names; None where there is no experiment file.
    per_seed
        Labels of the data sets that are drawn anew for each seed.
    half_width
        That of the savings' intervals at which no more seeds were added, where they were added
        until then.
    warnings
        What else is wrong with the results.
    """
    notes = [
        *_reading(tables),
        *_sequential(tables, half_width),
        *_across(tables, across),
        *_claim(tables, per_seed),
        *_baseline(tables),
        *_power(tables),
        *(_estimates(tables) if tables.targets else ()),
        *_ranges(tables),
        *warnings,
    ]
    if named_targets is not None:
        late = [target for target in tables.targets if target not in named_targets]
        if late:
            notes.append(
                f"Warning: the experiment does not name the target {listed(map(number, late))};"
                " a target chosen after a look at the curves is exploratory."
            )
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
            f"Labels to target: the fewest labels at which a run's score was at the target"
            f"{_lasting(tables.sustain)}. A run"
            " that never got there counts as the budget common to its group (column within): it is"
            " neither dropped nor guessed, and means and savings hold within that budget."
        )
        yield (
            f"Column k={tables.sensitivity}: the saving in % if the score had to be at the target"
            f"{_lasting(tables.sensitivity, 'once')}. Column back: of the runs that were at the"
            " target, the share in % that fell below it later."
        )
    if tables.has_baseline and tables.targets:
        yield (
            f"Saving: 1 - mean labels / mean labels of {tables.baseline}, seed by seed on the same"
            " split and initial labels (Fieller's interval)."
        )
    if tables.has_baseline:
        tests = counted(tables.family, "test")
        families = f"the {tests} of labels to target; " if tables.targets else ""
        yield (
            f"A star: adjusted p <= .05, paired sign-flip test against {tables.baseline},"
            f" {ADJUSTED[tables.adjustment]} over {families}AULC and final score are"
            f" {'families of their own' if tables.targets else 'a family each'}."
        )
        yield (
            "Intervals are 95 % each, not jointly; with few seeds a t-based interval and an exact p"
            " can disagree."
        )
    if len(tables.targets) > 1 and (tables.rows["reached"] < tables.rows["n_seeds"]).any():
        yield "Savings at different targets are cut at different budgets; do not compare them."


def _lasting(sustain: int, otherwise: str = "") -> str:
    if sustain == 1:
        return f" {otherwise}".rstrip()
    return f" in {sustain} rounds in a row, the first of them"


def _sequential(tables: Tables, half_width: float | None) -> Iterator[str]:
    if half_width is None:
        return
    yield (
        "Sequential: seeds were added until the intervals of the savings reached at most"
        f" {number(100 * half_width)} points to a side, or there were as many as allowed; such"
        " intervals cover 93-94 %, and the tests err in 6 % of the cases."
    )
    yield from about(too_wide(tables.rows, half_width), "the interval reaches further all the same")


def _across(tables: Tables, across: pd.DataFrame) -> Iterator[str]:
    """Say how to read the rows across data sets."""
    if tables.rows["dataset"].nunique() < 2 or not tables.targets or not tables.has_baseline:
        return
    if across.empty:
        yield "Warning: no strategy has a saving on two data sets: nothing is said across them."
        return
    yield (
        "Across data sets: the geometric mean of the ratios of mean labels, one ratio per data set;"
        " t interval and sign-flip test over the data sets, Holm over the strategies. Seeds are"
        " never pooled. Improves: the chance that a seed needs fewer labels than with"
        f" {tables.baseline}, ties as half."
    )
    if across["descriptive"].any():
        yield (
            f"Descriptive: below {FEWEST_DATASETS} data sets no difference across them can be"
            " significant."
        )


def _claim(tables: Tables, per_seed: Collection[str]) -> Iterator[str]:
    names = set(tables.rows["dataset"].astype(str))
    fixed, drawn = sorted(names - set(per_seed)), sorted(names & set(per_seed))
    if fixed:
        yield (
            f"The claim is about {listed(fixed)} as {'it is' if len(fixed) == 1 else 'they are'},"
            " split anew for each seed; it is none about other data from the same source."
        )
    if drawn:
        yield f"{listed(drawn)} is drawn anew for each seed: the claim is about its generator."


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
        cells = listed((cell_name(key) for key in found.index[~found]), "; ")
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
    if not family:
        return
    fewest = int(rows.loc[tests, "n_pairs"].min())
    smallest = stats.smallest_adjusted_p(fewest, family, tables.adjustment)
    needed = stats.fewest_seeds(family, tables.adjustment)
    of_family = f"in a family of {counted(family, 'test')}"
    if smallest > stats.ALPHA:
        yield (
            f"Warning: {counted(fewest, 'seed')} cannot reach significance {of_family}; it takes"
            f" {needed} at least."
        )
    else:
        yield (
            f"The smallest adjusted p that {counted(fewest, 'seed')} can give {of_family} is"
            f" {smallest:.1g}; significance takes {needed} seeds at least."
        )


def _estimates(tables: Tables) -> Iterator[str]:
    rows = tables.rows
    others = rows[~rows["is_baseline"] & (rows["n_pairs"] > 0)]
    nobody = others["saving"].isna()
    yield from about(
        others[nobody],
        "neither strategy nor baseline reaches the target, so that the saving is not"
        " estimable (null)",
    )
    of_baseline = rows[rows["is_baseline"]].set_index([*BLOCK, "target"])["reached"]
    others = others.join(of_baseline.rename("baseline_reached"), on=[*BLOCK, "target"])
    alone = ~nobody & (others["baseline_reached"] == 0)
    yield from about(
        others[alone],
        f"{tables.baseline} never reaches the target: the saving is within the budget alone",
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
    empty = tables.rows[tables.rows["aulc"].isna()].drop_duplicates([*BLOCK])
    if len(empty):
        cells = listed((cell_name(key) for key in empty[BLOCK].itertuples(index=False)), "; ")
        yield f"Warning: curves that share no range of labels have no AULC (null): {cells}."
    ends = tables.curves.runs.groupby(BLOCK, observed=True)["last"]
    for key, last in ends:
        if last.nunique() > 1:
            yield (
                f"Warning: runs end at {listed(map(str, sorted(last.unique())))} labels"
                f" ({cell_name(key)}); they are compared within the budget that they share."
            )
