"""The chapter of one comparison group on a page: curves, tables, savings, seeds and pairs."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from alrun.report.axis import Axis
from alrun.report.build import Report
from alrun.report.comparison import cut_at_budget
from alrun.report.html.axes import figure
from alrun.report.html.curve import curves
from alrun.report.html.dots import Answers, dots
from alrun.report.html.forest import forest
from alrun.report.html.gallery import Queried, queried_parts
from alrun.report.html.markup import Markup, element, joined
from alrun.report.html.matrix import Matrix, matrix
from alrun.report.html.shared import Shared
from alrun.report.html.stopping import stopping_parts
from alrun.report.html.table import table
from alrun.report.pair_sections import pair_sections
from alrun.report.phrasing import group_name, target_name
from alrun.report.sections import Section
from alrun.report.stopping.build import StoppingReport
from alrun.results.curves import COMPARISON_GROUP

# A ratio of this or its inverse has the deepest shade.
_DEEPEST = 2.0


def chapter(
    shared: Shared,
    number: int,
    key: tuple[Any, ...],
    rows: pd.DataFrame,
    tables: list[Section],
    looks: Mapping[str, str],
    queried: Queried | None = None,
    judged: StoppingReport | None = None,
) -> Markup:
    """Return the chapter of a group: `rows` of the report, and its `tables` as texts.

    `judged` are stopping rules on the same results, where these have signals.
    """
    report, name, names = shared.report, group_name(key), dict(looks)
    parts = [
        element("h2", name),
        _curves(shared, key, rows, name, looks, number),
        _read_out(report, number),
        *(table(one, names, f"{number + 1}-table-{n + 1}") for n, one in enumerate(tables)),
        _savings(report, rows, name, looks),
        *_seeds(shared, key, rows, name, looks),
        *_pairs(shared, key, rows, names, number),
        *(queried_parts(queried, looks, str(number + 1)) if queried else ()),
        *(stopping_parts(judged, key, looks, number) if judged else ()),
    ]
    return element("section", *parts, id=f"group-{number}", class_="chapter")


def _curves(
    shared: Shared,
    key: tuple[Any, ...],
    rows: pd.DataFrame,
    name: str,
    looks: Mapping[str, str],
    number: int,
) -> Markup | None:
    report, lines = shared.report, shared.lines[key]
    if not lines:
        return None
    known = rows[rows["target_value"].notna()].drop_duplicates("target")
    levels = [(float(row.target_value), target_name(row.target)) for row in known.itertuples()]
    first = rows.iloc[0]
    references = [(float(first[kind]), kind) for kind in ("floor", "ceiling")]
    metric = report.curves.metric
    less = "" if metric.greater_is_better else " (less is better)"
    drawn = curves(
        f"Learning curves: {name}",
        lines,
        looks,
        f"mean {report.metric}{less}",
        levels,
        [pair for pair in references if not np.isnan(pair[0])],
        (0.0, metric.largest),
        str(number),
        report.options.axis.value,
    )
    has_band = not any(np.isnan(line.half_width).any() for line in lines)
    band = ", with 95 % simultaneous bands" if has_band else "; no band below five seeds"
    return figure(drawn, f"Mean {report.metric} by {report.options.axis.along}{band}.")


def _read_out(report: Report, number: int) -> Markup:
    """Return the place where the script writes what it reads off the curves at a target."""
    return element("div", class_="read-out", data_group=str(number))


def _savings(
    report: Report, rows: pd.DataFrame, name: str, looks: Mapping[str, str]
) -> Markup | None:
    others = rows[~rows["is_baseline"] & rows["reached"].notna()]
    if others.empty or not report.has_baseline:
        return None
    groups = [
        (f"target {target_name(target)}", list(own.itertuples()))
        for target, own in others.groupby("target", sort=False)
    ]
    longest = max(map(len, others["strategy"]))
    drawn = forest(f"Savings: {name}", groups, looks, longest)
    return figure(
        drawn,
        f"Saving against {report.baseline} with 95 % intervals; filled and with a star where the"
        " adjusted p is at most .05. Each target within its own budget.",
    )


def _seeds(
    shared: Shared,
    key: tuple[Any, ...],
    rows: pd.DataFrame,
    name: str,
    looks: Mapping[str, str],
) -> Iterator[Markup]:
    """Yield for each target the answers that single seeds would have given."""
    for target, own in rows[rows["reached"].notna()].groupby("target", sort=False):
        answers = list(_answers(shared, key, target, own))
        if answers:
            drawn = dots(f"Saving by seed at {target_name(target)}: {name}", answers, looks)
            yield figure(
                drawn,
                f"Target {target_name(target)}: the saving that each seed alone would have shown"
                f" against {shared.report.baseline}; hollow: neither reached the target. The"
                " stroke is the saving over all seeds.",
            )


def _answers(
    shared: Shared, key: tuple[Any, ...], target: Any, rows: pd.DataFrame
) -> Iterator[Answers]:
    report, labels = shared.report, shared.labels[target]
    runs = report.curves.runs
    same = [runs[name] == value for name, value in zip(COMPARISON_GROUP, key, strict=True)]
    group = runs[np.logical_and.reduce(same)]
    budget, cut = cut_at_budget(group, labels[group.index])
    wide = group.assign(cut=cut, is_out=labels[group.index] > budget).pivot(
        index="seed", columns="strategy", values=["cut", "is_out"]
    )
    for row in rows[~rows["is_baseline"]].itertuples():
        names = [row.strategy, report.baseline]
        if np.isnan(row.saving) or not all(("cut", name) in wide.columns for name in names):
            continue
        both = wide[[(kind, name) for kind in ("cut", "is_out") for name in names]].dropna()
        mine, its, is_out, its_out = both.to_numpy(np.float64).T
        usable = its > 0
        yield Answers(
            row.strategy,
            [int(seed) for seed in both.index[usable]],
            (1 - mine[usable] / its[usable]).tolist(),
            ((is_out > 0) & (its_out > 0))[usable].tolist(),
            row.saving,
        )


def _pairs(
    shared: Shared, key: tuple[Any, ...], rows: pd.DataFrame, names: dict[str, str], number: int
) -> Iterator[Markup]:
    """Yield the matrix of all pairs at each target."""
    if not shared.report.targets or rows["strategy"].nunique() < 2:
        return
    found = shared.comparisons
    here = found.pairs.assign(told=found.told)
    for column, value in zip(COMPARISON_GROUP, key, strict=True):
        here = here[here[column] == value]
    for place, (target, pairs) in enumerate(here.groupby("target", sort=False)):
        own = rows.loc[rows["target"] == target, "strategy"].tolist()
        yield matrix(
            _ratios(target, own, pairs, shared.report.options.axis),
            names,
            f"{number + 1}-pairs-{place + 1}",
        )


def _ratios(target: Any, names: list[str], pairs: pd.DataFrame, axis: Axis) -> Matrix:
    ratios = {(pair.a, pair.b): (pair.ratio, pair.told) for pair in pairs.itertuples()}
    ratios |= {(b, a): (1 / ratio if ratio else np.nan, told)
               for (a, b), (ratio, told) in ratios.items()}  # fmt: skip
    cells, depths = [], []
    for a in names:
        found = [ratios.get((a, b), (np.nan, False)) for b in names]
        cells.append(["" if np.isnan(r) else f"{r:.2f}{'*' if told else ''}" for r, told in found])
        depths.append([
            0.0 if np.isnan(r) or r <= 0 else float(np.clip(np.log(r) / np.log(_DEEPEST), -1, 1))
            for r, _ in found
        ])  # fmt: skip
    return Matrix(
        f"All pairs at {target_name(target)}",
        f"Mean {axis} of the row divided by those of the column; a star where the p adjusted over"
        " all pairs is at most .05.",
        "strategy",
        names,
        names,
        cells,
        depths,
    )


def ranks(shared: Shared, names: Mapping[str, str]) -> Markup:
    """Return the tables over several data sets, where there are several."""
    across = [one for one in pair_sections(shared.comparisons) if one.title.startswith("Across ")]
    return joined(*(table(one, dict(names), f"ranks-{n + 1}") for n, one in enumerate(across)))
