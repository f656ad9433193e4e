"""Notes on a judgement of stopping rules: how to read it, and what was left out."""

from collections.abc import Iterator, Sequence

import pandas as pd

from alrun.report.options import ReportOptions
from alrun.report.phrasing import Definition, counted, enumerated, number
from alrun.report.selection import selection_notes
from alrun.report.stopping.options import Costs
from alrun.stopping.registry import Rule


def write_notes(
    rows: pd.DataFrame,
    rules: Sequence[Rule],
    options: ReportOptions,
    costs: Costs,
    warnings: Sequence[str],
) -> Iterator[str]:
    """Yield the notes, warnings first."""
    for warning in warnings:
        yield f"Warning: {warning}."
    yield from selection_notes(options)
    if (rows["stopped"] < rows["n_seeds"]).any():
        yield Definition(
            "A run that a rule never stops counts as stopped at its end, in every column."
        )
    seen = [rule.display_name for rule in rules if rule.is_hindsight]
    if seen:
        yield (
            f"In hindsight: {enumerated(seen)}. These see test scores, so that nobody could follow"
            " them; they are not tested."
        )
    n_tests = int(rows["budget_p_value"].notna().sum())
    yield Definition(
        f"p: the rule's stops dealt to the seeds at random have as high a mean {options.metric}"
        f" as its own; a permutation test, Holm's correction over {counted(n_tests, 'test')}. A"
        " small p says that the rule adapts to the run that it stops. A rule that stops no run, or"
        " every run at the same labels, is not tested."
    )
    yield Definition(
        "Against a budget: the score where the rule stops less that at a fixed budget of the same"
        " mean labels. Where the curve bends, a rule that stops at random lies below zero."
    )
    if (rows["n_seeds"] < 2).any():
        yield "One seed gives no interval and no test; sweep more."
    yield from _on_costs(options, costs)


def _on_costs(options: ReportOptions, costs: Costs) -> Iterator[str]:
    if not costs.errors:
        yield (
            f"No regret: money needs accuracy, and this is {options.metric}; see --metric accuracy."
        )
        return
    errors = enumerated([number(cost) for cost in costs.errors])
    yield Definition(
        f"Regret: {number(costs.label)} a label and {errors} times the error rate, less what the"
        " cheapest round of the same run costs. An error cost is what all future mistakes would"
        " cost at an error rate of 1."
    )
