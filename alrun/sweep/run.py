"""Runs what is missing of a sweep, and makes its tables."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing, suppress
from typing import Any

from alrun.errors import AlrunError, ResultsError
from alrun.execute import Executor
from alrun.execute.worker import Outcome, Task
from alrun.experiment.toml import to_toml
from alrun.models import registry as models
from alrun.run.provenance import of_checkout
from alrun.spec import RunSpec
from alrun.strategies import registry as strategies
from alrun.sweep.plan import SweepPlan

# How often runs are computed whose files do not stay sound.
_ATTEMPTS = 2


def run_missing(
    plan: SweepPlan,
    workers: Executor,
    retry_failed: bool = False,
    max_failures: int | None = None,
    on_progress: Callable[[RunSpec, Outcome], None] = lambda spec, outcome: None,
    on_message: Callable[[str], object] = lambda sentence: None,
) -> SweepPlan:
    """Compute what is missing, make the tables, and return the plan as it then stands.

    After `max_failures` failures the sweep stops. The tables are made also when it is interrupted,
    from what is finished. Files that turn out to be damaged are set aside, `tell` is called with a
    sentence on each, and their runs are computed anew.
    """
    plan.store.prepare()
    resolved = _resolved(plan.specs.values())
    plan.store.save_experiment(
        to_toml(plan.experiment, plan.path.parent, plan.store.path, resolved)
    )
    todo = plan.missing(retry_failed)
    for _ in range(_ATTEMPTS):
        completed = _step(plan, todo, workers, max_failures, on_progress, on_message)
        plan = plan.against_store()
        todo = plan.missing()
        if not todo or not completed:
            return plan
    raise ResultsError(
        f"{len(todo)} runs have no sound file in {plan.store.path} though they were computed"
        f" {_ATTEMPTS} times; look after the disk, or name another place with --results"
    )


def _step(
    plan: SweepPlan,
    todo: Sequence[RunSpec],
    workers: Executor,
    max_failures: int | None,
    on_progress: Callable[[RunSpec, Outcome], None],
    on_message: Callable[[str], object],
) -> bool:
    """Compute runs and make the tables; return True if every run was attempted."""
    try:
        completed = not todo or _compute(plan, todo, workers, max_failures, on_progress)
    except BaseException:
        with suppress(AlrunError):  # as of a disk that is full: it must not hide the first
            rebuild_tables(plan, on_message)
        raise
    rebuild_tables(plan, on_message)
    return completed


def rebuild_tables(
    plan: SweepPlan, on_message: Callable[[str], object] = lambda sentence: None
) -> int:
    """Make the tables from the runs that are finished; return how many those are.

    `tell` is called with a sentence on each file that is damaged, and set aside.
    """
    specs = list(plan.specs.values())
    return plan.store.rebuild_tables(specs, plan.splits, on_message)


def _compute(
    plan: SweepPlan,
    todo: Sequence[RunSpec],
    workers: Executor,
    max_failures: int | None,
    on_progress: Callable[[RunSpec, Outcome], None],
) -> bool:
    """Compute runs; return True if every run was attempted."""
    checkout = of_checkout(plan.path.parent)
    tasks = [Task(spec, plan.sources[spec.dataset.display_name], checkout) for spec in todo]
    n_failed = 0
    with closing(workers.run(tasks)) as outcomes:
        for outcome in outcomes:
            if outcome.content is not None:
                plan.store.write_run(outcome.run_id, outcome.content)
            if outcome.failure is not None:
                plan.store.write_failure(outcome.run_id, outcome.failure)
                n_failed += 1
            on_progress(plan.specs[outcome.run_id], outcome)
            if max_failures is not None and n_failed >= max_failures:
                return False
    return True


def _resolved(specs: Iterable[RunSpec]) -> dict[tuple[str, str], Mapping[str, Any]]:
    """Return the scale of each data set and the parameters of what is built in.

    Both are by section and label. The parameters of others stay as they are given: their defaults
    are their library's.
    """
    found: dict[tuple[str, str], Mapping[str, Any]] = {}
    for spec in specs:
        found["dataset", spec.dataset.display_name] = {"scale": spec.dataset.scale}
        if spec.model.name in models.BUILT_IN:
            found["model", spec.model.display_name] = spec.model.parameters
        if spec.strategy.name in strategies.BUILT_IN:
            found["strategies", spec.strategy.display_name] = spec.strategy.parameters
    return found
