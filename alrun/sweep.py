"""A sweep: what of an experiment is done, what is left, and computing that."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from alrun import catalogue
from alrun.datasets import Source
from alrun.errors import AlrunError, DatasetError, ExperimentError, ResultsError
from alrun.execute import Executor
from alrun.execute.worker import Outcome, Task
from alrun.experiment import Experiment
from alrun.experiment_file import read_experiment, to_toml
from alrun.grid import expand
from alrun.impossible import impossible
from alrun.provenance import of_checkout
from alrun.schema import Failure
from alrun.sources import load_all
from alrun.spec import RunSpec, Split, run_id
from alrun.splits import split_of
from alrun.store import Store

# How often runs are computed whose files do not stay sound.
_ATTEMPTS = 2


@dataclass(frozen=True)
class Plan:
    """An experiment held against its results directory.

    Attributes
    ----------
    specs
        Every run of the grid by its id.
    sources
        The data sets by label.
    finished, failures
        Which of the runs have a file, and which failed and why.
    """

    path: Path
    experiment: Experiment
    store: Store
    specs: Mapping[str, RunSpec]
    sources: Mapping[str, Source]
    finished: frozenset[str] = frozenset()
    failures: Mapping[str, Failure] = field(default_factory=dict)

    def missing(self, retry_failed: bool = False) -> list[RunSpec]:
        """Return the runs to compute, the longest first, so that no worker ends long after all."""
        done = self.finished if retry_failed else self.finished | self.failures.keys()
        left = [spec for identity, spec in self.specs.items() if identity not in done]
        return sorted(left, key=n_rounds, reverse=True)


def plan_sweep(path: Path, results: Path | None = None, overrides: Sequence[str] = ()) -> Plan:
    """Read an experiment, load its data sets, and see what is done.

    The results are those of `results`, by default `results/<name>` with the file's stem as name.
    Raises AlrunError where the experiment cannot be run.
    """
    if results is None and not path.stem.strip("."):
        where = Path("results") / path.stem
        raise ExperimentError(
            [f"{path}: {where} is no place for results; rename it, or name one with --results"]
        )
    experiment = read_experiment(path, overrides, catalogue)
    store = Store(results if results is not None else Path("results") / path.stem)
    sources = load_all(path, experiment)
    for label, source in sources.items():
        if experiment.metric == "average_precision" and source.n_classes != 2:
            what = f"is for two classes; {label} has {source.n_classes}"
            raise ExperimentError([f"{path}: metric: average_precision {what}"])
    try:
        specs = _by_id(path, expand(experiment, sources, catalogue, path.parent))
    except DatasetError as error:
        raise ExperimentError([f"{path}: {error}"]) from error
    problems = impossible(experiment, list(specs.values()), sources)
    if problems:
        raise ExperimentError([f"{path}: {problem}" for problem in problems])
    return _against_store(Plan(path, experiment, store, specs, sources))


def plan_of(results: Path) -> Plan:
    """Return the plan of the experiment that a results directory was made by.

    Raises AlrunError where there is none, or it cannot be run any more.
    """
    if not (results / "experiment.toml").is_file():
        raise ResultsError(f"{results} holds no experiment.toml; sweep into it first")
    return plan_sweep(results / "experiment.toml", results)


def sweep(
    plan: Plan,
    workers: Executor,
    retry_failed: bool = False,
    max_failures: int | None = None,
    on_progress: Callable[[RunSpec, Outcome], None] = lambda spec, outcome: None,
    tell: Callable[[str], object] = lambda sentence: None,
) -> Plan:
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
        is_over = _step(plan, todo, workers, max_failures, on_progress, tell)
        plan = _against_store(plan)
        todo = plan.missing()
        if not todo or not is_over:
            return plan
    raise ResultsError(
        f"{len(todo)} runs have no sound file in {plan.store.path} though they were computed"
        f" {_ATTEMPTS} times; look after the disk, or name another place with --results"
    )


def _step(
    plan: Plan,
    todo: Sequence[RunSpec],
    workers: Executor,
    max_failures: int | None,
    on_progress: Callable[[RunSpec, Outcome], None],
    tell: Callable[[str], object],
) -> bool:
    """Compute runs and make the tables; return whether it was not stopped by failures."""
    try:
        is_over = not todo or _compute(plan, todo, workers, max_failures, on_progress)
    except BaseException:
        with suppress(AlrunError):  # as of a disk that is full: it must not hide the first
            compact(plan, tell)
        raise
    compact(plan, tell)
    return is_over


def compact(plan: Plan, tell: Callable[[str], object] = lambda sentence: None) -> int:
    """Make the tables from the runs that are finished; return how many those are.

    `tell` is called with a sentence on each file that is damaged, and set aside.
    """
    specs = list(plan.specs.values())
    return plan.store.compact(specs, partial(_splits, plan.sources), tell)


def n_rounds(spec: RunSpec) -> int:
    """Return about how many rounds a run has: enough to tell long runs from short ones."""
    return -(-spec.budget // spec.batch_size)


def _compute(
    plan: Plan,
    todo: Sequence[RunSpec],
    workers: Executor,
    max_failures: int | None,
    on_progress: Callable[[RunSpec, Outcome], None],
) -> bool:
    """Compute runs; return whether that were all, and not only those up to `max_failures`."""
    checkout = of_checkout(plan.path.parent)
    tasks = [Task(spec, plan.sources[spec.dataset.label], checkout) for spec in todo]
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


def _against_store(plan: Plan) -> Plan:
    """Return the plan with what the results directory now holds."""
    failures = plan.store.failures()
    return replace(
        plan,
        finished=frozenset(plan.store.finished() & plan.specs.keys()),
        failures={identity: failures[identity] for identity in plan.specs if identity in failures},
    )


def _by_id(path: Path, specs: Iterable[RunSpec]) -> dict[str, RunSpec]:
    by_id: dict[str, RunSpec] = {}
    for spec in specs:
        twin = by_id.setdefault(run_id(spec), spec)
        if twin is not spec:
            raise ExperimentError(
                [
                    f"{path}: '{twin}' and '{spec}' are the same run; drop one, or give a strategy"
                    " replica = 1 to compare it with itself"
                ]
            )
    return by_id


def _resolved(specs: Iterable[RunSpec]) -> dict[tuple[str, str], Mapping[str, Any]]:
    """Return the scale of each data set and the parameters of what is built in.

    Both are by section and label. The parameters of others stay as they are given: their defaults
    are their library's.
    """
    found: dict[tuple[str, str], Mapping[str, Any]] = {}
    for spec in specs:
        found["dataset", spec.dataset.label] = {"scale": spec.dataset.scale}
        if catalogue.is_built_in(spec.model.name):
            found["model", spec.model.label] = spec.model.parameters
        if catalogue.is_built_in(spec.strategy.name):
            found["strategies", spec.strategy.label] = spec.strategy.parameters
    return found


def _splits(
    sources: Mapping[str, Source], specs: Sequence[RunSpec]
) -> Iterator[tuple[str, int, Split]]:
    """Yield label, seed and split of each data set and seed among the runs."""
    cells = {(spec.dataset.label, spec.seed): spec for spec in specs}
    for (label, seed), spec in sorted(cells.items()):
        yield label, seed, split_of(spec, sources[label].at(seed))
