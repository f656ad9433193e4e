"""The verdict of a report: sentences on which strategy to take, and how sure that is."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import numpy as np

from alrun import stats
from alrun.report.axis import Axis
from alrun.report.phrasing import (
    enumerated,
    p_text,
    percent,
    percent_with_interval,
    score_text,
    target_name,
)
from alrun.report.rows import Tables
from alrun.report.sample_size import seeds_needed
from alrun.report.standings import (
    Kind,
    Relation,
    Standing,
    ToBaseline,
    ToBest,
    find_standings,
)

# Where no saving is shown, the verdict says how many seeds would show this one, with this power.
SAVING, POWER = 0.2, 0.8
_NO_WINNER = (Kind.alone, Kind.at_start, Kind.unreached, Kind.at_floor, Kind.without_value)


@dataclass(frozen=True)
class Paragraph:
    """Sentences about one data set, model and start, and one batch size or several that agree.

    `where` names them; it is empty where the sentences are about the whole report. With
    `is_over_all` they are about all data sets together.
    """

    where: str
    sentences: tuple[str, ...]
    is_over_all: bool = False

    @property
    def title(self) -> str:
        """What it is, and what it is about."""
        return f"Verdict: {self.where}" if self.where else "Verdict"

    @property
    def whole(self) -> tuple[str, ...]:
        """The sentences, each with what it is about."""
        return tuple(f"{self.where}: {text}" if self.where else text for text in self.sentences)


def write_verdict(tables: Tables) -> list[Paragraph]:
    """Return the verdict: a paragraph for each comparison group, those that agree together.

    At each target every strategy is named once.
    """
    if not tables.options.targets:
        text = (
            f"There is no verdict on {tables.options.axis}, since no target is named; name one with"
            " --target."
        )
        return [Paragraph("", (text,))]
    standings = list(find_standings(tables))
    seeds = _seeds(tables, [one.contender for one in standings if one.contender is not None])
    found = []
    for place, several in groupby(standings, lambda one: one.key[:-1]):
        agreeing: dict[tuple[Any, ...], list[list[Standing]]] = {}
        for _, own in groupby(several, lambda one: one.key):
            block = list(own)
            agreeing.setdefault(tuple(one.words for one in block), []).append(block)
        for blocks in agreeing.values():
            sizes = enumerated([str(block[0].key[-1]) for block in blocks])
            batches = f"batch size{'s' if len(blocks) > 1 else ''} {sizes}"
            where = ", ".join([*(str(name) for name in place if name), batches])
            found.append(Paragraph(where, tuple(_sentences(blocks, tables, seeds))))
    return found


def _seeds(tables: Tables, places: Sequence[Any]) -> dict[Any, float]:
    """Return how many seeds would show a saving, by the index of the row.

    Nothing is known where all differences are equal: a spread of zero is no estimate.
    """
    varied = tables.rows.loc[list(places), "difference_sd"] > 0
    places = list(varied.index[varied])
    if not places or not tables.family:
        return {}
    needed = seeds_needed(replace(tables, rows=tables.rows.loc[places]), SAVING, POWER)
    return dict(needed["seeds"].items())


def _sentences(
    blocks: Sequence[Sequence[Standing]], tables: Tables, seeds: dict[Any, float]
) -> Iterator[str]:
    """Yield the sentences of blocks that agree, targets of which the same is said together."""
    together: dict[tuple[Any, ...], list[Standing]] = {}
    for one in (one for block in blocks for one in block):
        _, *words, _ = one.words
        together.setdefault(tuple(words), []).append(one)
    are_some = len(together) > 1
    at_most = not tables.curves.metric.greater_is_better
    for same in together.values():
        goals = _Goals(at_most, tables.options.axis, with_batch_size=len(blocks) > 1)
        if same[0].kind in _NO_WINNER:
            yield _no_winner(same, goals)
            continue
        yield _headline(same, goals)
        yield from _sameness(same, goals, tables.options.rope)
        yield from _seeds_sentence(same, goals, seeds)
        yield from _reach_sentence(same, goals)
        # Blocks that agree have the same relations at the same targets.
        of_one_block = same[: len(same) // len(blocks)]
        yield from _others(
            of_one_block, _Goals(at_most, tables.options.axis), are_some, tables.options.rope
        )


@dataclass(frozen=True)
class _Goals:
    """The names of targets, with the batch size where several are said together, and the axis."""

    is_most: bool
    axis: Axis
    with_batch_size: bool = False

    def of(self, one: Standing) -> str:
        text = f"at most {target_name(one.target)}" if self.is_most else target_name(one.target)
        if isinstance(one.target, str) and not np.isnan(one.first.target_value):
            text = f"{text} ({score_text(one.first.target_value)})"
        return f"{text} with batch size {one.key[-1]}" if self.with_batch_size else text

    def all_of(self, several: Sequence[Standing]) -> str:
        return enumerated([self.of(one) for one in several])


def _no_winner(same: Sequence[Standing], goals: _Goals) -> str:
    """Return the sentence on targets at which no strategy is the best."""
    kind, first = same[0].kind, same[0].first
    named = goals.all_of(same)
    if kind is Kind.without_value:
        return f"There is no verdict on {named}: the target has no value here."
    if kind is Kind.at_floor:
        return (
            f"No learning is needed to reach {named}, at or below the floor of"
            f" {score_text(first.floor)}, so there is no verdict."
        )
    if kind is Kind.unreached:
        within = [f"{goals.of(one)} within {_budget(one.first, goals)}" for one in same]
        return f"No run reaches {enumerated(within)}."
    if kind is Kind.at_start:
        return f"No query is needed to reach {named}: every run starts there."
    needs = [f"{_labels(one.best, goals)} to reach {goals.of(one)}" for one in same]
    return f"There is nothing to compare {first.strategy} with; it needs {enumerated(needs)}."


def _headline(same: Sequence[Standing], goals: _Goals) -> str:
    """Return the sentence on the strategy with the fewest labels, or on a baseline that has."""
    kind, best, baseline = same[0].kind, same[0].best, same[0].baseline
    if kind in (Kind.baseline_first, Kind.without_baseline):
        numbers = "; ".join(f"{_labels(one.best, goals)} to reach {goals.of(one)}" for one in same)
        if all(to_best is ToBest.uncompared for _, (to_best, _) in same[0].others):
            return f"There is nothing to compare {best.strategy} with: {numbers}."
        if kind is Kind.baseline_first:
            return (
                f"No strategy needs {goals.axis.less} on average than {best.strategy}: {numbers}."
            )
        return f"{best.strategy} needs {goals.axis.least} on average: {numbers}."
    p_values = [_p_value(one.best.p_adjusted) for one in same]
    agree = len(same) > 1 and len(set(p_values)) == 1
    items = []
    for place, one in enumerate(same):
        p_value = "" if agree else f", {p_values[place]}"
        items.append(
            f"{_labels(one.best, goals)} to reach {goals.of(one)}, where {baseline.strategy} needs"
            f" {_baseline_labels(one, goals)} ({_saving(one, place == 0, goals)}{p_value})"
        )
    how = "and its saving is shown" if kind is Kind.saves else "but its saving is not shown"
    lead = f"{best.strategy} needs {goals.axis.least} on average, {how}"
    return f"{lead}: {'; '.join(items)}{f'; {p_values[0]} each' if agree else ''}."


def _sameness(same: Sequence[Standing], goals: _Goals, rope: float) -> Iterator[str]:
    """Say that the best and the baseline are the same within the rope."""
    one = same[0]
    if one.is_same:
        names = f"{one.best.strategy} and {one.baseline.strategy}"
        at = f" at {goals.all_of(same)}" if len(same) > 1 else ""
        yield f"{names} are the same within {percent(rope)} %{at}."


def _p_value(value: float) -> str:
    text = p_text(value)
    if not text:
        return "not tested"
    return f"adjusted p {text}"


def _labels(row: Any, goals: _Goals) -> str:
    """Return the mean labels of a row: at least so many where a run did not reach the target."""
    is_lower_bound = row.reached < (row.n_pairs or row.n_seeds)
    return f"{'at least ' * is_lower_bound}{goals.axis.mean(row.mean_labels, row.mean_labels < 10)}"


def _baseline_labels(one: Standing, goals: _Goals) -> str:
    """Return the mean labels of the baseline on the pairs of the best."""
    mean = one.best.baseline_mean_labels
    is_lower_bound = one.baseline.reached < one.baseline.n_seeds
    return f"{'at least ' * is_lower_bound}{goals.axis.mean(mean, mean < 10)}"


def _saving(one: Standing, is_first: bool, goals: _Goals) -> str:
    """Return the saving of the best, within the budget if a run ended there."""
    row = one.best
    if np.isnan(row.saving):
        return "its saving is not estimable"
    text = percent_with_interval(row.saving, row.saving_low, row.saving_high)
    if row.reached < row.n_pairs or one.baseline.reached < one.baseline.n_seeds:
        text += f" within {_budget(row, goals)}"
    return f"saving {text}" if is_first else text


def _budget(row: Any, goals: _Goals) -> str:
    return goals.axis.amount(goals.axis.end(row.budget))


def _seeds_sentence(
    same: Sequence[Standing], goals: _Goals, seeds: dict[Any, float]
) -> Iterator[str]:
    """Say how many seeds would show a saving where none is shown, and where that is known."""
    by_number: dict[str, list[str]] = {}
    enough = []
    for one in same:
        n_seeds = seeds.get(one.contender, np.nan)
        if n_seeds <= one.first.n_seeds:
            enough.append(goals.of(one))
        elif not np.isnan(n_seeds):
            text = f"more than {stats.MOST_SEEDS:,}" if np.isinf(n_seeds) else f"{n_seeds:.0f}"
            by_number.setdefault(text, []).append(goals.of(one))
    chance = f"with a chance of {percent(POWER)} %"
    if enough:
        where = f" at {enumerated(enough)}" if len(same) > 1 else ""
        yield f"A saving of {percent(SAVING)} % would have been shown{where} {chance}."
    if by_number:
        numbers = [
            f"{text} seeds{f' at {enumerated(named)}' if len(same) > 1 else ''}"
            for text, named in by_number.items()
        ]
        yield (
            f"{enumerated(numbers)} would show a saving of {percent(SAVING)} % {chance}; there are"
            f" {same[0].first.n_seeds}."
        )


def _reach_sentence(same: Sequence[Standing], goals: _Goals) -> Iterator[str]:
    """Say why nothing is claimed at targets that are out of reach."""
    if same[0].is_out_of_reach:
        yield (
            f"No saving is claimed at {goals.all_of(same)}: fewer than half of the seeds get there"
            " with all training labels."
        )


def _others(same: Sequence[Standing], goals: _Goals, are_some: bool, rope: float) -> Iterator[str]:
    """Yield a sentence for each relation to best and baseline, with the strategies it holds for."""
    holding: dict[Relation, dict[str, list[Standing]]] = {}
    for one in same:
        for name, relation in one.others:
            holding.setdefault(relation, {}).setdefault(name, []).append(one)
    order = [(to_best, to_baseline) for to_best in ToBest for to_baseline in ToBaseline]
    for relation in sorted(holding, key=order.index):
        names_by_targets: dict[str, list[str]] = {}
        for name, ones in holding[relation].items():
            is_all = len(ones) == len(same) and not are_some
            at = "" if is_all else f" at {goals.all_of(ones)}"
            names_by_targets.setdefault(at, []).append(name)
        named = [f"{enumerated(names)}{at}" for at, names in names_by_targets.items()]
        is_one = len(holding[relation]) == 1
        yield f"{_relation(relation, same[0], is_one, rope, goals.axis)}: {'; '.join(named)}."


def _relation(relation: Relation, one: Standing, is_one: bool, rope: float, axis: Axis) -> str:
    """Return the words for where strategies stand, with the verb for one or several."""
    to_best, to_baseline = relation
    best = one.best.strategy
    baseline = one.baseline.strategy if one.baseline is not None else ""
    s, rope_text = "s" if is_one else "", f"{percent(rope)} %"
    if to_best is ToBest.uncompared:
        return f"Not compared with {best}, since fewer than two seeds are shared"
    if to_baseline is ToBaseline.needs_more:
        near = f", by less than {rope_text}" if best == baseline and to_best is ToBest.near else ""
        return f"Need{s} more {axis} than {baseline}{near}"
    words = {
        ToBest.same: f"The same as {best} within {rope_text}",
        ToBest.near: f"Differ{s} from {best} by less than {rope_text}",
        ToBest.untold: f"Cannot be told from {best}",
        ToBest.told: f"Need{s} more {axis} than {best}",
    }[to_best]
    if best == baseline or to_baseline is ToBaseline.untested:
        return words
    if to_baseline is ToBaseline.saves:
        if to_best is ToBest.told:
            return f"Save{s} {axis} too, but need{s} more than {best}"
        return words if one.kind is Kind.saves else f"{words}, with a saving that is shown"
    if to_best is ToBest.untold:
        return f"Can be told neither from {best} nor from {baseline}"
    if to_best is ToBest.told:
        return f"{words}, and cannot be told from {baseline}"
    return f"{words}, with no saving shown" if one.kind is Kind.saves else words
