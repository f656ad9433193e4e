"""The notes of a report: its reading, its claim, its missing estimates."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from alrun import stats
from alrun.errors import printable
from alrun.experiment.settings import Experiment
from alrun.report.across_datasets import FEWEST_DATASETS
from alrun.report.axes import compare_axes
from alrun.report.axis import Axis
from alrun.report.brief_notes import in_brief
from alrun.report.noise import noise_notes
from alrun.report.phrasing import (
    Definition,
    Listing,
    about,
    counted,
    group_name,
    group_of,
    left_target,
    listed,
    number,
    percent,
    seed_counts,
    target_name,
)
from alrun.report.reference_notes import find_idle_targets, find_imbalance, read_as
from alrun.report.references import DEFAULT_TARGETS
from alrun.report.rows import Tables, too_wide
from alrun.report.selection import selection_notes
from alrun.results.curves import COMPARISON_GROUP
from alrun.targets import between


@dataclass(frozen=True)
class Notes:
    """The sentences under the tables.

    Attributes
    ----------
    usual
        All of them; long lists name the first few.
    full
        All of them, with every item of every list.
    brief
        A line on how to read the tables in place of several, and what else there is in brief.
    """

    usual: tuple[str, ...]
    full: tuple[str, ...]
    brief: tuple[str, ...]


def write_notes(
    tables: Tables,
    across: pd.DataFrame,
    noise: pd.DataFrame,
    experiment: Experiment | None,
    warnings: Iterable[str] = (),
) -> Notes:
    """Return the sentences under the tables, the warnings last.

    `noise` is what `compare_noise` returns. `experiment` is None where the results hold none.
    `warnings` are about what else was found in the results.
    """
    notes = [
        *selection_notes(tables.options),
        *_reading(tables, experiment),
        *_verdict(tables),
        *read_as(tables),
        *_sequential(tables, experiment),
        *_across(tables, across),
        *compare_axes(tables),
        *noise_notes(tables, noise),
        *_claim(tables, experiment),
        *_baseline(tables),
        *_power(tables),
        *(_estimates(tables) if tables.options.targets else ()),
        *_ranges(tables),
        *_seconds(tables),
        *find_idle_targets(tables),
        *find_imbalance(tables),
        *warnings,
        *_exploratory(tables, experiment),
    ]
    findings = (note for note in notes if not isinstance(note, Definition))
    full = (note.naming(None) if isinstance(note, Listing) else note for note in notes)
    brief = [*_reading_in_brief(tables), *in_brief(findings, tables)]
    return Notes(_lines(notes), _lines(full), _lines(brief))


def _lines(notes: Iterable[str]) -> tuple[str, ...]:
    return tuple(printable(" ".join(note.split())) for note in notes)


def _reading_in_brief(tables: Tables) -> Iterator[str]:
    """Say in a few lines what the tables hold."""
    options, rows = tables.options, tables.rows
    less = "" if tables.curves.metric.greater_is_better else ", where less is better"
    yield f"{seed_counts(rows['n_seeds'])} per strategy; scores are {options.metric}{less}."
    parts = []
    if rows["n_seeds"].max() > 1:
        parts.append("Brackets: 95 % intervals.")
    if tables.family:
        tests = f"{options.adjustment.words} over {counted(tables.family, 'test')}"
        parts.append(f"A star: adjusted p <= .05 (paired sign-flip tests, {tests}).")
    if options.targets:
        last = "two rounds in a row" if options.sensitivity == 2 else "one round"
        parts.append(
            "Within: the budget that a run counts as if it does not reach the target."
            f" k={options.sensitivity}: the saving in % if the score had to be there in {last};"
            f" back: the runs in % that {left_target(tables.curves.metric)} the target again."
        )
    yield " ".join([*parts, "More with --notes full."])


def _verdict(tables: Tables) -> Iterator[str]:
    """Say how strategies are told apart."""
    if not tables.options.targets or (tables.rows["n_seeds"] < 2).all():
        return
    rope, axis = percent(tables.options.rope), tables.options.axis
    yield Definition(
        f"Verdict: strategies are told from the one with {axis.least} by paired sign-flip tests"
        " over all pairs of a group and target, step-down maxT (Holm's correction where seeds"
        f" differ) at .05, and from {tables.options.baseline} by the star. The same within {rope}"
        f" %: the 95 % interval of the ratio of mean {axis} lies within {rope} % either way, and"
        f" {stats.FEWEST_DIFFERENT} pairs differ at least. At least: some runs do not reach the"
        " target."
    )


def _reading(tables: Tables, experiment: Experiment | None) -> Iterator[str]:
    options, seeds, metric = tables.options, tables.rows["n_seeds"], tables.curves.metric
    less = "" if metric.greater_is_better else ", where less is better"
    yield Definition(f"{seed_counts(seeds)} per strategy; scores are {options.metric}{less}.")
    yield from _reading_of_labels(tables, experiment)
    if tables.rows["aulc_p_value"].notna().any() or tables.family:
        labels = f"the {counted(tables.family, 'test')} of {options.axis} to target"
        families = f"{labels}; those of AULC and" if options.targets else "the tests of AULC, and"
        yield Definition(
            f"A star: adjusted p <= .05, paired sign-flip test against {options.baseline},"
            f" {options.adjustment.words} over {families} those of the final score are"
            f" {'families of their own' if options.targets else 'another family'}."
        )
    if seeds.max() > 1:
        yield Definition(
            "Intervals are 95 % each, not jointly; with few seeds a t-based interval and an exact p"
            " can disagree."
        )
    if len(options.targets) > 1 and (tables.rows["reached"] < seeds).any():
        yield Definition(
            "Savings at different targets hold within different budgets; do not compare them."
        )


def _reading_of_labels(tables: Tables, experiment: Experiment | None) -> Iterator[str]:
    options, metric = tables.options, tables.curves.metric
    axis = options.axis
    if not options.targets:
        missing = "No target is named"
        if experiment is not None and experiment.targets and experiment.metric != options.metric:
            missing = f"The experiment's targets are for {experiment.metric}, not {options.metric}"
        yield (
            f"{missing}, so that there {'is no cost' if axis is Axis.cost else 'are no labels'} to"
            " target; name one with --target."
        )
        return
    at_target = "at the target" if metric.greater_is_better else "at most the target"
    yield Definition(
        f"{axis.heading} to target: {axis.least} at which a run's score was {at_target}"
        f"{_lasting(options.sustain)}. A run that did not get there within the budget common to its"
        " group (column within) counts as that budget: it is neither dropped nor guessed, and means"
        " and savings hold within it."
    )
    yield Definition(
        f"Column k={options.sensitivity}: the saving in % if the score had to be at the target"
        f"{_lasting(options.sensitivity, 'once')}, within a budget of its own. Column back: of the"
        f" runs that were at the target, the share in % that {left_target(metric)} it later."
    )
    if tables.has_baseline:
        yield Definition(
            f"Saving: 1 - mean {axis} / mean {axis} of {options.baseline}, seed by seed on the same"
            " split and initial labels (Fieller's interval)."
        )
    if axis is Axis.cost:
        yield Definition(
            "Cost: what all answers before a round cost together; the initial labels are free. The"
            " columns within, mean and median are in its units."
        )
        if not tables.curves.runs["is_priced"].any():
            yield "Note: each label costs 1, so that costs are the labels after the initial ones."


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
    if tables.rows["dataset"].nunique() < 2 or not (tables.options.targets and tables.has_baseline):
        return
    if across.empty:
        yield "Warning: no strategy has a saving on two data sets, and so none across them."
        return
    axis = tables.options.axis
    yield Definition(
        f"Across data sets: 1 - the geometric mean of the ratios of mean {axis}, one ratio per data"
        " set where it can be estimated; t interval and sign-flip test over the data sets, Holm"
        " over the strategies of one target and model. Seeds are never pooled. Improves: the share"
        f" of pairs with {axis.less} than with {tables.options.baseline}, ties as half, as a mean"
        " over the data sets."
    )
    rows = across.groupby([*COMPARISON_GROUP[1:], "target"], observed=True)
    n_strategies = rows["strategy"].transform("count")
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
    """Name the subject of the claim: a data set, or the generator of data drawn per seed."""
    names = set(tables.rows["dataset"].astype(str))
    entries = experiment.dataset if experiment else []
    drawn = sorted(names & {str(entry.label) for entry in entries if entry.per_seed})
    given = sorted(names & {str(entry.label) for entry in entries if entry.splits is not None})
    for fixed, how in (
        (sorted(names - {*drawn, *given}), "split anew for each seed"),
        (given, "split as the file of splits says"),
    ):
        if fixed:
            yield (
                f"The claim is about {listed(fixed)} as"
                f" {'it is' if len(fixed) == 1 else 'they are'}, {how}. It does not extend to other"
                " data from the same source."
            )
    if drawn:
        verb, whose = ("is", "its generator") if len(drawn) == 1 else ("are", "their generators")
        yield f"{listed(drawn)} {verb} drawn anew for each seed: the claim is about {whose}."
    for start in experiment.initial if experiment else ():
        if start.file is not None:
            yield (
                f"The initial labels are listed in {Path(start.file).name}: where seeds share a"
                " list, no interval and no test covers the results of another list."
            )


def _exploratory(tables: Tables, experiment: Experiment | None) -> Iterator[str]:
    targets = tables.options.targets
    # These shares are chosen before any look.
    chosen = {*DEFAULT_TARGETS, *map(between, DEFAULT_TARGETS)}
    named = {*experiment.targets, *chosen} if experiment else set()
    late = [text for text in targets if experiment and text not in named]
    if late:
        yield (
            f"Warning: the experiment does not name the target {listed(map(target_name, late))}; a"
            " target chosen after a look at the curves is exploratory."
        )


def _baseline(tables: Tables) -> Iterator[str]:
    """Name groups without a baseline, and strategies without pairs."""
    baseline = tables.options.baseline
    if not tables.has_baseline:
        yield (
            f"Warning: there is no {baseline} in these results, so that no saving is tested; name"
            " another baseline with --baseline."
        )
        return
    found = tables.rows.groupby(COMPARISON_GROUP, observed=True)["is_baseline"].any()
    if not found.all():
        groups = map(group_name, found.index[~found])
        yield Listing(f"Warning: there is no {baseline} and so no test for ", groups)
    rows = tables.rows.drop_duplicates([*COMPARISON_GROUP, "strategy"])
    rows = rows[~rows["is_baseline"] & (rows["n_pairs"] == 0)].join(
        found.rename("found"), on=COMPARISON_GROUP
    )
    alone = [f"{row.strategy} ({group_of(row)})" for row in rows[rows["found"]].itertuples()]
    if alone:
        in_common = f"no seed in common with {baseline}, and so no saving and no test: "
        yield Listing(f"Warning: {in_common}", alone)


def _power(tables: Tables) -> Iterator[str]:
    """Say whether the seeds are enough for intervals and for significance."""
    rows, targets = tables.rows, tables.options.targets
    if ((rows["n_seeds"] == 1) | (rows["n_pairs"] == 1)).any():
        yield "Warning: with one seed there is no interval and no test."
    if targets and (rows["n_seeds"] < 6).any():
        yield "Note: below six seeds the median has no interval."
    tested = "p_value" if targets else "aulc_p_value"
    tests = rows[rows[tested].notna()].drop_duplicates([*COMPARISON_GROUP, "target", "strategy"])
    if tests.empty:
        return
    what = f"{tables.options.axis} to target" if targets else "AULC"
    of_family = f"in a family of {counted(len(tests), 'test')} of {what}"
    needed = stats.fewest_seeds(len(tests), tables.options.adjustment)
    smallest = stats.smallest_adjusted_p(tests["n_pairs"].to_numpy(), tables.options.adjustment)
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


def _estimates(tables: Tables) -> Iterator[str]:
    rows = tables.rows
    others = rows[~rows["is_baseline"] & (rows["n_pairs"] > 0)]
    nobody = others["saving"].isna()
    yield from about(
        others[nobody],
        "neither strategy nor baseline reaches the target within the common budget, so that the"
        " saving is not estimable",
    )
    of_baseline = rows[rows["is_baseline"]].set_index([*COMPARISON_GROUP, "target"])["reached"]
    others = others.join(of_baseline.rename("baseline_reached"), on=[*COMPARISON_GROUP, "target"])
    alone = ~nobody & (others["baseline_reached"] == 0)
    yield from about(
        others[alone],
        f"{tables.options.baseline} does not reach the target within the common budget, and the"
        " saving says nothing beyond it",
    )
    yield from about(
        others[np.isinf(others["saving_low"])], "the interval of the saving is unbounded"
    )
    yield from about(
        rows[np.isinf(rows["median_labels"]) | np.isinf(rows["median_labels_high"])],
        "so many runs do not reach the target that the median, or the upper end of its interval,"
        " lies above the budget",
        "Note",
    )
    constant = others[others["no_variation"]]
    yield from about(constant, "all differences are equal: no variation across seeds")


def _seconds(tables: Tables) -> Iterator[str]:
    """Say what the seconds of queries are, or that there are none."""
    if tables.rows["query_seconds"].notna().any():
        yield Definition(
            "Column s: seconds that a run spent in its strategy, from the first query to the last,"
            " with a 95 % interval. They depend on the machine and on what else it did: compare"
            " those of one machine alone."
        )
    else:
        yield Definition(
            "Query seconds are not known, since they stand in runs.parquet, which is not there or"
            " holds none."
        )


def _ranges(tables: Tables) -> Iterator[str]:
    """Name groups with curves over unequal ranges of labels."""
    axis = tables.options.axis
    empty = tables.rows[tables.rows["aulc"].isna()].drop_duplicates([*COMPARISON_GROUP])
    if len(empty):
        what = f"Warning: curves that share no range of {axis} have no AULC: "
        yield Listing(what, map(group_of, empty.itertuples()), separator="; ")
    for key, runs in tables.curves.runs.groupby(COMPARISON_GROUP, observed=True):
        within = f"{axis.end(runs['first'].max())} to {axis.end(runs['last'].min())}"
        for name, counts in (("start", runs["first"]), ("end", runs["last"])):
            if counts.nunique() < 2:
                continue
            if name == "end" and runs["is_priced"].any():
                ends = axis.amount(f"{axis.end(counts.min())} to {axis.end(counts.max())}")
                yield (
                    f"Note: labels have prices, so that runs end at {ends} ({group_name(key)});"
                    " each is counted up to"
                    " the budget of its row, which is the smallest end of a run that does not reach"
                    f" the target. AULC, initial and final score are over {within}."
                )
                continue
            shown = listed(map(axis.end, sorted(counts.unique())))
            yield (
                f"Warning: runs {name} at {shown} {axis}"
                f" ({group_name(key)}); AULC, initial and final score are over {within}, {axis}"
                " to target within the budget of each row."
            )
