"""The state of a labelling project: files that only appear, and are never written again.

`data-1.parquet` has the ids and hashes of the rows at the first batch, and the footer what is fixed
from then on; rows that were added later have further such files. `batch-<n>.jsonl` has a batch, and
`labels-<n>.jsonl` a delivery of answers. All else is derived from them.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from alrun.errors import LabellingError, first_line
from alrun.labelling.records import Answer
from alrun.labelling.row_hashes import Hashes
from alrun.labelling.sealed_lines import seal, unseal
from alrun.results.schema import to_parquet_bytes
from alrun.util.atomic_files import locked, remove_abandoned, unusable, write_file
from alrun.util.digest import digest_of_bytes

# Raise it when a file of this version can no longer be read as it is.
_VERSION = 1
_NAME = re.compile(r"(data|batch|labels)-([1-9][0-9]{0,8})\.(parquet|jsonl)")
_RESTORE = "restore it from a backup"


@dataclass(frozen=True)
class Asked:
    """An example of a batch.

    Attributes
    ----------
    rank
        Its place in the batch, from 1.
    is_audit
        Whether it was drawn at random to measure accuracy, and is never trained on.
    suggestion, confidence
        The class that the model named, and its probability; None before the first fit.
    """

    id: str
    rank: int
    is_audit: bool = False
    suggestion: str | None = None
    confidence: float | None = None


@dataclass(frozen=True)
class Batch:
    """A batch as it was written: its number from 1, facts about it by name, and its examples."""

    number: int
    facts: Mapping[str, Any]
    examples: tuple[Asked, ...]

    @property
    def queried(self) -> list[str]:
        """The ids that the model is trained on, by rank."""
        return [example.id for example in self.examples if not example.is_audit]


@dataclass(frozen=True)
class Delivery:
    """Answers that were taken together, with the names and hashes of their sources."""

    number: int
    sources: tuple[Mapping[str, str], ...]
    taken: str
    answers: tuple[Answer, ...]


@dataclass(frozen=True)
class KnownRows:
    """The rows that a project knows, in the order in which it came to know them.

    Attributes
    ----------
    ids, hashes
        Of each row, of shape (n_rows,).
    labels
        The label that each row had in the file, or None.
    sizes
        How many rows came at a time.
    fixed
        What has been fixed since the first batch.
    digests
        Those of the files.
    """

    ids: Sequence[str] = ()
    hashes: Hashes = field(default_factory=lambda: np.zeros(0, dtype=np.uint64))
    labels: Sequence[str | None] = ()
    sizes: tuple[int, ...] = ()
    fixed: Mapping[str, Any] = field(default_factory=dict)
    digests: tuple[str, ...] = ()


class State:
    """The state directory of one project; it reads each file once, since none changes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._rows = KnownRows()
        self._batches: list[Batch] = []
        self._deliveries: list[Delivery] = []

    def make(self) -> None:
        """Make the directory, if it is not there yet."""
        try:
            self.folder.mkdir(exist_ok=True)
        except OSError as error:
            raise unusable(self.folder, "be made", error) from error

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock of the directory: commands on one project take turns.

        A project without a directory has no state yet, and needs no lock.
        """
        if not self.folder.is_dir():
            yield
            return
        with locked(self.folder):
            remove_abandoned(self.folder)
            self.__dict__.pop("names", None)  # others may have written since
            yield

    @cached_property
    def names(self) -> dict[str, list[Path]]:
        """The files by kind, in the order of their numbers; raises LabellingError at a gap."""
        found: dict[str, dict[int, Path]] = {"data": {}, "batch": {}, "labels": {}}
        for name in self._listed():
            if (match := _NAME.fullmatch(name)) is not None:
                found[match[1]][int(match[2])] = self.folder / name
        for kind, files in found.items():
            for number in range(1, len(files) + 1):
                if number not in files:
                    name = file_name(kind, number)
                    raise LabellingError(f"{self.folder / name} is gone; {_RESTORE}")
        return {kind: [files[n] for n in sorted(files)] for kind, files in found.items()}

    def _listed(self) -> list[str]:
        try:
            return os.listdir(self.folder)
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise unusable(self.folder, "be read", error) from error

    def _not_read(self, kind: str, n_read: int) -> list[tuple[int, Path]]:
        """Return number and path of the files that were not read yet.

        Raises LabellingError if one that was read is gone.
        """
        files = self.names[kind]
        if len(files) < n_read:
            name = file_name(kind, len(files) + 1)
            raise LabellingError(f"{self.folder / name} is gone; {_RESTORE}")
        return list(enumerate(files, start=1))[n_read:]

    def rows(self) -> KnownRows:
        """Return the rows that are known; raises LabellingError at a damaged file."""
        if not self._not_read("data", len(self._rows.sizes)):
            return self._rows
        tables, digests = [], []
        fixed: Mapping[str, Any] = {}
        for path in self.names["data"]:
            content = _content(path)
            table, footer = _table(path, content)
            fixed = fixed or footer
            tables.append(table)
            digests.append(digest_of_bytes(content))
        whole = pa.concat_tables(tables)
        self._rows = KnownRows(
            whole["id"].to_pylist(),
            whole["hash"].to_numpy(),
            whole["label"].to_pylist(),
            tuple(table.num_rows for table in tables),
            fixed,
            tuple(digests),
        )
        return self._rows

    def batches(self) -> list[Batch]:
        """Return the batches in order; raises LabellingError at a damaged file."""
        for number, path in self._not_read("batch", len(self._batches)):
            header, *lines = unseal(_content(path), path)
            _check_header(path, header, number)
            with _damage(path):
                examples = tuple(Asked(**line) for line in lines)
                self._batches.append(Batch(number, header, examples))
        return [*self._batches]

    def deliveries(self) -> list[Delivery]:
        """Return the deliveries in order; raises LabellingError at a damaged file."""
        for number, path in self._not_read("labels", len(self._deliveries)):
            header, *lines = unseal(_content(path), path)
            _check_header(path, header, number)
            with _damage(path):
                answers = tuple(Answer(**line) for line in lines)
                sources = tuple(header["sources"])
                delivery = Delivery(number, sources, header["taken"], answers)
                self._deliveries.append(delivery)
        return [*self._deliveries]

    def add_rows(
        self,
        ids: Sequence[str],
        hashes: Hashes,
        labels: Sequence[str | None],
        fixed: Mapping[str, Any],
    ) -> None:
        """Write rows that are new, with what is fixed from now on."""
        columns = {
            "id": pa.array(ids, pa.string()),
            "hash": pa.array(hashes, pa.uint64()),
            "label": pa.array(labels, pa.string()),
        }
        number = len(self.names["data"]) + 1
        footer = {"labelling": {**fixed, "version": _VERSION, "number": number}}
        self._write("data", number, to_parquet_bytes(pa.table(columns), footer))

    def add_batch(self, facts: Mapping[str, Any], examples: Sequence[Asked]) -> Batch:
        """Write a batch, and return it."""
        number = len(self.names["batch"]) + 1
        header = {"version": _VERSION, "number": number, **facts}
        self._write("batch", number, seal([header, *map(asdict, examples)]))
        return Batch(number, header, tuple(examples))

    def add_delivery(
        self, sources: Sequence[Mapping[str, str]], taken: str, answers: Sequence[Answer]
    ) -> Path:
        """Write answers, and return their file."""
        number = len(self.names["labels"]) + 1
        header = {
            "version": _VERSION,
            "number": number,
            "sources": [dict(source) for source in sources],
            "taken": taken,
        }
        return self._write("labels", number, seal([header, *map(asdict, answers)]))

    def _write(self, kind: str, number: int, content: bytes) -> Path:
        path = self.folder / file_name(kind, number)
        write_file(path, content)
        del self.names
        return path


def fixed_of(folder: Path) -> Mapping[str, Any]:
    """Return what is fixed since the first batch; nothing if there is none yet."""
    path = folder / file_name("data", 1)
    if not path.is_file():
        return {}
    with _damage(path):
        footer: Mapping[str, Any] = json.loads(pq.read_metadata(path).metadata[b"labelling"])
    return footer


def file_name(kind: str, number: int) -> str:
    """Return the name of a file of the state."""
    return f"{kind}-{number}.{'parquet' if kind == 'data' else 'jsonl'}"


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise unusable(path, "be read", error) from error


def _table(path: Path, content: bytes) -> tuple[Any, Mapping[str, Any]]:
    """Return the table of rows and the footer of a file."""
    with _damage(path):
        file = pq.ParquetFile(pa.BufferReader(content), page_checksum_verification=True)
        footer = json.loads(file.metadata.metadata[b"labelling"])
        table = file.read(columns=["id", "hash", "label"], use_threads=False)
    _check_version(path, footer)
    return table, footer


def _check_header(path: Path, header: Mapping[str, Any], number: int) -> None:
    _check_version(path, header)
    if header.get("number") != number:
        raise LabellingError(
            f"{path}: line 1 is that of number {header.get('number')}: the file was renamed;"
            f" {_RESTORE}"
        )


def _check_version(path: Path, header: Mapping[str, Any]) -> None:
    if header.get("version") != _VERSION:
        raise LabellingError(
            f"{path} has the version {header.get('version')}, and this alrun reads {_VERSION};"
            " install the version that wrote it"
        )


@contextmanager
def _damage(path: Path) -> Iterator[None]:
    """Raise LabellingError where the content of a file is damaged."""
    try:
        yield
    except (LabellingError, MemoryError):
        raise
    except Exception as error:  # a damaged file raises almost anything
        raise LabellingError(f"{path} is damaged ({first_line(error)}); {_RESTORE}") from error
