"""Savings with their intervals as SVG, a row each."""

from collections.abc import Mapping, Sequence
from math import isfinite, isnan
from typing import Any

from alrun.report.html.axes import Axes, label, padded, picture, place
from alrun.report.html.markup import Markup, element
from alrun.report.sections import saving_text

_ROW, _GAP = 22.0, 14.0
# In percent: an interval that ends further than this beyond every saving is cut.
_FURTHEST = 100.0


def forest(
    title: str, groups: Sequence[tuple[str, Sequence[Any]]], looks: Mapping[str, str], longest: int
) -> Markup:
    """Return a picture of savings.

    `groups` are rows of a report that stand together, each group with its name, and `longest` is
    the number of letters of the longest strategy.
    """
    n_rows = sum(len(rows) + 1 for _, rows in groups)
    height = 12 + _ROW * n_rows + _GAP * len(groups) + 44
    axes = Axes(_range(groups), None, height, min(40 + 7.0 * longest, 240), right=150)
    parts = [axes.frame("saving within the budget (%)"), _zero(axes)]
    down = axes.top
    for name, rows in groups:
        down += _ROW
        parts.append(label(4, down - 6, name, "start", "heading"))
        for row in rows:
            down += _ROW
            parts.append(_saving(axes, down - 7, row, looks[row.strategy]))
        down += _GAP
    return picture(height, title, *parts, class_="forest")


def _range(groups: Sequence[tuple[str, Sequence[Any]]]) -> tuple[float, float]:
    """Return the lowest and the highest percentage on the axis."""
    rows = [row for _, several in groups for row in several if not isnan(row.saving)]
    savings = [100 * row.saving for row in rows]
    ends = [100 * end for row in rows for end in (row.saving_low, row.saving_high)]
    low, high = min(savings, default=0.0) - _FURTHEST, max(savings, default=0.0) + _FURTHEST
    shown = [0.0, *savings, *(end for end in ends if isfinite(end) and low <= end <= high)]
    return padded(min(shown), max(shown)) if max(shown) > min(shown) else (-10.0, 10.0)


def _zero(axes: Axes) -> Markup:
    x = place(axes.across(0))
    return element("path", d=f"M{x} {place(axes.top)}V{place(axes.floor)}", class_="zero")


def _saving(axes: Axes, y: float, row: Any, look: str) -> Markup:
    """Return one saving: filled if significant, with its numbers at the right."""
    parts = [label(axes.left - 8, y + 4, row.strategy, "end")]
    text = saving_text(row)
    if not isnan(row.saving):
        if not isnan(row.saving_low):
            ends = [place(axes.across(100 * end)) for end in (row.saving_low, row.saving_high)]
            parts.append(element("path", d=f"M{ends[0]} {place(y)}H{ends[1]}", class_="line"))
        kind = "mark" if row.significant else "mark hollow"
        x = place(axes.across(100 * row.saving))
        parts.append(element("circle", cx=x, cy=place(y), r="4.5", class_=kind))
        text += " *" if row.significant else ""
    parts.append(label(720 - 142, y + 4, text, "start"))
    solid = " ".join(part for part in look.split() if not part.startswith("dash"))
    return element("g", *parts, class_=f"row {solid}")
