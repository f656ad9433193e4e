"""The limit on what a data file may claim to hold: the memory at hand."""

from pathlib import Path
from typing import BinaryIO

import psutil

from alrun.errors import DatasetError


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
