"""Splits into test, initial and pool sets, drawn for one seed."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from sklearn.model_selection import train_test_split

from alrun.arrays import IntArray, first_true
from alrun.data.dataset import Dataset
from alrun.data.kmeans import representatives
from alrun.data.missing import impute, impute_kept
from alrun.data.scaling import rescale
from alrun.data.typicality import typical
from alrun.errors import DatasetError
from alrun.records import ROLES, Split
from alrun.spec import TaskSpec
from alrun.spec_parts import InitialSpec
from alrun.util.lru_cache import LRUCache
from alrun.util.random_streams import draw_integer, generator
from alrun.util.top_k import top_k

# Cached because drawing a split takes as long as several rounds, and all runs of a seed share it.
_split_cache: LRUCache[Split] = LRUCache(64)
# The initial sets that the features decide.
_BY_FEATURES = {"kmeans": representatives, "typical": typical}
# Sums of squares of larger features overflow.
_LARGEST = 1e150


def split_of(spec: TaskSpec, dataset: Dataset) -> Split:
    """Return the split of a run or a reference, from the user's file or else drawn."""
    user_split = dataset.user_split(spec.seed)
    if dataset.splits is None or user_split is None or not user_split[1]:
        part = spec.dataset
        return draw_split(
            dataset,
            part.test_size,
            spec.initial,
            spec.seed,
            part.scale,
            part.subsample,
            part.stratify,
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
    stratify: bool = True,
) -> Split:
    """Draw a stratified test part of `test_size` examples, then the initial set.

    A test part that the data set or the user's splits fix is not drawn. Unless `stratify`, the
    classes in the test part and in a subsample are not in proportion.

    With a `subsample`, so many examples are drawn first and the others get no role. The split
    depends only on the data set and the seed, so every strategy, model and batch size of a seed
    starts from the same labels. Examples that the user's file lists as initial are in every
    subsample and never in the test part. `scale` is the scale of the run; it matters if features
    decide the initial set, as for kmeans and typical. Raises DatasetError if classes are too small.
    """
    by_features = initial.method in _BY_FEATURES
    prepared = (scale, repr(dataset.missing)) if by_features else None
    key = (_digest(dataset), test_size, initial, seed, subsample, stratify, prepared)
    return _split_cache.get_or_compute(
        key, lambda: _draw(dataset, test_size, initial, seed, scale, subsample, stratify)
    )


def _digest(dataset: Dataset) -> str:
    """Return a hash of the parts of a data set relevant to its splits.

    The fingerprint stands for the features, which would take long to hash.
    """
    header = repr((dataset.fingerprint, dataset.classes)).encode()
    content = hashlib.sha256(header + dataset.y.tobytes())
    if dataset.splits is not None:
        content.update(dataset.splits.roles.tobytes())
    return content.hexdigest()


def _draw(
    dataset: Dataset,
    test_size: int,
    initial: InitialSpec,
    seed: int,
    scale: str | float,
    subsample: int | None,
    stratify: bool,
) -> Split:
    rows = np.arange(dataset.n_examples) if dataset.drawable is None else dataset.drawable
    if dataset.splits is not None:
        rows = dataset.user_training(seed)
    with _error_prefix("" if subsample is None else f"dataset.subsample = {subsample}: "):
        if initial.method != "file":
            used = _draw_subsample(dataset, rows, subsample, seed, stratify)
            training, test = _training_and_test(dataset, used, test_size, seed, stratify)
            rng = generator(seed, "initial", dataset.fingerprint)
            chosen = np.sort(_draw_initial(dataset, training, initial, scale, rng))
        else:
            chosen = dataset.initial[initial.display_name][seed]
            if (place := first_true(~np.isin(chosen, rows))) is not None:
                raise DatasetError(
                    f"initial.file: row {chosen[place]} of the data set is listed for seed {seed},"
                    " and it is tested on, or left out"
                )
            others = np.setdiff1d(rows, chosen)
            with _error_prefix(
                f"initial.file: beside the {len(chosen)} examples listed for seed {seed}, "
            ):
                more = None if subsample is None else subsample - len(chosen)
                used = _draw_subsample(dataset, others, more, seed, stratify)
                training, test = _training_and_test(dataset, used, test_size, seed, stratify)
    parts = (test, chosen, np.setdiff1d(training, chosen))
    for part in parts:  # the cache shares these arrays among runs
        part.setflags(write=False)
    return Split(*parts)


@contextmanager
def _error_prefix(prefix: str) -> Iterator[None]:
    """Put `prefix` in front of the message of any DatasetError raised inside."""
    try:
        yield
    except DatasetError as error:
        raise DatasetError(f"{prefix}{error}") from error


def _draw_subsample(
    dataset: Dataset, rows: IntArray, size: int | None, seed: int, stratify: bool
) -> IntArray:
    """Draw `size` of these rows, in ascending order; all of them if `size` is None."""
    if size is None or size == len(rows):
        return rows
    if size < 1:
        raise DatasetError("no others are left; raise dataset.subsample")
    rng = generator(seed, "subsample", dataset.fingerprint)
    if not stratify:
        return np.sort(rng.choice(rows, size, replace=False))
    _check_stratified(dataset, rows, size, "subsample")
    return np.sort(_draw_stratified(dataset, rows, size, rng))


def _training_and_test(
    dataset: Dataset, rows: IntArray, size: int, seed: int, stratify: bool
) -> tuple[IntArray, IntArray]:
    """Return training part and test part, both ascending.

    Together they are these rows and the test part that is fixed; without one, a part of `size` is
    drawn from the rows.
    """
    if dataset.splits is not None:
        return rows, np.flatnonzero(dataset.splits.of(seed) == ROLES.index("test"))
    if dataset.test is not None:
        return rows, dataset.test.copy()
    if stratify:
        _check_stratified(dataset, rows, size, "test part")
    rng = generator(seed, "split", dataset.fingerprint)
    training, test = train_test_split(
        rows,
        test_size=size,
        stratify=dataset.y[rows] if stratify else None,
        random_state=draw_integer(rng),
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
            f"initial.size = {initial.size}, but the training part has only {len(training)}"
            " examples; lower it"
        )
    if initial.method == "random" or initial.size == len(training):
        return rng.permutation(training)[: initial.size]
    if initial.method == "model_scores":
        return _draw_least_sure(dataset, training, initial, rng)
    if initial.method in _BY_FEATURES:
        X = rescale(impute(dataset.X, dataset.fills, training), scale, training)
        X = impute_kept(X, dataset.fills, training)[training]
        if not max(float(X.max()), -float(X.min())) < _LARGEST:
            raise DatasetError(
                f'initial.method = "{initial.method}" squares the features, and these are too'
                " large; choose a scale or another method"
            )
        return training[_BY_FEATURES[initial.method](X, initial.size, rng)]
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
                f"class '{label}' has {len(members)} examples in the training part, too few for"
                f" initial.per_class = {size}; lower it or add examples"
            )
        chosen.append(rng.permutation(members)[:size])
    return np.concatenate(chosen)


def _draw_least_sure(
    dataset: Dataset, training: IntArray, initial: InitialSpec, rng: np.random.Generator
) -> IntArray:
    """Return the examples with the smallest margins of an outside model; ties are random."""
    rows = rng.permutation(training)
    return rows[top_k(-dataset.sureness[initial.display_name][rows], initial.size)[0]]


def _draw_stratified(
    dataset: Dataset, rows: IntArray, size: int, rng: np.random.Generator
) -> IntArray:
    """Draw `size` of these rows, stratified by class."""
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
            f" {part} needs at least two: add examples, give splits of your own, or choose"
            ' rare = "merge" or "drop", or stratify = false, under [dataset]'
        )
    if not dataset.n_classes <= size <= len(y) - dataset.n_classes:
        raise DatasetError(
            f"a stratified {part} of {size} out of {len(y)} examples is impossible: it must hold,"
            f" and leave, at least one example of each of the {dataset.n_classes} classes"
        )
