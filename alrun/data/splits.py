"""Who is tested, who is labelled at first and who is in the pool, for one seed."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from sklearn.model_selection import train_test_split

from alrun.arrays import IntArray, first_true
from alrun.data.dataset import Dataset
from alrun.data.kmeans import representatives
from alrun.data.scaling import rescale
from alrun.errors import DatasetError
from alrun.records import ROLES, Split
from alrun.spec import InitialSpec, RunSpec
from alrun.util.lru_cache import LRUCache
from alrun.util.random_streams import draw_integer, generator

# To draw a split takes as long as several rounds, and all runs of a seed have the same.
_kept: LRUCache[Split] = LRUCache(64)
# Sums of squares of larger features overflow.
_LARGEST = 1e150


def split_of(spec: RunSpec, dataset: Dataset) -> Split:
    """Return the split of a run: the one given with the data set, or else the one drawn."""
    if dataset.splits is None:
        part = spec.dataset
        return draw_split(
            dataset, part.test_size, spec.initial, spec.seed, part.scale, part.subsample
        )
    roles = dataset.splits.of(spec.seed)
    pool, initial, test = (np.flatnonzero(roles == code) for code in range(len(ROLES)))
    return Split(test=test, initial=initial, pool=pool)


def draw_split(
    dataset: Dataset,
    test_size: int,
    initial: InitialSpec,
    seed: int,
    scale: str | float = "none",
    subsample: int | None = None,
) -> Split:
    """Draw a stratified test part of `test_size` examples, then the initial set.

    With a `subsample` so many examples are drawn before, and the others have no role. All of it
    depends on the data set and the seed alone, so that every strategy, model and batch size of a
    seed starts from the same labels. Examples that a file lists as initial are never tested, and
    are part of any subsample. `scale` is that of the run; it matters where features decide who is
    initial. Raises DatasetError where the classes are too small.
    """
    scaled = scale if initial.method == "kmeans" else None
    key = (_digest(dataset), test_size, initial, seed, subsample, scaled)
    return _kept.get_or_compute(
        key, lambda: _draw(dataset, test_size, initial, seed, scale, subsample)
    )


def _digest(dataset: Dataset) -> str:
    """Return what of a data set tells its splits from another's; the features are too large."""
    named = repr((dataset.fingerprint, dataset.classes)).encode()
    return hashlib.sha256(named + dataset.y.tobytes()).hexdigest()


def _draw(
    dataset: Dataset,
    test_size: int,
    initial: InitialSpec,
    seed: int,
    scale: str | float,
    subsample: int | None,
) -> Split:
    rng = generator(seed, "split", dataset.fingerprint)
    everyone = np.arange(dataset.n_examples)
    with _said_of("" if subsample is None else f"dataset.subsample = {subsample}: "):
        if dataset.initial is None:
            used = _draw_used(dataset, everyone, subsample, seed)
            training, test = _draw_test(dataset, used, test_size, rng)
            rng = generator(seed, "initial", dataset.fingerprint)
            chosen = np.sort(_draw_initial(dataset, training, initial, scale, rng))
        else:
            chosen = dataset.initial[seed]
            others = np.setdiff1d(everyone, chosen)
            with _said_of(
                f"initial.file: beside the {len(chosen)} examples listed for seed {seed}, "
            ):
                more = None if subsample is None else subsample - len(chosen)
                used = _draw_used(dataset, others, more, seed)
                training, test = _draw_test(dataset, used, test_size, rng)
    parts = (test, chosen, np.setdiff1d(training, chosen))
    for part in parts:  # shared by all who ask for this split
        part.setflags(write=False)
    return Split(*parts)


@contextmanager
def _said_of(place: str) -> Iterator[None]:
    """Begin what is wrong with where it is."""
    try:
        yield
    except DatasetError as error:
        raise DatasetError(f"{place}{error}") from error


def _draw_used(dataset: Dataset, rows: IntArray, size: int | None, seed: int) -> IntArray:
    """Draw which of these rows a seed uses, in ascending order."""
    if size is None or size == len(rows):
        return rows
    if size < 1:
        raise DatasetError("no others are left")
    _check_stratified(dataset, rows, size, "subsample")
    rng = generator(seed, "subsample", dataset.fingerprint)
    return np.sort(_draw_stratified(dataset, rows, size, rng))


def _draw_test(
    dataset: Dataset, rows: IntArray, size: int, rng: np.random.Generator
) -> tuple[IntArray, IntArray]:
    """Part these rows into those that are learnt from and those that are tested."""
    _check_stratified(dataset, rows, size, "test part")
    training, test = train_test_split(
        rows, test_size=size, stratify=dataset.y[rows], random_state=draw_integer(rng)
    )
    return np.sort(training), np.sort(test)


def _draw_initial(
    dataset: Dataset,
    training: IntArray,
    initial: InitialSpec,
    scale: str | float,
    rng: np.random.Generator,
) -> IntArray:
    if initial.method == "per_class":
        return _draw_per_class(dataset, training, initial.size, rng)
    if initial.size > len(training):
        raise DatasetError(
            f"initial.size = {initial.size}, but the training part has {len(training)} examples"
        )
    if initial.method == "random" or initial.size == len(training):
        return rng.permutation(training)[: initial.size]
    if initial.method == "kmeans":
        X = rescale(dataset.X, scale, training)[training]
        if not max(float(X.max()), -float(X.min())) < _LARGEST:
            raise DatasetError("initial.method: kmeans squares features; these are too large")
        return training[representatives(X, initial.size, rng)]
    _check_stratified(dataset, training, initial.size, "initial set")
    return _draw_stratified(dataset, training, initial.size, rng)


def _draw_per_class(
    dataset: Dataset, training: IntArray, size: int, rng: np.random.Generator
) -> IntArray:
    chosen = []
    for code, label in enumerate(dataset.classes):
        members = training[dataset.y[training] == code]
        if len(members) < size:
            raise DatasetError(
                f"class '{label}' has {len(members)} examples in the training part;"
                f" initial.per_class = {size} needs more"
            )
        chosen.append(rng.permutation(members)[:size])
    return np.concatenate(chosen)


def _draw_stratified(
    dataset: Dataset, rows: IntArray, size: int, rng: np.random.Generator
) -> IntArray:
    """Draw so many of these rows, with the shares of the classes that they have."""
    drawn, _ = train_test_split(
        rows, train_size=size, stratify=dataset.y[rows], random_state=draw_integer(rng)
    )
    return np.asarray(drawn)


def _check_stratified(dataset: Dataset, among: IntArray, size: int, part: str) -> None:
    y = dataset.y[among]
    counts = np.bincount(y, minlength=dataset.n_classes)
    if (code := first_true(counts < 2)) is not None:
        rows = among[y == code]
        number = f"{len(rows)} example" + ("" if len(rows) == 1 else "s")
        where = f" (row {rows[0]}, the first is 0)" if len(rows) else ""
        raise DatasetError(
            f"class '{dataset.classes[code]}' has {number}{where}; a stratified"
            f" {part} needs two at least: add examples, drop the class, or give splits of your own"
        )
    if not dataset.n_classes <= size <= len(y) - dataset.n_classes:
        raise DatasetError(
            f"a stratified {part} of {size} out of {len(y)} examples cannot hold and leave one of"
            f" each of the {dataset.n_classes} classes"
        )
