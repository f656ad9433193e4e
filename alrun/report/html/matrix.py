"""A matrix of numbers as a table, shaded by their size."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from alrun.report.html.markup import Markup, element, joined
from alrun.report.html.table import note

# The shades on either side of the middle in the stylesheet.
SHADES = 4


@dataclass(frozen=True)
class Matrix:
    """Numbers by two names, as texts.

    Attributes
    ----------
    corner
        What rows and columns are, above the names of the rows.
    cells
        A row each.
    depths
        How each cell is shaded: -1 ... 1, 0 for not at all.
    """

    title: str
    caption: str
    corner: str
    rows: Sequence[str]
    columns: Sequence[str]
    cells: Sequence[Sequence[str]]
    depths: Sequence[Sequence[float]]


def matrix(found: Matrix, names: Mapping[str, str], key: str) -> Markup:
    """Return a matrix as a table; `names` and `key` are as for `table`."""
    header = element(
        "tr",
        element("th", found.corner, scope="col"),
        *(element("th", name, scope="col", class_="number") for name in found.columns),
    )
    rows = [
        element(
            "tr",
            element("th", name, scope="row"),
            *(
                element("td", cell, class_=f"number {_shade(depth)}")
                for cell, depth in zip(cells, depths, strict=True)
            ),
            class_=names.get(name),
        )
        for name, cells, depths in zip(found.rows, found.cells, found.depths, strict=True)
    ]
    caption = element("caption", element("b", found.title), note(found.caption))
    body = element("tbody", joined(*rows, between="\n"))
    content = element("table", caption, element("thead", header), body)
    return element("div", content, class_="table matrix", data_file=key, tabindex="0",
                   role="region", aria_label=found.title)  # fmt: skip


def _shade(depth: float) -> str:
    """Return the class of a shade: `more-1` ... `less-4`."""
    number = round(abs(depth) * SHADES)
    return "plain" if number == 0 else f"{'more' if depth > 0 else 'less'}-{min(number, SHADES)}"
