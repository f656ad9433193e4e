"""The computation of a sweep's missing runs and of its tables."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing, suppress
from functools import partial
from typing import Any

from alrun.errors import AlrunError, ResultsError
from alrun.execute import Executor
from alrun.execute.worker import Outcome, Task
from alrun.experiment.toml import to_toml
from alrun.models import registry as models
from alrun.run.provenance import of_checkout
from alrun.spec import ReferenceSpec, RunSpec, TaskSpec, run_id
from alrun.strategies import registry as strategies
from alrun.sweep.plan import SweepPlan

# How often a run is computed if its file turns out to be damaged.
_ATTEMPTS = 2


def run_missing(
    plan: SweepPlan,
    workers: Executor,
    retry_failed: bool = False,
    max_failures: int | None = None,
    on_progress: Callable[[TaskSpec, Outcome], None] = lambda spec, outcome: None,
    on_message: Callable[[str], object] = lambda sentence: None,
) -> SweepPlan:
    """Compute the missing runs and references, make the tables, and return the updated plan.

    The sweep stops after `max_failures` failures. If it is interrupted, the tables are still made,
    from the finished runs. Damaged files are set aside, and their runs are computed again.

    Parameters
    ----------
    on_progress
        Called with the spec and the outcome of each run and reference when it ends.
    on_message
        Called with a sentence on each damaged file.

    Raises
    ------
    ResultsError
        If the directory cannot be used, or if files are damaged again and again.
    """
    plan.store.prepare()
    resolved = _resolved(plan.specs.values())
    text = to_toml(plan.experiment, plan.path.parent, plan.store.path, resolved)
    plan.store.save_experiment(text)
    todo = plan.missing(retry_failed)
    # References come last, so that a slow or a deadly one delays no run.
    tasks: list[TaskSpec] = [*todo, *plan.missing_references(retry_failed)]
    for _ in range(_ATTEMPTS):
        conclude = partial(_conclude, plan, text, on_message)
        completed = _step(plan, tasks, workers, max_failures, on_progress, conclude)
        plan = plan.against_store()
        todo = plan.missing()
        if not todo or not completed:
            return plan
        tasks = [*todo]
    raise ResultsError(
        f"{len(todo)} runs have no intact file in {plan.store.path}, although they were computed"
        f" {_ATTEMPTS} times; check the disk, or name another directory with --results"
    )


def _step(
    plan: SweepPlan,
    todo: Sequence[TaskSpec],
    workers: Executor,
    max_failures: int | None,
    on_progress: Callable[[TaskSpec, Outcome], None],
    conclude: Callable[[], None],
) -> bool:
    """Compute tasks and conclude, whatever happens; return True if every one was attempted."""
    try:
        completed = not todo or _compute(plan, todo, workers, max_failures, on_progress)
    except BaseException:
        with suppress(AlrunError):  # a second error, such as a full disk, must not hide this one
            conclude()
        raise
    conclude()
    return completed


def _conclude(plan: SweepPlan, text: str, on_message: Callable[[str], object]) -> None:
    """Make the tables, and write the experiment file again if it was removed meanwhile."""
    rebuild_tables(plan, on_message)
    if not plan.store.experiment.exists():
        plan.store.save_experiment(text)


def rebuild_tables(
    plan: SweepPlan, on_message: Callable[[str], object] = lambda sentence: None
) -> int:
    """Make the tables from the finished runs; return the number of runs.

    The table of references is made too. Damaged files are set aside, and `on_message` is called
    with a sentence on each.
    """
    unknown = plan.outdated_references and plan.against_store().outdated_references
    specs = list(plan.specs.values())
    return plan.store.rebuild_tables(
        specs, plan.splits, on_message, plan.notes, plan.references, unknown
    )


def _compute(
    plan: SweepPlan,
    todo: Sequence[TaskSpec],
    workers: Executor,
    max_failures: int | None,
    on_progress: Callable[[TaskSpec, Outcome], None],
) -> bool:
    """Compute runs and references; return True if every one was attempted.

    A reference that fails is not known, and no failure of the sweep.
    """
    checkout = of_checkout(plan.path.parent)
    tasks = [
        Task(spec, plan.sources[spec.dataset.display_name], checkout, plan.code) for spec in todo
    ]
    n_failed = 0
    references = {run_id(spec): spec for spec in todo if isinstance(spec, ReferenceSpec)}
    with closing(workers.run(tasks)) as outcomes:
        for outcome in outcomes:
            if outcome.run_id in references:
                _write_reference(plan, outcome)
                on_progress(references[outcome.run_id], outcome)
                continue
            if outcome.content is not None:
                plan.store.write_run(outcome.run_id, outcome.content)
            if outcome.failure is not None:
                plan.store.write_failure(outcome.run_id, outcome.failure, outcome.printed)
                n_failed += 1
            on_progress(plan.specs[outcome.run_id], outcome)
            if max_failures is not None and n_failed >= max_failures:
                return False
    return True


def _write_reference(plan: SweepPlan, outcome: Outcome) -> None:
    if outcome.content is not None:
        plan.store.write_reference(outcome.run_id, outcome.content)
    if outcome.failure is not None:
        plan.store.write_reference_failure(outcome.run_id, outcome.failure)


def _resolved(specs: Iterable[RunSpec]) -> dict[tuple[str, str], Mapping[str, Any]]:
    """Return the resolved scales of data sets and parameters of built-in models and strategies.

    Both are by section and label. Models and strategies of other libraries keep the parameters of
    the experiment file, since their defaults belong to their library.
    """
    found: dict[tuple[str, str], Mapping[str, Any]] = {}
    for spec in specs:
        found["dataset", spec.dataset.display_name] = {"scale": spec.dataset.scale}
        if spec.model.name in models.BUILT_IN:
            found["model", spec.model.display_name] = spec.model.parameters
        if spec.strategy.name in strategies.BUILT_IN:
            found["strategies", spec.strategy.display_name] = spec.strategy.parameters
    return found
