"""Two results directories cell by cell: the labels of each strategy here and there."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from alrun import stats
from alrun.arrays import BoolArray
from alrun.errors import ResultsError, printable
from alrun.report.build import build_selected
from alrun.report.comparison import cut_at_budget, whole_or_rounded
from alrun.report.options import ReportOptions
from alrun.report.pairs import COLUMNS as PAIR_COLUMNS
from alrun.report.pairs import compare_means
from alrun.report.phrasing import Listing, counted, enumerated, group_name
from alrun.report.rows import Tables
from alrun.results.curves import COMPARISON_GROUP, RUN, labels_to_target

COLUMNS = [*PAIR_COLUMNS, "results_a", "results_b"]
_CELL = [*COMPARISON_GROUP, "strategy"]


@dataclass(frozen=True)
class TwoResults:
    """The cells that two results directories have in common.

    Attributes
    ----------
    name
        What is compared, as the title of a document.
    pairs
        A row per data set, model, start, batch size, target and strategy, with COLUMNS; `a` and `b`
        are the same strategy. p values are adjusted by Holm's correction over all rows.
    notes
        How to read them, and what is in one of the two alone.
    """

    name: str
    pairs: pd.DataFrame
    notes: tuple[str, ...]

    @property
    def told(self) -> BoolArray:
        """Whether each strategy differs between the two."""
        return (self.pairs["p_adjusted"] <= stats.ALPHA).to_numpy()


def compare_results(a: Path, b: Path, options: ReportOptions) -> TwoResults:
    """Compare each strategy in one directory with itself in another, on the seeds of both.

    `options` are those of `a`. Raises ResultsError where both are one directory, or have no cell
    and target in common.
    """
    if a.resolve() == b.resolve():
        raise ResultsError(f"{a} and {b} are the same directory; name two to compare")
    here = build_selected(a, options)
    there = build_selected(b, replace(options, targets=here.options.targets))
    both = here.curves.runs.assign(run_a=here.curves.runs.index).merge(
        there.curves.runs.assign(run_b=there.curves.runs.index), on=RUN, suffixes=("_a", "_b")
    )
    if both.empty:
        raise ResultsError(
            f"{a} and {b} have no run in common: none of the same data set, model, start,"
            " oracle, costs, batch size, strategy and seed"
        )
    if not here.options.targets:
        raise ResultsError("there is no target to count labels to; name one with --target")
    # A strategy is compared within its group, in the order of the first directory.
    order = here.rows.drop_duplicates(_CELL)[_CELL].itertuples(index=False, name=None)
    groups = dict(iter(both.groupby(_CELL, observed=True)))
    idle = set(here.rows.loc[~here.rows["informative"], [*_CELL, "target"]].itertuples(index=False))
    found = [
        {**dict(zip(_CELL, key, strict=True)), **row}
        for key in order
        if key in groups
        for row in _compare_cell(here, there, groups[key])
        if (*key, row["target"]) not in idle
    ]
    pairs = pd.DataFrame(found)
    if pairs.empty:
        raise ResultsError(
            f"{a} and {b} have no target above the floor in common; name one with --target"
        )
    pairs = pairs.assign(a=pairs["strategy"], b=pairs["strategy"])
    pairs["p_adjusted"] = stats.holm(pairs["p_value"].to_numpy(np.float64))
    pairs["results_a"], pairs["results_b"] = str(a), str(b)
    return TwoResults(
        f"{a} and {b}", pairs[COLUMNS], tuple(map(printable, _notes(here, there, both, a, b)))
    )


def _compare_cell(here: Tables, there: Tables, both: pd.DataFrame) -> Iterator[dict[str, object]]:
    """Yield the columns of one cell at each target that both directories have."""
    rope = here.options.rope
    runs = pd.concat(
        [
            both[[f"first_{side}", f"last_{side}"]].set_axis(["first", "last"], axis=1)
            for side in ("a", "b")
        ]
    )
    for target in here.target_scores:
        labels = []
        for tables, place in ((here, "run_a"), (there, "run_b")):
            scores = tables.target_scores.get(target)
            if scores is None or np.isnan(scores[both[place]]).any():
                break
            labels.append(
                labels_to_target(tables.curves, scores, here.options.sustain)[both[place]]
            )
        else:
            budget, cut = cut_at_budget(runs, np.concatenate(labels))
            a, b = cut.reshape(2, -1)
            is_reached = bool((np.concatenate(labels) <= budget).any())
            is_narrow = budget <= min(runs["first"].min(), budget) * (1 + rope)
            p_value = stats.sign_flip(whole_or_rounded(a - b)) if len(a) > 1 else np.nan
            yield {
                "target": target,
                **compare_means(a, b, rope, is_reached, is_narrow),
                "p_value": p_value,
            }


def _notes(here: Tables, there: Tables, both: pd.DataFrame, a: Path, b: Path) -> Iterator[str]:
    yield (
        f"a: {a}; b: {b}. Ratio: mean labels in a divided by those in b, on the seeds that both"
        " have, with a 95 % interval. A run that does not reach the target counts as the budget"
        " common to the strategy's runs in both. p: paired sign-flip tests, Holm's correction over"
        " all rows."
    )
    texts = [target for target in here.options.targets if isinstance(target, str)]
    if texts:
        yield (
            f"{enumerated(texts)}: in each directory a score of its own, from its ceiling or its"
            " baseline."
        )
    for path, tables in ((a, here), (b, there)):
        for sentence in tables.curves.excluded:
            yield f"Warning: {path}: {sentence}."
        known = set(both[_CELL].itertuples(index=False, name=None))
        cells = tables.curves.runs.drop_duplicates(_CELL)[_CELL].itertuples(index=False, name=None)
        alone = [f"{name} ({group_name(key)})" for *key, name in cells if (*key, name) not in known]
        if alone:
            yield Listing(f"In {path} alone: ", alone)
    few = both.groupby(_CELL, observed=True).size()
    fewest = stats.fewest_seeds(len(few) * len(here.options.targets))
    if few.max() < fewest:
        yield (
            f"{counted(int(few.max()), 'common seed')} cannot make any of these tests significant;"
            f" it takes {fewest}."
        )
