"""Paragraphs, tables and notes as text of some width, for a screen or a file."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from io import StringIO
from typing import TYPE_CHECKING

from alrun.errors import printable
from alrun.report.sections import Section
from alrun.report.verdict import Paragraph

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

# The width of files, and the widths of screens that a text is laid out for.
WIDTH, NARROWEST, WIDEST = 100, 60, 200
_GAP, _INDENT = 1, 2
# A space in a percentage or an interval, at which no line ends, and what stands there meanwhile.
_NUMBER, _GLUE = re.compile(r" (?=%)|(?<=%) (?=\[)|(?<=\d,) (?=-?\d+\])"), "\u2800"


def as_text(
    tables: Iterable[Section],
    notes: Iterable[str] = (),
    paragraphs: Iterable[Paragraph] = (),
    width: int = WIDTH,
    has_bold: bool = False,
) -> str:
    """Return paragraphs, the tables and the notes below them.

    No line is longer than `width`, cut to between NARROWEST and WIDEST. A table that is too wide
    goes on in another with the same columns on the left; words stay whole unless one alone is wider
    than its column can be. `has_bold` marks the best values for a terminal.
    """
    from rich.console import Console
    from rich.text import Text

    width = min(max(width, NARROWEST), WIDEST)
    buffer = StringIO()
    screen = Console(
        file=buffer,
        width=width,
        force_terminal=has_bold,
        force_jupyter=False,  # or in a notebook it would not write to the buffer
        color_system="standard" if has_bold else None,
        highlight=False,
        legacy_windows=False,
    )
    for paragraph in paragraphs:
        screen.print(Text(printable(paragraph.title)))
        for sentence in paragraph.sentences:
            whole = _NUMBER.sub(_GLUE, printable(sentence))
            lines = Text(whole).wrap(screen, width - _INDENT)
            screen.print(*(Text(f"{' ' * _INDENT}{line}") for line in lines), sep="\n")
        screen.print()
    for section in tables:
        screen.print(Text(printable(section.title)))
        for place, part in enumerate(_parts(section, width)):
            if place:
                screen.print()
            screen.print(_table(part, screen))
        screen.print()
    for note in notes:
        screen.print(Text(printable(note)))
    text = buffer.getvalue().replace(_GLUE, " ")
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"


def _parts(section: Section, width: int) -> Iterator[Section]:
    """Yield the table, or several with the same columns on the left where it is too wide."""
    n_left = section.n_left
    natural = [_widest(cells, "\n") for cells in _columns(section)]
    narrow = [_widest(cells, None) for cells in _columns(section)]
    left = sum(natural[:n_left]) + _GAP * n_left
    if left + sum(natural[n_left:]) + _GAP * (len(natural) - n_left - 1) > width:
        left = sum(narrow[:n_left]) + _GAP * n_left
    columns: list[int] = []
    used = left
    for column in range(n_left, len(natural)):
        if columns and used + natural[column] > width:
            yield _only(section, columns)
            columns, used = [], left
        columns.append(column)
        used += natural[column] + _GAP
    yield _only(section, columns)


def _columns(section: Section) -> list[tuple[str, ...]]:
    return list(zip(section.header, *section.rows, strict=True))


def _widest(cells: Iterable[str], separator: str | None) -> int:
    """Return the width of the widest part of cells."""
    from rich.cells import cell_len

    parts = (part for cell in cells for part in printable(cell).split(separator))
    return max(map(cell_len, parts), default=0)


def _only(section: Section, columns: Sequence[int]) -> Section:
    """Return a section with its columns on the left and these."""
    kept = [*range(section.n_left), *columns]
    return replace(
        section,
        header=tuple(section.header[column] for column in kept),
        rows=tuple(tuple(row[column] for column in kept) for row in section.rows),
        bold=frozenset((row, kept.index(column)) for row, column in section.bold if column in kept),
    )


def _table(section: Section, screen: "Console") -> "Table":
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, _GAP, 0, 0), pad_edge=False, header_style="")
    fits = sum(_widest(cells, None) + _GAP for cells in _columns(section)) - _GAP <= screen.width
    for place, cells in enumerate(_columns(section)):
        is_left = place < section.n_left
        table.add_column(
            Text(printable(section.header[place])),
            justify="left" if is_left else "right",
            overflow="fold",
            min_width=_widest(cells, None) if fits else None,
            no_wrap=fits and not is_left,
        )
    for row, cells in enumerate(section.rows):
        texts = [Text(printable(cell)) for cell in cells]
        for column, text in enumerate(texts):
            if (row, column) in section.bold:
                text.stylize("bold")
        table.add_row(*texts)
    return table
