"""The floor and the ceiling of the runs of a report, and the scores that its targets stand for."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from alrun.arrays import Array
from alrun.metrics import Metric
from alrun.report.options import ReportOptions
from alrun.results.curves import COMPARISON_GROUP
from alrun.results.load import read_table
from alrun.results.schema import REFERENCES
from alrun.spec import REFERENCES as KINDS
from alrun.targets import Target, Written, between, read_target

# What a report reads where nobody has named a target.
DEFAULT_TARGETS = ("90% of full", "95% of full")
# Below this share of ceilings at the target, it is out of reach.
FEWEST_CEILINGS = 0.5
# The kind of a reference with all training labels as an oracle gives them.
NOISY_CEILING = "noisy ceiling"
_KEYS = ["dataset", "model", "start", "seed"]
_REQUIRED = ["dataset", "model", "seed", "reference"]
# A product or a mean may miss the score that it is meant to be by this share.
ROUNDING = 1e-12


def read_references(path: Path) -> pd.DataFrame | None:
    """Return the references of a results directory; None without their table."""
    file = path / "references.parquet"
    if not file.is_file():
        return None
    table = read_table(file, REFERENCES, required=_REQUIRED)
    return table.assign(start=table["start"].astype(object).fillna(""))


def references_of_start(references: pd.DataFrame, start: str) -> pd.DataFrame:
    """Return the references of a start: its own if its splits are others, else the shared ones."""
    is_own = references["start"] == start
    return references[is_own if is_own.any() else references["start"] == ""]


def levels_of(references: pd.DataFrame | None, runs: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Return the floor and the ceiling of each run, NaN where one is not known.

    `runs` has the columns dataset, model, start and seed; the result has its index.
    """
    levels = pd.DataFrame(np.nan, index=runs.index, columns=sorted(KINDS, reverse=True))
    if references is None or metric not in references.columns:
        return levels
    for start, of_start in runs.groupby("start", observed=True):
        own = references_of_start(references, str(start))
        keys = _index_of(of_start)
        for kind in KINDS:
            rows = own[own["reference"] == kind].drop_duplicates(_KEYS)
            scores = pd.Series(rows[metric].to_numpy(np.float64), _index_of(rows))
            levels.loc[of_start.index, kind] = scores.reindex(keys).to_numpy()
    return levels


def noisy_ceilings(references: pd.DataFrame | None, runs: pd.DataFrame, metric: str) -> pd.Series:
    """Return for each run the score with all labels as its oracle gives them; NaN where unknown.

    `runs` has the columns dataset, model, start, oracle and seed; the result has its index.
    """
    found = pd.Series(np.nan, index=runs.index)
    if references is None or not {metric, "oracle"} <= set(references.columns):
        return found
    noisy = references[references["reference"] == NOISY_CEILING]
    names = noisy["oracle"].astype(object).fillna("")
    for (start, oracle), of_oracle in runs.groupby(["start", "oracle"], observed=True):
        own = noisy[names == oracle]
        rows = references_of_start(own, str(start)).drop_duplicates(_KEYS)
        scores = pd.Series(rows[metric].to_numpy(np.float64), _index_of(rows))
        found.loc[of_oracle.index] = scores.reindex(_index_of(of_oracle)).to_numpy()
    return found


def _index_of(rows: pd.DataFrame) -> pd.MultiIndex:
    return pd.MultiIndex.from_arrays(
        [rows["dataset"].astype(str), rows["model"].astype(str), rows["seed"].astype(np.int64)]
    )


def targets_of(options: ReportOptions, group: pd.DataFrame, metric: Metric) -> tuple[Written, ...]:
    """Return the targets of a comparison group: those named, or else shares of the ceiling.

    A share that is at or below the mean floor is replaced by the same share of the way from the
    floor to the ceiling. `group` has a row per run, with its floor and ceiling.
    """
    if options.targets or not options.chooses or not metric.greater_is_better:
        return options.targets
    seeds = group.drop_duplicates("seed")
    floor, ceiling = seeds["floor"].mean(), seeds["ceiling"].mean()
    if np.isnan(ceiling):
        return ()
    return tuple(
        between(text) if (read_target(text).share or 0) * ceiling <= floor else text
        for text in DEFAULT_TARGETS
    )


def scores_of(target: Target, group: pd.DataFrame, baseline: str, metric: Metric) -> Array:
    """Return the score that a target stands for in each run of a comparison group.

    A share is of the ceiling of the run's own seed; a seed whose ceiling is not known has the mean
    of the others. The end of the baseline is its mean final score. NaN where nothing is known.
    """
    if isinstance(target.written, float):
        return np.full(len(group), target.written)
    if target.share is None:
        end = group.loc[group["strategy"] == baseline, "final"].mean()
        scores = np.full(len(group), end)
    else:
        ceiling = filled(group, "ceiling")
        floor = filled(group, "floor") if target.is_between else 0.0
        scores = np.asarray(floor + target.share * (ceiling - floor))
    return scores * (1 - ROUNDING if metric.greater_is_better else 1 + ROUNDING)


def filled(group: pd.DataFrame, kind: str) -> Array:
    """Return the floor or the ceiling of each run; the mean of the known ones where it is not."""
    known = group.drop_duplicates("seed")[kind].mean()
    return group[kind].fillna(known).to_numpy(np.float64)


def judged(scores: Array, group: pd.DataFrame, metric: Metric) -> dict[str, Any]:
    """Return the columns that say what a target means, from its score in each run of a group.

    They are `target_value`, the mean over the seeds; `ceiling_reached`, the share of the known
    ceilings at the target; and `informative`, False where the mean floor is at the target.
    """
    seeds = group.assign(target=scores).drop_duplicates("seed")
    value = float(np.round(seeds["target"].mean(), 9))
    known = seeds[seeds["ceiling"].notna() & seeds["target"].notna()]
    reached = metric.is_at(known["ceiling"].to_numpy(), known["target"].to_numpy())
    floor = np.round(seeds["floor"].mean(), 9)
    return {
        "target_value": value,
        "ceiling_reached": float(reached.mean()) if len(known) else np.nan,
        "informative": not bool(metric.is_at(floor, value)),  # nothing is at NaN
    }


def mean_levels(group: pd.DataFrame) -> dict[str, float]:
    """Return the mean floor and ceiling over the seeds of a group for which they are known."""
    seeds = group.drop_duplicates("seed")
    return {kind: float(seeds[kind].mean()) for kind in KINDS}


def is_withheld(rows: pd.DataFrame) -> Array:
    """Return for each row whether it gets no star, whatever its p value.

    Its target is at or below the floor, or out of reach.
    """
    out_of_reach = rows["ceiling_reached"] < FEWEST_CEILINGS
    return (~rows["informative"] | out_of_reach).to_numpy(bool)


def all_scores(
    options: ReportOptions, per_run: pd.DataFrame, metric: Metric
) -> Mapping[Written, Array]:
    """Return the score to reach in each run, by target; NaN where a target is not the run's."""
    found: dict[Written, Array] = {}
    for _, group in per_run.groupby(COMPARISON_GROUP, observed=True):
        for written in targets_of(options, group, metric):
            scores = found.setdefault(written, np.full(len(per_run), np.nan))
            scores[group.index] = scores_of(read_target(written), group, options.baseline, metric)
    return found
