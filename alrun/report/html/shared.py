"""What the chapters of a page and its data share, computed once."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from alrun.arrays import Array
from alrun.report.all_pairs import Comparisons
from alrun.report.build import Report
from alrun.report.plots.lines import Line, mean_curves
from alrun.report.rows import comparison_groups
from alrun.results.curves import labels_to_target


@dataclass(frozen=True)
class Shared:
    """A report, and what several parts of its page need."""

    report: Report

    @cached_property
    def lines(self) -> dict[tuple[Any, ...], tuple[Line, ...]]:
        """The mean curves by comparison group."""
        groups = comparison_groups(self.report.rows)
        return {key: mean_curves(self.report.curves, rows) for key, rows in groups}

    @cached_property
    def labels(self) -> dict[Any, Array]:
        """The labels to target of every run, by target."""
        report = self.report
        return {
            target: labels_to_target(report.curves, scores, report.sustain)
            for target, scores in report.target_scores.items()
        }

    @cached_property
    def comparisons(self) -> Comparisons:
        """Every two strategies."""
        return Comparisons(self.report.name, self.report, self.report.pairs)
