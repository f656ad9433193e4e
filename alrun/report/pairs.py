"""Any two strategies of a report: the ratio of their mean labels, and the tests of all pairs."""

from collections.abc import Iterable, Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from alrun import stats
from alrun.arrays import Array
from alrun.errors import ResultsError, nearest
from alrun.report.comparison import cut_at_budget, whole_or_rounded
from alrun.report.rows import Tables, comparison_groups
from alrun.results.curves import COMPARISON_GROUP, labels_to_target

# Of step-down maxT over all pairs: their number grows as the square of that of strategies.
DRAWS = 9_999
COLUMNS = [
    *COMPARISON_GROUP,
    "target",
    "a",
    "b",
    "n_pairs",
    "mean_a",
    "mean_b",
    "ratio",
    "ratio_low",
    "ratio_high",
    "p_value",
    "p_adjusted",
    "same",
]


def compare_pairs(tables: Tables, has_raw_p: bool = True) -> pd.DataFrame:
    """Return a row for every two strategies of a data set, model, start, batch size and target.

    The columns are COLUMNS. `mean_a` and `mean_b` are mean labels to target on the seeds that both
    have, cut at the budget common to the group, and `ratio` is mean_a / mean_b with Fieller's
    interval; NaN where neither reaches the target. `p_value` is that of the paired sign-flip test.
    All pairs of a group and target are a family: `p_adjusted` is by step-down maxT, or by Holm
    where strategies have other seeds. `same` says whether the means are equivalent within
    `options.rope`. Targets that have no value, or are no better than the floor, are left out.
    Without `has_raw_p`, which saves time, `p_value` is NaN unless `p_adjusted` needs it.
    """
    runs, options = tables.curves.runs, tables.options
    labels = {
        target: labels_to_target(tables.curves, scores, options.sustain)
        for target, scores in tables.target_scores.items()
    }
    by_group = dict(iter(runs.groupby(COMPARISON_GROUP, observed=True)))
    found = []
    for key, rows in comparison_groups(tables.rows):
        for target, own in rows.groupby("target", sort=False):
            if own["informative"].all() and own["reached"].notna().all():
                group = by_group[key]
                names = own["strategy"].tolist()
                where = dict(zip(COMPARISON_GROUP, key, strict=True)) | {"target": target}
                own_labels = labels[target][group.index]
                pairs = _pairs_of(group, own_labels, names, options.rope, has_raw_p)
                found += [where | pair for pair in pairs]
    return pd.DataFrame(found, columns=COLUMNS)


def compare_two(pairs: pd.DataFrame, a: str, b: str, known: Iterable[str]) -> pd.DataFrame:
    """Return the rows of `compare_pairs` on two strategies, in this order.

    `known` are the labels of the strategies. Raises ResultsError for a label that is not among
    them, and where both are the same.
    """
    labels = list(known)
    for name in (a, b):
        if name not in labels:
            raise ResultsError(f"there is no strategy '{name}'{nearest(name, labels)}")
    if a == b:
        raise ResultsError(f"'{a}' is named twice; name two strategies to compare")
    forth = pairs[(pairs["a"] == a) & (pairs["b"] == b)]
    back = pairs[(pairs["a"] == b) & (pairs["b"] == a)]
    turned = back.assign(
        a=back["b"],
        b=back["a"],
        mean_a=back["mean_b"],
        mean_b=back["mean_a"],
        ratio=1 / back["ratio"],
        # An interval that goes down to 0 or less bounds the other ratio from below alone.
        ratio_low=1 / back["ratio_high"],
        ratio_high=(1 / back["ratio_low"]).where(~(back["ratio_low"] <= 0), np.inf),
    )
    rows = turned if forth.empty else forth if back.empty else pd.concat([forth, turned])
    return rows.sort_index().reset_index(drop=True)


def _pairs_of(
    group: pd.DataFrame, labels: Array, names: Sequence[str], rope: float, has_raw_p: bool
) -> list[dict[str, object]]:
    """Return the columns of every two strategies of a group at one target."""
    budget, cut = cut_at_budget(group, labels)
    runs = group.assign(cut=cut, reached=labels <= budget)
    cuts = runs.pivot(index="seed", columns="strategy", values="cut")[list(names)].to_numpy()
    has_run = ~np.isnan(cuts.astype(np.float64))
    reached = runs.groupby("strategy", observed=True)["reached"].any().to_dict()
    # All that a number of labels can be; means within a range so narrow need no test.
    is_narrow = budget <= min(group["first"].min(), budget) * (1 + rope)
    labels_of = np.where(has_run, cuts, 0).astype(cut.dtype).T
    is_joint = bool(has_run.all()) and len(cuts) > 1 and len(names) > 1
    found, columns = [], list(combinations(range(len(names)), 2))
    for a, b in columns:
        both = slice(None) if is_joint else has_run[:, a] & has_run[:, b]
        is_reached = bool(reached[names[a]] or reached[names[b]])
        one, other = labels_of[a][both], labels_of[b][both]
        compared = compare_means(one, other, rope, is_reached, is_narrow)
        has_test = len(one) > 1 and (has_raw_p or not is_joint)
        compared["p_value"] = stats.sign_flip(whole_or_rounded(one - other)) if has_test else np.nan
        found.append({"a": names[a], "b": names[b]} | compared)
    if is_joint:
        differences = [whole_or_rounded(cuts[:, a] - cuts[:, b]) for a, b in columns]
        adjusted = stats.max_t(np.column_stack(differences), DRAWS)
    else:
        adjusted = stats.holm(np.array([pair["p_value"] for pair in found], np.float64))
    return [pair | {"p_adjusted": p} for pair, p in zip(found, adjusted.tolist(), strict=True)]


def compare_means(
    a: Array, b: Array, rope: float, is_reached: bool, is_narrow: bool
) -> dict[str, object]:
    """Return the columns of two strategies from their labels, paired by seed."""
    is_known = bool(len(a)) and is_reached and bool(b.any())
    interval = stats.ratio_interval(a, b) if is_known else stats.Interval()
    mean_a, mean_b = (float(a.mean()), float(b.mean())) if len(a) else (np.nan, np.nan)
    return {
        "n_pairs": len(a),
        "mean_a": mean_a,
        "mean_b": mean_b,
        "ratio": mean_a / mean_b if is_known else np.nan,
        "ratio_low": interval.low,
        "ratio_high": interval.high,
        "same": is_known
        and len(a) > 1
        and (is_narrow or stats.is_equivalent(a, b, rope, interval)),
    }
