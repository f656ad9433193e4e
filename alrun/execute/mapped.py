"""Large features in a file that every process maps, so that they are in memory once."""

import shutil
import tempfile
import weakref
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
from joblib.externals.loky.backend import resource_tracker
from scipy import sparse

from alrun.datasets import Dataset

# Bytes from which on a second copy is worth a file.
_LARGE = 2**25


def mapped(dataset: Dataset) -> Dataset:
    """Return the data set with its features, if they are large and dense, in a temporary file.

    Workers are told where that is, and read no more of it than they need. The file goes when the
    features do, or when this process ends; where it is killed, joblib's tracker removes it. Where
    there is no room for the file the features stay where they are.
    """
    X = dataset.X
    if sparse.issparse(X) or X.nbytes < _LARGE:
        return dataset
    folder = tempfile.mkdtemp(prefix="alrun-")
    resource_tracker.register(folder, "folder")
    path = Path(folder) / "features"
    try:
        np.ascontiguousarray(X).tofile(path)
        features = np.memmap(path, dtype=X.dtype, mode="r", shape=X.shape)
    except OSError:
        _remove(folder)
        return dataset
    weakref.finalize(features, _remove, folder)
    return replace(dataset, X=features)


def _remove(folder: str) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    with suppress(BrokenPipeError):  # the tracker has been killed
        resource_tracker.unregister(folder, "folder")
