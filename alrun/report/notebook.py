"""Reports that show themselves: in a notebook as HTML, elsewhere as text."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import fields
from html import escape

from alrun.errors import printable
from alrun.report.build import Report
from alrun.report.sections import Section, sections
from alrun.report.stopping.build import StoppingReport
from alrun.report.stopping.sections import stopping_sections
from alrun.report.text import as_text
from alrun.report.verdict import Paragraph


class NotebookReport(Report):
    """A report that a notebook shows as tables, and a Python prompt as text."""

    def __repr__(self) -> str:
        return as_text(sections(self), self.brief_notes, self.paragraphs)

    def _repr_html_(self) -> str:
        return as_html(self.name, self.paragraphs, sections(self), self.brief_notes)


class NotebookStoppingReport(StoppingReport):
    """A judgement of stopping rules that a notebook shows as tables, and a prompt as text."""

    def __repr__(self) -> str:
        return as_text(stopping_sections(self), self.notes, self.paragraphs)

    def _repr_html_(self) -> str:
        return as_html(self.name, self.paragraphs, stopping_sections(self), self.notes)


def for_notebook(report: Report) -> NotebookReport:
    """Return the same report, for a notebook."""
    return NotebookReport(**{field.name: getattr(report, field.name) for field in fields(report)})


def stopping_for_notebook(report: StoppingReport) -> NotebookStoppingReport:
    """Return the same judgement of stopping rules, for a notebook."""
    values = {field.name: getattr(report, field.name) for field in fields(report)}
    return NotebookStoppingReport(**values)


def as_html(
    name: str,
    paragraphs: Iterable[Paragraph],
    tables: Iterable[Section],
    notes: Collection[str],
) -> str:
    """Return a report as a piece of HTML, in which nothing from the data is markup."""
    lines = [f"<h3>{_escaped(name)}</h3>"]
    for paragraph in paragraphs:
        lines += [f"<p><strong>{_escaped(paragraph.title)}</strong></p>"]
        lines += _list(paragraph.sentences)
    for section in tables:
        lines += _table(section)
    lines += [f"<details><summary>{len(notes)} notes</summary>"]
    lines += [*_list(notes), "</details>"]
    return "<div>\n" + "\n".join(lines) + "\n</div>"


def _table(section: Section) -> Iterator[str]:
    """Yield the lines of a table, the best values in bold and its caption as a tooltip."""
    yield f'<p title="{_escaped(section.caption)}"><strong>{_escaped(section.title)}</strong></p>'
    yield "<table>"
    yield f"<thead>{_row(section, section.header, 'th')}</thead>"
    yield "<tbody>"
    for place, cells in enumerate(section.rows):
        bold = {column for row, column in section.bold if row == place}
        yield _row(section, cells, "td", bold)
    yield "</tbody></table>"


def _row(section: Section, cells: Iterable[str], tag: str, bold: Iterable[int] = ()) -> str:
    parts = []
    for column, cell in enumerate(cells):
        side = "left" if column < section.n_left else "right"
        text = f"<strong>{_escaped(cell)}</strong>" if column in bold else _escaped(cell)
        parts.append(f'<{tag} style="text-align: {side}">{text}</{tag}>')
    return f"<tr>{''.join(parts)}</tr>"


def _list(sentences: Iterable[str]) -> Iterator[str]:
    yield "<ul>"
    yield from (f"<li>{_escaped(text)}</li>" for text in sentences)
    yield "</ul>"


def _escaped(text: str) -> str:
    """Return a text without markup, and without the dollars that a notebook takes for formulas."""
    return escape(printable(text)).replace("$", "&#36;")
