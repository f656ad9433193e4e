"""The driver of a sweep: one pass, or more and more seeds until the intervals are narrow.

The command line and `alrun.run_sweep` both run an experiment through `run_experiment`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from alrun.errors import ExperimentError
from alrun.experiment.settings import Experiment
from alrun.experiment.toml import experiment_of, read_experiment
from alrun.report.build import Report, build_report
from alrun.report.phrasing import about, counted, number
from alrun.report.rows import too_wide
from alrun.sweep.load_data import ShowShare
from alrun.sweep.plan import SweepPlan, plan_experiment

# Seeds are added in steps, as each look at the results is a chance to stop too early.
FIRST_SEEDS = 10
MORE_SEEDS = 5
MAX_SEEDS = 100


def run_experiment(
    path: Path,
    sweep: Callable[[SweepPlan], SweepPlan],
    results: Path | None = None,
    overrides: Sequence[str] = (),
    on_message: Callable[[str], object] = lambda sentence: None,
    rerun: Sequence[str] = (),
    content: Mapping[str, Any] | None = None,
    on_share: ShowShare | None = None,
) -> SweepPlan:
    """Run an experiment and return its plan as it then stands.

    An experiment with `until_halfwidth` is run with more and more seeds until the interval of every
    saving is that narrow; `on_message` gets a sentence after each step. A step that leaves runs
    failed or missing is the last. `on_message` also gets a line for data that are slow to read, and
    `on_share` how far they are read.

    Parameters
    ----------
    sweep
        Runs the missing runs of a plan, and returns the plan as it then stands.
    rerun
        Files or modules of user code; runs that used other code of them are computed again.
    content
        The experiment as tables, where there is no file at `path`.

    Raises
    ------
    AlrunError
        Where the experiment cannot be run.
    """
    if content is None:
        experiment = read_experiment(path, overrides, check=True)
    else:
        experiment = experiment_of(content, path, overrides, check=True)
    planned = partial(
        plan_experiment,
        results=results,
        on_message=on_message,
        rerun=rerun,
        on_share=on_share,
    )
    half_width = experiment.until_halfwidth
    if half_width is None:
        return sweep(planned(path, experiment))
    for n_seeds in _numbers_of_seeds(path, experiment):
        larger = _with_seeds(path, experiment, n_seeds)
        plan = sweep(planned(path, larger))
        if plan.failures or plan.missing():
            break
        report = build_report(plan.store.path)
        for sentence in describe_step(report, half_width):
            on_message(sentence)
        if too_wide(report.rows, half_width).empty:
            break
    return plan


def _with_seeds(path: Path, experiment: Experiment, n_seeds: int) -> Experiment:
    larger = experiment.model_copy(update={"seeds": n_seeds})
    try:
        larger.check_size()
    except ValueError as error:
        raise ExperimentError([f"{path}: {error}"]) from None
    return larger


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
    """Yield sentences on the width of the intervals with the seeds so far."""
    wide = too_wide(report.rows, half_width)
    seeds = counted(int(report.rows["n_seeds"].max()), "seed")
    others = report.rows[~report.rows["is_baseline"]]
    unknown = others["saving"].isna()
    if not wide.empty:
        points = f"a half-width above {number(100 * half_width)} points"
        yield from about(wide, f"intervals of savings that have {points}", kind=seeds)
    elif not unknown.all():
        yield f"{seeds}: the interval of every saving is narrow enough."
    passed_over = "savings that cannot be estimated are passed over"
    yield from about(others[unknown], passed_over, kind=seeds)
