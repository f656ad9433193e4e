"""Sentences before a sweep on what its seeds can show."""

from collections.abc import Iterator

import numpy as np

from alrun import stats
from alrun.errors import ResultsError
from alrun.metrics import METRICS
from alrun.report.build import build_pilot
from alrun.report.options import Adjustment, ReportOptions
from alrun.report.phrasing import counted, percent
from alrun.report.references import DEFAULT_TARGETS
from alrun.report.sample_size import smallest_savings
from alrun.sweep.plan import SweepPlan
from alrun.targets import in_order


def describe_power(plan: SweepPlan) -> Iterator[str]:
    """Yield a line on the seeds that significance takes, and one on the savings that are seen.

    The second line needs results to serve as a pilot.
    """
    n_tests, n_seeds = _family(plan), len(plan.experiment.seed_list)
    if n_tests == 0:
        return
    holm = Adjustment.holm
    needed = stats.fewest_seeds(n_tests, holm)
    smallest = stats.smallest_adjusted_p(np.full(n_tests, n_seeds), holm).max()
    tests = f"{counted(n_tests, 'test')} of labels to target"
    if n_seeds < needed:
        yield (
            f"Warning: {counted(n_seeds, 'seed')} cannot reach significance in a family of"
            f" {tests}; it takes {needed} at least."
        )
        return
    yield (
        f"Significance takes {needed} seeds at least in a family of {tests}; the smallest adjusted"
        f" p that {n_seeds} can give is {smallest:.1g}."
    )
    yield from _describe_pilot(plan, n_seeds)


def _family(plan: SweepPlan) -> int:
    """Return the number of tests of labels to target, 0 without random to compare with."""
    experiment = plan.experiment
    compared: dict[object, set[str]] = {}
    for spec in plan.specs.values():
        *names, strategy = spec.display_names
        axes = (spec.start, spec.oracle_name, spec.cost_name)
        compared.setdefault((*names, *axes, spec.batch_size), set()).add(strategy)
    baseline = ReportOptions.baseline
    n_comparisons = sum(len(those) - 1 for those in compared.values() if baseline in those)
    n_targets = len(experiment.targets)
    if not n_targets and METRICS[experiment.metric].greater_is_better:
        has_ceiling = any(spec.kind == "ceiling" for spec in plan.references.values())
        n_targets = len(DEFAULT_TARGETS) if has_ceiling else 0
    return n_comparisons * n_targets


def _describe_pilot(plan: SweepPlan, n_seeds: int) -> Iterator[str]:
    experiment = plan.experiment
    if not (plan.store.path / "curves.parquet").is_file():
        return
    options = ReportOptions(
        metric=experiment.metric, targets=in_order(set(experiment.targets)), chooses=True
    )
    try:
        savings = smallest_savings(build_pilot(plan.store.path, options), n_seeds)
    except ResultsError:  # results that cannot be read are no pilot; a report says why
        return
    if len(savings):
        low, high = percent(savings.min()), percent(savings.max())
        between = f"{low} %" if low == high else f"{low} to {high} %, by comparison,"
        yield (
            f"By the results so far, the smallest saving that {n_seeds} seeds see with a chance of"
            f" 80 % is {between} of the labels."
        )
