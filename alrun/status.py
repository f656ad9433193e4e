"""A plan in sentences: what is done, missing and failed, and for which cells."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from alrun.spec import RunSpec
from alrun.store import untabled_sentence
from alrun.sweep import Plan


def describe(plan: Plan) -> Iterator[str]:
    """Say how far a sweep is, cell by cell."""
    missing = plan.missing()
    yield (
        f"{len(plan.specs)} runs: {len(plan.finished)} done, {len(missing)} missing,"
        f" {len(plan.failures)} failed"
    )
    tabled = plan.store.tabled(list(plan.specs.values()))
    if len(tabled) > len(plan.finished):
        yield f"the tables hold {len(tabled)} of them; a sweep computes what has no run file anew"
    if plan.finished - tabled:
        yield untabled_sentence(plan.store.path, len(plan.finished - tabled))
    done = count_cells(plan.specs[identity] for identity in plan.finished)
    left = count_cells(missing)
    failed = count_cells(plan.specs[identity] for identity in plan.failures)
    for cell in count_cells(plan.specs.values()):
        yield f"{done[cell]:6} done {left[cell]:6} missing {failed[cell]:6} failed   {cell}"
    yield from describe_failures(plan)


def announcement(plan: Plan, todo: Sequence[RunSpec]) -> Iterator[str]:
    """Say what was done to the data, what is to be run, and which tables would be lost."""
    for label, source in plan.sources.items():
        for note in source.notes:
            yield f"{label}: {note}"
        if plan.experiment.metric == "average_precision":
            second = source.at(plan.experiment.seed_list[0]).labels[1]
            yield f"{label}: average_precision is that of '{second}', the second of its classes"
    foreign = plan.store.only_copies(list(plan.specs.values()))
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
        f"{spec.dataset.label} / {spec.model.label} / {spec.strategy.label}"
        f" / batch size {spec.batch_size}"
        for spec in specs
    )


def describe_failures(plan: Plan) -> Iterator[str]:
    """Name the runs that failed, each with its reason."""
    if plan.failures:
        yield f"{len(plan.failures)} runs failed; alrun sweep --retry-failed runs them again:"
    for identity, failure in plan.failures.items():
        yield f"  {plan.specs[identity]}: {failure.status}: {failure.reason}"
