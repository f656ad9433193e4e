"""The examples that strategies queried, with their data: pictures, texts or rows."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from alrun.arrays import Array
from alrun.class_mix import MOST_PARTS, mix_of, mix_sections
from alrun.data.dataset import Dataset
from alrun.data.read_keys import AS_USUAL
from alrun.data.readers.tables import read_columns
from alrun.data.readers.texts import documents_in
from alrun.data.registry import BUNDLED, MNIST
from alrun.experiment.datasets import DatasetSettings
from alrun.report.html.gallery import Example, Gallery, Queried
from alrun.report.html.matrix import Matrix
from alrun.report.options import experiment_of
from alrun.report.rows import comparison_groups
from alrun.results.load import load_queries
from alrun.sweep.plan import SweepPlan, plan_of

# Examples of a gallery, letters of a text, and values of a row that stand out.
MOST_SHOWN, _MOST_LETTERS, _MOST_VALUES = 50, 160, 4


def is_built_in(results: Path) -> bool:
    """Return whether all data sets of the experiment come with alrun, so that none is private."""
    experiment = experiment_of(results)
    return experiment is not None and all(
        entry.name in (*BUNDLED, MNIST) for entry in experiment.dataset
    )


def queried(results: Path, with_examples: bool = True) -> dict[tuple[Any, ...], Queried]:
    """Return what was queried, by data set, model, start and batch size.

    `with_examples` says whether the data of the queried examples are taken along. Raises
    AlrunError where there are no queries, or the data are gone.
    """
    plan, queries = plan_of(results), load_queries(results)
    mix = mix_of(plan, queries, results, MOST_PARTS)
    mixes = dict(zip((key for key, _ in comparison_groups(mix)), mix_sections(mix), strict=True))
    makers = {
        entry.label: _maker(plan, entry) if with_examples else None
        for entry in plan.experiment.dataset
    }
    found = {}
    for key, group in comparison_groups(queries):
        maker = makers[key[0]]
        galleries = () if maker is None else tuple(_galleries(group, maker))
        found[key] = Queried(overlap(group), mixes.get(key), galleries)
    return found


def overlaps(results: Path) -> dict[tuple[Any, ...], Queried]:
    """Return how far the strategies queried the same, which takes no data; else as `queried`."""
    groups = comparison_groups(load_queries(results))
    return {key: Queried(overlap(group), None, ()) for key, group in groups}


def overlap(group: pd.DataFrame) -> Matrix:
    """Return how far every two strategies queried the same examples, as means over seeds."""
    names = [name for name in group["strategy"].cat.categories if (group["strategy"] == name).any()]
    total, n_seeds = np.zeros((2, len(names), len(names)))
    for _, own in group.groupby("seed", observed=True):
        examples, places = np.unique(own["index"], return_inverse=True)
        hits = np.zeros((len(names), len(examples)))
        hits[[names.index(name) for name in own["strategy"]], places] = 1
        both = hits @ hits.T
        sizes = np.diag(both)
        there = (sizes[:, None] > 0) & (sizes > 0)
        total[there] += (both / np.maximum(sizes[:, None] + sizes - both, 1))[there]
        n_seeds += there
    shares = np.divide(total, n_seeds, where=n_seeds > 0, out=np.full(total.shape, np.nan))
    np.fill_diagonal(shares, np.nan)
    return Matrix(
        "Overlap of the queries",
        "Of the examples that either of two strategies queried within the budget, the share in %"
        " that both did (Jaccard), as a mean over the seeds that both have.",
        "strategy",
        names,
        names,
        [["" if np.isnan(one) else f"{100 * one:.0f}" for one in row] for row in shares],
        [[0.0 if np.isnan(one) else -float(one) for one in row] for row in shares],
    )


def _galleries(group: pd.DataFrame, example: Callable[[int, str], Example]) -> Iterator[Gallery]:
    """Yield for each strategy the examples queried most often, and two batches of one seed."""
    n_seeds, first_seed = group["seed"].nunique(), group["seed"].min()
    for name, own in group.groupby("strategy", observed=True):
        often = own.groupby("index").agg(n=("seed", "nunique"), early=("round", "mean"))
        often = often.reset_index().sort_values(
            ["n", "early", "index"], ascending=[False, True, True]
        )
        shown = often.head(MOST_SHOWN)
        examples = (
            example(int(row), f"{n}/{n_seeds}")
            for row, n in zip(shown["index"], shown["n"], strict=True)
        )
        title = f"the {len(shown)} queried most often, with the number of seeds"
        yield Gallery(str(name), title, tuple(examples))
        of_seed = own[own["seed"] == first_seed].sort_values(["round", "position"])
        batches = {int(of_seed["round"].max()): "last", int(of_seed["round"].min()): "first"}
        for place, title in sorted(batches.items()):
            batch = of_seed.loc[of_seed["round"] == place, "index"].head(MOST_SHOWN)
            where = f"its {title} batch in seed {first_seed}"
            yield Gallery(str(name), where, tuple(example(int(row), "") for row in batch))


def _maker(plan: SweepPlan, entry: DatasetSettings) -> Callable[[int, str], Example] | None:
    """Return what makes examples of a data set from their rows; None where nothing can be shown."""
    source = plan.sources[str(entry.label)]
    if not isinstance(source, Dataset):
        return None
    folder = plan.path.parent
    labels = [str(source.source_classes[code]) for code in source.source_y]
    if (documents := _documents(folder, entry)) is not None:
        texts = [" ".join(text.split())[:_MOST_LETTERS] for text in documents]
        return lambda row, count: Example(f"{labels[row]} {count}".strip(), texts[row])
    if sparse.issparse(source.X):
        return None
    X = np.asarray(source.X, np.float64)
    side = int(X.shape[1] ** 0.5)
    is_image = entry.name in ("digits", MNIST) or entry.name.startswith("idx:")
    if is_image and side * side == X.shape[1]:
        grey = np.clip(255 * X / X.max(), 0, 255).round().astype(np.uint8)
        return lambda row, count: Example(
            f"{labels[row]} {count}".strip(), pixels=grey[row].reshape(side, side)
        )
    names = _names(entry, X.shape[1])
    z = (X - np.nanmean(X, axis=0)) / np.where((sd := np.nanstd(X, axis=0)) > 0, sd, 1)
    return lambda row, count: Example(
        f"{labels[row]} {count}".strip(), _standing_out(X[row], z[row], names)
    )


def _documents(folder: Path, entry: DatasetSettings) -> list[str] | None:
    """Return the texts of a data set in the order of its rows; None unless it is one of texts."""
    if entry.text is not None:
        read = AS_USUAL if entry.read is None else entry.read.keys()
        as_text = (entry.target or "target", entry.text)
        frame, _ = read_columns(folder / entry.name, as_text, read)
        return [str(text) for text in frame[entry.text]]
    if entry.name.endswith("/") and not any((folder / entry.name).rglob("*.parquet")):
        return [text for _, text in documents_in(folder / entry.name)]
    return None


def _names(entry: DatasetSettings, n_features: int) -> list[str]:
    if entry.name in BUNDLED:
        return [str(name) for name in BUNDLED[entry.name]().feature_names]
    return [f"feature {place}" for place in range(n_features)]


def _standing_out(values: Array, z: Array, names: list[str]) -> str:
    """Return the values furthest from the mean of their columns, in standard deviations."""
    places = np.argsort(-np.abs(np.nan_to_num(z)), kind="stable")[:_MOST_VALUES]
    return ", ".join(f"{names[n]} {values[n]:.4g} ({z[n]:+.1f} sd)" for n in places)


def pictures(found: Mapping[tuple[Any, ...], Queried]) -> Iterator[tuple[tuple[Any, ...], Gallery]]:
    """Yield the galleries that are pictures, each with its comparison group."""
    for key, one in found.items():
        for gallery in one.galleries:
            if all(example.pixels is not None for example in gallery.examples):
                yield key, gallery
