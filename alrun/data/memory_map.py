"""Large features in a file that all processes map, so that they are in memory once."""

import tempfile
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from multiprocessing.reduction import recv_handle, send_handle
from typing import Any, TypeGuard

import numpy as np
from scipy import sparse

from alrun.data.dataset import AnyDataset, Dataset

# Bytes from which on one file for all is better than a copy for each process.
_LARGE = 2**25


@dataclass(frozen=True)
class _Layout:
    """The shape and type of mapped features, which are sent before their file."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]


def mapped(dataset: Dataset) -> Dataset:
    """Return the data set with its features, if they are large and dense, in a temporary file.

    The file has no name, and vanishes with the last process that has it open. Where there is no
    room for it, the features stay where they are.
    """
    X = dataset.X
    if sparse.issparse(X) or X.nbytes < _LARGE:
        return dataset
    with ExitStack() as on_failure, suppress(OSError):
        file = on_failure.enter_context(tempfile.TemporaryFile(prefix="alrun-"))
        np.ascontiguousarray(X).tofile(file)
        shared = replace(dataset, X=_features(file, _Layout(X.shape, X.dtype)))
        on_failure.pop_all()  # the features keep the file open
        return shared
    return dataset


def is_mapped(source: AnyDataset) -> TypeGuard[Dataset]:
    """Return whether the features of a data set are in a temporary file."""
    return isinstance(source, Dataset) and hasattr(source.X, "file")


def in_memory(source: AnyDataset) -> AnyDataset:
    """Return a data set that can be pickled: with a copy of its features if they are in a file."""
    return replace(source, X=np.array(source.X)) if is_mapped(source) else source


def send(source: AnyDataset, connection: Connection, pid: int) -> None:
    """Send a data set to the process `pid`; of mapped features, send the open file."""
    if not is_mapped(source):
        connection.send(source)
        return
    connection.send(replace(source, X=_Layout(source.X.shape, source.X.dtype)))
    send_handle(connection, source.X.file.fileno(), pid)


def receive(connection: Connection) -> AnyDataset:
    """Receive a data set from the other end."""
    source: AnyDataset = connection.recv()
    if isinstance(source, Dataset) and isinstance(source.X, _Layout):
        file = open(recv_handle(connection), "rb")  # noqa: SIM115 -- the features keep it open
        return replace(source, X=_features(file, source.X))
    return source


def _features(file: Any, layout: _Layout) -> Any:
    features: Any = np.memmap(file, dtype=layout.dtype, mode="r", shape=layout.shape)
    features.file = file  # what other processes are sent
    return features
