"""Sentences about a plan: its runs done, missing and failed."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from alrun.metrics import METRICS
from alrun.results.store import unlisted_sentence
from alrun.spec import RunSpec
from alrun.sweep.plan import SweepPlan


def describe(plan: SweepPlan) -> Iterator[str]:
    """Yield lines with the numbers of runs done, missing and failed, in all and by combination."""
    missing = plan.missing()
    yield (
        f"{len(plan.specs)} runs: {len(plan.finished)} done, {len(missing)} missing,"
        f" {len(plan.failures)} failed"
    )
    in_tables = plan.store.runs_in_tables(list(plan.specs.values()))
    if len(in_tables) > len(plan.finished):
        yield (
            f"the tables hold {len(in_tables)} of them; a sweep"
            " computes again those without a run file"
        )
    if plan.finished - in_tables:
        yield unlisted_sentence(plan.store.path, len(plan.finished - in_tables))
    done = count_by_combination(plan.specs[run] for run in plan.finished)
    left = count_by_combination(missing)
    failed = count_by_combination(plan.specs[run] for run in plan.failures)
    for name in count_by_combination(plan.specs.values()):
        yield f"{done[name]:6} done {left[name]:6} missing {failed[name]:6} failed   {name}"
    yield from describe_failures(plan)
    yield from describe_logs(plan)


def announcement(plan: SweepPlan, todo: Sequence[RunSpec]) -> Iterator[str]:
    """Yield lines to show before a sweep: notes on the data, a warning, and the runs to do.

    The warning is on tables that the sweep would replace.
    """
    for label, dataset in plan.sources.items():
        for note in dataset.notes:
            yield f"{label}: {note}"
        metric = plan.experiment.metric
        if METRICS[metric].binary_only:
            second = dataset.at(plan.experiment.seed_list[0]).labels[1]
            yield f"{label}: {metric} is that of '{second}', the second of its classes"
    for entry in plan.skipped:
        yield f"Skipped: {entry.reason}"
    foreign = plan.store.count_only_in_tables(list(plan.specs.values()))
    if foreign:
        yield (
            f"Warning: the tables in {plan.store.path} hold {foreign} runs that have no run file"
            " and are not of this experiment; the sweep removes them from the tables. To keep them,"
            " name another directory with --results."
        )
    yield (
        f"{len(plan.specs)} runs: {len(plan.finished)} done, {len(plan.failures)} failed before,"
        f" {len(todo)} to do, in {plan.store.path}"
    )


def count_by_combination(specs: Iterable[RunSpec]) -> Counter[str]:
    """Return the number of runs for each data set, model, strategy, start and batch size."""
    names = (
        (*spec.display_names, *filter(None, [spec.start]), f"batch size {spec.batch_size}")
        for spec in specs
    )
    return Counter(map(" / ".join, names))


def describe_failures(plan: SweepPlan) -> Iterator[str]:
    """Yield lines with the failed runs, each with its reason."""
    if plan.failures:
        yield f"{len(plan.failures)} runs failed; alrun sweep --retry-failed computes them again:"
    for run, failure in plan.failures.items():
        yield f"  {plan.specs[run]}: {failure.status}: {failure.reason}"


def describe_logs(plan: SweepPlan) -> Iterator[str]:
    """Yield a line on where the output of the failed runs is, if there is any."""
    logs = [log for log in map(plan.store.log_of, plan.failures) if log.is_file()]
    if logs:
        where = logs[0] if len(logs) == 1 else f"{logs[0].parent}, a .log for each run"
        yield f"What failed runs printed is in {where}."
