"""From a results directory to a Report: its rows and its notes."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from alrun import stats
from alrun.errors import printable
from alrun.experiment.names import code_of
from alrun.experiment.settings import Experiment
from alrun.records import DIAGNOSTICS
from alrun.report.across_datasets import build_across
from alrun.report.across_verdict import write_across_verdict
from alrun.report.annotators import agreement_notes, load_votes
from alrun.report.diagnostics import find_degeneracies, fingerprints
from alrun.report.noise import compare_noise
from alrun.report.notes import write_notes
from alrun.report.options import Adjustment, ReportOptions, experiment_of, options_for
from alrun.report.pairs import compare_pairs, compare_two
from alrun.report.provenance_notes import find_mixtures, origins_of
from alrun.report.references import read_references
from alrun.report.rows import Tables, build_tables
from alrun.report.selection import check_selection, select
from alrun.report.verdict import Paragraph, write_verdict
from alrun.results.curves import COMPARISON_GROUP, RUN
from alrun.results.load import load_notes, read_table
from alrun.results.schema import CURVES, LATER_LABELS, QUERIES, RUNS, SKIPPED, SPLITS
from alrun.results.store import Store, unlisted_sentence
from alrun.targets import Written

# Ids are read as categories: a million of them as texts would be most of the memory.
_RUN_ID = CURVES.field("strategy").with_name("run_id")
_CURVES = CURVES.set(CURVES.names.index("run_id"), _RUN_ID)
_QUERIES = QUERIES.set(QUERIES.names.index("run_id"), _RUN_ID)
# So is the provenance: most of it is the same text.
_RUNS = RUNS.set(RUNS.names.index("provenance"), _RUN_ID.with_name("provenance"))
_SPLITS = [name for name in SPLITS.names if name not in LATER_LABELS]
# The columns of the table of runs that a report needs.
RUN_COLUMNS = (*RUN, "status", "error", "seconds_query", "unconverged")


@dataclass(frozen=True)
class Report(Tables):
    """A report in numbers and words.

    Attributes
    ----------
    rows
        A row per data set, model, start, batch size, target and strategy; the columns are named in
        `alrun.report.rows.COLUMNS`. Labels are counts, scores and savings shares of one, seconds
        per run. What cannot be estimated is NaN, with the reason in `notes`; a median above the
        budget and an unbounded interval are infinite. `random_mean_labels` is deprecated: it is
        `baseline_mean_labels` by its old name.
    options
        The score, the baseline and the targets, and how it counts and tests.
    curves
        What the rows were computed from.
    family
        How many tests of labels to target were adjusted together.
    target_scores
        The score to reach in each run, by target, NaN where it is not known.
    references
        The table of floors and ceilings; None where there is none.
    name
        The name of the results directory.
    across
        A row per model, start, batch size, target and strategy over the data sets, where there are
        several; the columns are named in `alrun.report.across_datasets.COLUMNS`.
    noise
        What wrong labels do: a row per comparison group, target and strategy where the grid has
        several oracles; the columns are named in `alrun.report.noise.COLUMNS`.
    notes
        How to read the rows, what the claim is about, and every warning.
    all_notes, brief_notes
        The same with every item of their lists, and in brief: without what only says how to read.
    is_sequential
        Whether seeds were added until the intervals of the savings were narrow enough.
    experiment_text
        The experiment file as it is written; empty without one.
    origins
        What computed the runs: the name of each thing, and how many runs have each value of it.
    """

    name: str
    across: pd.DataFrame
    noise: pd.DataFrame
    notes: tuple[str, ...]
    all_notes: tuple[str, ...]
    brief_notes: tuple[str, ...]
    is_sequential: bool
    experiment_text: str = ""
    origins: tuple[tuple[str, str], ...] = ()

    @cached_property
    def paragraphs(self) -> tuple[Paragraph, ...]:
        """The verdict by what it is about: a data set, a model, a start and a batch size.

        Those on all data sets come first.
        """
        over_all = write_across_verdict(self.rows, self.across, self.baseline, self.options.axis)
        return (*over_all, *write_verdict(self))

    @property
    def verdict(self) -> tuple[str, ...]:
        """Sentences on which strategy to take and how sure that is, from the numbers alone."""
        return tuple(printable(text) for found in self.paragraphs for text in found.whole)

    @cached_property
    def pairs(self) -> pd.DataFrame:
        """Every two strategies at each target, with the columns of `alrun.report.pairs.COLUMNS`."""
        return compare_pairs(self)

    def compare(self, a: str, b: str) -> pd.DataFrame:
        """Return two strategies side by side: a row per data set, model, start, size and target.

        `ratio` is the mean labels of `a` divided by those of `b`, with a 95 % interval; below 1
        `a` needs fewer. `p_adjusted` is adjusted over all pairs of strategies at that target.
        Raises ResultsError where the report has no such strategy, or both are the same.
        """
        return compare_two(self.pairs, a, b, self.rows["strategy"].unique())

    @property
    def budget(self) -> float:
        """The largest number of labels of any run, or their largest cost; whole if it can be."""
        last = float(self.curves.runs["last"].max())
        return int(last) if last.is_integer() else last

    @property
    def metric(self) -> str:
        """The score of the targets."""
        return self.options.metric

    @property
    def baseline(self) -> str:
        """Label of the baseline strategy."""
        return self.options.baseline

    @property
    def targets(self) -> tuple[Written, ...]:
        """The targets in ascending order: scores, and texts such as "95% of full"."""
        return self.options.targets

    @property
    def sustain(self) -> int:
        """In how many rounds in a row the score had to be at the target."""
        return self.options.sustain

    @property
    def adjustment(self) -> Adjustment:
        """How p values were adjusted."""
        return self.options.adjustment


def build_report(path: Path, options: ReportOptions | None = None) -> Report:
    """Report a results directory; without options with those of its experiment.

    Raises ResultsError where the results cannot be read, or hold no such metric or baseline.
    """
    options = options or options_for(path)
    experiment = experiment_of(path)
    everything = _curves(path, options.metric)
    frame = select(everything, options)
    check_selection(everything, frame, options.selection)
    runs = _runs(path)
    runs = None if runs is None else select(runs, options)
    tables = build_tables(
        frame,
        options,
        order=order_of(experiment),
        query_seconds=_query_seconds(runs),
        known_ends=partial(known_ends, path, experiment),
        references=read_references(path),
    )
    across = build_across(tables.rows)
    wanted = _wanted(experiment, path, frame, options)
    degeneracies = find_degeneracies(tables, runs, _queries(path, frame), wanted)
    code = code_of(experiment, path) if experiment else {}
    mixtures = find_mixtures(_reported(runs, frame), experiment, code)
    on_data = _notes_on_data(path, tables.rows["dataset"].unique())
    annotators = agreement_notes(load_votes(path)) if _have_votes(experiment, path) else ()
    findings = [*on_data, *annotators, *_unlisted(path, everything), *degeneracies, *mixtures]
    noise = compare_noise(tables)
    notes = write_notes(tables, across, noise, experiment, findings)
    return Report(
        **vars(tables),
        name=path.resolve().name,
        across=across,
        noise=noise,
        notes=notes.usual,
        all_notes=notes.full,
        brief_notes=notes.brief,
        is_sequential=experiment is not None and experiment.until_halfwidth is not None,
        experiment_text=_experiment_text(path),
        origins=tuple(origins_of(_reported(runs, frame))),
    )


def _have_votes(experiment: Experiment | None, path: Path) -> bool:
    """Return whether an oracle of the experiment buys several answers to an example."""
    votes = [entry.votes for entry in experiment.oracle] if experiment else []
    return max(votes, default=1) > 1 and (path / "queries.parquet").is_file()


def build_pilot(path: Path, options: ReportOptions) -> Tables:
    """Return the rows of a report alone, without its notes: what a plan needs of the results.

    Raises ResultsError as `build_report` does.
    """
    return build_tables(_curves(path, options.metric), options, references=read_references(path))


def build_selected(path: Path, options: ReportOptions) -> Tables:
    """Return the rows of what is selected, in the order of the experiment, without notes.

    Raises ResultsError as `build_report` does.
    """
    frame, experiment = read_selected(path, options)
    return build_tables(
        frame,
        options,
        order=order_of(experiment),
        known_ends=partial(known_ends, path, experiment),
        references=read_references(path),
    )


def read_selected(path: Path, options: ReportOptions) -> tuple[pd.DataFrame, Experiment | None]:
    """Return the rows of the table of curves that are selected, and the experiment.

    Raises ResultsError as `build_report` does.
    """
    experiment = experiment_of(path)
    everything = _curves(path, options.metric)
    frame = select(everything, options)
    check_selection(everything, frame, options.selection)
    return frame, experiment


def _experiment_text(path: Path) -> str:
    file = path / "experiment.toml"
    return file.read_text(encoding="utf-8") if file.is_file() else ""


def _curves(path: Path, metric: str) -> pd.DataFrame:
    counts = ("round", "n_labels", "n_correct", "n_test", "cost", "n_wrong")
    columns = [*RUN, "run_id", *counts, metric]
    return read_table(path / "curves.parquet", _CURVES, columns, strict=False)


def _unlisted(path: Path, frame: pd.DataFrame) -> Iterator[str]:
    """Warn of finished runs outside the tables, as after a killed sweep."""
    if "run_id" not in frame.columns:
        return
    n_runs = Store(path).count_unlisted(frame["run_id"].unique())
    if n_runs:
        yield f"Warning: {unlisted_sentence(path, n_runs)}"


def _notes_on_data(path: Path, names: Iterable[Any]) -> Iterator[str]:
    """Yield what was done to each of these data sets, warnings with that word in front."""
    notes = load_notes(path)
    for name in map(str, names):
        for note in notes.get(name, ()):
            if note.startswith(SKIPPED):
                yield f"Skipped on {name}: {note.removeprefix(SKIPPED)}."
                continue
            is_warning = note.startswith("warning: ")
            sentence = f"{name}: {note.removeprefix('warning: ')}."
            yield f"Warning: {sentence}" if is_warning else f"Data of {sentence}"


def _queries(path: Path, frame: pd.DataFrame) -> pd.DataFrame | None:
    """Return a row per run with a fingerprint of its queries; None without queries."""
    file = path / "queries.parquet"
    if not file.is_file() or "run_id" not in frame.columns:
        return None
    columns = ["run_id", "round", "index"]
    queries = read_table(file, _QUERIES, columns, required=columns)
    return fingerprints(queries, frame[[*RUN, "run_id"]].drop_duplicates("run_id"))


def order_of(experiment: Experiment | None) -> dict[str, list[Any]]:
    """Return the labels and batch sizes of an experiment in its order, by column."""
    if experiment is None:
        return {}
    return {
        "dataset": [entry.label for entry in experiment.dataset],
        "model": [entry.label for entry in experiment.model],
        "start": list(experiment.starts),
        "oracle": list(experiment.oracles),
        "cost_model": list(experiment.cost_models),
        "batch_size": list(experiment.batch_sizes),
        "strategy": [entry.label for entry in experiment.strategies],
    }


def _wanted(
    experiment: Experiment | None, path: Path, frame: pd.DataFrame, options: ReportOptions
) -> dict[tuple[Any, ...], int]:
    """Return how many runs the experiment has by comparison group and strategy, where selected.

    Where combinations were skipped on a data set, those without any run do not count.
    """
    if experiment is None:
        return {}
    notes = load_notes(path) if experiment.skip_impossible else {}
    skips = {name for name, said in notes.items() if any(s.startswith(SKIPPED) for s in said)}
    found = frame[[*COMPARISON_GROUP, "strategy"]].drop_duplicates().astype(str)
    there = set(found.itertuples(index=False, name=None))
    # A data set whose splits say which rows are initial has one start, without a name.
    of_splits = set(found.loc[found["start"] == "", "dataset"])
    starts = {
        entry.label: [""] if entry.splits and entry.label in of_splits else experiment.starts
        for entry in experiment.dataset
    }
    grid = (experiment.dataset, experiment.model, experiment.batch_sizes, experiment.strategies)
    axes = (experiment.oracles, experiment.cost_models)
    keys = [
        (dataset.label, model.label, *labels, batch_size, strategy.label)
        for dataset, model, batch_size, strategy in product(*grid)
        for labels in product(starts[dataset.label], *axes)
    ]
    keys = [key for key in keys if key[0] not in skips or tuple(map(str, key)) in there]
    cells = select(pd.DataFrame(keys, columns=[*COMPARISON_GROUP, "strategy"]), options)
    return {keys[place]: len(experiment.seed_list) for place in cells.index}


def known_ends(path: Path, experiment: Experiment | None) -> dict[Any, int]:
    """Return the last label count of a run by data set and seed: the budget, or an empty pool's.

    It is 0, so that any may be the last, where a run also ends by its cost or by answers without a
    label: the curves do not tell such an end from a cut.
    """
    file = path / "splits.parquet"
    if experiment is None or not file.is_file():
        return {}
    splits = read_table(file, SPLITS, required=_SPLITS)
    training = splits[splits["role"] != "test"]
    counts = training.groupby(["dataset", "start", "seed"], observed=True).size()
    most = counts.groupby(["dataset", "seed"], observed=True).max()
    ends_early = experiment.budget_cost is not None or any(o.abstain for o in experiment.oracle)
    return {key: 0 if ends_early else min(int(n), experiment.budget) for key, n in most.items()}


def _runs(path: Path) -> pd.DataFrame | None:
    file = path / "runs.parquet"
    if not file.is_file():
        return None
    runs = read_table(file, _RUNS, [*RUN_COLUMNS, *DIAGNOSTICS, "run_id", "provenance"])
    return runs if set(RUN_COLUMNS) <= set(runs.columns) else None


def _reported(runs: pd.DataFrame | None, frame: pd.DataFrame) -> pd.DataFrame:
    """Return the runs with curves; none without run ids."""
    needed = ["run_id", "model", "strategy", "provenance"]
    if runs is None or "run_id" not in frame.columns or not set(needed) <= set(runs.columns):
        return pd.DataFrame(columns=needed)
    return runs.loc[runs["run_id"].isin(frame["run_id"].unique()), needed]


def _query_seconds(runs: pd.DataFrame | None) -> dict[tuple[Any, ...], dict[str, float]]:
    """Return the mean seconds of a run in its strategy with their interval, by group and strategy.

    They are those of the finished runs for which they are known.
    """
    if runs is None:
        return {}
    known = runs[runs["seconds_query"].notna()]
    found = {}
    for key, seconds in known.groupby([*COMPARISON_GROUP, "strategy"], observed=True)[
        "seconds_query"
    ]:
        interval = stats.mean_interval(seconds.to_numpy(np.float64)).within(0.0, np.inf)
        found[tuple(key)] = {
            "query_seconds": float(seconds.mean()),
            "query_seconds_low": interval.low,
            "query_seconds_high": interval.high,
        }
    return found
