"""Who is tested, who is labelled at first and who is in the pool, for one seed."""

from collections.abc import Collection
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.model_selection import train_test_split

from alrun.datasets import Dataset, GivenSplits
from alrun.errors import DatasetError, first_line
from alrun.seeds import draw_integer, generator
from alrun.spec import ROLES, InitialSpec, IntArray, RunSpec, Split

_UNUSED = -1


def split_of(spec: RunSpec, dataset: Dataset) -> Split:
    """Return the split of a run: the one given with the data set, or else the one drawn."""
    if dataset.splits is None:
        part = spec.dataset
        return draw_split(dataset, part.test_size, spec.initial, spec.seed, part.subsample)
    roles = dataset.splits.of(spec.seed)
    pool, initial, test = (np.flatnonzero(roles == code) for code in range(len(ROLES)))
    return Split(test=test, initial=initial, pool=pool)


def draw_split(
    dataset: Dataset,
    test_size: int,
    initial: InitialSpec,
    seed: int,
    subsample: int | None = None,
) -> Split:
    """Draw a stratified test part of `test_size` examples, then the initial set.

    With a `subsample` so many examples are drawn before, and the others have no role. All of it
    depends on the data set and the seed alone, so that every strategy, model and batch size of a
    seed starts from the same labels. Raises DatasetError where the classes are too small.
    """
    return _draw(_Labels(dataset), test_size, initial, seed, subsample)


class _Labels:
    """What of a data set a split is drawn from, equal where that is."""

    def __init__(self, dataset: Dataset) -> None:
        self.y, self.classes = dataset.y, dataset.classes
        self.fingerprint = dataset.fingerprint
        self._digest = hash((self.fingerprint, self.classes, self.y.tobytes()))

    def __hash__(self) -> int:
        return self._digest

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, _Labels)
            and (self.fingerprint, self.classes) == (other.fingerprint, other.classes)
            and np.array_equal(self.y, other.y)
        )


# To draw a split takes as long as several rounds, and all runs of a seed have the same.
@lru_cache(maxsize=64)
def _draw(
    labels: _Labels, test_size: int, initial: InitialSpec, seed: int, subsample: int | None
) -> Split:
    dataset = Dataset(None, labels.y, labels.classes, labels.fingerprint)
    rows = _draw_used(dataset, subsample, seed)
    _check_stratified(dataset.y[rows], dataset, test_size, "test part")
    rng = generator(seed, "split", dataset.fingerprint)
    training, test = train_test_split(
        rows,
        test_size=test_size,
        stratify=dataset.y[rows],
        random_state=draw_integer(rng),
    )
    training = np.sort(training)
    rng = generator(seed, "initial", dataset.fingerprint)
    chosen = np.sort(_draw_initial(dataset, training, initial, rng))
    parts = (np.sort(test), chosen, np.setdiff1d(training, chosen))
    for part in parts:  # shared by all who ask for this split
        part.setflags(write=False)
    return Split(*parts)


def _draw_used(dataset: Dataset, subsample: int | None, seed: int) -> IntArray:
    """Draw the rows that a seed uses, in ascending order."""
    rows = np.arange(dataset.n_examples)
    if subsample is None or subsample == len(rows):
        return rows
    _check_stratified(dataset.y, dataset, subsample, "subsample")
    rng = generator(seed, "subsample", dataset.fingerprint)
    used, _ = train_test_split(
        rows, train_size=subsample, stratify=dataset.y, random_state=draw_integer(rng)
    )
    return np.sort(used)


def _draw_initial(
    dataset: Dataset, training: IntArray, initial: InitialSpec, rng: np.random.Generator
) -> IntArray:
    y = dataset.y[training]
    if initial.method == "per_class":
        chosen = []
        for code, label in enumerate(dataset.classes):
            members = training[y == code]
            if len(members) < initial.size:
                raise DatasetError(
                    f"class '{label}' has {len(members)} examples in the training part;"
                    f" initial.per_class = {initial.size} needs more"
                )
            chosen.append(rng.permutation(members)[: initial.size])
        return np.concatenate(chosen)
    if initial.size > len(training):
        raise DatasetError(
            f"initial.size = {initial.size}, but the training part has {len(training)} examples"
        )
    if initial.method == "random" or initial.size == len(training):
        return rng.permutation(training)[: initial.size]
    _check_stratified(y, dataset, initial.size, "initial set")
    return np.asarray(
        train_test_split(
            training, train_size=initial.size, stratify=y, random_state=draw_integer(rng)
        )[0]
    )


def _check_stratified(y: IntArray, dataset: Dataset, size: int, part: str) -> None:
    counts = np.bincount(y, minlength=dataset.n_classes)
    for code in np.flatnonzero(counts < 2)[:1]:
        rows = np.flatnonzero(dataset.y == code)
        where = f" (row {rows[0]}, the first is 0)" if len(rows) else ""
        raise DatasetError(
            f"class '{dataset.classes[code]}' has {counts[code]} example{where}; a stratified"
            f" {part} needs two at least: add examples, drop the class, or give splits of your own"
        )
    if not dataset.n_classes <= size <= len(y) - dataset.n_classes:
        raise DatasetError(
            f"a stratified {part} of {size} out of {len(y)} examples cannot hold and leave one of"
            f" each of the {dataset.n_classes} classes"
        )


def with_given_splits(dataset: Dataset, path: Path, seeds: Collection[int], label: str) -> Dataset:
    """Read a table of seed, index and role, as `splits.parquet` in a results directory is.

    Where it has a column `dataset` with several values, the rows of `label` are taken. Raises
    DatasetError, which names the file and the row.
    """
    import pandas as pd

    if not path.is_file():
        raise DatasetError(f"there is no file '{path}'")
    try:
        frame = pd.read_parquet(path).reset_index(drop=True)
    except Exception as error:  # damaged metadata raises almost anything
        raise DatasetError(f"{path} cannot be read as Parquet: {first_line(error)}") from error
    missing = [column for column in ("seed", "index", "role") if column not in frame.columns]
    if missing:
        raise DatasetError(
            f"{path}: there is no column '{missing[0]}'; seed, index, role are wanted"
        )
    if "dataset" in frame.columns and frame["dataset"].nunique() > 1:
        frame = frame[frame["dataset"].astype(str) == label]
    _check_rows(path, frame, dataset.n_examples)
    codes = frame["role"].astype(str).map({role: code for code, role in enumerate(ROLES)})
    wanted = tuple(sorted(seeds))
    roles = np.full((len(wanted), dataset.n_examples), _UNUSED, dtype=np.int8)
    for position, seed in enumerate(wanted):
        chosen = (frame["seed"] == seed).to_numpy()
        roles[position, frame["index"].to_numpy()[chosen]] = codes.to_numpy()[chosen]
        absent = [role for code, role in enumerate(ROLES) if not (roles[position] == code).any()]
        if absent and absent != ["pool"]:
            raise DatasetError(f"{path}: seed {seed} has no row with the role '{absent[-1]}'")
    return replace(dataset, splits=GivenSplits(wanted, roles))


def _check_rows(path: Path, frame: Any, n_examples: int) -> None:
    """Raise DatasetError at the first row that cannot be right."""
    index = frame["index"]
    integers = all(frame[column].dtype.kind in "iu" for column in ("seed", "index"))
    if not integers:
        raise DatasetError(f"{path}: the columns seed and index must hold whole numbers")
    problems = {
        f"index is not a row of the data set (0 to {n_examples - 1})": ~index.between(
            0, n_examples - 1
        ),
        f"role is none of {', '.join(ROLES)}": ~frame["role"].astype(str).isin(ROLES),
        "the same seed and index stand above": frame.duplicated(["seed", "index"]),
    }
    for problem, bad in problems.items():
        for row in frame.index[bad][:1]:
            raise DatasetError(f"{path}: row {row} (the first is 0): {problem}")
