"""CSV: batches as tables for a spreadsheet, and answers with the id column and `label`."""

import csv
import io
import re
import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

from alrun.errors import LabellingError, first_line, nearest, quoted
from alrun.labelling.formats.answers import answer_of, last_of_each
from alrun.labelling.formats.content import plain, text_of, to_bytes
from alrun.labelling.formats.fields import BATCH, RANK, RESERVED, fields_of, names_in_file
from alrun.labelling.records import Answer, Layout, Task

_SEPARATORS = (",", ";", "\t")
# A text that a spreadsheet computes, or that could be taken for one that was escaped. A number with
# a sign is none.
_FORMULA = re.compile(r"'*([=@\t\r\n\uff1d\uff0b\uff0d\uff20]|[+-](?![0-9]+(\.[0-9]*)?\Z))")


def write(tasks: Sequence[Task], layout: Layout) -> bytes:
    """Return tasks as CSV: the id column under its own name, batch, rank, and the fields.

    A text that a spreadsheet would compute gets an apostrophe before it, which `read` takes away.
    Raises LabellingError if an id, or the id column's name, cannot stand in such a file.
    """
    _check_id_column(layout)
    own = [layout.id_column, BATCH, RANK]
    names = names_in_file({name: name for name in fields_of(tasks)}, {*RESERVED, *own})
    table = io.StringIO()
    # With another end of line, the csv module of older Pythons would not quote a \r in a cell.
    writer = csv.writer(table, lineterminator="\r\n")
    writer.writerow([escaped(name) for name in (*own, *names.values())])
    for task in tasks:
        if "\0" in task.id or not task.id.strip():
            raise LabellingError(
                f"the id {quoted(task.id)} cannot stand in CSV; choose another id column, or JSONL"
            )
        cells = [task.id, task.batch, task.rank, *(task.fields.get(name) for name in names)]
        writer.writerow([_cell(value) for value in cells])
    return to_bytes(table.getvalue())


def read(content: bytes, name: str, layout: Layout) -> list[Answer]:
    """Return the answers in CSV, of which an empty label is a skip.

    Other columns are passed over. Raises LabellingError, which names the line.
    """
    _check_id_column(layout)
    header, rows = read_table(text_of(content, name), name, (layout.id_column, "label"))
    header = [restored(column) for column in header]
    columns = (layout.id_column, "label", "annotator", "time", "seconds")
    places = {column: _place_of(column, header, name) for column in columns if column in header}
    for column in columns[:2]:
        if column not in places:
            where = " beside those of the batch" if BATCH in header else ""
            hint = nearest(column, header)
            raise LabellingError(f"{name}: there is no column {quoted(column)}{where}{hint}")
    answers = []
    for place, row in rows:
        cells = [restored(row[places[column]]) if column in places else None for column in columns]
        answers.append(answer_of(place, *cells))
    return last_of_each(answers)


def escaped(text: str) -> str:
    """Return a text that no spreadsheet computes."""
    return f"'{text}" if _FORMULA.match(text) else text


def restored(text: str) -> str:
    """Return the text that `escaped` was given."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


def read_table(
    text: str, name: str, wanted: Collection[str]
) -> tuple[list[str], list[tuple[str, list[str]]]]:
    """Return the header of delimited text, and the place and the cells of every row.

    The separator is the comma, semicolon or tab at which the header holds most of the wanted names.
    Blank rows are left out. Raises LabellingError, which names the line.
    """
    headers = {separator: _first_row(text, separator) for separator in _SEPARATORS}
    separator = max(
        _SEPARATORS,
        key=lambda separator: (len({*wanted} & {*headers[separator]}), len(headers[separator])),
    )
    header: list[str] = []
    rows = []
    for place, row in _rows(text, separator, name):
        if not header:
            header = row
        elif any(row[len(header) :]):
            raise LabellingError(
                f"{place}: it has {len(row)} cells, and the header {len(header)}; put a cell that"
                f" holds {quoted(separator)} in quotes"
            )
        elif any(row):
            # Spreadsheets leave out empty cells at the end of a row, or add some.
            rows.append((place, (row + [""] * len(header))[: len(header)]))
    return header, rows


def _first_row(text: str, separator: str) -> list[str]:
    try:
        return next((row for _, row in _rows(text, separator, "") if row), [])
    except LabellingError:
        return []


def _rows(text: str, separator: str, name: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the place and the cells of every row."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    while True:
        place = f"{name}: line {reader.line_num + 1}"
        try:
            with _long_cells():
                row = next(reader, None)
        except csv.Error as error:
            raise LabellingError(
                f"{place}: it is no CSV: {first_line(error)}; mend its quotes"
            ) from error
        if row is None:
            return
        yield place, row


@contextmanager
def _long_cells() -> Iterator[None]:
    """Let cells have any length: texts do, and the limit belongs to the whole process."""
    limit = csv.field_size_limit(sys.maxsize)
    try:
        yield
    finally:
        csv.field_size_limit(limit)


def _place_of(column: str, header: Sequence[str], name: str) -> int:
    if header.count(column) > 1:
        raise LabellingError(f"{name}: there are two columns {quoted(column)}; rename or drop one")
    return header.index(column)


def _check_id_column(layout: Layout) -> None:
    if layout.id_column in RESERVED - {"id"}:
        raise LabellingError(
            f"the id column is called {quoted(layout.id_column)}, as a column of answers is; rename"
            " it in the data"
        )


def _cell(value: object) -> object:
    shown = plain(value)
    return escaped(shown.replace("\0", "\ufffd")) if isinstance(shown, str) else shown
