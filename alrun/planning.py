"""A sweep step by step: with the seeds that an experiment names, or that its intervals need."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from alrun import catalogue
from alrun.errors import ExperimentError, ResultsError
from alrun.execute import executor
from alrun.experiment import Experiment
from alrun.experiment_file import read_experiment
from alrun.report.build import Report, build_report
from alrun.report.tables import too_wide
from alrun.report.words import about, counted
from alrun.sweep import Plan, plan_sweep, sweep

# Seeds are added in steps, since each look at the results is a chance to stop too early.
FIRST_SEEDS = 10
MORE_SEEDS = 5
MAX_SEEDS = 100


def plan_steps(
    path: Path,
    results: Path | None = None,
    overrides: Sequence[str] = (),
    tell: Callable[[str], object] = lambda sentence: None,
) -> Iterator[Plan]:
    """Yield what is to be swept, one step after the other; each is swept before the next is asked.

    That is the experiment, once; or, where it names `until_halfwidth`, with more and more seeds
    until the interval of every saving is that narrow. After each such step `tell` is called with
    sentences on how narrow they are. Raises AlrunError where the experiment cannot be run.
    """
    experiment = read_experiment(path, overrides, catalogue)
    if experiment.until_halfwidth is None:
        yield plan_sweep(path, results, overrides)
        return
    for n_seeds in _numbers_of_seeds(path, experiment):
        plan = plan_sweep(path, results, [*overrides, f"seeds={n_seeds}"])
        yield plan
        report = build_report(plan.store.path)
        for sentence in describe_step(report, experiment.until_halfwidth):
            tell(sentence)
        if too_wide(report.rows, experiment.until_halfwidth).empty:
            return


def _numbers_of_seeds(path: Path, experiment: Experiment) -> Iterator[int]:
    most = experiment.max_seeds or MAX_SEEDS
    if isinstance(experiment.seeds, list) or not experiment.targets:
        what = "targets" if not experiment.targets else "seeds as a count, since it adds to them"
        raise ExperimentError([f"{path}: until_halfwidth: needs {what}"])
    labels = [entry.label for entry in experiment.strategies]
    if "random" not in labels or len(labels) == 1:
        what = "the strategy random and another, since savings are against it"
        raise ExperimentError([f"{path}: until_halfwidth: needs {what}"])
    first = max(FIRST_SEEDS, experiment.seeds)
    if most < first:
        raise ExperimentError([f"{path}: max_seeds: {most} is below the {first} to start with"])
    yield from range(first, most, MORE_SEEDS)
    yield most


def describe_step(report: Report, half_width: float) -> Iterator[str]:
    """Say how narrow the intervals are with the seeds so far."""
    wide = too_wide(report.rows, half_width)
    seeds = counted(int(report.rows["n_seeds"].max()), "seed")
    others = report.rows[~report.rows["is_baseline"]]
    unknown = others["saving"].isna()
    if not wide.empty:
        points = f"a half-width above {100 * half_width:g} points"
        yield from about(wide, f"intervals of savings that have {points}", kind=seeds)
    elif not unknown.all():
        yield f"{seeds}: the interval of every saving is narrow enough."
    passed_over = "savings that cannot be estimated are passed over"
    yield from about(others[unknown], passed_over, kind=seeds)


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
    workers = executor(jobs, timeout, dask)
    directory = None if results is None else Path(results)
    for step in plan_steps(Path(experiment), directory, overrides):
        plan = sweep(step, workers, retry_failed)
        for identity, failure in plan.failures.items():
            raise ResultsError(
                f"{len(plan.failures)} of {len(plan.specs)} runs failed, first"
                f" {plan.specs[identity]}: {failure.error}"
            )
    return plan.store.path
