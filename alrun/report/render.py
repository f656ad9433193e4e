"""A report as text: tables on the screen, Markdown, LaTeX, CSV, JSON or a page."""

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from alrun.errors import printable
from alrun.report.axis import Axis
from alrun.report.build import Report
from alrun.report.html.gallery import Queried
from alrun.report.html.page import as_page
from alrun.report.render_csv import as_csv, without_idle_axes
from alrun.report.rows import COUNTS
from alrun.report.sections import Section, sections
from alrun.report.stopping.build import StoppingReport
from alrun.report.text import WIDTH, as_text
from alrun.report.verdict import Paragraph

# Signs of Markdown's that a text may hold by chance are left as they are: `p <= .05`.
_HTML_OR_LINK = re.compile(r"<(?=[A-Za-z/!?])|&(?=#?\w+;)|\](?=\()")
_AS_TEXT = {"<": "&lt;", "&": "&amp;", "]": r"\]"}


@dataclass(frozen=True)
class Layout:
    """How a report is laid out.

    Attributes
    ----------
    width
        The most characters of a line of the format table.
    has_bold
        Whether the best values of the format table are bold, by codes that a terminal obeys.
    all_notes
        Whether notes are shown with every item of their lists, not in brief. JSON never has them
        in brief.
    queried
        What was queried, by comparison group, if it may be shown; the format html shows it.
    judged
        Stopping rules on the same results, where these have signals; the format html shows them.
    """

    width: int = WIDTH
    has_bold: bool = False
    all_notes: bool = False
    queried: Mapping[tuple[Any, ...], Queried] | None = None
    judged: StoppingReport | None = None

    def notes_of(self, report: Report) -> tuple[str, ...]:
        """Return the notes of a report that are shown."""
        return report.all_notes if self.all_notes else report.brief_notes


def render(report: Report, format: str, layout: Layout = Layout()) -> str:
    """Return a report in one of FORMATS."""
    return FORMATS[format](report, layout)


def _table(report: Report, layout: Layout) -> str:
    notes = layout.notes_of(report)
    return as_text(sections(report), notes, report.paragraphs, layout.width, layout.has_bold)


def _markdown(report: Report, layout: Layout) -> str:
    tables = sections(report, wide=True, not_significant=" n.s.")
    return markdown_document(report.name, report.paragraphs, tables, layout.notes_of(report))


def markdown_document(
    name: str, paragraphs: Iterable[Paragraph], tables: Iterable[Section], notes: Iterable[str]
) -> str:
    """Return a Markdown document: paragraphs, tables and notes under the name."""
    lines = [f"## {in_markdown(name)}", ""]
    for paragraph in paragraphs:
        lines += [f"**{in_markdown(paragraph.title)}.**", ""]
        lines += [*(f"- {in_markdown(text)}" for text in paragraph.sentences), ""]
    return "\n".join([*lines, *markdown_lines(tables, notes)]) + "\n"


def markdown_lines(tables: Iterable[Section], notes: Iterable[str]) -> Iterator[str]:
    """Yield the lines of tables in Markdown, and of the notes below them."""
    for section in tables:
        rules = [
            "---" if place < section.n_left else "---:" for place in range(len(section.header))
        ]
        header = map(in_markdown, section.header)
        rows = [[in_markdown(cell) for cell in row] for row in section.rows]
        for row, column in section.bold:
            rows[row][column] = f"**{rows[row][column]}**"
        yield f"**{in_markdown(section.title)}.** {section.caption}"
        yield ""
        yield from (f"| {' | '.join(cells)} |" for cells in (header, rules, *rows))
        yield ""
    yield from (f"- {_without_html(note)}" for note in notes)


def in_markdown(text: str) -> str:
    """Return a text in which nothing is HTML or a sign of Markdown's."""
    return _without_html(re.sub(r"([\\`|*_])", r"\\\1", printable(text)))


def _without_html(text: str) -> str:
    """Return a text in which nothing begins an HTML tag or entity, or ends the text of a link."""
    return _HTML_OR_LINK.sub(lambda match: _AS_TEXT[match[0]], text)


def _latex(report: Report, layout: Layout) -> str:
    tables = sections(report, not_significant=" n.s.")  # the narrow ones fit on a page
    return latex_document(report.paragraphs, tables, layout.notes_of(report))


def latex_document(
    paragraphs: Iterable[Paragraph], tables: Iterable[Section], notes: Iterable[str]
) -> str:
    """Return paragraphs and tables in LaTeX, and notes as its comments."""
    lines = []
    for paragraph in paragraphs:
        sentences = map(_escaped, paragraph.sentences)
        lines += [rf"\paragraph{{{_escaped(paragraph.title)}}}", *sentences, ""]
    for section in tables:
        alignment = "l" * section.n_left + "r" * (len(section.header) - section.n_left)
        rows = [[_escaped(cell) for cell in row] for row in section.rows]
        for row, column in section.bold:
            rows[row][column] = rf"\textbf{{{rows[row][column]}}}"
        lines += [
            r"\begin{table}",
            r"\centering\scriptsize\setlength{\tabcolsep}{2pt}",
            rf"\caption{{{_escaped(section.title)}. {_escaped(section.caption)}}}",
            rf"\begin{{tabular}}{{{alignment}}}",
            r"\hline",
            " & ".join(map(_escaped, section.header)) + r" \\",
            r"\hline",
            *(" & ".join(cells) + r" \\" for cells in rows),
            r"\hline",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    return "\n".join([*lines, *(f"% {note}" for note in notes)]) + "\n"


_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
}


def _escaped(text: str) -> str:
    return re.sub(
        r"[\\~^<>&%$#_{}]", lambda match: _LATEX.get(match[0], "\\" + match[0]), printable(text)
    )


def _csv(report: Report, layout: Layout) -> str:
    return as_csv(report.rows)


def _json(report: Report, layout: Layout) -> str:
    axis = report.options.axis
    content = {
        **({} if axis is Axis.labels else {"axis": axis}),
        "budget": report.budget,
        "metric": report.metric,
        "baseline": report.baseline,
        "sustain": report.sustain,
        "adjustment": report.adjustment,
        "rope": report.options.rope,
        "sequential": report.is_sequential,
        "verdict": list(report.verdict),
        "rows": records(report.rows),
        "across": records(report.across),
        **({"noise": records(report.noise)} if len(report.noise) else {}),
        "notes": list(report.all_notes if layout.all_notes else report.notes),
    }
    return json.dumps(content, indent=1, allow_nan=False) + "\n"


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a table for JSON: null for NaN and infinity."""
    return [
        {key: _plain(key, value) for key, value in row.items()}
        for row in without_idle_axes(table).to_dict("records")
    ]


def _plain(column: str, value: Any) -> Any:
    """Return a value for JSON: null for NaN and infinity."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if column in COUNTS and value == int(value):  # a budget in cost may be none
        return int(value)
    return value.item() if hasattr(value, "item") else value


def _html(report: Report, layout: Layout) -> str:
    return as_page(report, layout.queried or {}, layout.judged)


FORMATS: dict[str, Callable[[Report, Layout], str]] = {
    "table": _table,
    "markdown": _markdown,
    "csv": _csv,
    "json": _json,
    "latex": _latex,
    "html": _html,
}
