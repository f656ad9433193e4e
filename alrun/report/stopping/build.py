"""From a results directory to a judgement of stopping rules."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from alrun import stats
from alrun.arrays import IntArray
from alrun.errors import ResultsError
from alrun.report.build import known_ends, order_of, read_selected
from alrun.report.options import ReportOptions, experiment_of, stopping_options
from alrun.report.phrasing import Listing, counted
from alrun.report.rows import places_of
from alrun.report.stopping.notes import write_notes
from alrun.report.stopping.options import DEFAULT_COSTS, Costs, built_in_rules_of, rules_of
from alrun.report.stopping.rows import (
    CELL_COLUMNS,
    COLUMNS,
    Row,
    cheapest,
    cost_name,
    describe_cell,
    judge,
)
from alrun.report.stopping.stops import Stops, find_stops, signals_of, without_signals
from alrun.report.stopping.verdict import write_verdict
from alrun.report.verdict import Paragraph
from alrun.results.curves import COMPARISON_GROUP, Curves, read_curves
from alrun.results.load import load_signals
from alrun.stopping.registry import Rule
from alrun.stopping.signals import NAMES

CELL = [*COMPARISON_GROUP, "strategy"]


@dataclass(frozen=True)
class StoppingReport:
    """Stopping rules, judged on the runs of a results directory.

    Attributes
    ----------
    name
        The name of the directory.
    rows
        A row per data set, model, start, batch size, strategy and rule, with the columns of
        `alrun.report.stopping.rows.COLUMNS`, and of each error cost `regret_1000` with its
        interval. NaN where something cannot be estimated.
    cells
        A row per data set, model, start, batch size and strategy, with CELL_COLUMNS, and of each
        error cost `best_labels_1000` with its interval.
    stops
        Where each rule stops the runs of a cell, row by row.
    rules
        The rules.
    options, costs
        What was asked for; the error costs are empty where the metric is not accuracy.
    notes
        How to read the rows, and every warning.
    """

    name: str
    rows: pd.DataFrame
    cells: pd.DataFrame
    stops: tuple[Stops, ...]
    rules: tuple[Rule, ...]
    options: ReportOptions
    costs: Costs
    notes: tuple[str, ...]

    @cached_property
    def paragraphs(self) -> tuple[Paragraph, ...]:
        """The verdict: which rules adapt, which do as well as a fixed budget, which never stop."""
        return tuple(write_verdict(self.rows, self.cells, self.costs))


def build_stopping(
    path: Path,
    options: ReportOptions,
    written: Sequence[str | Mapping[str, Any]] | None = None,
    costs: Costs = DEFAULT_COSTS,
) -> StoppingReport:
    """Judge stopping rules on a results directory; by default those of its experiment.

    Raises ResultsError where the results cannot be read, have no signals, or costs are asked for on
    a metric that is not accuracy, and StoppingError where a rule is unknown or fails.
    """
    return _judge(path, options, rules_of(written, experiment_of(path), path), costs)


def build_for_page(path: Path, report: ReportOptions) -> StoppingReport | None:
    """Judge the rules of an experiment, less those of a user's own, beside a report of its results.

    None without a table of signals, or without such a rule. Raises as `build_stopping` does.
    """
    rules = built_in_rules_of(experiment_of(path))
    if not rules or not (path / "signals.parquet").is_file():
        return None
    options = stopping_options(path, report.metric, report.selection)
    return _judge(path, options, rules, DEFAULT_COSTS)


def _judge(
    path: Path, options: ReportOptions, rules: Sequence[Rule], costs: Costs
) -> StoppingReport:
    """Judge rules as `build_stopping` does."""
    frame, experiment = read_selected(path, options)
    if options.metric != "accuracy":
        if costs.are_named:
            raise ResultsError(
                f"costs are those of mistakes, which {options.metric} does not count; use --metric"
                " accuracy, or drop the costs"
            )
        costs = replace(costs, errors=())
    curves = read_curves(frame, options.metric, partial(known_ends, path, experiment))
    if curves.runs.empty:
        raise ResultsError("; ".join(["there is no run that can be judged", *curves.excluded]))
    signals = signals_of(curves, load_signals(path))
    silent = without_signals(curves, signals)
    if silent.all():
        raise ResultsError("no run of these has signals; sweep them into another directory")
    order = order_of(experiment)
    rows, cells, stops = [], [], []
    for key, runs in _cells(curves.runs[~silent], order):
        where = dict(zip(CELL, key, strict=True))
        best = {cost: cheapest(curves, runs, costs.label, cost) for cost in costs.errors}
        least = {cost: (least, costs.label) for cost, (least, _) in best.items()}
        labels = {cost: labels for cost, (_, labels) in best.items()}
        cells.append(where | describe_cell(curves, runs, labels))
        for rule, found in zip(rules, find_stops(curves, signals, rules, runs), strict=True):
            row = judge(found, rule.is_hindsight, least)
            rows.append(where | {"rule": rule.display_name} | row)
            stops.append(found)
    table = _adjusted(rows, costs)
    excluded = [*curves.excluded, *_silent(curves.runs[silent])]
    nulls = _null_signals(curves, signals[np.repeat(~silent, np.diff(curves.start))])
    return StoppingReport(
        name=path.resolve().name,
        rows=table,
        cells=pd.DataFrame(cells, columns=[*CELL_COLUMNS, *_of_costs("best_labels", costs)]),
        stops=tuple(stops),
        rules=tuple(rules),
        options=options,
        costs=costs,
        notes=tuple(write_notes(table, rules, options, costs, [*excluded, *nulls])),
    )


def _adjusted(rows: Sequence[Row], costs: Costs) -> pd.DataFrame:
    """Return the rows as a table, with p values adjusted over all rules and cells."""
    table = pd.DataFrame(rows, columns=[*COLUMNS, *_of_costs("regret", costs)])
    p_values = table["budget_p_value"].to_numpy(np.float64)
    return table.assign(budget_p_adjusted=stats.holm(p_values))


def _of_costs(name: str, costs: Costs) -> list[str]:
    names = [f"{name}_{cost_name(cost)}" for cost in costs.errors]
    return [f"{name}{end}" for name in names for end in ("", "_low", "_high")]


def _cells(
    runs: pd.DataFrame, order: dict[str, list[object]]
) -> Iterator[tuple[tuple[object, ...], IntArray]]:
    """Yield key and places of the runs of each cell, in the order of the experiment."""
    groups = dict(iter(runs.groupby(CELL, observed=True)))
    strategies = order.get("strategy", [])

    def place(key: tuple[object, ...]) -> tuple[object, ...]:
        *group, strategy = key
        known = strategies.index(strategy) if strategy in strategies else len(strategies)
        return (places_of(tuple(group), order), known, strategy)

    for key in sorted(groups, key=place):
        yield key, groups[key].index.to_numpy()


def _silent(runs: pd.DataFrame) -> Iterator[str]:
    """Say which runs have no signals."""
    if not runs.empty:
        named = [f"{run.strategy} seed {run.seed} on {run.dataset}" for run in runs.itertuples()]
        yield Listing(f"left out, since {counted(len(named), 'run')} without signals: ", named, "")


def _null_signals(curves: Curves, signals: pd.DataFrame) -> Iterator[str]:
    """Say which signals are null throughout, so that rules that need them never stop."""
    empty = [name for name in NAMES if signals[name].isna().all()]
    if empty:
        yield f"no run has {', '.join(empty)}, so that rules that need these never stop"
