"""Large arrays in files, which processes map instead of holding them in memory."""

import math
import os
import tempfile
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

# Bytes from which on a copy of features goes to a file. Below, memory is faster.
HUGE = 2**30
# Bytes written at a time where the system cannot reserve the room of a file.
_ZEROS = 2**24


@dataclass(frozen=True)
class Place:
    """Where an array is in its file.

    `state` is size and time of the last change of a file that others may write, else None.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    offset: int = 0
    state: tuple[int, int] | None = None


def map_file(file: Any, place: Place, mode: Any = "r") -> Any:
    """Return the array at a place in an open file; its attributes are the `file` and the `place`.

    It keeps the file open.
    """
    array: Any = np.memmap(file, place.dtype, mode, place.offset, place.shape)
    array.file, array.place = file, place
    return array


def state_of(file: Any) -> tuple[int, int]:
    """Return size and time of the last change of an open file."""
    found = os.fstat(file.fileno())
    return found.st_size, found.st_mtime_ns


def is_unchanged(array: Any) -> bool:
    """Return whether the file of an array has kept its state; so has an array in memory."""
    return not is_in_file(array) or array.place.state in (None, state_of(array.file))


def is_in_file(array: Any) -> bool:
    """Return whether an array lies in a file as a whole, as `map_file` returns it."""
    return hasattr(array, "file")


def empty_in_file(shape: tuple[int, ...], dtype: Any) -> Any:
    """Return an array of zeros in a temporary file, or None where there is no room for it.

    The file has no name, and vanishes with the last process that has it open.
    """
    with ExitStack() as on_failure, suppress(OSError):
        file = on_failure.enter_context(tempfile.TemporaryFile(prefix="alrun-"))
        _reserve(file, math.prod(shape) * np.dtype(dtype).itemsize)
        array = map_file(file, Place(shape, np.dtype(dtype)), "r+")
        on_failure.pop_all()  # the array keeps the file open
        return array
    return None


def _reserve(file: Any, n_bytes: int) -> None:
    """Give a file its size on the disk: a process that writes to a full one through a map dies."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file.fileno(), 0, n_bytes)
        return
    for start in range(0, n_bytes, _ZEROS):
        file.write(bytes(min(_ZEROS, n_bytes - start)))
    file.flush()


def empty(shape: tuple[int, ...], dtype: Any) -> Any:
    """Return an array to be filled: in memory, or in a temporary file if it is huge."""
    is_huge = math.prod(shape) * np.dtype(dtype).itemsize >= HUGE
    array = empty_in_file(shape, dtype) if is_huge else None
    return np.empty(shape, dtype) if array is None else array
