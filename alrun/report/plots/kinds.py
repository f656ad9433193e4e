"""The kinds of plots: their needs and their panels."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from alrun.errors import ResultsError, nearest
from alrun.report.all_pairs import Comparisons
from alrun.report.build import Report
from alrun.report.phrasing import seed_counts, target_name
from alrun.report.plots.comparisons import PairsPanel, RanksPanel
from alrun.report.plots.lines import mean_curves, mean_differences, shares_at_target
from alrun.report.plots.panels import LinesPanel, SavingsPanel, limits_of
from alrun.report.plots.pareto import ParetoPanel
from alrun.report.plots.stopping import RegretPanel, StopsPanel
from alrun.report.plots.styles import shortened
from alrun.report.ranks import GROUP as RANKED
from alrun.report.rows import comparison_groups
from alrun.results.curves import COMPARISON_GROUP
from alrun.results.schema import LATER_LABELS
from alrun.targets import Written

# Those that are drawn by default, and those that are drawn where they are named.
KINDS = ("curves", "difference", "savings", "reached")
FURTHER_KINDS = ("pairs", "ranks", "pareto")

Panel = LinesPanel | SavingsPanel | PairsPanel | RanksPanel | ParetoPanel | StopsPanel | RegretPanel
# Up to so many strategies two heat maps stand side by side.
_MOST_BESIDE = 7
# Lines in more rows of panels are drawn in parts, each with a title and a legend of its own.
_MOST_ROWS, _ROWS_OF_PART = 4, 3


@dataclass(frozen=True)
class Plot:
    """The panels of one kind in columns, with a title, a line of detail and the seeds in words."""

    title: str
    detail: str
    panels: tuple[Panel, ...]
    n_columns: int
    seeds: str = ""

    @property
    def heights(self) -> list[float]:
        """The height of each row of panels, in inches."""
        starts = range(0, len(self.panels), self.n_columns)
        heights = [panel.height(self.n_columns) for panel in self.panels]
        return [max(heights[start : start + self.n_columns]) for start in starts]


def plots_of(report: Report, kinds: Sequence[str], batch_sizes: Sequence[int] | None) -> list[Plot]:
    """Return the plots to draw; raises ResultsError for one without its data."""
    rows = report.rows
    for size in batch_sizes or ():
        if size not in set(rows["batch_size"]):
            known = ", ".join(map(str, sorted(set(rows["batch_size"]))))
            raise ResultsError(f"there is no batch size {size} in these results; known are {known}")
    if batch_sizes:
        rows = rows[rows["batch_size"].isin(batch_sizes)]
    for kind in kinds:
        if kind not in (known_kinds := KINDS + FURTHER_KINDS):
            raise ResultsError(f"there is no plot '{kind}'{nearest(kind, known_kinds)}")
    lacking = {kind: _lacking(report, rows, kind) for kind in dict.fromkeys(kinds or KINDS)}
    if set(lacking) != set(KINDS):  # a kind that was named is not left out in silence
        for sentence in filter(None, lacking.values()):
            raise ResultsError(sentence)
    seeds = seed_counts(rows["n_seeds"])
    made = [_MAKERS[kind](report, rows) for kind, lack in lacking.items() if not lack]
    return [part for plot in made for part in _parts(replace(plot, seeds=seeds))]


def _parts(plot: Plot) -> list[Plot]:
    """Return a plot, or several with fewer rows of panels where its legend would be far away."""
    if len(plot.heights) <= _MOST_ROWS or not isinstance(plot.panels[0], LinesPanel):
        return [plot]
    size = _ROWS_OF_PART * plot.n_columns
    starts = range(0, len(plot.panels), size)
    return [replace(plot, panels=plot.panels[start : start + size]) for start in starts]


def _lacking(report: Report, rows: pd.DataFrame, kind: str) -> str | None:
    """Return why a kind cannot be drawn, in a sentence."""
    so = f"so that '{kind}' cannot be drawn"
    if kind in ("savings", "reached", *FURTHER_KINDS) and not report.targets:
        return f"no target is named, {so}; name one with --target"
    if kind in ("difference", "savings"):
        if not rows["is_baseline"].any():
            return (
                f"there is no {report.baseline} in these results, {so}; name another baseline with"
                " --baseline"
            )
        if _compared(rows).empty:
            return f"there is nothing to compare with {report.baseline}, {so}; sweep a strategy"
    if kind == "pareto" and not _pareto(report, rows).panels:
        return f"the seconds of queries are not known without runs.parquet, {so}; sweep it again"
    if kind == "pairs" and not _pairs(report, rows).panels:
        return f"there are no two strategies to compare, {so}; sweep another"
    if kind == "ranks" and not _ranks(report, rows).panels:
        return f"there are not several data sets with the same strategies, {so}; sweep another"
    return None


def _compared(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of groups with a baseline and another strategy."""
    found = [
        group
        for _, group in comparison_groups(rows)
        if group["is_baseline"].any() and not group["is_baseline"].all()
    ]
    return pd.concat(found) if found else rows.iloc[:0]


def _curves(report: Report, rows: pd.DataFrame) -> Plot:
    panels = tuple(
        LinesPanel(
            _where(report, group),
            mean_curves(report.curves, group),
            f"{report.metric}{_less_is_better(report)}",
            levels=_levels(report, group),
            references=_references(group),
            scores=(0.0, report.curves.metric.largest),
            x_label=report.options.axis.value,
        )
        for _, group in comparison_groups(rows)
    )
    detail = f"mean {report.metric}{_band(panels)}"
    return Plot("Learning curves", detail, panels, _columns(panels))


def _difference(report: Report, rows: pd.DataFrame) -> Plot:
    panels = tuple(
        LinesPanel(
            _where(report, group),
            mean_differences(report.curves, group, report.baseline),
            f"difference in {report.metric}{_less_is_better(report)}",
            has_zero=True,
            x_label=report.options.axis.value,
        )
        for _, group in comparison_groups(_compared(rows))
    )
    title = f"Difference from {shortened(report.baseline)}"
    detail = f"mean over the seeds that both have{_band(panels)}"
    return Plot(title, detail, panels, _columns(panels))


def _savings(report: Report, rows: pd.DataFrame) -> Plot:
    panels = []
    compared = _compared(rows)
    limits = limits_of(compared[~compared["is_baseline"]])
    keys = [key for key in COMPARISON_GROUP if key != "batch_size"]
    for _, group in compared.groupby(keys, observed=True, sort=False):
        others = group[~group["is_baseline"]]
        parts = [
            pair
            for target in others["target"].unique()
            for pair in others[others["target"] == target].groupby("batch_size")
        ]
        common, names = in_common(
            [_where(report, part, ("target", "batch_size")) for _, part in parts]
        )
        where = _where(report, group, keys) | common
        named = tuple((name, part) for name, (_, part) in zip(names, parts, strict=True))
        panels.append(SavingsPanel(where, named, limits))
    title = f"Saving against {shortened(report.baseline)}"
    detail = (
        "with 95 % intervals, an arrow where one goes on; filled where adjusted p ≤ .05; each"
        " target within its own budget"
    )
    if report.options.selection.named:
        detail += "; the tests of these alone are adjusted together"
    return Plot(title, detail, tuple(panels), 1)


def _reached(report: Report, rows: pd.DataFrame) -> Plot:
    panels = tuple(
        LinesPanel(
            _where(report, part, (*COMPARISON_GROUP, "target")),
            shares_at_target(report.curves, part, report.target_scores[target], report.sustain),
            "share of runs that\nhave reached it",
            is_share=True,
            x_label=report.options.axis.value,
        )
        for _, group in comparison_groups(rows)
        for target, part in group[group["reached"].notna()].groupby("target", sort=False)
    )
    n_targets = len(report.targets)
    columns = n_targets if n_targets in (2, 3) else _columns(panels)
    title = "Runs that have reached the target"
    return Plot(title, f"their share by {report.options.axis.along}", panels, columns)


def _pairs(report: Report, rows: pd.DataFrame) -> Plot:
    found = Comparisons(report.name, report, report.pairs)
    keys = [*COMPARISON_GROUP, "target"]
    by_key = dict(iter(found.pairs.assign(told=found.told).groupby(keys, observed=True)))
    panels = tuple(
        PairsPanel(_where(report, part, keys), tuple(part["strategy"]), by_key[key])
        for key, part in rows.groupby(keys, observed=True, sort=False)
        if key in by_key
    )
    n_columns = 1 if rows["strategy"].nunique() > _MOST_BESIDE else min(len(panels), 2)
    detail = f"mean {report.options.axis} of the row / of the column; a star where adjusted p ≤ .05"
    return Plot("All pairs", detail, panels, n_columns)


def _ranks(report: Report, rows: pd.DataFrame) -> Plot:
    found = Comparisons(report.name, report, report.pairs)
    panels = []
    for ranking in found.rankings:
        same = (rows[RANKED] == pd.Series(ranking.key, RANKED)).all(axis=1)
        if same.any():
            panels.append(
                RanksPanel(_where(report, rows[same], RANKED), ranking, report.options.axis)
            )
    detail = (
        "mean rank over data sets; bars: within the critical difference of Nemenyi's test, beside"
        " the sign-flip test, which decides"
    )
    return Plot("Ranks", detail, tuple(panels), min(len(panels), 2))


def _pareto(report: Report, rows: pd.DataFrame) -> Plot:
    keys = [*COMPARISON_GROUP, "target"]
    known = rows[rows["mean_labels"].notna() & rows["query_seconds"].notna() & rows["informative"]]
    panels = tuple(
        ParetoPanel(_where(report, part, keys), part, report.options.axis)
        for _, part in known.groupby(keys, observed=True, sort=False)
    )
    detail = (
        "with 95 % intervals, seconds of a whole run; joined: no other is better in both; seconds"
        " differ between machines"
    )
    return Plot(
        f"{report.options.axis.heading} to target by seconds of queries",
        detail,
        panels,
        min(len(panels), 2),
    )


def _band(panels: Sequence[LinesPanel]) -> str:
    has_band = [not np.isnan(line.half_width).any() for p in panels for line in p.lines]
    if all(has_band):
        return ", with its 95 % simultaneous band"
    return (
        ", with its 95 % simultaneous band from five seeds on"
        if any(has_band)
        else "; no band below five seeds"
    )


def _columns(panels: Sequence[Panel]) -> int:
    """Return the number of columns: at most three, and two for four panels."""
    return min(len(panels), 2 if len(panels) == 4 else 3)


def _where(
    report: Report, rows: pd.DataFrame, columns: Sequence[str] = COMPARISON_GROUP
) -> dict[str, str]:
    """Return the common data set, model, batch size or target of rows in words."""
    words: dict[str, Callable[[Any], str]] = {
        "dataset": shortened,
        "model": shortened,
        **dict.fromkeys(LATER_LABELS, shortened),
        "batch_size": "batch size {}".format,
        "target": lambda target: f"target {_target(report, target)}",
    }
    named = {column: rows[column].iloc[0] for column in columns}
    return {column: words[column](value) for column, value in named.items() if value != ""}


def _levels(report: Report, rows: pd.DataFrame) -> tuple[tuple[float, str], ...]:
    """Return the targets of a comparison group: their mean scores and their names."""
    known = rows[rows["target_value"].notna()].drop_duplicates("target")
    return tuple((row.target_value, _target(report, row.target)) for row in known.itertuples())


def _references(rows: pd.DataFrame) -> tuple[tuple[float, str], ...]:
    """Return the mean floor and ceiling of a comparison group, where known, with their names."""
    found = ((float(rows[level].iloc[0]), level) for level in ("floor", "ceiling"))
    return tuple((value, level) for value, level in found if not np.isnan(value))


def _target(report: Report, target: Written) -> str:
    is_least = report.curves.metric.greater_is_better
    return target_name(target) if is_least else f"at most {target_name(target)}"


def _less_is_better(report: Report) -> str:
    return "" if report.curves.metric.greater_is_better else "\n(less is better)"


def in_common(wheres: Sequence[Mapping[str, str]]) -> tuple[dict[str, str], list[str]]:
    """Return the words common to all, and the others of each as a title."""
    common = {
        column: words
        for column, words in wheres[0].items()
        if all(where.get(column) == words for where in wheres)
    }
    return common, [
        ", ".join(words for column, words in where.items() if column not in common)
        for where in wheres
    ]


_MAKERS: dict[str, Callable[[Report, pd.DataFrame], Plot]] = {
    "curves": _curves,
    "difference": _difference,
    "savings": _savings,
    "reached": _reached,
    "pairs": _pairs,
    "ranks": _ranks,
    "pareto": _pareto,
}
