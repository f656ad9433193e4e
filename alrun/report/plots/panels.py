"""One panel of a plot: lines over the number of labels, or savings with their intervals."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isnan
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from alrun.report.phrasing import score_text
from alrun.report.plots.lines import Line
from alrun.report.plots.styles import (
    BLACK,
    FAINT,
    GREY,
    LIGHT,
    SMALL,
    Names,
    Style,
    halo,
    name_ends,
    shortened,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ROW_HEIGHT, _AXIS_HEIGHT = 0.17, 0.65  # inches
_MARKERS_PER_LINE = 7
# In percent: an interval that ends further than this beyond every saving is cut, with an arrow.
_FURTHEST = 100.0
# A floor or ceiling further from the curves, as a share of their range, would flatten them.
_FURTHEST_REFERENCE = 0.5
_ZERO: Any = {"color": BLACK, "linewidth": 0.8, "zorder": 1.0}


@dataclass(frozen=True)
class LinesPanel:
    """Lines over the number of labels.

    Attributes
    ----------
    where
        The data set, the model, the batch size and the target in words.
    levels
        Scores that are marked across the panel, with their names.
    references
        The floor and the ceiling, dotted, with their names.
    scores
        The lowest and the highest possible height; bands end there.
    has_zero
        Whether zero is marked.
    is_share
        Whether the heights are shares of runs: steps between 0 and 1.
    x_label
        What the lines run along: labels, or their cost.
    """

    where: Mapping[str, str]
    lines: tuple[Line, ...]
    y_label: str
    levels: tuple[tuple[float, str], ...] = ()
    references: tuple[tuple[float, str], ...] = ()
    scores: tuple[float, float] = (-np.inf, np.inf)
    has_zero: bool = False
    is_share: bool = False
    x_label: str = "labels"

    def height(self, n_columns: int) -> float:
        """Return the height in inches by the number of columns."""
        return {1: 3.4, 2: 2.7}.get(n_columns, 2.2)

    def draw(self, axes: "Axes", styles: Mapping[str, Style]) -> Names:
        """Draw the panel and return the names of its lines."""
        if not self.lines:
            return _say_nothing(axes, self.x_label)
        axes.set(xlabel=self.x_label, ylabel=self.y_label)
        if self.is_share:
            axes.set(ylim=(-0.04, 1.04), yticks=np.linspace(0, 1, 5))
            axes.grid(axis="y")
        if self.has_zero:
            axes.axhline(0, **_ZERO)
        for level, name in self.levels:
            _draw_level(axes, level, name)
        for place, line in enumerate(self.lines):
            _draw_line(axes, line, styles[line.strategy], place, self.is_share, self.scores)
        for level, name in self.references:
            _draw_reference(axes, level, name)
        axes.locator_params(axis="x", integer=self.x_label == "labels")
        ends = {line.strategy: (line.n_labels[-1], line.height[-1]) for line in self.lines}
        ends = {name: end for name, end in ends.items() if not styles[name].is_muted}
        return name_ends(axes, ends, styles)


@dataclass(frozen=True)
class SavingsPanel:
    """Savings with their intervals, a row each.

    Attributes
    ----------
    where
        As for LinesPanel.
    groups
        Rows of a report that stand together, each group with its name.
    limits
        The lowest and the highest percentage on the axis.
    """

    where: Mapping[str, str]
    groups: tuple[tuple[str, pd.DataFrame], ...]
    limits: tuple[float, float]

    def height(self, n_columns: int) -> float:
        """Return the height in inches, by the number of rows."""
        n_rows = sum(len(rows) + 0.5 for _, rows in self.groups)
        return _AXIS_HEIGHT + _ROW_HEIGHT * n_rows

    def draw(self, axes: "Axes", styles: Mapping[str, Style]) -> Names:
        """Draw the panel; its rows are named on the axis."""
        rows = pd.concat([rows for _, rows in self.groups])
        axes.set(xlim=self.limits, xlabel="saving within the budget (%)")
        axes.axvline(0, **_ZERO)
        axes.grid(axis="x")
        axes.spines["left"].set_visible(False)
        axes.tick_params(axis="y", length=0, pad=7)  # an arrow has room
        places: list[float] = []
        for name, group in self.groups:
            first = places[-1] + 1.5 if places else 0.0
            places += [first + place for place in range(len(group))]
            for place, row in zip(places[-len(group) :], group.itertuples(), strict=True):
                _draw_saving(axes, place, row, styles[row.strategy])
            _name_group(axes, (first + places[-1]) / 2, name)
            axes.axhline(places[-1] + 0.75, color=FAINT, linewidth=0.6, zorder=0)
        axes.set_yticks(places, [shortened(name) for name in rows["strategy"]])
        axes.set_ylim(places[-1] + 0.75, -0.75)
        return []


def _draw_reference(axes: "Axes", level: float, name: str) -> None:
    """Draw the floor or the ceiling; if it lies far from the curves, only its name at the edge."""
    low, high = axes.get_ylim()
    text = f"{name} {score_text(level)}"
    furthest = _FURTHEST_REFERENCE * (high - low)
    if low - furthest <= level <= high + furthest:
        _draw_level(axes, level, text, is_reference=True)
        return
    is_below = level < low
    axes.text(
        0.995,
        0.01 if is_below else 0.99,
        f"{text}, {'below' if is_below else 'above'}",
        transform=axes.transAxes,
        horizontalalignment="right",
        verticalalignment="bottom" if is_below else "top",
        color=GREY,
        fontsize=SMALL - 1,
        path_effects=halo(),
    )


def _draw_level(axes: "Axes", level: float, name: str, is_reference: bool = False) -> None:
    """Draw a target, named at the left, or a reference, dotted and named at the right."""
    colour, line = (GREY, ":") if is_reference else (LIGHT, "-")
    axes.axhline(level, color=colour, linestyle=line, linewidth=0.6, zorder=1)
    axes.text(
        0.995 if is_reference else 0.005,
        level,
        name,
        transform=axes.get_yaxis_transform(),
        horizontalalignment="right" if is_reference else "left",
        verticalalignment="bottom",
        color=GREY,
        fontsize=SMALL - 1,
        path_effects=halo(),
    )


def _draw_line(
    axes: "Axes",
    line: Line,
    style: Style,
    place: int,
    is_share: bool,
    scores: tuple[float, float],
) -> None:
    """Draw a line with its band, within possible `scores`.

    Its place shifts its markers from those of other lines.
    """
    if style.is_muted:
        axes.plot(
            line.n_labels,
            line.height,
            color=style.colour,
            linewidth=0.8,
            zorder=1.5,
            drawstyle="steps-post" if is_share else "default",
        )
        return
    if not np.isnan(line.half_width).any():
        axes.fill_between(
            line.n_labels,
            np.maximum(line.height - line.half_width, scores[0]),
            np.minimum(line.height + line.half_width, scores[1]),
            color=style.colour,
            alpha=0.2,
            linewidth=0.4 if len(line.n_labels) > 1 else 3,  # of one point it is a stroke
        )
    every = -(-len(line.n_labels) // _MARKERS_PER_LINE)
    axes.plot(
        line.n_labels,
        line.height,
        color=style.colour,
        linestyle=style.line,
        marker=style.marker,
        markevery=(place % every, every),
        drawstyle="steps-post" if is_share else "default",
    )


def _draw_saving(axes: "Axes", place: float, row: Any, style: Style) -> None:
    """Draw one saving: filled if significant, with an arrow for a cut interval."""
    left, right = axes.get_xlim()
    if isnan(row.saving):
        has_room = right >= -left
        axes.annotate(
            "not estimable",
            (0, place),
            xytext=(4 if has_room else -4, 0),
            textcoords="offset points",
            horizontalalignment="left" if has_room else "right",
            verticalalignment="center",
            color=GREY,
            fontsize=SMALL,
        )
        return
    low, high = 100 * row.saving_low, 100 * row.saving_high
    axes.plot([max(low, left), min(high, right)], [place] * 2, color=style.colour)
    for edge, arrow, goes_on in ((left, "<", low < left), (right, ">", high > right)):
        if goes_on:
            axes.plot(edge, place, marker=arrow, color=style.colour, clip_on=False)
    axes.plot(
        100 * row.saving,
        place,
        marker=style.marker,
        color=style.colour,
        markerfacecolor=style.colour if row.significant else "white",
        markersize=5,
    )


def limits_of(rows: pd.DataFrame) -> tuple[float, float]:
    """Return the lowest and the highest percentage on an axis that shows the savings of rows."""
    saving = 100 * rows["saving"].dropna()
    ends = 100 * rows[["saving_low", "saving_high"]].to_numpy(np.float64).ravel()
    within = ends[(ends >= saving.min() - _FURTHEST) & (ends <= saving.max() + _FURTHEST)]
    shown = [0.0, *saving, *within]
    margin = 0.04 * (max(shown) - min(shown)) or 10.0
    return min(shown) - margin, max(shown) + margin


def _name_group(axes: "Axes", place: float, name: str) -> None:
    axes.text(
        1.015,
        place,
        name,
        transform=axes.get_yaxis_transform(),
        verticalalignment="center",
        fontsize=SMALL,
    )


def _say_nothing(axes: "Axes", x_label: str) -> Names:
    """Write in a panel why it has no line."""
    axes.set_axis_off()
    words = f"no {x_label} or no seeds in common"
    axes.text(0.5, 0.5, words, transform=axes.transAxes, ha="center", color=GREY, fontsize=SMALL)
    return []
