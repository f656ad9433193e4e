"""The tables of a report as texts, with the best values marked."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from alrun.report.axes import keys_beside
from alrun.report.axis import Axis
from alrun.report.build import Report
from alrun.report.phrasing import (
    counted,
    group_name,
    left_target,
    p_text,
    percent,
    percent_with_interval,
    score_text,
    seconds_text,
    seed_counts,
    target_name,
)
from alrun.report.references import FEWEST_CEILINGS, is_withheld
from alrun.report.rows import comparison_groups
from alrun.results.curves import COMPARISON_GROUP


@dataclass(frozen=True)
class Section:
    """A table of texts.

    Attributes
    ----------
    title, caption
        Its subject, and how to read it without the notes.
    n_left
        How many columns are set flush left, from the first.
    bold
        Row and column of the best values.
    """

    title: str
    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    n_left: int
    bold: frozenset[tuple[int, int]] = frozenset()


def sections(report: Report, wide: bool = False, not_significant: str = "") -> list[Section]:
    """Return the tables of a report, texts in place of numbers.

    `wide` tables also hold the intervals of the share of runs at the target and of the median,
    wins, ties and losses, and the floor and the ceiling, which others have in a title.
    `not_significant` stands behind p values without a star.
    """
    found = []
    for key, rows in comparison_groups(report.rows):
        where = group_name(key)
        if report.targets:
            title = f"{report.options.axis.heading} to target: {where}"
            found.append(_labels_section(title, report, rows, wide))
        once = rows.drop_duplicates("strategy")
        levels = [level for level in ("floor", "ceiling") if rows[level].notna().any()]
        beside = ", ".join(f"{level} {score_text(rows[level].iloc[0])}" for level in levels)
        title = f"Whole curve: {where}" + (f" ({beside})" if beside and not wide else "")
        found.append(_scores_section(title, report, once, levels if wide else []))
    keys = COMPARISON_GROUP[1:]
    for key, rows in report.across.groupby(keys, sort=False, observed=True):
        title = f"Across data sets: {group_name(key)}"
        found.append(_across_section(title, report, rows))
    found += noise_sections(report)
    return [_with_words(section, not_significant) for section in found]


def _with_words(section: Section, not_significant: str) -> Section:
    """Return a section with words behind p values without a star; not behind those in brackets."""
    is_p = [name == "p adj." for name in section.header]
    rows = tuple(
        tuple(
            f"{cell}{not_significant}" if holds_p and cell and cell[-1] not in "*)" else cell
            for cell, holds_p in zip(row, is_p, strict=True)
        )
        for row in section.rows
    )
    return replace(section, rows=rows)


def _labels_section(title: str, report: Report, rows: pd.DataFrame, wide: bool) -> Section:
    axis = report.options.axis
    mean = f"mean {axis}"
    header = (
        "target",
        "strategy",
        "reached",
        "within",
        mean,
        "median",
        "saving",
        f"k={report.options.sensitivity}",
        "back",
        "p adj.",
        *(["W/T/L"] if wide else []),
    )
    has_seconds = rows["query_seconds"].notna().any()
    header += ("s",) if has_seconds else ()
    texts: list[tuple[str, ...]] = []
    bold: set[tuple[int, int]] = set()
    withheld = is_withheld(rows)
    for place, row in enumerate(rows.itertuples()):
        saving = saving_text(row)
        texts.append(
            (
                target_text(row),
                row.strategy,
                _reached(row, wide),
                "" if math.isnan(row.budget) else axis.end(row.budget),
                _mean_labels(row, axis, wide),
                _median_with_interval(row, axis, wide),
                saving if row.informative or not saving else f"({saving})",
                _share(row.sensitivity_saving, wide),
                _share(row.drop_back, wide),
                _p(row.p_adjusted, row.significant, withheld[place]),
                *([_wins(row)] if wide else []),
                *([_seconds(row, wide)] if has_seconds else []),
            )
        )
        if row.mean_labels == rows.loc[rows["target"] == row.target, "mean_labels"].min():
            bold.add((place, header.index(mean)))
    caption = _labels_caption(report, rows)
    return Section(title, caption, header, first_of_each(texts), 2, frozenset(bold))


def _labels_caption(report: Report, rows: pd.DataFrame) -> str:
    sensitivity, metric = report.options.sensitivity, report.curves.metric
    axis = report.options.axis
    caption = (
        f"{seed_counts(rows['n_seeds'])}, {_budget(report)}. Runs that reached the"
        f" target ({report.metric}{'' if metric.greater_is_better else ', at most'}) within the"
        f" budget common to all, mean and median {axis} to target within it, and the saving against"
        f" {report.baseline}, with 95 % intervals; k={sensitivity}: the saving in % if the score"
        f" had to be there {'twice in a row' if sensitivity == 2 else 'once'}; back: the share in %"
        f" that {left_target(metric)} the target later; {_tests(report, report.family)}. Bold:"
        f" {axis.least}."
    )
    if is_withheld(rows).any():
        caption += (
            " In brackets: no star, since the target is at or below the floor, or out of reach."
        )
    return caption


def target_text(row: Any) -> str:
    """Return the target of a row: with its mean score if it is none itself, and what is amiss."""
    text, value = target_name(row.target), score_text(row.target_value)
    if isinstance(row.target, str):
        text = f"{text}: {value or 'not known'}"
    if not row.informative:
        return f"{text} (floor {score_text(row.floor)})"
    if row.ceiling_reached < FEWEST_CEILINGS:
        return f"{text} (ceiling {score_text(row.ceiling)})"
    return text


def _scores_section(
    title: str, report: Report, rows: pd.DataFrame, levels: Sequence[str]
) -> Section:
    """Return the table of whole curves, with columns for the `levels` that do not change."""
    header = (
        "strategy",
        "AULC",
        "diff.",
        "p adj.",
        "initial",
        f"final {report.metric}",
        "diff.",
        "p adj.",
        *levels,
    )
    texts: list[tuple[str, ...]] = [
        (
            row.strategy,
            with_interval(row.aulc, row.aulc_low, row.aulc_high, score_text),
            _signed(row.aulc_difference),
            _p(row.aulc_p_adjusted, row.aulc_significant),
            score_text(row.initial),
            with_interval(row.final, row.final_low, row.final_high, score_text),
            _signed(row.final_difference),
            _p(row.final_p_adjusted, row.final_significant),
            *("" if place else score_text(getattr(row, level)) for level in levels),
        )
        for place, row in enumerate(rows.itertuples())
    ]
    metric = report.curves.metric
    bold = frozenset(
        (int(place), column)
        for name, column in (("aulc", 1), ("final", 5))
        for place in np.flatnonzero(metric.is_best(rows[name].to_numpy(np.float64)))
    )
    tested = report.rows[~report.rows["is_baseline"] & report.rows["aulc_p_value"].notna()]
    family = len(tested.drop_duplicates([*COMPARISON_GROUP, "strategy"]))
    caption = (
        f"{seed_counts(rows['n_seeds'])}, {_budget(report)}. Area under the learning"
        f" curve and final {report.metric} with 95 % intervals, and differences from"
        f" {report.baseline}; {_tests(report, family)}. Bold: the"
        f" {'highest' if metric.greater_is_better else 'lowest'}."
    )
    if levels:
        caption += " Floor: always the most frequent class; ceiling: all training labels."
    return Section(title, caption, header, tuple(texts), 1, bold)


def _across_section(title: str, report: Report, rows: pd.DataFrame) -> Section:
    axis = report.options.axis
    header = ("target", "strategy", "data sets", "geometric saving", "p adj.", "improves")
    texts: list[tuple[str, ...]] = [
        (
            target_name(row.target),
            row.strategy,
            f"{row.n_datasets} (descriptive)" if row.descriptive else f"{row.n_datasets}",
            percent_with_interval(row.saving, row.saving_low, row.saving_high),
            _p(row.p_adjusted, row.significant),
            _share(row.probability_of_improvement, True),
        )
        for row in rows.itertuples()
    ]
    best = rows["saving"] == rows.groupby("target", sort=False)["saving"].transform("max")
    caption = (
        f"1 - the geometric mean over data sets of the ratios of mean {axis} to those of"
        f" {report.baseline}, with 95 % intervals; sign-flip tests over the data sets, Holm over"
        f" the strategies. Improves: the share of pairs with {axis.less}, as a mean over data sets."
    )
    bold = frozenset((place, 3) for place, is_best in enumerate(best) if is_best)
    return Section(title, caption, header, first_of_each(texts), 2, bold)


def noise_sections(report: Report) -> list[Section]:
    """Return the tables on what wrong labels do, where there are several oracles."""
    axis = report.options.axis
    header = ("target", "strategy", "oracle", "% wrong", "ceiling", "saving", "change", "p adj.")
    keys, found = keys_beside("oracle"), []
    for key, rows in report.noise.groupby(keys, sort=False, observed=True):
        ordered = rows.sort_values(["target", "strategy"], kind="stable", key=_by_first)
        texts: list[tuple[str, ...]] = [
            (
                target_name(row.target),
                row.strategy,
                row.oracle,
                "" if math.isnan(row.wrong) else f"{100 * row.wrong:.1f}",
                score_text(row.noisy_ceiling),
                "not estimable"
                if math.isnan(row.saving)
                else percent_with_interval(row.saving, row.saving_low, row.saving_high),
                with_interval(row.change, row.change_low, row.change_high, "{:+.4g}".format),
                _p(row.p_adjusted, row.significant),
            )
            for row in ordered.itertuples()
        ]
        caption = (
            "Share of wrong labels at the end; score with all labels as the oracle gives them; the"
            f" saving in {axis} against {report.baseline} within the budget common to all oracles;"
            f" change: how much more {axis} it saves than with {_compared_with(rows)}, with 95 %"
            " intervals; paired sign-flip tests on the differences of differences, Holm over"
            f" {counted(int(report.noise['p_value'].notna().sum()), 'test')}."
        )
        title = f"What noise does: {group_name(key)}"
        found.append(Section(title, caption, header, first_of_each(texts), 3))
    return found


def _by_first(column: pd.Series) -> pd.Series:
    """Return the places of values in the order of their first rows."""
    return pd.Series(pd.factorize(column)[0], index=column.index)


def _compared_with(rows: pd.DataFrame) -> str:
    return ", ".join(dict.fromkeys(rows.loc[rows["compared_with"] != "", "compared_with"]))


def first_of_each(texts: list[tuple[str, ...]]) -> tuple[tuple[str, ...], ...]:
    """Return rows of texts, the first column empty where it repeats the row above."""
    above = ["", *(cells[0] for cells in texts)]
    return tuple(
        ("" if cells[0] == previous else cells[0], *cells[1:])
        for cells, previous in zip(texts, above, strict=False)
    )


def _tests(report: Report, family: int) -> str:
    adjusted = report.adjustment.words
    tests = f"paired sign-flip tests, {adjusted} over {counted(family, 'test')}"
    return f"{tests}, a star where p is at most .05, n.s.: not significant"


def saving_text(row: Any) -> str:
    """Return the saving of a row with its interval, empty for the baseline."""
    if row.is_baseline or not row.n_pairs or math.isnan(row.reached):
        return ""
    if math.isnan(row.saving):
        return "not estimable"
    return percent_with_interval(row.saving, row.saving_low, row.saving_high)


def with_interval(value: float, low: float, high: float, text: Callable[[float], str]) -> str:
    """Return a value and its interval in brackets; empty for NaN."""
    if math.isnan(value):
        return ""
    return text(value) if math.isnan(low) else f"{text(value)} [{text(low)}, {text(high)}]"


def _budget(report: Report) -> str:
    axis = report.options.axis
    return f"budget {axis.end(report.budget)}{' labels' if axis is Axis.labels else ' in cost'}"


def _median(value: float, budget: float, axis: Axis) -> str:
    """Return a median, labels whole or a half; above the budget as ">budget"."""
    if math.isinf(value):
        return f">{axis.end(budget)}"
    return f"{value:.1f}".removesuffix(".0") if axis is Axis.labels else axis.mean(value, True)


def _median_with_interval(row: Any, axis: Axis, wide: bool) -> str:
    if math.isnan(row.median_labels):
        return ""
    text = _median(row.median_labels, row.budget, axis)
    if not wide or math.isnan(row.median_labels_low):
        return text
    ends = (row.median_labels_low, row.median_labels_high)
    return f"{text} [{', '.join(_median(end, row.budget, axis) for end in ends)}]"


def _reached(row: Any, wide: bool) -> str:
    if math.isnan(row.reached):
        return ""
    text = f"{row.reached:.0f}/{row.n_pairs or row.n_seeds}"
    if not wide or math.isnan(row.reached_low):
        return text
    return f"{text} [{percent(row.reached_low)}, {percent(row.reached_high)}] %"


def _wins(row: Any) -> str:
    return "" if math.isnan(row.wins) else f"{row.wins:.0f}/{row.ties:.0f}/{row.losses:.0f}"


def _seconds(row: Any, wide: bool) -> str:
    """Return the seconds of queries, with their interval in a wide table."""
    low, high = row.query_seconds_low, row.query_seconds_high
    return with_interval(row.query_seconds, low if wide else math.nan, high, seconds_text)


def _mean_labels(row: Any, axis: Axis, wide: bool) -> str:
    ends = (row.mean_labels_low, row.mean_labels_high)
    is_exact = wide or row.mean_labels < 10
    return with_interval(row.mean_labels, *ends, lambda value: axis.mean(value, is_exact))


def _share(value: float, wide: bool) -> str:
    return "" if math.isnan(value) else f"{percent(value)} %" if wide else percent(value)


def _signed(value: float) -> str:
    return "" if math.isnan(value) else f"{value:+.4f}"


def _p(value: float, star: bool, withheld: bool = False) -> str:
    """Return a p value; the star follows the adjusted one alone.

    It is in brackets where a star is withheld.
    """
    text = p_text(value)
    if not text:
        return ""
    return f"({text})" if withheld else f"{text}*" if star else text
