"""The limit on what a data file may claim to hold: the memory at hand."""

import math
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import psutil

from alrun.data.mapped_arrays import empty_in_file
from alrun.errors import DatasetError

# Bytes of features from which on they are read into a temporary file.
_LARGE = 2**25
# Bytes of features that a byte of a file can stand for.
_DENSEST = 16


def available_bytes() -> int:
    """Return the bytes of memory that can be used without swapping."""
    return int(psutil.virtual_memory().available)


def check_fits(source: Path | str, n_bytes: int) -> None:
    """Raise DatasetError if a source that takes `n_bytes` in memory does not fit there."""
    available = available_bytes()
    if n_bytes > available:
        raise DatasetError(
            f"{source} would take {as_size(n_bytes)} of memory, and"
            f" {as_size(available)} are free; use fewer rows or columns, or a machine with"
            " more memory"
        )


def check_claim(source: Path | str, needed: int, n_bytes: int) -> None:
    """Raise DatasetError if a source of `n_bytes` claims far more and that does not fit in memory.

    Such a file may be made to fill the disk.
    """
    if needed > _DENSEST * n_bytes:
        check_fits(source, needed)


def room_for(source: Path | str, shape: tuple[int, ...], dtype: Any, n_bytes: int) -> Any:
    """Return an array for the features of a source of `n_bytes`, in a temporary file if large.

    Raises DatasetError if they fit neither on the disk nor in memory, and as `check_claim` does.
    """
    needed = math.prod(shape) * np.dtype(dtype).itemsize
    check_claim(source, needed, n_bytes)
    array = empty_in_file(shape, dtype) if needed >= _LARGE else None
    if array is None:
        check_fits(source, needed)
        array = np.empty(shape, dtype)
    return array


def read_at_most(stream: BinaryIO, n_bytes: int) -> bytearray:
    """Return the bytes of a stream up to its end, or the first `n_bytes` of them.

    Unlike the method `read`, it takes no more memory than there are bytes.
    """
    content = bytearray()
    while block := stream.read(min(2**20, n_bytes - len(content))):
        content += block
    return content


def as_size(n_bytes: int) -> str:
    """Return a number of bytes as text, in gigabytes; below one in megabytes or kilobytes.

    >>> as_size(1_234_000_000)
    '1.2 GB'
    """
    for factor, unit in ((1e9, "GB"), (1e6, "MB")):
        if n_bytes >= factor:
            return f"{n_bytes / factor:,.1f} {unit}"
    return f"{n_bytes / 1e3:,.1f} kB"
