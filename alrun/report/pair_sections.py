"""Comparisons of strategies as sentences and tables."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from alrun import stats
from alrun.report.all_pairs import Comparisons
from alrun.report.axis import Axis
from alrun.report.phrasing import (
    counted,
    group_name,
    group_of,
    labels_text,
    p_text,
    percent,
    target_name,
)
from alrun.report.ranks import Ranking
from alrun.report.rows import comparison_groups
from alrun.report.sections import Section, first_of_each
from alrun.report.two_results import TwoResults
from alrun.results.curves import COMPARISON_GROUP


def sentences_on_two(found: Comparisons) -> Iterator[str]:
    """Yield a sentence for each row on two strategies that are named, and over the data sets."""
    rope = f"{percent(found.tables.options.rope)} %"
    for pair, told in zip(found.pairs.itertuples(), found.told, strict=True):
        where = f"{target_name(pair.target)} on {group_of(pair)}"
        yield _sentence(pair, bool(told), where, rope, found.tables.options.axis)
    for ranking in found.rankings:
        yield from _sentence_across(ranking, found.tables.options.axis)


def _sentence(pair: Any, is_told: bool, where: str, rope: str, axis: Axis) -> str:
    """Return what is known of two strategies at a target: ratio, interval and p."""
    if pair.n_pairs < 2:
        seeds = counted(pair.n_pairs, "common seed")
        return f"{pair.a} and {pair.b} have {seeds}, too few to be compared at {where}."
    if math.isnan(pair.ratio):
        return f"Neither {pair.a} nor {pair.b} has a mean to compare at {where}."
    means = [axis.mean(mean, mean < 10) for mean in (pair.mean_a, pair.mean_b)]
    numbers = (
        f"{axis.amount(means[0])} against {means[1]}, ratio {ratio_text(pair)}, adjusted p"
        f" {p_text(pair.p_adjusted)} ({counted(pair.n_pairs, 'seed')})"
    )
    if is_told:
        which = axis.less if pair.mean_a < pair.mean_b else f"more {axis}"
        by = f", by less than {rope}" if pair.same else ""
        return f"{pair.a} needs {which} than {pair.b}{by} to reach {where}: {numbers}."
    if pair.same:
        return f"{pair.a} and {pair.b} are the same within {rope} at {where}: {numbers}."
    return f"{pair.a} cannot be told from {pair.b} at {where}: {numbers}."


def _sentence_across(ranking: Ranking, axis: Axis) -> Iterator[str]:
    """Yield the sentence on two strategies over the data sets."""
    for pair in ranking.pairs.itertuples():
        if math.isnan(pair.p_value):
            continue
        if pair.p_adjusted <= stats.ALPHA:
            which = axis.less if pair.ratio < 1 else f"more {axis}"
            what = f"{pair.a} needs {which} than {pair.b}"
        else:
            what = f"{pair.a} cannot be told from {pair.b}"
        yield (
            f"Over {counted(pair.n_datasets, 'data set')} {what} at"
            f" {target_name(ranking.key[-1])} with {ranking.where}: geometric mean of the ratios"
            f" {ratio_text(pair)}, p {p_text(pair.p_adjusted)}."
        )


def pair_sections(found: Comparisons, wide: bool = False) -> list[Section]:
    """Return the matrices of all pairs, and the ranks over data sets; `wide` ones with p values."""
    by_key = dict(iter(found.pairs.assign(told=found.told).groupby([*COMPARISON_GROUP, "target"])))
    letters = found.letters.set_index([*COMPARISON_GROUP, "target", "strategy"])["letters"]
    sections = []
    for group, rows in comparison_groups(found.tables.rows):
        for target, own in rows.groupby("target", sort=False):
            if (key := (*group, target)) in by_key:
                names = own["strategy"].tolist()
                left = [letters.get((*key, name), "") for name in names]
                title = f"All pairs: {group_name(group)}, {target_name(target)}"
                sections.append(
                    _matrix(title, own, by_key[key], left, wide, found.tables.options.axis)
                )
    return sections + [
        _ranking_section(ranking, wide, found.tables.options.axis) for ranking in found.rankings
    ]


def _matrix(
    title: str,
    rows: pd.DataFrame,
    pairs: pd.DataFrame,
    letters: list[str],
    wide: bool,
    axis: Axis,
) -> Section:
    names, means = rows["strategy"].tolist(), rows["mean_labels"].tolist()
    cells = {(pair.a, pair.b): _cell(pair, bool(pair.told), wide) for pair in pairs.itertuples()}
    texts = tuple(
        (
            name,
            letters[place],
            axis.mean(means[place], wide or means[place] < 10),
            *(cells.get((name, other), "") for other in names[1:]),
        )
        for place, name in enumerate(names)
    )
    caption = (
        f"Mean {axis} to target; strategies that share a letter cannot be told apart; then the mean"
        f" {axis} of the row divided by those of the column, with 95 % intervals. Paired sign-flip"
        " tests, adjusted over all pairs of the table; a star where p is at most .05. Bold:"
        f" {axis.least}."
    )
    bold = frozenset((place, 2) for place, mean in enumerate(means) if mean == min(means))
    header = ("strategy", "letters", f"mean {axis}", *names[1:])
    return Section(title, caption, header, texts, 2, bold)


def _ranking_section(ranking: Ranking, wide: bool, axis: Axis) -> Section:
    """Return the table of ranks over data sets, with the geometric ratios of every two."""
    names = ranking.table["strategy"].tolist()
    cells = {
        (pair.a, pair.b): _cell(pair, pair.p_adjusted <= stats.ALPHA, wide)
        for pair in ranking.pairs.itertuples()
    }
    texts = tuple(
        (
            row.strategy,
            f"{row.mean_rank:.2f}",
            f"{row.wins}/{row.ties}/{row.losses}",
            *(cells.get((row.strategy, other), "") for other in names[1:]),
        )
        for row in ranking.table.itertuples()
    )
    n = counted(ranking.n_datasets, "data set")
    caption = (
        f"{n}. Mean rank, 1 for {axis.least}; wins, ties and losses against the others, data"
        " set by data set; then the geometric mean over data sets of the ratios of mean {axis}, row"
        " to column, with 95 % intervals. Sign-flip tests over the data sets, Holm over the pairs;"
        " a star where p is at most .05. Bold: the best rank."
    )
    best = np.flatnonzero(ranking.table["mean_rank"] == ranking.table["mean_rank"].min())
    return Section(
        f"Across {n}: {ranking.where}, {target_name(ranking.key[-1])}",
        caption,
        ("strategy", "rank", "W/T/L", *names[1:]),
        texts,
        1,
        frozenset((int(place), 1) for place in best),
    )


def _cell(pair: Any, is_told: bool, wide: bool) -> str:
    """Return the ratio of two strategies with its interval, and a star if they differ."""
    if math.isnan(pair.ratio):
        return ""
    star = "*" if is_told else ""
    p_value = f", p {p_text(pair.p_adjusted)}" if wide and not math.isnan(pair.p_adjusted) else ""
    return f"{ratio_text(pair)}{p_value}{star}"


def ratio_text(pair: Any) -> str:
    """Return a ratio with its interval, as far as there is one."""
    if math.isnan(pair.ratio_low):
        return f"{pair.ratio:.2f}"
    if math.isinf(pair.ratio_low) or math.isinf(pair.ratio_high):
        return f"{pair.ratio:.2f} [unbounded]"
    return f"{pair.ratio:.2f} [{pair.ratio_low:.2f}, {pair.ratio_high:.2f}]"


def sentence_on_results(found: TwoResults) -> str:
    """Return how many strategies differ between two results directories."""
    pairs, told = found.pairs, found.told
    n_more = int((told & (pairs["mean_a"] < pairs["mean_b"])).sum())
    n_less = int(told.sum()) - n_more
    a, b = pairs["results_a"].iloc[0], pairs["results_b"].iloc[0]
    equal = int((pairs["mean_a"] == pairs["mean_b"]).sum())
    return (
        f"Of {counted(len(pairs), 'comparison')}, {n_less} need fewer labels in {b} than in {a},"
        f" {n_more} need more, and {len(pairs) - n_more - n_less} cannot be told apart; in {equal}"
        " the means are equal."
    )


def result_sections(found: TwoResults) -> list[Section]:
    """Return the table of each group: a strategy in one directory beside itself in the other."""
    sections = []
    told = found.pairs.assign(told=found.told)
    for group, rows in comparison_groups(told):
        texts: list[tuple[str, ...]] = []
        for row in rows.sort_values("target", kind="stable", key=_places).itertuples():
            means = [labels_text(mean, mean < 10) for mean in (row.mean_a, row.mean_b)]
            star = "*" if row.told else ""
            texts.append(
                (
                    target_name(row.target),
                    row.a,
                    str(row.n_pairs),
                    *means,
                    "" if math.isnan(row.ratio) else ratio_text(row),
                    f"{p_text(row.p_adjusted)}{star}",
                )
            )
        caption = (
            "Mean labels to target in a and in b, and their ratio with 95 % intervals; paired"
            f" sign-flip tests, Holm over {counted(len(told), 'test')}; a star where p is at most"
            " .05."
        )
        header = ("target", "strategy", "seeds", "labels a", "labels b", "ratio", "p adj.")
        title = f"Two results: {group_name(group)}"
        sections.append(Section(title, caption, header, first_of_each(texts), 2))
    return sections


def _places(targets: pd.Series) -> pd.Series:
    """Return the place of each target in the order of their first rows."""
    return pd.Series(pd.factorize(targets)[0], index=targets.index)
