"""Stopping rules on a page: verdict, tables, and the regret at any error cost."""

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from alrun.report.html.markup import Markup, element
from alrun.report.html.table import note, table
from alrun.report.phrasing import number
from alrun.report.stopping.build import StoppingReport
from alrun.report.stopping.sections import sections_by_group
from alrun.results.curves import COMPARISON_GROUP, RUN

# The error costs of the slider, as powers of ten; its first is in the middle.
_LOWEST, _HIGHEST = 2, 6


def stopping_summary(judged: StoppingReport) -> Markup:
    """Return what holds over all cells, and how to read it."""
    over_all = [text for one in judged.paragraphs if not one.where for text in one.sentences]
    items = [element("li", text) for text in (*over_all, *judged.notes)]
    return element("section", element("h2", "When to stop"), element("ul", *items))


def stopping_parts(
    judged: StoppingReport, key: tuple[Any, ...], looks: Mapping[str, str], place: int
) -> Iterator[Markup]:
    """Yield the parts of one comparison group, of which the page is the chapter at `place`."""
    tables = sections_by_group(judged).get(key, [])
    if not tables:
        return
    yield element("h3", "When to stop")
    if judged.costs.errors:
        yield _error_cost(judged, place)
        yield element("div", class_="regrets", data_stopping=str(place))
    for n, one in enumerate(tables):
        yield table(one, dict(looks), f"{place + 1}-stopping-{n + 1}")


def _error_cost(judged: StoppingReport, place: int) -> Markup:
    """Return the slider of the error cost, which does nothing without the script."""
    middle = (_LOWEST + _HIGHEST) / 2
    slider = element("input", type="range", class_="error-cost", min=str(_LOWEST),
                     max=str(_HIGHEST), step="0.01", value=f"{middle:g}",
                     aria_describedby=f"error-cost-note-{place}")  # fmt: skip
    exact = element("input", type="number", class_="error-cost-exact", min="0", step="any",
                    value=f"{10**middle:g}", aria_label="error cost")  # fmt: skip
    words = note(
        f"What all future mistakes would cost at an error rate of 1; a label costs"
        f" {number(judged.costs.label)}. Means only; intervals are in the table, for the costs that"
        " were computed."
    )
    label = element("label", "Error cost ", slider)
    described = element("span", words, id=f"error-cost-note-{place}")
    return element("p", label, exact, described, class_="scripted costs")


def stopping_data(
    judged: StoppingReport, keys: list[tuple[Any, ...]], strategies: list[str]
) -> dict[str, Any]:
    """Return where each rule stops, for the script: it has the curves of `keys` and their seeds."""
    cells = []
    for key, rows in judged.rows.groupby(
        [*COMPARISON_GROUP, "strategy"], observed=True, sort=False
    ):
        *group, strategy = key
        if tuple(group) in keys and strategy in strategies:
            cells.append(_cell(judged, rows, keys.index(tuple(group)), strategies.index(strategy)))
    return {"label": judged.costs.label, "cells": cells}


def _cell(judged: StoppingReport, rows: pd.DataFrame, group: int, strategy: int) -> dict[str, Any]:
    """Return the seeds of a cell, and of each rule its name, stops, mean labels and mean score."""
    stops = judged.stops[rows.index[0]]
    seeds = stops.curves.runs.loc[stops.runs, RUN[-1]]
    return {
        "group": group,
        "strategy": strategy,
        "seeds": [int(seed) for seed in seeds],
        "rules": [
            [
                f"{row.rule} (hindsight)" if row.hindsight else row.rule,
                int(row.stopped),
                float(row.mean_labels),
                float(row.score),
            ]
            for row in rows.itertuples()
        ],
    }
