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
    sustain: int = 1,
    adjustment: str = "holm",
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

    sustain
        In how many rounds in a row the score must be at the target.
    adjustment
        "holm", or "maxT", which has more power and needs the same seeds in all tests.

    Returns
    -------
    Report
        With `rows`, a DataFrame, `across`, one over the data sets where there are several, and
        `notes`, sentences that belong under them.

    Raises
    ------
    ResultsError
        Where the results cannot be read, hold no such metric or baseline, or a target is no score.
    """
    from alrun.report.build import build_report

    return build_report(Path(path), targets, metric, baseline, sustain, adjustment)
