"""A judgement of stopping rules as text: tables on the screen, Markdown, LaTeX, CSV or JSON."""

import json
import math
from collections.abc import Callable
from typing import Any

import pandas as pd

from alrun.errors import printable
from alrun.report.render import Layout, latex_document, markdown_document
from alrun.report.render_csv import as_csv, without_idle_axes
from alrun.report.stopping.build import StoppingReport
from alrun.report.stopping.rows import cost_name
from alrun.report.stopping.sections import stopping_sections
from alrun.report.text import as_text

_ENDS = {"mean": "", "low": "_low", "high": "_high"}


def render_stopping(report: StoppingReport, format: str, layout: Layout) -> str:
    """Return a judgement in one of STOPPING_FORMATS."""
    return STOPPING_FORMATS[format](report, layout)


def sentences_of(report: StoppingReport) -> tuple[str, ...]:
    """Return the verdict, each sentence with what it is about."""
    return tuple(printable(text) for found in report.paragraphs for text in found.whole)


def _table(report: StoppingReport, layout: Layout) -> str:
    tables = stopping_sections(report)
    return as_text(tables, report.notes, report.paragraphs, layout.width, layout.has_bold)


def _markdown(report: StoppingReport, layout: Layout) -> str:
    tables = stopping_sections(report, wide=True)
    return markdown_document(report.name, report.paragraphs, tables, report.notes)


def _latex(report: StoppingReport, layout: Layout) -> str:
    return latex_document(report.paragraphs, stopping_sections(report), report.notes)


def _csv(report: StoppingReport, layout: Layout) -> str:
    return as_csv(report.rows)


def _json(report: StoppingReport, layout: Layout) -> str:
    content = {
        "metric": report.options.metric,
        "label_cost": report.costs.label,
        "error_costs": list(report.costs.errors),
        "verdict": list(sentences_of(report)),
        "rows": _records(report, report.rows, "regret"),
        "cells": _records(report, report.cells, "best_labels"),
        "notes": list(report.notes),
    }
    return json.dumps(content, indent=1, allow_nan=False) + "\n"


def _records(report: StoppingReport, table: pd.DataFrame, name: str) -> list[dict[str, Any]]:
    """Return rows for JSON, what is by error cost as a table; null for NaN."""
    costs = [cost_name(cost) for cost in report.costs.errors]
    found = []
    for row in without_idle_axes(table).to_dict("records"):
        flat = {key: _plain(value) for key, value in row.items()}
        by_cost = {
            cost: {key: flat.pop(f"{name}_{cost}{end}") for key, end in _ENDS.items()}
            for cost in costs
        }
        found.append({str(key): value for key, value in flat.items()} | {name: by_cost})
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value.item() if hasattr(value, "item") else value


STOPPING_FORMATS: dict[str, Callable[[StoppingReport, Layout], str]] = {
    "table": _table,
    "markdown": _markdown,
    "csv": _csv,
    "json": _json,
    "latex": _latex,
}
