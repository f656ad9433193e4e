"""A judgement of stopping rules as a picture."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from alrun.arrays import FloatArray
from alrun.report.phrasing import number
from alrun.report.plots import draw_plots, write_figure
from alrun.report.plots.kinds import Panel, Plot
from alrun.report.plots.stopping import RegretPanel, RuleStops, StopsPanel
from alrun.report.plots.styles import shortened, styles_of
from alrun.report.stopping.build import CELL, StoppingReport
from alrun.report.stopping.rows import cheapest
from alrun.report.stopping.stops import Stops

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Error costs in units of the label cost.
_COSTS = np.geomspace(1e2, 1e6, 41)


def write_stopping_plot(report: StoppingReport, output: Path) -> None:
    """Draw a judgement into a file: SVG, PNG or PDF by its suffix.

    Raises ResultsError for another suffix, where the file cannot be written, and without
    matplotlib.
    """
    write_figure(lambda: draw_stopping(report), output)


def draw_stopping(report: StoppingReport) -> "Figure":
    """Draw, for each cell, where each rule stops, and beside it the regret by error cost."""
    panels: list[Panel] = []
    for key, rows in report.rows.groupby(CELL, observed=True, sort=False):
        stops = [report.stops[place] for place in rows.index]
        where = _where(key)
        panels.append(_stops_panel(report, where, rows, stops))
        if report.costs.errors:
            panels.append(_regret_panel(report, where, rows, stops))
    detail = "ticks: seeds, a cross where the rule never stops; points: means with 95 % intervals"
    if report.costs.errors:
        detail += f"; regret at a label cost of {number(report.costs.label)}"
    plot = Plot("Stopping rules", detail, tuple(panels), 2 if report.costs.errors else 1)
    return draw_plots([plot], styles_of(report.rows["rule"], ""))


def _where(key: Any) -> dict[str, str]:
    words = {column: shortened(str(value)) for column, value in zip(CELL, key, strict=True)}
    words["batch_size"] = f"batch size {words['batch_size']}"
    return {column: text for column, text in words.items() if text}


def _stops_panel(
    report: StoppingReport, where: dict[str, str], rows: pd.DataFrame, stops: list[Stops]
) -> StopsPanel:
    first = stops[0]
    grids = [first.curves.rounds(run)[0] for run in first.runs]
    n_labels = np.unique(np.concatenate(grids)).astype(np.float64)
    low, high = max(grid[0] for grid in grids), min(grid[-1] for grid in grids)
    n_labels = n_labels[(n_labels >= low) & (n_labels <= high)]
    rules = tuple(
        RuleStops(
            row.rule,
            found.labels,
            found.fired,
            row.mean_labels,
            row.mean_labels_low,
            row.mean_labels_high,
        )
        for row, found in zip(rows.itertuples(), stops, strict=True)
    )
    score = first.score_at(n_labels).mean(axis=0)
    return StopsPanel(where, n_labels, score, rules, f"mean {report.options.metric}")


def _regret_panel(
    report: StoppingReport, where: dict[str, str], rows: pd.DataFrame, stops: list[Stops]
) -> RegretPanel:
    label_cost = report.costs.label
    costs = _COSTS * (label_cost or 1.0)
    least = [cheapest(stops[0].curves, stops[0].runs, label_cost, cost)[0] for cost in costs]

    def regret(found: Stops) -> FloatArray:
        paid = label_cost * found.labels + costs[:, None] * (1 - found.score)
        return np.mean(paid - np.array(least), axis=1)

    regrets = {
        row.rule: regret(found)
        for row, found in zip(rows.itertuples(), stops, strict=True)
        if found.fired.any()
    }
    return RegretPanel(where, costs, regrets, len(stops))
