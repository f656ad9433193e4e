"""How many seeds: as many as an experiment names, as its intervals need, or as a test will need."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from alrun import stats
from alrun.errors import ExperimentError, ResultsError
from alrun.execute.local import Workers
from alrun.report.build import Report, build_report
from alrun.report.tables import too_wide
from alrun.report.words import about, counted
from alrun.sweep import Plan, plan_sweep, sweep

# Seeds are added in steps, since each look at the results is a chance to stop too early.
FIRST_SEEDS = 10
MORE_SEEDS = 5
MAX_SEEDS = 100


def plan_steps(
    path: Path, results: Path | None = None, overrides: Sequence[str] = ()
) -> Iterator[Plan]:
    """Yield what is to be swept, one step after the other; each is swept before the next is asked.

    That is the experiment, once; or, where it names `until_halfwidth`, with more and more seeds
    until the interval of every saving is that narrow. Raises AlrunError where it cannot be run.
    """
    plan = plan_sweep(path, results, overrides)
    if plan.experiment.until_halfwidth is None:
        yield plan
        return
    for n_seeds in _numbers_of_seeds(path, plan):
        yield plan_sweep(path, results, [*overrides, f"seeds={n_seeds}"])
        if too_wide(build_report(plan.store.path).rows, plan.experiment.until_halfwidth).empty:
            return


def _numbers_of_seeds(path: Path, plan: Plan) -> Iterator[int]:
    experiment = plan.experiment
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
        points = f"more than {100 * half_width:g} points to a side"
        yield from about(wide, f"intervals of savings that reach {points}", kind=seeds)
    elif not unknown.all():
        yield f"{seeds}: the interval of every saving is narrow enough."
    passed_over = "savings that cannot be estimated are passed over"
    yield from about(others[unknown], passed_over, kind=seeds)


def run_sweep(
    experiment: str | Path,
    results: str | Path | None = None,
    *,
    jobs: int = -1,
    overrides: Sequence[str] = (),
    retry_failed: bool = False,
) -> Path:
    """Run an experiment file and return its results directory.

    As `alrun sweep` without a screen. Raises AlrunError where the input is wrong, and ResultsError
    where runs failed: those that did not are kept, and the tables are made from them.

    Parameters
    ----------
    experiment, results
        The file and the directory, by default `results/<name>` below the current one.
    jobs
        Number of workers, -1 for one per core.
    overrides
        Keys of the file with other values, as in `["seeds=3", "model.C=0.1"]`.
    retry_failed
        Whether to run again what failed before.
    """
    workers = Workers(jobs)
    directory = None if results is None else Path(results)
    for step in plan_steps(Path(experiment), directory, overrides):
        plan = sweep(step, workers, retry_failed)
        for identity, failure in plan.failures.items():
            raise ResultsError(
                f"{len(plan.failures)} of {len(plan.specs)} runs failed, first"
                f" {plan.specs[identity]}: {failure.error}"
            )
    return plan.store.path


def seeds_needed(report: Report, saving: float, power: float) -> pd.DataFrame:
    """Return how many seeds it takes to see a saving with a chance, by cell.

    The report's seeds are the pilot: the upper limit of the spread of its paired differences, and
    the mean labels of the baseline, of which the saving is a share. Each test is at alpha / family,
    and no fewer seeds than with which that can be reached at all. Columns: those that name the
    cell, `n_pilot`, `difference` and `spread` in labels, and `seeds`, infinite where they are more
    than `stats.MOST_SEEDS`, and NaN where the pilot has fewer than two pairs or no run at the
    target: that all of these end at the budget says nothing of the spread.
    """
    if not 0 < saving < 1 or not 0 < power < 1:
        raise ResultsError("the saving and the power are shares between 0 and 1, as in 0.1 and 0.8")
    if report.family == 0:
        raise ResultsError(
            "there is no test to plan for: it takes a target (see --target), a baseline and two"
            " seeds"
        )
    fewest = stats.fewest_seeds(report.family, report.adjustment)
    rows = report.rows[~report.rows["is_baseline"]]
    table = rows[["dataset", "model", "batch_size", "target", "strategy"]].copy()
    table["n_pilot"] = rows["n_pairs"]
    table["difference"] = saving * rows["random_mean_labels"]
    table["spread"] = rows["difference_sd"].where(rows["saving"].notna())
    needed = []
    for row in table.itertuples():
        enough: float | None = np.nan
        if not np.isnan(row.spread):
            spread = stats.upper_spread(row.spread, row.n_pilot)
            alpha = stats.ALPHA / report.family
            enough = stats.seeds_for(row.difference, spread, power, alpha)
        needed.append(np.inf if enough is None else max(enough, fewest))
    table["seeds"] = needed
    return table
