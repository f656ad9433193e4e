"""The curves of a report as JSON, from which the script reads labels to any target."""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from alrun.arrays import Array, BoolArray
from alrun.errors import printable
from alrun.report.axis import Axis
from alrun.report.build import Report
from alrun.report.html.curve import axes_of
from alrun.report.html.look import number_of
from alrun.report.html.markup import Markup
from alrun.report.html.shared import Shared
from alrun.report.html.stopping import stopping_data
from alrun.report.phrasing import target_name
from alrun.report.references import ROUNDING, filled, levels_of, scores_of
from alrun.report.rows import comparison_groups
from alrun.report.stopping.build import StoppingReport
from alrun.results.curves import COMPARISON_GROUP, summaries
from alrun.targets import read_target

# Rounds of all runs together. More of them would make the page too large to send.
MOST_ROUNDS = 250_000


def page_data(
    shared: Shared, looks: Mapping[str, str], judged: StoppingReport | None = None
) -> Markup:
    """Return the content of a data block: JSON without a sign that could end it."""
    content = _content(shared, looks)
    if judged and judged.costs.errors:
        keys = [key for key, _ in comparison_groups(shared.report.rows)]
        content["stopping"] = stopping_data(judged, keys, content["strategies"])
    text = json.dumps(content, separators=(",", ":"), allow_nan=False)
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)


def _content(shared: Shared, looks: Mapping[str, str]) -> dict[str, Any]:
    report = shared.report
    strategies = list(dict.fromkeys(report.rows["strategy"]))
    metric = report.curves.metric
    has_runs = len(report.curves.score) <= MOST_ROUNDS
    axis = report.options.axis
    runs = report.curves.runs
    per_run = runs.join(summaries(report.curves)).join(
        levels_of(report.references, runs, report.metric)
    )
    levels: list[Any] = []
    return {
        **({} if axis is Axis.labels else {"axis": axis}),
        "metric": report.metric,
        "greater": metric.greater_is_better,
        "sustain": report.sustain,
        "baseline": report.baseline,
        "strategies": strategies,
        "labels": [printable(name) for name in strategies],
        "switches": [number_of(looks[name]) for name in strategies],
        "targets": [target_name(target) for target in report.targets],
        "range": _range(report),
        "rounding": ROUNDING,
        "groups": [
            _group(shared, key, rows, strategies, has_runs)
            | _relative(report, per_run[_of_group(per_run, key)], levels)
            for key, rows in comparison_groups(report.rows)
        ],
        "levels": levels,
    }


def _range(report: Report) -> list[float]:
    score = report.curves.score
    return [float(score.min()), float(score.max())]


def _group(
    shared: Shared, key: Any, rows: pd.DataFrame, strategies: list[str], has_runs: bool
) -> dict[str, Any]:
    """Return mean curves, and every run with its rounds."""
    report, lines = shared.report, shared.lines[key]
    curves = report.curves
    content: dict[str, Any] = {"runs": []}
    if lines:
        axes = axes_of(lines, _references(rows), (0.0, curves.metric.largest))
        content |= {
            "box": [axes.left, axes.right, axes.top, axes.floor, *axes.x, *(axes.y or ())],
            "labels": lines[0].n_labels.tolist(),
            "lines": [
                {
                    "strategy": strategies.index(line.strategy),
                    "mean": _short(line.height),
                    "half": _short(line.half_width),
                }
                for line in lines
            ],
        }
    if not has_runs:
        return content
    grids: list[list[int]] = []
    for run in curves.runs.index[_of_group(curves.runs, key)]:
        n_labels, scores = curves.rounds(run)
        grid = n_labels.tolist()
        if grid not in grids:
            grids.append(grid)
        row = curves.runs.loc[run]
        content["runs"].append(
            [strategies.index(row["strategy"]), int(row["seed"]), grids.index(grid),
             *_scores(report, run, scores)]
        )  # fmt: skip
    return content | {"grids": grids}


def _of_group(runs: pd.DataFrame, key: Any) -> BoolArray:
    """Return which runs are of a comparison group."""
    same = [runs[name] == value for name, value in zip(COMPARISON_GROUP, key, strict=True)]
    return np.asarray(np.logical_and.reduce(same))


def _relative(report: Report, runs: pd.DataFrame, levels: list[Any]) -> dict[str, Any]:
    """Return what relative targets of a group are read from.

    `end` is the score of the target `random@end`, and `levels` the place in `levels`, where it is
    added if it is new, of the floor and the ceiling of each seed.
    """
    end = scores_of(read_target("random@end"), runs, report.baseline, report.curves.metric)[0]
    known = runs.assign(floor=filled(runs, "floor"), ceiling=filled(runs, "ceiling"))
    own = [
        [int(seed), *(None if np.isnan(level) else float(level) for level in pair)]
        for seed, *pair in known.drop_duplicates("seed")[["seed", "floor", "ceiling"]].to_numpy()
    ]
    if own not in levels:
        levels.append(own)
    return {"end": None if np.isnan(end) else float(end), "levels": levels.index(own)}


def _references(rows: pd.DataFrame) -> list[tuple[float, str]]:
    found = [(float(rows[kind].iloc[0]), kind) for kind in ("floor", "ceiling")]
    return [(value, kind) for value, kind in found if not np.isnan(value)]


def _scores(report: Report, run: int, scores: Array) -> tuple[int, list[Any]]:
    """Return a divisor and whole numbers whose ratios are the scores; 0 and the scores else."""
    curves = report.curves
    if curves.n_correct is not None and curves.n_test is not None:
        rows = slice(curves.start[run], curves.start[run + 1])
        correct, tests = curves.n_correct[rows], curves.n_test[rows]
        if len(np.unique(tests)) == 1 and np.array_equal(correct / tests, scores):
            return int(tests[0]), correct.astype(int).tolist()
    return 0, scores.tolist()


def _short(values: Array) -> list[float | None]:
    return [None if np.isnan(value) else round(float(value), 5) for value in values]
