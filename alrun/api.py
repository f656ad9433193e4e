"""The functions that `import alrun` offers; each loads what it needs when it is called."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from alrun.errors import ResultsError

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
        Scores to reach, by default those of the experiment. A score that falls as models improve,
        as log_loss, reaches a target from above.
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
        With `rows`, a DataFrame; `across`, another over several data sets; and `notes`, the
        sentences that belong under them.

    Raises
    ------
    ResultsError
        Where the results cannot be read, hold no such metric or baseline, or a target is no score.
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
    timeout: float | None = None,
    dask: str | None = None,
) -> Path:
    """Run an experiment file and return its results directory.

    As `alrun sweep` without a screen. Raises AlrunError where the input is wrong, and ResultsError
    where runs failed: those that did not are kept, and the tables are made from them.

    Parameters
    ----------
    experiment, results
        The file and the directory, by default `results/<name>` below the current one.
    jobs
        Number of workers, by default one per core. With 0 this process computes, for a debugger.
    overrides
        Keys of the file with other values, as in `["seeds=3", "model.C=0.1"]`.
    retry_failed
        Whether to run again what failed before.
    timeout
        Seconds that a run may take.
    dask
        Address of a Dask scheduler whose workers compute.
    """
    from alrun.execute import executor
    from alrun.sequential import run_experiment
    from alrun.sweep.run import run_missing

    sweep = partial(run_missing, workers=executor(jobs, timeout, dask), retry_failed=retry_failed)
    directory = None if results is None else Path(results)
    plan = run_experiment(Path(experiment), sweep, directory, overrides)
    for run, failure in plan.failures.items():
        raise ResultsError(
            f"{len(plan.failures)} of {len(plan.specs)} runs failed, first {plan.specs[run]}:"
            f" {failure.error}"
        )
    return plan.store.path
