"""Panels on many strategies at once: a heat map of all pairs, and mean ranks over data sets."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from alrun.arrays import Array
from alrun.report.axis import Axis
from alrun.report.plots.styles import BLACK, FAINT, GREY, SMALL, Names, Style, shortened
from alrun.report.ranks import Ranking

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ROW_HEIGHT, _AXIS_HEIGHT = 0.26, 1.3  # inches
# A ratio of this or its inverse has the deepest colour; where it is light, the text is dark.
_DEEPEST, _LIGHT = 2.0, 0.6


@dataclass(frozen=True)
class PairsPanel:
    """A heat map of ratios of mean labels, row to column; a star where two strategies differ.

    Attributes
    ----------
    where
        As for LinesPanel.
    names
        The strategies in order.
    pairs
        A row for every two of them, as of `compare_pairs`, and `told`: whether they differ.
    """

    where: Mapping[str, str]
    names: tuple[str, ...]
    pairs: pd.DataFrame

    def height(self, n_columns: int) -> float:
        """Return the height in inches, by the number of strategies."""
        return _AXIS_HEIGHT + _ROW_HEIGHT * len(self.names)

    def draw(self, axes: "Axes", styles: Mapping[str, Style]) -> Names:
        """Draw the panel; rows and columns are named on the axes."""
        ratios, told = self._matrices()
        depth = np.clip(np.log(ratios) / np.log(_DEEPEST), -1, 1)
        axes.imshow(depth, cmap="RdBu_r", vmin=-1, vmax=1, aspect="auto")
        for row, column in np.argwhere(np.isfinite(ratios)).tolist():
            axes.text(
                column,
                row,
                f"{ratios[row, column]:.2f}{'*' if told[row, column] else ''}",
                horizontalalignment="center",
                verticalalignment="center",
                color=BLACK if abs(depth[row, column]) < _LIGHT else "white",
                fontsize=SMALL - 1,
            )
        named, places = list(map(shortened, self.names)), range(len(self.names))
        axes.set_xticks(places, named, rotation=45, ha="right", rotation_mode="anchor")
        axes.set_yticks(places, named)
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        return []

    def _matrices(self) -> tuple[Array, Array]:
        """Return the ratios, NaN where there is none, and whether two strategies differ."""
        place = {name: number for number, name in enumerate(self.names)}
        ratios = np.full((len(place), len(place)), np.nan)
        told = np.zeros(ratios.shape, dtype=bool)
        for pair in self.pairs[self.pairs["ratio"] > 0].itertuples():
            a, b = place[pair.a], place[pair.b]
            ratios[a, b], ratios[b, a] = pair.ratio, 1 / pair.ratio
            told[a, b] = told[b, a] = pair.told
        return ratios, told


@dataclass(frozen=True)
class RanksPanel:
    """Mean ranks over data sets, a row each, the critical difference, and groups within it.

    Attributes
    ----------
    where
        As for LinesPanel.
    axis
        What the ranks are of.
    """

    where: Mapping[str, str]
    ranking: Ranking
    axis: Axis = Axis.labels

    def height(self, n_columns: int) -> float:
        """Return the height in inches, by the number of rows."""
        n_rows = len(self.ranking.table) + len(list(self._groups())) + 2
        return 0.7 + 0.19 * n_rows

    def draw(self, axes: "Axes", styles: Mapping[str, Style]) -> Names:
        """Draw the panel; its rows are named on the axis."""
        table = self.ranking.table.sort_values("mean_rank", kind="stable")
        names, ranks = table["strategy"].tolist(), table["mean_rank"].tolist()
        for place, (name, rank) in enumerate(zip(names, ranks, strict=True)):
            style = styles[name]
            axes.plot(rank, place, marker=style.marker, color=style.colour, markersize=5)
        groups = list(self._groups())
        last = len(names) + len(groups)
        for place, (low, high) in enumerate(groups):
            axes.plot([low, high], [len(names) + place] * 2, color=BLACK, linewidth=3)
        critical = self.ranking.critical_difference
        axes.plot([1, 1 + critical], [last] * 2, color=GREY, marker="|")
        labels = [*map(shortened, names), *([""] * len(groups)), f"CD {critical:.2f}"]
        axes.set_yticks(range(last + 1), labels)
        axes.set(ylim=(last + 0.75, -0.75), xlabel=f"mean rank (1: {self.axis.least})")
        axes.set_xlim(0.8, max(len(names), 1 + critical) + 0.2)
        axes.grid(axis="x")
        axes.axhline(len(names) - 0.5, color=FAINT, linewidth=0.6)
        axes.spines["left"].set_visible(False)
        axes.tick_params(axis="y", length=0)
        return []

    def _groups(self) -> Iterator[tuple[float, float]]:
        """Yield the ends of the widest ranges of ranks, of two or more, within the difference."""
        ranks = np.sort(self.ranking.table["mean_rank"].to_numpy(np.float64))
        ends = np.searchsorted(ranks, ranks + self.ranking.critical_difference)
        before = 0
        for start, end in enumerate(ends.tolist()):
            if end > before and end - start > 1:
                yield float(ranks[start]), float(ranks[end - 1])
            before = max(before, end)
