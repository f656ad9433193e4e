"""Comparisons of all strategies of a results directory, or of two: numbers and notes."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from alrun import stats
from alrun.arrays import BoolArray
from alrun.errors import ResultsError, printable
from alrun.report.pairs import compare_pairs, compare_two
from alrun.report.phrasing import Listing, group_name, group_of, group_words, p_text, target_name
from alrun.report.ranks import COLUMNS as RANK_COLUMNS
from alrun.report.ranks import Ranking, rank_strategies, ranking_notes
from alrun.report.references import FEWEST_CEILINGS
from alrun.report.rows import Tables, comparison_groups
from alrun.report.selection import selection_notes
from alrun.results.curves import COMPARISON_GROUP
from alrun.results.schema import LATER_LABELS

_KEY = [*COMPARISON_GROUP, "target"]
LETTER_COLUMNS = [
    *("dataset", "model", "batch_size"),
    *LATER_LABELS,
    *("target", "strategy", "letters"),
]


@dataclass(frozen=True)
class Comparisons:
    """Every two strategies of a report, or the two that are named.

    Attributes
    ----------
    name
        What is compared, as the title of a document.
    tables
        The tables of the report.
    pairs
        A row for two strategies, with the columns of `alrun.report.pairs.COLUMNS`.
    two
        The strategies that are named; None where all are compared.
    """

    name: str
    tables: Tables
    pairs: pd.DataFrame
    two: tuple[str, str] | None = None

    @cached_property
    def told(self) -> BoolArray:
        """Whether each pair differs: its adjusted p is significant and its target in reach."""
        return (self.pairs["p_adjusted"] <= stats.ALPHA).to_numpy() & ~self._is_out_of_reach

    @cached_property
    def _is_out_of_reach(self) -> BoolArray:
        rows = self.tables.rows
        far = rows[rows["ceiling_reached"] < FEWEST_CEILINGS]
        keys = set(far[_KEY].itertuples(index=False, name=None))
        return np.array(
            [key in keys for key in self.pairs[_KEY].itertuples(index=False, name=None)], dtype=bool
        )

    @cached_property
    def rankings(self) -> tuple[Ranking, ...]:
        """The strategies over the data sets, where there are several."""
        rows = self.tables.rows
        if self.two:
            rows = pd.concat([rows[rows["strategy"] == name] for name in self.two])
        return tuple(rank_strategies(rows, self.pairs, self.told))

    @property
    def ranks(self) -> pd.DataFrame:
        """A row per model, batch size, start, target and strategy over the data sets."""
        if not self.rankings:
            return pd.DataFrame(columns=RANK_COLUMNS)
        return pd.concat([ranking.table for ranking in self.rankings], ignore_index=True)

    @cached_property
    def letters(self) -> pd.DataFrame:
        """The letters of each strategy; those that share one cannot be told apart.

        None where two strategies are named, and at targets out of reach.
        """
        found: list[dict[str, object]] = []
        if self.two is None:
            pairs = self.pairs.assign(told=self.told)[~self._is_out_of_reach]
            by_key = dict(iter(pairs.groupby(_KEY, observed=True, sort=False)))
            for group, rows in comparison_groups(self.tables.rows):
                for target, own in rows.groupby("target", sort=False):
                    if (key := (*group, target)) in by_key:
                        keys = dict(zip(_KEY, key, strict=True))
                        for name, letters in _letters(own, by_key[key]).items():
                            found.append({**keys, "strategy": name, "letters": letters})
        return pd.DataFrame(found, columns=LETTER_COLUMNS)

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """How to read the numbers, and every warning."""
        return tuple(map(printable, _notes(self)))


def compare_all(name: str, tables: Tables, two: tuple[str, str] | None = None) -> Comparisons:
    """Return the comparisons of all strategies of a report, or of two of them.

    Raises ResultsError where there is no target, no strategy of that name, or one is named twice.
    """
    if not tables.options.targets:
        raise ResultsError("there is no target to count labels to; name one with --target")
    known = list(tables.rows["strategy"].unique())
    if len(known) < 2:
        raise ResultsError(f"there is nothing to compare {known[0]} with: it is the only strategy")
    pairs = compare_pairs(tables)
    if two is not None:
        pairs = compare_two(pairs, *two, known)
    return Comparisons(name, tables, pairs, two)


def _letters(rows: pd.DataFrame, pairs: pd.DataFrame) -> dict[str, str]:
    """Return the letters of strategies at a target, a for the fewest labels; in their order."""
    names = rows.sort_values("mean_labels", kind="stable")["strategy"].tolist()
    places = {name: place for place, name in enumerate(names)}
    differs = np.zeros((len(names), len(names)), dtype=bool)
    for pair in pairs[pairs["told"]].itertuples():
        a, b = places[pair.a], places[pair.b]
        differs[a, b] = differs[b, a] = True
    letters = dict(zip(names, stats.compact_letters(differs), strict=True))
    return {name: letters[name] for name in rows["strategy"]}


def _notes(found: Comparisons) -> Iterator[str]:
    axis = found.tables.options.axis
    yield (
        f"Ratio: mean {axis} of a divided by those of b, on the seeds that both have, with a 95 %"
        " interval. A run that does not reach the target counts as the budget common to its"
        f" {group_words(found.tables.rows)}. p: paired sign-flip tests; adjusted over all pairs of"
        " strategies there at one target, by step-down maxT, or Holm's correction where seeds"
        " differ."
    )
    if not found.letters.empty:
        yield (
            "Strategies that share a letter cannot be told apart, which does not make them equal;"
            f" a: {axis.least}."
        )
    yield from selection_notes(found.tables.options)
    for sentence in found.tables.curves.excluded:
        yield f"Warning: {sentence}."
    yield from _target_notes(found)
    yield from _seed_notes(found)
    yield from _alone(found)
    for ranking in found.rankings:
        yield from ranking_notes(ranking)


def _target_notes(found: Comparisons) -> Iterator[str]:
    """Name targets at which strategies are not compared, or no difference is claimed."""
    rows = found.tables.rows.drop_duplicates(_KEY)
    for what, mask in (
        ("Not compared, since the target is at or below the floor: ", ~rows["informative"]),
        ("Not compared, since the target has no value: ", rows["reached"].isna()),
        (
            "No difference is claimed, since fewer than half of the seeds get there with all"
            " training labels: ",
            rows["informative"] & (rows["ceiling_reached"] < FEWEST_CEILINGS),
        ),
    ):
        keys = rows.loc[mask, _KEY].itertuples(index=False, name=None)
        if named := [f"{target_name(target)} ({group_name(group)})" for *group, target in keys]:
            yield Listing(what, named)


def _seed_notes(found: Comparisons) -> Iterator[str]:
    """Say where seeds differ, and where there are too few of them."""
    pairs, fewest = found.pairs, stats.fewest_seeds(1)
    runs = found.tables.curves.runs
    n_seeds = runs.groupby(COMPARISON_GROUP, observed=True)["seed"].nunique().to_dict()
    keys = list(pairs[COMPARISON_GROUP].itertuples(index=False, name=None))
    lacking = pairs["n_pairs"] < [n_seeds[key] for key in keys]
    for what, mask in (
        ("Compared on the seeds in common, since one of them lacks some: ", lacking),
        (f"Too few seeds for significance, below {fewest}: ", pairs["n_pairs"] < fewest),
    ):
        if mask.any():
            some = pairs[mask].drop_duplicates(["a", "b", *COMPARISON_GROUP])
            named = [
                f"{pair.a} and {pair.b} ({pair.n_pairs}; {group_of(pair)})"
                for pair in some[[*COMPARISON_GROUP, "a", "b", "n_pairs"]].itertuples()
            ]
            yield Listing(what, named)


def _alone(found: Comparisons) -> Iterator[str]:
    """Say where the p value of two named strategies alone is significant, and adjusted is not."""
    pairs = found.pairs
    is_split = (pairs["p_value"] <= stats.ALPHA) & (pairs["p_adjusted"] > stats.ALPHA)
    if found.two and is_split.any():
        named = [
            f"{target_name(pair.target)} (p {p_text(pair.p_value)}; {group_of(pair)})"
            for pair in pairs.loc[is_split, [*_KEY, "p_value"]].itertuples()
        ]
        yield Listing(
            f"The test of {' and '.join(found.two)} alone tells them apart at ",
            named,
            "; that counts only if two and target were chosen before the results were seen.",
        )
