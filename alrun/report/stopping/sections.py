"""The tables of a judgement of stopping rules as texts."""

import math
from typing import Any

import pandas as pd

from alrun import stats
from alrun.report.phrasing import group_name, labels_text, number, p_text, score_text, seed_counts
from alrun.report.sections import Section, first_of_each, with_interval
from alrun.report.stopping.build import StoppingReport
from alrun.report.stopping.rows import cost_name
from alrun.results.curves import COMPARISON_GROUP


def stopping_sections(report: StoppingReport, wide: bool = False) -> list[Section]:
    """Return the tables of all groups, one after the other, as of `sections_by_group`."""
    return [one for tables in sections_by_group(report, wide).values() for one in tables]


def sections_by_group(
    report: StoppingReport, wide: bool = False
) -> dict[tuple[Any, ...], list[Section]]:
    """Return the tables of each data set, model, start and batch size.

    `wide` tables also have the interval of the share that stops, and the median with the range.
    """
    found = {}
    for key, rows in report.rows.groupby(COMPARISON_GROUP, observed=True, sort=False):
        found[key] = [_rules(f"Stopping rules: {group_name(key)}", report, rows, wide)]
        if report.costs.errors:
            same = (report.cells[COMPARISON_GROUP] == pd.Series(key, COMPARISON_GROUP)).all(axis=1)
            title = f"The cheapest stop in hindsight: {group_name(key)}"
            found[key].append(_optima(title, report, report.cells[same]))
    return found


def _rules(title: str, report: StoppingReport, rows: pd.DataFrame, wide: bool) -> Section:
    names = [cost_name(cost) for cost in report.costs.errors]
    header = (
        "strategy",
        "rule",
        "stopped",
        "mean labels",
        "median",
        "range",
        report.options.metric,
        "missed",
        "vs budget",
        "p adj.",
        *(f"regret {name}" for name in names),
    )
    texts = [
        (
            row.strategy,
            f"{row.rule} (hindsight)" if row.hindsight else row.rule,
            _stopped(row, wide),
            with_interval(row.mean_labels, row.mean_labels_low, row.mean_labels_high, _labels),
            f"{row.median_labels:g}",
            f"{row.min_labels:.0f}-{row.max_labels:.0f}",
            _interval(row, "score", score_text, wide),
            _interval(row, "missed", _difference, wide),
            _interval(row, "budget_difference", _difference, True),
            _p(row.budget_p_adjusted),
            *(_interval(row, f"regret_{name}", _money, wide) for name in names),
        )
        for row in rows.itertuples()
    ]
    caption = (
        f"{seed_counts(rows['n_seeds'])}. Stopped: runs that the rule stops. Labels and score"
        " where it stops, and what the run still gains by its end (missed). Vs budget:"
        " the score less that at a fixed budget of the same mean labels; p adj.: whether the rule"
        " adapts, a star where at most .05. Regret: cost above the cheapest round, by error cost."
        " 95 % intervals."
    )
    return Section(title, caption, header, first_of_each(texts), 2)


def _optima(title: str, report: StoppingReport, cells: pd.DataFrame) -> Section:
    costs = report.costs.errors
    header = ("strategy", "final", "best", *(f"error cost {number(cost)}" for cost in costs))
    texts = tuple(
        (
            str(row.strategy),
            score_text(row.final),
            score_text(row.best),
            *(_interval(row, f"best_labels_{cost_name(cost)}", _labels, True) for cost in costs),
        )
        for row in cells.itertuples()
    )
    caption = (
        f"Mean {report.options.metric} at the end, and at each run's best round; mean labels at the"
        " cheapest round of each run, by error cost, with 95 % intervals. Nobody knows them before."
    )
    return Section(title, caption, header, texts, 1)


def _interval(row: Any, name: str, text: Any, wide: bool) -> str:
    value, low, high = (getattr(row, f"{name}{end}") for end in ("", "_low", "_high"))
    return with_interval(value, low if wide else math.nan, high, text)


def _labels(value: float) -> str:
    return labels_text(value, value < 10)


def _difference(value: float) -> str:
    return f"{round(value, 3) + 0.0:+.3f}"


def _money(value: float) -> str:
    return f"{value:.0f}"


def _stopped(row: Any, wide: bool) -> str:
    text = f"{row.stopped}/{row.n_seeds}"
    return f"{text} [{100 * row.stopped_low:.0f}, {100 * row.stopped_high:.0f}] %" if wide else text


def _p(value: float) -> str:
    return f"{p_text(value)}*" if value <= stats.ALPHA else p_text(value)
