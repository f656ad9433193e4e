"""A panel of mean labels to target against seconds of queries, the non-dominated joined."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from alrun.arrays import Array, BoolArray
from alrun.report.axis import Axis
from alrun.report.plots.styles import GREY, SMALL, Names, Style, halo, shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# From this ratio of the most to the fewest seconds on, their axis is logarithmic.
_FEW_TIMES = 10.0
# The lower end of an interval that holds zero, as a share of the fewest seconds, on such an axis.
_LEAST = 0.5


def non_dominated(seconds: Array, labels: Array) -> BoolArray:
    """Return which points have no other that is as good in both and better in one."""
    as_good = (seconds[:, None] <= seconds) & (labels[:, None] <= labels)
    better = (seconds[:, None] < seconds) | (labels[:, None] < labels)
    return np.asarray(~(as_good & better).any(axis=0))


@dataclass(frozen=True)
class ParetoPanel:
    """Mean labels to a target against seconds of queries, with the intervals of both.

    Attributes
    ----------
    where
        As for LinesPanel.
    rows
        Rows of a report at one target whose labels and seconds are known.
    axis
        What is counted up to the target.
    """

    where: Mapping[str, str]
    rows: pd.DataFrame
    axis: Axis = Axis.labels

    def height(self, n_columns: int) -> float:
        """Return the height in inches by the number of columns."""
        return {1: 3.6, 2: 3.0}.get(n_columns, 2.6)

    def draw(self, axes: "Axes", styles: Mapping[str, Style]) -> Names:
        """Draw the panel; the strategies on the line are named at their points."""
        rows = self.rows.sort_values("query_seconds", kind="stable")
        seconds, labels = (rows[name].to_numpy(float) for name in ("query_seconds", "mean_labels"))
        is_log = bool(seconds[0] > 0 and seconds[-1] >= _FEW_TIMES * seconds[0])
        axes.set(xlabel="seconds of queries", ylabel=f"{self.axis} to target")
        axes.margins(x=0.08, y=0.1)
        if is_log:
            axes.set_xscale("log")
            axes.xaxis.set_major_formatter(lambda seconds, _: f"{seconds:g}")
        is_best = non_dominated(seconds, labels)
        axes.plot(seconds[is_best], labels[is_best], color=GREY, linewidth=0.9, zorder=1)
        least = _LEAST * seconds[0] if is_log else -np.inf
        for row, is_named in zip(rows.itertuples(), is_best, strict=True):
            style = styles[row.strategy]
            look: Any = {"color": style.colour, "linewidth": 1.0, "alpha": 1.0 if is_named else 0.5}
            ends = [max(row.query_seconds_low, least), row.query_seconds_high]
            axes.plot(ends, [row.mean_labels] * 2, **look)
            axes.plot([row.query_seconds] * 2, [row.mean_labels_low, row.mean_labels_high], **look)
            axes.plot(row.query_seconds, row.mean_labels, marker=style.marker, markersize=5, **look)
        self._name(axes, rows[is_best], seconds[-1])
        return []

    def _name(self, axes: "Axes", rows: pd.DataFrame, last: float) -> None:
        """Name strategies at their points, the one at the right to its left."""
        for row in rows.itertuples():
            is_last = row.query_seconds == last and len(self.rows) > 1
            axes.annotate(
                shortened(row.strategy),
                (row.query_seconds, row.mean_labels),
                xytext=(-5, -10) if is_last else (5, 4),  # beside the line, which falls
                textcoords="offset points",
                horizontalalignment="right" if is_last else "left",
                fontsize=SMALL,
                path_effects=halo(),
            )
