"""Sentences about a plan: its runs done, missing and failed."""

import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from alrun.metrics import METRICS
from alrun.report.phrasing import counted, listed
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
    n_references = len(plan.missing_references())
    if n_references:
        yield f"{n_references} references (floors and ceilings) are missing; a sweep computes them"
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
    yield from describe_edited(plan)
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
    yield from describe_edited(plan)
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
    references = plan.missing_references()
    if references:
        n_ceilings = sum(spec.kind != "floor" for spec in references)
        yield (f"{len(references)} references to do, {n_ceilings} of them with all training labels")


def describe_unknown_references(plan: SweepPlan) -> Iterator[str]:
    """Yield a line for each kind of reference that failed, with the first reason."""
    kinds: dict[str, list[str]] = {}
    for name, failure in plan.reference_failures.items():
        spec = plan.references[name]
        what = f"{spec.kind} of {spec.dataset.display_name} / {spec.model.display_name}"
        kinds.setdefault(what, []).append(f"seed {spec.seed}: {failure.reason}")
    for what, reasons in kinds.items():
        seeds = "a seed" if len(reasons) == 1 else f"{len(reasons)} seeds"
        yield f"no {what} in {seeds}; {reasons[0]}"


def count_by_combination(specs: Iterable[RunSpec]) -> Counter[str]:
    """Return the number of runs for each data set, model, strategy, axis and batch size."""
    found: Counter[str] = Counter()
    runs = Counter(
        (*spec.display_names, spec.start, spec.oracle_name, spec.cost_name, spec.batch_size)
        for spec in specs
    )
    for (*names, batch_size), n in runs.items():
        found[" / ".join([*filter(None, names), f"batch size {batch_size}"])] += n
    return found


def describe_edited(plan: SweepPlan) -> Iterator[str]:
    """Yield a line for each file or module of which finished runs had other code."""
    for name, runs in plan.edited.items():
        kept = runs & plan.finished
        if kept:
            labels = [label for run in kept for label in _labels_with_code(plan.specs[run])]
            yield (
                f"Warning: {name} was edited since {counted(len(kept), 'run')} of"
                f" {listed(sorted(set(labels)))} finished, and their curves are those of the old"
                f" code; compute them again with `alrun sweep --rerun {shlex.quote(name)}`."
            )


def _labels_with_code(spec: RunSpec) -> Iterator[str]:
    """Yield the labels of the model and the strategy of a run that are user code."""
    _, model, strategy = spec.display_names
    if spec.strategy.name in spec.user_code:
        yield strategy
    if {*spec.user_code} - {spec.strategy.name}:
        yield model


def describe_failures(plan: SweepPlan) -> Iterator[str]:
    """Yield lines with the reasons of failures, each once, and the runs that failed for it."""
    if not plan.failures:
        return
    yield f"{len(plan.failures)} runs failed; alrun sweep --retry-failed computes them again:"
    by_reason: dict[str, list[RunSpec]] = {}
    for run, failure in plan.failures.items():
        by_reason.setdefault(f"{failure.status}: {failure.reason}", []).append(plan.specs[run])
    for reason, specs in by_reason.items():
        yield f"  {listed(specs, '; ')}: {reason}"
    yield f"Errors in full are in {plan.store.path / 'failed'}."


def describe_logs(plan: SweepPlan) -> Iterator[str]:
    """Yield a line on where the output of the failed runs is, if there is any."""
    logs = [log for log in map(plan.store.log_of, plan.failures) if log.is_file()]
    if logs:
        where = logs[0] if len(logs) == 1 else f"{logs[0].parent}, a .log for each run"
        yield f"What failed runs printed is in {where}."
