"""Reports: what the curves of a results directory say, with the uncertainty they deserve.

Light to import, so that `alrun.report` can be this function and the command line starts at once.
The function hides the package of its name: import from it, as in `from alrun.report.build import
Report`.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from alrun.report.build import Report


def report(
    path: str | Path,
    targets: Sequence[float] | None = None,
    *,
    metric: str | None = None,
    baseline: str = "random",
) -> "Report":
    """Report a results directory, or any directory that holds a `curves.parquet`.

    Parameters
    ----------
    path
        The directory.
    targets
        Scores to reach, above 0 and at most 1; by default those of the experiment.
    metric
        The column that targets are read on; by default that of the experiment.
    baseline
        Label of the strategy that the others are compared with.

    Returns
    -------
    Report
        With `rows`, a DataFrame, and `notes`, sentences that belong under it.

    Raises
    ------
    ResultsError
        Where the results cannot be read, hold no such metric or baseline, or a target is no score.
    """
    from alrun.report.build import build_report

    return build_report(Path(path), targets, metric, baseline)
