"""The strategies that are in colour where there are many."""

from collections import Counter
from collections.abc import Sequence

from alrun.errors import ResultsError, nearest
from alrun.report.build import Report
from alrun.report.plots.styles import COLOURS, MOST_IN_COLOUR
from alrun.results.curves import COMPARISON_GROUP


def highlighted_in(report: Report, named: Sequence[str] = ()) -> list[str] | None:
    """Return the strategies in colour beside the baseline; None where all are.

    Those named are; without any, up to eight strategies all are, and above the best ones. Raises
    ResultsError where a name is none of the report's.
    """
    known = list(report.rows["strategy"].unique())
    for name in named:
        if name not in known:
            raise ResultsError(f"there is no strategy '{name}'{nearest(name, known)}")
    if named:
        return list(named)
    return None if len(known) <= MOST_IN_COLOUR else _best(report)


def _best(report: Report) -> list[str]:
    """Return the strategies with the fewest labels somewhere, the most frequent first.

    Without targets those with the best AULC. No more than there are colours.
    """
    rows = report.rows[~report.rows["is_baseline"]]
    values = rows["mean_labels"].where(rows["informative"])
    if not report.targets:
        values = -rows["aulc"] if report.curves.metric.greater_is_better else rows["aulc"]
    ordered = rows.assign(value=values).dropna(subset="value").sort_values("value", kind="stable")
    best = ordered.drop_duplicates([*COMPARISON_GROUP, "target"])["strategy"]
    return [name for name, _ in Counter(best).most_common(len(COLOURS))]
