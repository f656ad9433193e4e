"""The class mix of the queries of a sweep, beside that of the pool."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from alrun import stats
from alrun.arrays import first_true
from alrun.data.dataset import Dataset
from alrun.data.splits import split_of
from alrun.errors import ResultsError
from alrun.report.phrasing import group_name, seed_counts
from alrun.report.rows import comparison_groups
from alrun.report.sections import Section, first_of_each
from alrun.results.curves import COMPARISON_GROUP
from alrun.results.load import load_queries
from alrun.spec import RunSpec
from alrun.sweep.plan import SweepPlan, plan_of

# The most parts into which a screen divides the rounds, and the most classes with a column there.
MOST_PARTS, MOST_CLASSES = 5, 12
_PART = ["strategy", "first_round", "last_round"]


def class_mix(results: Path, most_parts: int | None = None) -> pd.DataFrame:
    """Return the share of each class among the queries, means over seeds.

    The classes are those of the source, also where `positive` made two of them. A row per data set,
    model, batch size, strategy, part of the rounds, and class. Without `most_parts` each round is a
    part. With it all rounds are the first part, and then at most so many parts share them.

    Columns: the names of the row, with `first_round` and `last_round`; `n_seeds`; `queried`, the
    number of examples in all; `share`, with `share_low` and `share_high`, its 95 % interval, cut to
    0 ... 1; and `pool_share`, the share of the class among the unlabelled examples, a mean over
    these rounds. Raises ResultsError where there are no results, and AlrunError where their data
    set is gone.
    """
    return mix_of(plan_of(results), load_queries(results), results, most_parts)


def mix_of(
    plan: SweepPlan, queries: pd.DataFrame, results: Path, most_parts: int | None = None
) -> pd.DataFrame:
    """Return what `class_mix` does, from the plan of its experiment and the table of queries."""
    n_examples = max(source.n_examples for source in plan.sources.values())
    for column in ("round", "index"):
        if not queries[column].between(0, n_examples - 1).all():
            raise ResultsError(
                f"{results / 'queries.parquet'}: the column '{column}' goes beyond the data set;"
                " sweep again, or find the data set of these queries"
            )
    batches = dict(iter(queries.groupby("run_id", sort=False, observed=True)))
    tables = [
        _mix_of_run(
            spec, plan.sources[spec.dataset.display_name].at(spec.seed), batches[run], most_parts
        )
        for run, spec in plan.specs.items()
        if run in batches
    ]
    if not tables:
        raise ResultsError(f"{results} holds no queries of the experiment in it")
    return _over_seeds(pd.concat(tables))


def _mix_of_run(
    spec: RunSpec, dataset: Dataset, queries: pd.DataFrame, most_parts: int | None
) -> pd.DataFrame:
    codes, n_classes = dataset.source_y, len(dataset.source_classes)
    rounds = queries["round"].to_numpy()
    counts = np.zeros((rounds.max() + 1, n_classes))
    np.add.at(counts, (rounds, codes[queries["index"].to_numpy()]), 1)
    if (empty := first_true(counts.sum(axis=1) == 0)) is not None:
        raise ResultsError(
            f"queries.parquet holds no query of round {empty} of {spec}; sweep again"
        )
    pool = np.bincount(codes[split_of(spec, dataset).pool], minlength=n_classes)
    # An example leaves the pool once, also if it is asked for again.
    once = queries.drop_duplicates("index")
    leaving = np.zeros_like(counts)
    np.add.at(leaving, (once["round"].to_numpy(), codes[once["index"].to_numpy()]), 1)
    unlabelled = pool - np.cumsum(leaving, axis=0) + leaving
    there = unlabelled / unlabelled.sum(axis=1, keepdims=True)
    parts = _parts(len(counts), most_parts)
    queried = np.array([counts[first : last + 1].sum(axis=0) for first, last in parts])
    pool_share = np.array([there[first : last + 1].mean(axis=0) for first, last in parts])
    columns = {
        "label": [str(label) for label in dataset.source_classes] * len(parts),
        "queried": queried.astype(int).ravel(),
        "share": (queried / queried.sum(axis=1, keepdims=True)).ravel(),
        "pool_share": pool_share.ravel(),
        "first_round": np.repeat([first for first, _ in parts], n_classes),
        "last_round": np.repeat([last for _, last in parts], n_classes),
    }
    return pd.DataFrame(columns).assign(
        dataset=spec.dataset.display_name,
        model=spec.model.display_name,
        start=spec.start,
        oracle=spec.oracle_name,
        cost_model=spec.cost_name,
        batch_size=spec.batch_size,
        strategy=spec.strategy.display_name,
    )


def _parts(n_rounds: int, most_parts: int | None) -> list[tuple[int, int]]:
    """Return first and last round of each part; with `most_parts` the first part is all rounds."""
    whole = [] if most_parts is None else [(0, n_rounds - 1)]
    parts = np.array_split(np.arange(n_rounds), min(n_rounds, most_parts or n_rounds))
    each = [(int(part[0]), int(part[-1])) for part in parts]
    return whole if each == whole else whole + each


def _over_seeds(mixes: pd.DataFrame) -> pd.DataFrame:
    groups = mixes.groupby([*COMPARISON_GROUP, *_PART, "label"], sort=False)
    table = groups.agg(
        n_seeds=("share", "size"),
        queried=("queried", "sum"),
        share=("share", "mean"),
        pool_share=("pool_share", "mean"),
    )
    intervals = [
        stats.mean_interval(shares.to_numpy()).within(0.0, 1.0) for _, shares in groups["share"]
    ]
    table.insert(3, "share_low", [interval.low for interval in intervals])
    table.insert(4, "share_high", [interval.high for interval in intervals])
    return table.reset_index()


def mix_sections(mix: pd.DataFrame) -> list[Section]:
    """Return a table of percentages for each data set, model and batch size."""
    found = []
    for key, rows in comparison_groups(mix):
        labels = _columns(rows)
        texts = [("pool", "", *_percentages(rows[rows["first_round"] == 0], "pool_share", labels))]
        for (strategy, first, last), part in rows.groupby(_PART, sort=False):
            name = f"{first}" if first == last else f"{first}-{last}"
            texts.append((strategy, name, *_percentages(part, "share", labels)))
        header = (
            "% of",
            "rounds",
            *labels,
            *(["other"] if len(texts[0]) > 2 + len(labels) else []),
        )
        title = f"Classes of the queries: {group_name(key)}"
        found.append(Section(title, "", header, first_of_each(texts), 1))
    return found


def mix_notes(mix: pd.DataFrame) -> list[str]:
    """Return the note on how to read the percentages."""
    return [
        f"Means over {seed_counts(mix['n_seeds'])}, of the queries in these rounds; pool: of the"
        " examples to choose from. --format csv has each round, with intervals."
    ]


def _columns(rows: pd.DataFrame) -> list[str]:
    """Return the classes with a column: all, or the most frequent of many."""
    shares = rows.groupby("label", sort=False)["pool_share"].mean()
    if len(shares) <= MOST_CLASSES:
        return list(shares.index)
    frequent = set(shares.nlargest(MOST_CLASSES - 1).index)
    return [label for label in shares.index if label in frequent]


def _percentages(part: pd.DataFrame, column: str, labels: list[str]) -> list[str]:
    """Return the shares in %, with the sum of classes without a column last."""
    shares: Any = part.groupby("label")[column].mean()
    shown = [float(shares[label]) for label in labels]
    if len(labels) < len(shares):
        shown.append(float(shares.drop(labels).sum()))
    return [f"{100 * share:.0f}" for share in shown]
