"""Data files, each opened once, with the hash of the bytes that are read."""

import hashlib
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from alrun.errors import DatasetError

# The large file that is open for reading: its descriptor and its bytes.
_open: list[tuple[int, int]] = []
# Up to this many bytes a file is read at once. Of a larger one only what is parsed is in memory.
HELD_BYTES = 2**22


@dataclass(frozen=True)
class SourceFile:
    """An open data file: its path, its bytes as a stream, their number and their SHA-256.

    Read it through `from_start` alone: the path may name another file by now.
    """

    path: Path
    stream: BinaryIO
    n_bytes: int
    sha256: str

    def from_start(self) -> BinaryIO:
        """Return the bytes as a stream that stands at the first one."""
        self.stream.seek(0)
        return self.stream


@contextmanager
def opened(path: Path) -> Iterator[SourceFile]:
    """Open a data file for reading, so that the hash is that of the bytes that are read.

    A small file is read at once. A larger one is hashed before and after; raises DatasetError if
    it changed in between, or cannot be opened.
    """
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size <= HELD_BYTES:
                content = file.read()
                hashed = hashlib.sha256(content).hexdigest()
                yield SourceFile(path, io.BytesIO(content), len(content), hashed)
                return
            with _followed(file):
                before = _state(file)
                try:
                    yield SourceFile(path, file, before[1], before[-1])
                except Exception as error:
                    if _state(file) != before:  # half of another file is hardly ever whole
                        raise _changed(path) from error
                    raise
                if _state(file) != before:
                    raise _changed(path)
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror or error}") from error


@contextmanager
def _followed(file: io.BufferedReader) -> Iterator[None]:
    """Let `share_read` tell how far an open file is read."""
    _open.append((file.fileno(), os.fstat(file.fileno()).st_size))
    try:
        yield
    finally:
        _open.pop()


def share_read() -> float | None:
    """Return how far the large file that is being read is read, from 0 to 1; None without one.

    Files are gone through more than once, so the share can fall. Any thread may ask.
    """
    for descriptor, n_bytes in _open[-1:]:
        with suppress(OSError):  # it was closed right now
            return min(os.lseek(descriptor, 0, os.SEEK_CUR) / max(n_bytes, 1), 1.0)
    return None


def _changed(path: Path) -> DatasetError:
    return DatasetError(f"{path} changed while it was read; start again when it is finished")


def _state(file: io.BufferedReader) -> tuple[int, int, int, str]:
    """Return inode, size, time of the last change and SHA-256 of an open file."""
    file.seek(0)
    content = hashlib.file_digest(file, "sha256").hexdigest()
    found = os.fstat(file.fileno())
    return found.st_ino, found.st_size, found.st_mtime_ns, content
