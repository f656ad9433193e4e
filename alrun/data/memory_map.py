"""Large features in a file that all processes map, so that they are in memory once."""

from dataclasses import replace
from multiprocessing.connection import Connection
from multiprocessing.reduction import recv_handle, send_handle
from typing import TypeGuard

import numpy as np
from scipy import sparse

from alrun.data.dataset import AnyDataset, Dataset
from alrun.data.features import LARGEST_CHUNK, slices
from alrun.data.mapped_arrays import Place, empty_in_file, is_in_file, is_unchanged, map_file
from alrun.errors import DatasetError

# Bytes from which on one file for all is better than a copy for each process.
_LARGE = 2**25


def mapped(dataset: Dataset) -> Dataset:
    """Return the data set with its features, if they are large and dense, in a file.

    It is a temporary one, unless they are in a file already. Where there is no room for it, the
    features stay where they are.
    """
    X = dataset.X
    if sparse.issparse(X) or X.nbytes < _LARGE:
        return dataset
    if not is_in_file(X):
        X = empty_in_file(X.shape, X.dtype)
        if X is None:
            return dataset
        for block in slices(X, LARGEST_CHUNK):
            X[block] = dataset.X[block]
    return replace(dataset, X=map_file(X.file, X.place))


def is_mapped(source: AnyDataset) -> TypeGuard[Dataset]:
    """Return whether the features of a data set are in a file."""
    return isinstance(source, Dataset) and is_in_file(source.X)


def in_memory(source: AnyDataset) -> AnyDataset:
    """Return a data set that can be pickled: with a copy of its features if they are in a file."""
    return replace(source, X=np.array(source.X)) if is_mapped(source) else source


def check_unchanged(dataset: Dataset) -> None:
    """Raise DatasetError if the user's own file of the features has changed since it was read."""
    if not is_unchanged(dataset.X):
        raise DatasetError("the file of the features changed after it was read; sweep again")


def send(source: AnyDataset, connection: Connection, pid: int) -> None:
    """Send a data set to the process `pid`; of mapped features, send the open file."""
    if not is_mapped(source):
        connection.send(source)
        return
    connection.send(replace(source, X=source.X.place))
    send_handle(connection, source.X.file.fileno(), pid)


def receive(connection: Connection) -> AnyDataset:
    """Receive a data set from the other end."""
    source: AnyDataset = connection.recv()
    if isinstance(source, Dataset) and isinstance(source.X, Place):
        file = open(recv_handle(connection), "rb")  # noqa: SIM115 -- the features keep it open
        return replace(source, X=map_file(file, source.X))
    return source
