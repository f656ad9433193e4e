"""The rows of a project's data file as they are: ids, what annotators see, hashes, labels."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from alrun.arrays import IntArray
from alrun.data.dataset import Dataset
from alrun.data.read_keys import AS_USUAL
from alrun.data.readers.packed import ending_of
from alrun.data.readers.tables import is_table, read_columns
from alrun.errors import DatasetError, LabellingError, first_line, nearest, quoted
from alrun.labelling.project import Project
from alrun.labelling.row_hashes import Hashes, hashes_of_frame, hashes_of_matrix

# Rows of a Parquet file, and numbers of it, that are in memory at a time.
_BATCH, _NUMBERS = 65_536, 4_000_000


@dataclass(frozen=True)
class Rows:
    """The rows of a data file, without a test file.

    Attributes
    ----------
    ids
        What identifies each row, as text.
    hashes
        The hash of each row without its id and its label, shape (n_rows,).
    shown
        Returns the columns that annotators see of some rows, a DataFrame with a row for each.
    """

    ids: pd.Index
    hashes: Hashes
    shown: Callable[[IntArray], Any]

    def places(self, ids: Sequence[str]) -> Any:
        """Return the row of each id, -1 for an unknown one, shape (len(ids),)."""
        return self.ids.get_indexer(pd.Index(ids, dtype=object))

    def in_order(self, order: IntArray) -> "Rows":
        """Return the rows in another order."""
        return Rows(self.ids[order], self.hashes[order], lambda places: self.shown(order[places]))


def read_rows(path: Path, project: Project) -> Rows | None:
    """Read the rows of a project's table; None if its data are no table of a file.

    Raises DatasetError or LabellingError, which name the column and the row.
    """
    settings = project.dataset
    if not is_table(settings.name, path.parent):
        if settings.id is not None:
            raise LabellingError(
                f"{path}: dataset.id: {settings.name} has no columns; leave id out, and examples"
                " are known by their rows"
            )
        return None
    source = path.parent / settings.name
    if not source.is_dir() and ending_of(source.name) == ".parquet":
        ids, hashes, shown = _from_parquet(source, project)
    else:
        frame = _frame(source, project)
        names = _shown_names(list(frame.columns), project)
        ids = None if settings.id is None else frame[settings.id].tolist()
        hashes = hashes_of_frame(frame[_hashed_names(list(frame.columns), project)])
        shown = frame[names].iloc.__getitem__
    index = _numbered(len(hashes)) if ids is None else _index(source, ids, str(settings.id))
    return Rows(index, hashes, shown)


def rows_of_dataset(dataset: Dataset) -> Rows:
    """Return the rows of data that are no table: known by their numbers, and nothing is shown."""
    n = dataset.n_examples
    return Rows(
        _numbered(n), hashes_of_matrix(dataset.X), pd.DataFrame(index=range(n)).iloc.__getitem__
    )


def _frame(source: Path, project: Project) -> Any:
    """Return a table as a DataFrame, what annotators see as it is written."""
    settings = project.dataset
    wanted = [name for name in (settings.id, settings.text, project.image) if name is not None]
    read = AS_USUAL if settings.read is None else settings.read.keys()
    frame, _ = read_columns(source, [*wanted, *(project.show or ())], read)
    _check_columns(source, list(frame.columns), project)
    return frame


def _from_parquet(
    source: Path, project: Project
) -> tuple[list[Any] | None, Hashes, Callable[[IntArray], Any]]:
    """Return the ids and the hashes of a Parquet file, and what annotators see of some rows.

    A large file is never in memory as a whole: it is read some columns at a time, and what
    annotators see only where it is asked for.
    """
    column, version = project.dataset.id, version_of(source)
    with _parquet(source) as file:
        names, n = list(file.schema_arrow.names), file.metadata.num_rows
        _check_columns(source, names, project)
        hashes, ids = np.zeros(n, dtype=np.uint64), []
        for start, batch in _batches(file, names):
            part = batch.to_pandas(use_threads=False, ignore_metadata=True)
            hashed = _hashed_names(list(part.columns), project)
            hashes[start : start + len(part)] += hashes_of_frame(part[hashed])
            if column in part.columns:
                ids.append(part[column])
    whole = pd.concat(ids, ignore_index=True).tolist() if ids else []
    shown = partial(_read_again, source, version, _shown_names(names, project))
    return None if column is None else whole, hashes, shown


def _read_again(source: Path, version: object, names: Sequence[str], places: IntArray) -> Any:
    """Return columns of some rows of a Parquet file, in the order of the places.

    Raises DatasetError if the file has another version by now.
    """
    import pyarrow as pa

    rows, place_of = np.unique(places, return_inverse=True)
    found: dict[str, list[Any]] = {name: [] for name in names}
    with _parquet(source) as file:
        for start, batch in _batches(file, names):
            taken = batch.take(
                pa.array(rows[(rows >= start) & (rows < start + len(batch))] - start)
            )
            for name in found.keys() & {*batch.schema.names}:
                found[name].append(taken.column(name))
    if version_of(source) != version:
        raise DatasetError(f"{source} changed while it was read; start again when it is whole")
    columns = {
        # Whole numbers stay whole beside a missing one, whichever rows are shown together.
        name: pa.chunked_array(parts).to_pandas(use_threads=False, integer_object_nulls=True)
        for name, parts in found.items()
    }
    return pd.DataFrame(columns, index=range(len(rows))).iloc[place_of]


@contextmanager
def _parquet(source: Path) -> Iterator[Any]:
    """Open a Parquet file; raises DatasetError where it cannot be read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(source) as file:
            yield file
    except (OSError, pa.ArrowException) as error:
        raise DatasetError(f"{source} cannot be read: {first_line(error)}") from error


def _batches(file: Any, names: Sequence[str]) -> Iterator[tuple[int, Any]]:
    """Yield the first row and the content of each part of a Parquet file: some rows and columns."""
    for group in _groups(names, file.metadata.num_rows):
        start = 0
        for batch in file.iter_batches(_BATCH, columns=group, use_threads=False):
            yield start, batch
            start += len(batch)


def version_of(path: Path) -> tuple[int, int, int] | None:
    """Return inode, size and time of the last change of a file; None if it is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _groups(names: Sequence[str], n_rows: int) -> list[list[str] | None]:
    """Return the columns in groups that fit in memory; one group of None for all columns.

    Parquet takes a dot in the name of a column for a path to a nested field.
    """
    if any("." in name for name in names):
        return [None]
    size = max(_NUMBERS // max(n_rows, 1), 1)
    return [list(names[start : start + size]) for start in range(0, len(names), size)]


def _hashed_names(names: Sequence[str], project: Project) -> list[str]:
    """Return the columns that a hash depends on: all but the id and the label."""
    left_out = (project.dataset.id, project.dataset.target)
    return [name for name in names if name not in left_out]


def _check_columns(source: Path, names: Sequence[str], project: Project) -> None:
    """Raise LabellingError if a column of the project is not there."""
    keys = {"dataset.id": [project.dataset.id], "image": [project.image], "show": project.show}
    for key, wanted in keys.items():
        for name in wanted or ():
            if name is not None and name not in names:
                raise LabellingError(
                    f"{source}: {key}: there is no column '{name}'{nearest(name, names)}"
                )


def _shown_names(names: Sequence[str], project: Project) -> list[str]:
    """Return the columns that annotators see: those named, the text or image, or the features."""
    settings = project.dataset
    if project.show is not None:
        return [*({project.image: None} if project.image else {}), *project.show]
    if project.image is not None or settings.text is not None:
        return [str(project.image or settings.text)]
    hidden = {settings.id, settings.target, *(settings.drop or ())}
    kept = settings.columns or names
    return [name for name in kept if name not in hidden]


def _index(source: Path, ids: Sequence[Any], column: str) -> pd.Index:
    """Return ids as texts; raises LabellingError at a missing one and where two are the same."""
    texts = []
    for row, value in enumerate(ids):
        if isinstance(value, float) and value % 1 == 0:
            value = int(value)
        text = "" if value is None or value != value else str(value)
        if not text.strip():
            raise LabellingError(
                f"{source}: column '{column}', row {row} (the first is 0): no id; give every row"
                " one, or leave dataset.id out"
            )
        texts.append(text)
    index = pd.Index(texts, dtype=object)
    if not index.is_unique:
        row = int(np.flatnonzero(index.duplicated())[0])
        raise LabellingError(
            f"{source}: column '{column}', row {row} (the first is 0): the id"
            f" {quoted(texts[row])} is that of an earlier row too; ids must differ"
        )
    return index


def _numbered(n: int) -> pd.Index:
    return pd.Index(np.arange(n).astype(str).astype(object), dtype=object)
