"""From a results directory to a Report: its rows, and what must be said about them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd

from alrun import metrics
from alrun.errors import ResultsError, nearest, printable
from alrun.experiment.settings import Experiment
from alrun.experiment.toml import read_experiment
from alrun.records import DIAGNOSTICS
from alrun.report.across_datasets import build_across
from alrun.report.comparison import sensitivity_of
from alrun.report.diagnostics import find_degeneracies, fingerprints
from alrun.report.notes import write_notes
from alrun.report.provenance_notes import find_mixtures
from alrun.report.rows import build_tables
from alrun.results.curves import RUN, Curves
from alrun.results.load import read_table
from alrun.results.schema import CURVES, QUERIES, RUNS, SPLITS
from alrun.results.store import Store, unlisted_sentence
from alrun.stats import ADJUSTMENTS

# Ids as categories: a million of them as texts would be most of the memory.
_RUN_ID = CURVES.field("strategy").with_name("run_id")
_CURVES = CURVES.set(CURVES.names.index("run_id"), _RUN_ID)
_QUERIES = QUERIES.set(QUERIES.names.index("run_id"), _RUN_ID)
# Their provenance as well: most of it is the same text.
_RUNS = RUNS.set(RUNS.names.index("provenance"), _RUN_ID.with_name("provenance"))
# What a report needs of the table of runs.
RUN_COLUMNS = (*RUN, "status", "error", "seconds_query", "unconverged")


@dataclass(frozen=True)
class Report:
    """A report in numbers and words.

    Attributes
    ----------
    rows
        A row per data set, model, batch size, target and strategy; the columns are named in
        `alrun.report.rows.COLUMNS`. Labels are counts, scores and savings shares of one, seconds
        per run. What cannot be estimated is NaN, with the reason in `notes`; a median above the
        budget and an unbounded interval are infinite.
    across
        A row per model, batch size, target and strategy over the data sets, where there are
        several; the columns are named in `alrun.report.across_datasets.COLUMNS`.
    notes
        How to read the rows, what the claim is about, and every warning.
    curves
        What they were read from.
    name
        That of the results directory.
    budget
        The largest number of labels of any run.
    metric, baseline, targets
        What was reported: the score that targets are read on, the label of the strategy that the
        others are compared with, and the targets in ascending order.
    sustain, adjustment
        In how many rounds in a row the score had to be at the target, and how p values were
        adjusted.
    family
        How many tests of labels to target were adjusted together.
    is_sequential
        Whether seeds were added until the intervals of the savings were narrow enough.
    """

    name: str
    rows: pd.DataFrame
    across: pd.DataFrame
    notes: tuple[str, ...]
    curves: Curves
    budget: int
    metric: str
    baseline: str
    targets: tuple[float, ...]
    sustain: int
    adjustment: str
    family: int
    is_sequential: bool

    @property
    def sensitivity(self) -> int:
        """How many rounds in a row the columns `sensitivity_...` ask for."""
        return sensitivity_of(self.sustain)


def build_report(
    path: Path,
    targets: Sequence[float] | None = None,
    metric: str | None = None,
    baseline: str = "random",
    sustain: int = 1,
    adjustment: str = "holm",
) -> Report:
    """Do what `alrun.report` says."""
    _check(sustain, adjustment)
    experiment = _experiment(path)
    named = experiment.targets if experiment else None
    wanted = _distinct(targets if targets is not None else named or ())
    metric = metric or (experiment.metric if experiment else "accuracy")
    frame = _curves(path, metric)
    runs = _runs(path)
    tables = build_tables(
        frame,
        targets=wanted,
        metric=metric,
        baseline=baseline,
        sustain=sustain,
        adjustment=adjustment,
        order=[str(entry.label) for entry in experiment.strategies] if experiment else (),
        query_seconds=_query_seconds(runs),
        known_ends=partial(_known_ends, path, experiment),
    )
    across = build_across(tables.rows)
    degeneracies = find_degeneracies(tables, runs, _queries(path, frame), _cells(experiment))
    mixtures = find_mixtures(_reported(runs, frame), experiment)
    findings = [*_unlisted(path, frame), *degeneracies, *mixtures]
    notes = write_notes(tables, across, experiment, findings)
    return Report(
        name=path.resolve().name,
        rows=tables.rows,
        across=across,
        notes=tuple(map(printable, notes)),
        curves=tables.curves,
        budget=int(tables.curves.runs["last"].max()),
        metric=metric,
        baseline=baseline,
        targets=wanted,
        sustain=sustain,
        adjustment=adjustment,
        family=tables.family,
        is_sequential=experiment is not None and experiment.until_halfwidth is not None,
    )


def _check(sustain: int, adjustment: str) -> None:
    if adjustment not in ADJUSTMENTS:
        known = nearest(adjustment, ADJUSTMENTS)
        raise ResultsError(f"there is no adjustment '{adjustment}'{known}")
    if sustain < 1:
        raise ResultsError(f"a target is sustained for one round at least, not for {sustain}")


def _experiment(path: Path) -> Experiment | None:
    file = path / "experiment.toml"
    return read_experiment(file) if file.is_file() else None


def _curves(path: Path, metric: str) -> pd.DataFrame:
    try:
        metrics.find(metric)
    except ValueError as error:
        raise ResultsError(str(error)) from None
    columns = [*RUN, "run_id", "n_labels", "n_correct", "n_test", metric]
    return read_table(path / "curves.parquet", _CURVES, columns, strict=False)


def _unlisted(path: Path, frame: pd.DataFrame) -> Iterator[str]:
    """Say whether runs were finished after the tables, as by a sweep that was killed."""
    if "run_id" not in frame.columns:
        return
    n_runs = Store(path).count_unlisted(frame["run_id"].unique())
    if n_runs:
        yield f"Warning: {unlisted_sentence(path, n_runs)}"


def _queries(path: Path, frame: pd.DataFrame) -> pd.DataFrame | None:
    """Return what was queried, with the cell of each run; None where that is not known."""
    file = path / "queries.parquet"
    if not file.is_file() or "run_id" not in frame.columns:
        return None
    columns = ["run_id", "round", "index"]
    queries = read_table(file, _QUERIES, columns, whole=columns)
    return fingerprints(queries, frame[[*RUN, "run_id"]].drop_duplicates("run_id"))


def _cells(experiment: Experiment | None) -> dict[tuple[Any, ...], int]:
    """Return how many runs the experiment has by data set, model, batch size and strategy."""
    if experiment is None:
        return {}
    grid = (experiment.dataset, experiment.model, experiment.batch_sizes, experiment.strategies)
    return {
        (dataset.label, model.label, batch_size, strategy.label): len(experiment.seed_list)
        for dataset, model, batch_size, strategy in product(*grid)
    }


def _known_ends(path: Path, experiment: Experiment | None) -> dict[Any, int]:
    """Return where runs end by data set and seed: at the budget, or when the pool is empty."""
    file = path / "splits.parquet"
    if experiment is None or not file.is_file():
        return {}
    splits = read_table(file, SPLITS, whole=SPLITS.names)
    training = splits[splits["role"] != "test"].groupby(["dataset", "seed"], observed=True).size()
    return {key: min(int(n), experiment.budget) for key, n in training.items()}


def _distinct(targets: Sequence[float]) -> tuple[float, ...]:
    for target in targets:
        if not 0 < target <= 1:
            raise ResultsError(f"the target {target:g} is no score between 0 and 1")
    return tuple(sorted(set(targets)))


def _runs(path: Path) -> pd.DataFrame | None:
    file = path / "runs.parquet"
    if not file.is_file():
        return None
    runs = read_table(file, _RUNS, [*RUN_COLUMNS, *DIAGNOSTICS, "run_id", "provenance"])
    return runs if set(RUN_COLUMNS) <= set(runs.columns) else None


def _reported(runs: pd.DataFrame | None, frame: pd.DataFrame) -> pd.DataFrame:
    """Return the runs that there are curves of, none where it is not known which those are."""
    needed = ["run_id", "model", "strategy", "provenance"]
    if runs is None or "run_id" not in frame.columns or not set(needed) <= set(runs.columns):
        return pd.DataFrame(columns=needed)
    return runs.loc[runs["run_id"].isin(frame["run_id"].unique()), needed]


def _query_seconds(runs: pd.DataFrame | None) -> dict[tuple[Any, ...], float]:
    """Return the mean seconds that a run spent in its strategy, by cell."""
    if runs is None:
        return {}
    cells = ["dataset", "model", "batch_size", "strategy"]
    means = runs.groupby(cells, observed=True)["seconds_query"].mean()
    return {tuple(key): float(value) for key, value in means.items()}
