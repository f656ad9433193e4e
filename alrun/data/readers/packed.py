"""The endings of data files, and the unpacking of .gz, .bz2, .xz and .zst."""

import bz2
import gzip
import io
import lzma
from pathlib import Path
from typing import Any

from alrun.data.readers.memory_limit import as_size, available_bytes
from alrun.data.readers.source_file import SourceFile
from alrun.errors import DatasetError

PACKED = (".gz", ".bz2", ".xz", ".zst")
# Formats of plain text, which may be packed; the others have a compression of their own.
TEXT_TABLES = (".csv", ".tsv", ".jsonl")


def ending_of(name: str) -> str:
    """Return the ending that names the format, in lower case, without that of a packed file.

    >>> ending_of("mine.CSV.gz")
    '.csv'
    """
    path = Path(name)
    suffix = path.suffix.lower()
    inner = path.with_suffix("").suffix.lower() if suffix in PACKED else ""
    return inner if inner in TEXT_TABLES else suffix


def unpacked(file: SourceFile) -> Any:
    """Return the content of a data file as a binary stream, unpacked as it is read."""
    stream, suffix = file.from_start(), file.path.suffix.lower()
    if suffix == ".gz":
        return gzip.GzipFile(fileobj=stream)
    if suffix == ".bz2":
        return bz2.BZ2File(stream)
    if suffix == ".xz":
        return lzma.LZMAFile(stream)
    if suffix == ".zst":
        import pyarrow as pa

        # Given the stream itself, Arrow would close it.
        packed = pa.BufferReader(stream.read())
        return io.BufferedReader(pa.CompressedInputStream(packed, "zstd"))
    return stream


def check_unpacked(file: SourceFile, n_bytes: int) -> None:
    """Raise DatasetError if `n_bytes` of a packed file exceed the memory at hand."""
    if file.path.suffix.lower() in PACKED and n_bytes > (available := available_bytes()):
        raise DatasetError(
            f"{file.path} unpacks to more than the {as_size(available)} of memory that are free;"
            " use a smaller file, or a machine with more memory"
        )
