"""A table of texts, which the script can sort, filter and save."""

from collections.abc import Iterator

from alrun.report.html.markup import Markup, element, joined
from alrun.report.sections import Section


def table(section: Section, names: dict[str, str], key: str) -> Markup:
    """Return a section as a table with a caption.

    `names` are the classes of the rows that begin with a strategy, and `key` is the name of its
    file where it is saved. A first cell that is empty repeats the one above, which it then shows:
    the rows can be sorted.
    """
    caption = element("caption", element("b", section.title), note(section.caption))
    header = element(
        "tr",
        *(
            element("th", text, scope="col", class_=None if place < section.n_left else "number")
            for place, text in enumerate(section.header)
        ),
    )
    body = joined(*_rows(section, names), between="\n")
    content = element("table", caption, element("thead", header), element("tbody", body))
    return element("div", content, class_="table", data_file=key, tabindex="0", role="region",
                   aria_label=section.title)  # fmt: skip


def note(text: str) -> Markup | None:
    """Return a line in small print; None for an empty text."""
    return element("span", text, class_="note") if text else None


def _rows(section: Section, names: dict[str, str]) -> Iterator[Markup]:
    above = ""
    for place, cells in enumerate(section.rows):
        repeats = not cells[0]
        above = cells[0] or above
        named = next((names[cell] for cell in cells[: section.n_left] if cell in names), None)
        parts = []
        for column, cell in enumerate((above, *cells[1:])):
            kind = _classes(column, section.n_left, repeats and column == 0)
            text = element("b", cell) if (place, column) in section.bold else cell
            is_head = column == section.n_left - 1
            name, scope = ("th", "row") if is_head else ("td", None)
            parts.append(element(name, text, scope=scope, class_=kind))
        yield element("tr", *parts, class_=named)


def _classes(column: int, n_left: int, is_repeated: bool) -> str | None:
    if is_repeated:
        return "again"
    return None if column < n_left else "number"
