"""The public functions `report` and `run_sweep`.

Each imports the rest of alrun when it is called, so that `import alrun` is quick.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from alrun.errors import ResultsError

if TYPE_CHECKING:
    from alrun.report.build import Report


def report(
    path: str | Path,
    targets: Sequence[float | str] | None = None,
    *,
    metric: str | None = None,
    baseline: str = "random",
    sustain: int = 1,
    adjustment: str = "holm",
) -> "Report":
    """Return the report of a results directory, or of any directory with a `curves.parquet`.

    Parameters
    ----------
    path
        The directory.
    targets
        Scores to reach, or texts such as "95% of full" and "random@end"; by default those of the
        experiment, or else 90 and 95 % of the score with all training labels. A score that falls as
        models improve, as log_loss, reaches a target from above.
    metric
        The score that targets are read on, by default that of the experiment.
    baseline
        Label of the strategy that the others are compared with.
    sustain
        In how many rounds in a row the score must be at the target.
    adjustment
        "holm" or "maxT"; maxT has more power and needs the same seeds in all tests.

    Returns
    -------
    Report
        Its `rows` are a DataFrame. `across` is one over the data sets, where there are several.
        `notes` are sentences that belong under the tables.

    Raises
    ------
    ResultsError
        If the results cannot be read, have no such metric or baseline, or a target is not a score.
    """
    from alrun.report.build import build_report
    from alrun.report.options import options_for

    results = Path(path)
    options = options_for(results, targets, metric, baseline, sustain, adjustment)
    return build_report(results, options)


def run_sweep(
    experiment: str | Path,
    results: str | Path | None = None,
    *,
    jobs: int | None = None,
    overrides: Sequence[str] = (),
    retry_failed: bool = False,
    rerun: Sequence[str] = (),
    timeout: float | None = None,
    dask: str | None = None,
    backend: str | None = None,
) -> Path:
    """Run an experiment file and return its results directory.

    It does what `alrun sweep` does, and prints nothing. Raises AlrunError if the input is wrong,
    and ResultsError if runs failed: the others are kept, and the tables are made from them.

    Parameters
    ----------
    experiment, results
        The file, and the directory to write to, by default `results/<name>` in the current one.
    jobs
        How many runs to compute at once, by default one per core. With 0 they are computed in this
        process, where a debugger can follow them.
    overrides
        Keys of the file with other values, as in `["seeds=3", "model.C=0.1"]`.
    retry_failed
        Whether to compute failed runs again.
    rerun
        Files or modules of your own, as "mine.py": finished runs that were computed with other code
        of them are computed again.
    timeout
        Seconds after which a run is ended and counts as failed.
    dask
        Address of a Dask scheduler; its workers compute the runs.
    backend
        Name of the joblib backend that computes on this machine: "isolated" (the default where the
        system can isolate processes), "loky", "threading", "sequential", or any that is registered.
    """
    from alrun.execute import executor
    from alrun.sequential import run_experiment
    from alrun.sweep.run import run_missing

    directory = None if results is None else Path(results)
    with executor(jobs, timeout, dask, backend=backend) as workers:
        sweep = partial(run_missing, workers=workers, retry_failed=retry_failed)
        plan = run_experiment(Path(experiment), sweep, directory, overrides, rerun=rerun)
    for run, failure in plan.failures.items():
        raise ResultsError(
            f"{len(plan.failures)} of {len(plan.specs)} runs failed; the first is"
            f" {plan.specs[run]}: {failure.error}"
        )
    return plan.store.path
