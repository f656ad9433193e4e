"""Panels on stopping rules: where each stops on the mean curve, and its regret by error cost."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from alrun.arrays import BoolArray, FloatArray
from alrun.report.plots.styles import FAINT, GREY, LIGHT, SMALL, Names, Style, shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ROW_HEIGHT, _CURVE_HEIGHT = 0.19, 2.2  # inches
# The share of the panel's height that the curve takes, above the rows of the rules.
_OF_CURVE = 0.5


@dataclass(frozen=True)
class RuleStops:
    """Where a rule stops: labels of each seed, whether it fired, and the mean with its interval."""

    rule: str
    labels: FloatArray
    fired: BoolArray
    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class StopsPanel:
    """The mean curve, and below it a row for each rule with a tick for each seed that it stops.

    Attributes
    ----------
    where
        As for LinesPanel.
    n_labels, score
        The mean curve.
    """

    where: Mapping[str, str]
    n_labels: FloatArray
    score: FloatArray
    rules: tuple[RuleStops, ...]
    y_label: str

    def height(self, n_columns: int) -> float:
        """Return the height in inches, by the number of rules."""
        return _CURVE_HEIGHT + _ROW_HEIGHT * len(self.rules)

    def draw(self, axes: "Axes", styles: Mapping[str, Style]) -> Names:
        """Draw the panel; its rows are named on the axis."""
        n_rows = len(self.rules)
        top = -0.5 - n_rows * _OF_CURVE / (1 - _OF_CURVE)
        curve = self._draw_curve(axes)
        for place, found in enumerate(self.rules):
            style, fired = styles[found.rule], found.fired
            axes.plot(found.labels[fired], [place] * int(fired.sum()), "|", color=LIGHT)
            never = found.labels[~fired]
            axes.plot(never, [place] * len(never), "x", color=LIGHT, markersize=3)
            if fired.any():
                axes.plot([found.low, found.high], [place] * 2, color=style.colour)
                axes.plot(found.mean, place, style.marker, color=style.colour)
                height = np.interp(found.mean, self.n_labels, self.score)
                curve.plot(found.mean, height, style.marker, color=style.colour)
        named = [self._name(found) for found in self.rules]
        axes.set_yticks(range(n_rows), named)
        axes.set(ylim=(n_rows - 0.5, top), xlabel="labels")
        axes.locator_params(axis="x", integer=True)
        axes.axhline(-0.5, color=FAINT, linewidth=0.6)
        axes.grid(axis="x")
        axes.spines["left"].set_visible(False)
        axes.tick_params(axis="y", length=0)
        return []

    def _name(self, found: RuleStops) -> str:
        name = shortened(found.rule)
        return name if found.fired.any() else f"{name} (never)"

    def _draw_curve(self, axes: "Axes") -> "Axes":
        """Draw the mean curve above the rows, on an axis of its own, and return that."""
        curve = axes.twinx()
        low, high = float(self.score.min()), float(self.score.max())
        room = max(high - low, 0.01)
        curve.plot(self.n_labels, self.score, color=GREY, linewidth=1)
        curve.set_ylim(low - room * (1 - _OF_CURVE) / _OF_CURVE - 0.1 * room, high + 0.1 * room)
        curve.set_yticks([low, high], [f"{low:.3f}", f"{high:.3f}"], fontsize=SMALL)
        curve.set_ylabel(self.y_label, color=GREY)
        curve.spines["left"].set_visible(False)
        return curve


@dataclass(frozen=True)
class RegretPanel:
    """Mean regret by error cost, a line for each rule.

    Attributes
    ----------
    where
        As for LinesPanel.
    costs
        The error costs, shape (n_costs,).
    regrets
        By rule, of the same shape.
    n_rows
        Of the panel beside it, which is as high.
    """

    where: Mapping[str, str]
    costs: FloatArray
    regrets: Mapping[str, FloatArray]
    n_rows: int

    def height(self, n_columns: int) -> float:
        """Return the height in inches: that of the panel beside it."""
        return _CURVE_HEIGHT + _ROW_HEIGHT * self.n_rows

    def draw(self, axes: "Axes", styles: Mapping[str, Style]) -> Names:
        """Draw the panel; its lines have the colours and markers of the rows beside it."""
        from matplotlib.ticker import NullLocator

        for rule, regret in self.regrets.items():
            style = styles[rule]
            axes.plot(
                self.costs,
                np.maximum(regret, 0.1),
                color=style.colour,
                linestyle=style.line,
                marker=style.marker,
                markevery=8,
            )
        axes.set(xscale="log", yscale="log", xlabel="error cost", ylabel="mean regret")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter("{x:g}")
            axis.set_minor_locator(NullLocator())
        axes.tick_params(axis="x", labelsize=SMALL - 1)
        axes.grid()
        return []
