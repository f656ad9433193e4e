"""A report as text: a table on the screen, Markdown, LaTeX, CSV or JSON."""

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from io import StringIO
from typing import Any

import pandas as pd

from alrun.report.build import Report
from alrun.report.tables import COUNTS, blocks

WIDTH = 100


@dataclass(frozen=True)
class Section:
    """A table of texts with its title; the first `n_left` columns are set flush left."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    n_left: int


def render(report: Report, format: str) -> str:
    """Return a report in one of FORMATS."""
    return FORMATS[format](report)


def sections(report: Report, wide: bool = False) -> list[Section]:
    """Return the tables of a report, texts in place of numbers.

    Where they may be `wide`, the share of runs at the target and the median have their intervals.
    """
    found = []
    for (dataset, model, batch_size), rows in blocks(report.rows):
        where = f"{dataset}, {model}, batch size {batch_size}"
        if report.targets:
            found.append(_labels_section(f"Labels to target: {where}", rows, wide))
        found.append(
            _scores_section(
                f"Whole curve: {where}", rows.drop_duplicates("strategy"), report.metric
            )
        )
    return found


def _labels_section(title: str, rows: pd.DataFrame, wide: bool) -> Section:
    header = (
        "target",
        "strategy",
        "reached",
        "within",
        "mean labels",
        "median",
        "saving",
        "p adj.",
        "W/T/L",
    )
    texts, previous = [], None
    for row in rows.itertuples():
        target = _target(row.target)
        texts.append(
            (
                "" if target == previous else target,
                row.strategy,
                _reached(row, wide),
                f"{row.budget:.0f}",
                with_interval(row.mean_labels, row.mean_labels_low, row.mean_labels_high, _labels),
                _median_with_interval(row, wide),
                saving_text(row),
                _p(row.p_adjusted, row.significant),
                "" if math.isnan(row.wins) else f"{row.wins:.0f}/{row.ties:.0f}/{row.losses:.0f}",
            )
        )
        previous = target
    return Section(title, header, tuple(texts), 2)


def _scores_section(title: str, rows: pd.DataFrame, metric: str) -> Section:
    header = (
        "strategy",
        "AULC",
        "diff.",
        "p adj.",
        "initial",
        f"final {metric}",
        "diff.",
        "p adj.",
    )
    texts = [
        (
            row.strategy,
            with_interval(row.aulc, row.aulc_low, row.aulc_high, _score),
            _signed(row.aulc_difference),
            _p(row.aulc_p_adjusted, row.aulc_significant),
            _score(row.initial),
            with_interval(row.final, row.final_low, row.final_high, _score),
            _signed(row.final_difference),
            _p(row.final_p_adjusted, row.final_significant),
        )
        for row in rows.itertuples()
    ]
    return Section(title, header, tuple(texts), 1)


def saving_text(row: Any) -> str:
    """Return the saving of a row with its interval, empty for the baseline."""
    if row.is_baseline or not row.n_pairs:
        return ""
    if math.isnan(row.saving):
        return "not estimable"
    if math.isinf(row.saving_low):
        return f"{percent(row.saving)} % [unbounded]"
    if math.isnan(row.saving_low):
        return f"{percent(row.saving)} %"
    return f"{percent(row.saving)} % [{percent(row.saving_low)}, {percent(row.saving_high)}]"


def with_interval(value: float, low: float, high: float, text: Callable[[float], str]) -> str:
    """Return a value and its interval in brackets, empty where it cannot be estimated."""
    if math.isnan(value):
        return ""
    return text(value) if math.isnan(low) else f"{text(value)} [{text(low)}, {text(high)}]"


def _median(value: float, budget: float) -> str:
    """Return a median of labels, which are whole or halves, or that it lies above the budget."""
    return f">{budget:.0f}" if math.isinf(value) else f"{value:.1f}".removesuffix(".0")


def _median_with_interval(row: Any, wide: bool) -> str:
    text = _median(row.median_labels, row.budget)
    if not wide or math.isnan(row.median_labels_low):
        return text
    ends = (row.median_labels_low, row.median_labels_high)
    return f"{text} [{', '.join(_median(end, row.budget) for end in ends)}]"


def _reached(row: Any, wide: bool) -> str:
    text = f"{row.reached:.0f}/{row.n_pairs or row.n_seeds}"
    if not wide or math.isnan(row.reached_low):
        return text
    return f"{text} [{percent(row.reached_low)}, {percent(row.reached_high)}] %"


def _labels(value: float) -> str:
    return f"{value:.1f}"


def _score(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.3f}"


def _signed(value: float) -> str:
    return "" if math.isnan(value) else f"{value:+.4f}"


def percent(value: float) -> str:
    """Return a share as a whole percentage, without the sign of a zero."""
    return f"{100 * value:.0f}".replace("-0", "0") if abs(value) < 0.005 else f"{100 * value:.0f}"


def _target(value: float) -> str:
    return f"{value:g}"


def _p(value: float, star: bool) -> str:
    """Return a p value without its leading zero; the star follows the adjusted one alone."""
    if math.isnan(value):
        return ""
    text = (
        "<.001" if value < 0.001 else "1.00" if value > 0.995 else f"{value:.3f}".removeprefix("0")
    )
    return text + "*" if star else text


def _table(report: Report) -> str:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    buffer = StringIO()
    screen = Console(file=buffer, width=WIDTH, color_system=None, highlight=False)
    for section in sections(report):
        table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
        for place, name in enumerate(section.header):
            table.add_column(
                name, justify="left" if place < section.n_left else "right", overflow="fold"
            )
        for row in section.rows:
            table.add_row(*map(Text, row))
        screen.print(Text(section.title))
        screen.print(table)
        screen.print()
    for note in report.notes:
        screen.print(Text(note))
    return "\n".join(line.rstrip() for line in buffer.getvalue().splitlines()) + "\n"


def _markdown(report: Report) -> str:
    lines = [f"## {report.name}", ""]
    for section in sections(report, wide=True):
        rules = [
            "---" if place < section.n_left else "---:" for place in range(len(section.header))
        ]
        lines += [
            f"**{section.title}**",
            "",
            *(_piped(row) for row in (section.header, rules, *section.rows)),
            "",
        ]
    return "\n".join([*lines, *(f"- {note}" for note in report.notes)]) + "\n"


def _piped(cells: Any) -> str:
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"


def _latex(report: Report) -> str:
    lines = []
    for section in sections(report, wide=True):
        alignment = "l" * section.n_left + "r" * (len(section.header) - section.n_left)
        body = [" & ".join(map(_escaped, row)) + r" \\" for row in section.rows]
        lines += [
            rf"\begin{{table}}\caption{{{_escaped(section.title)}}}",
            rf"\begin{{tabular}}{{{alignment}}}",
            r"\hline",
            " & ".join(map(_escaped, section.header)) + r" \\",
            r"\hline",
            *body,
            r"\hline",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    return "\n".join([*lines, *(f"% {note}" for note in report.notes)]) + "\n"


_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
}


def _escaped(text: str) -> str:
    return re.sub(r"[\\~^<>&%$#_{}]", lambda match: _LATEX.get(match[0], "\\" + match[0]), text)


def _csv(report: Report) -> str:
    return str(report.rows.to_csv(index=False, lineterminator="\n"))


def _json(report: Report) -> str:
    rows = [
        {key: _plain(key, value) for key, value in row.items()}
        for row in report.rows.to_dict("records")
    ]
    content = {"budget": report.budget, "rows": rows, "notes": list(report.notes)}
    return json.dumps(content, indent=1, allow_nan=False) + "\n"


def _plain(column: str, value: Any) -> Any:
    """Return a value as JSON has it: null for what cannot be estimated or is unbounded."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if column in COUNTS:
        return int(value)
    return value.item() if hasattr(value, "item") else value


FORMATS: dict[str, Callable[[Report], str]] = {
    "table": _table,
    "markdown": _markdown,
    "csv": _csv,
    "json": _json,
    "latex": _latex,
}
