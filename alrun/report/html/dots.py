"""The answer of each seed as a dot, in SVG: what a report of that seed alone would have said."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from alrun.report.html.axes import Axes, label, padded, picture, place
from alrun.report.html.markup import Markup, element
from alrun.report.phrasing import percent

_DOT, _STEP = 3.0, 6.5
# Dots of one column that lie above each other; more of them move closer together.
_ROW_HEIGHT = 64.0
# In percent: a dot further to the left is drawn at the edge.
_LEAST = -200.0


@dataclass(frozen=True)
class Answers:
    """The saving of a strategy in each seed, a share of one, and of all seeds together.

    `censored` says in which seeds neither it nor the baseline reached the target.
    """

    strategy: str
    seeds: Sequence[int]
    savings: Sequence[float]
    censored: Sequence[bool]
    mean: float


def dots(title: str, answers: Sequence[Answers], looks: Mapping[str, str]) -> Markup:
    """Return a picture with a row of dots for each strategy."""
    height = 12 + _ROW_HEIGHT * len(answers) + 44
    shown = [max(100 * value, _LEAST) for one in answers for value in one.savings]
    longest = max(len(one.strategy) for one in answers)
    x_range = padded(min([0.0, *shown]), max([0.0, *shown])) if any(shown) else (-10.0, 10.0)
    axes = Axes(x_range, None, height, min(40 + 7.0 * longest, 240))
    zero = place(axes.across(0))
    parts = [
        axes.frame("saving that one seed shows (%)"),
        element("path", d=f"M{zero} {place(axes.top)}V{place(axes.floor)}", class_="zero"),
    ]
    for number, one in enumerate(answers):
        middle = axes.top + _ROW_HEIGHT * (number + 0.5)
        parts.append(_row(axes, middle, one, looks[one.strategy]))
    return picture(height, title, *parts, class_="dots")


def _row(axes: Axes, middle: float, one: Answers, look: str) -> Markup:
    parts = [label(axes.left - 8, middle + 4, one.strategy, "end")]
    across = np.array([axes.across(max(100 * value, _LEAST)) for value in one.savings])
    offsets = _stacked(across)
    for seed, value, x, offset, is_censored in zip(
        one.seeds, one.savings, across.tolist(), offsets, one.censored, strict=True
    ):
        title = element("title", f"seed {seed}: {percent(value)} %")
        kind = "hollow" if is_censored else None
        at = {"cx": place(x), "cy": place(middle + offset)}
        parts.append(element("circle", title, **at, r=f"{_DOT:g}", class_=kind))
    x = place(axes.across(100 * one.mean))
    half = _ROW_HEIGHT / 2 - 3
    path = f"M{x} {place(middle - half)}V{place(middle + half)}"
    parts.append(element("path", d=path, class_="mean"))
    solid = " ".join(part for part in look.split() if not part.startswith("dash"))
    return element("g", *parts, class_=f"row {solid}")


def _stacked(across: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> list[float]:
    """Return how far below the middle each dot is, so that none hides another."""
    columns = np.floor(across / _STEP)
    offsets = np.zeros(len(across))
    for column in np.unique(columns):
        here = np.flatnonzero(columns == column)
        step = min(_STEP, (_ROW_HEIGHT - 8) / len(here))
        offsets[here] = step * (np.arange(len(here)) - (len(here) - 1) / 2)
    return [float(offset) for offset in offsets]
