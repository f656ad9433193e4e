"""Sentences about a plan: what is done, missing and failed, cell by cell."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from alrun.metrics import METRICS
from alrun.results.store import unlisted_sentence
from alrun.spec import RunSpec
from alrun.sweep.plan import SweepPlan


def describe(plan: SweepPlan) -> Iterator[str]:
    """Say how far a sweep is, cell by cell."""
    missing = plan.missing()
    yield (
        f"{len(plan.specs)} runs: {len(plan.finished)} done, {len(missing)} missing,"
        f" {len(plan.failures)} failed"
    )
    in_tables = plan.store.runs_in_tables(list(plan.specs.values()))
    if len(in_tables) > len(plan.finished):
        yield (
            f"the tables hold {len(in_tables)} of them; a sweep"
            " computes those without a run file again"
        )
    if plan.finished - in_tables:
        yield unlisted_sentence(plan.store.path, len(plan.finished - in_tables))
    done = count_cells(plan.specs[identity] for identity in plan.finished)
    left = count_cells(missing)
    failed = count_cells(plan.specs[identity] for identity in plan.failures)
    for cell in count_cells(plan.specs.values()):
        yield f"{done[cell]:6} done {left[cell]:6} missing {failed[cell]:6} failed   {cell}"
    yield from describe_failures(plan)


def announcement(plan: SweepPlan, todo: Sequence[RunSpec]) -> Iterator[str]:
    """Say what was done to the data, what is to be run, and which tables would be lost."""
    for label, source in plan.sources.items():
        for note in source.notes:
            yield f"{label}: {note}"
        metric = plan.experiment.metric
        if METRICS[metric].binary_only:
            second = source.at(plan.experiment.seed_list[0]).labels[1]
            yield f"{label}: {metric} is that of '{second}', the second of its classes"
    foreign = plan.store.count_only_in_tables(list(plan.specs.values()))
    if foreign:
        yield (
            f"Warning: the tables in {plan.store.path} hold {foreign} runs that have no run file"
            " and are not of this experiment; a sweep replaces them. See --results for another."
        )
    yield (
        f"{len(plan.specs)} runs: {len(plan.finished)} done, {len(plan.failures)} failed before,"
        f" {len(todo)} to do, in {plan.store.path}"
    )


def count_cells(specs: Iterable[RunSpec]) -> Counter[str]:
    """Return how many of these runs each cell of the grid has."""
    return Counter(
        f"{' / '.join(spec.display_names)} / batch size {spec.batch_size}" for spec in specs
    )


def describe_failures(plan: SweepPlan) -> Iterator[str]:
    """Name the runs that failed, each with its reason."""
    if plan.failures:
        yield f"{len(plan.failures)} runs failed; alrun sweep --retry-failed runs them again:"
    for identity, failure in plan.failures.items():
        yield f"  {plan.specs[identity]}: {failure.status}: {failure.reason}"
