"""The rows of a project's data file as they are: ids, what annotators see, hashes, labels."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from alrun.data.dataset import Dataset
from alrun.data.read_keys import AS_USUAL
from alrun.data.readers.packed import ending_of
from alrun.data.readers.tables import is_table, read_columns
from alrun.errors import DatasetError, LabellingError, nearest, quoted
from alrun.labelling.project import Project
from alrun.labelling.row_hashes import Hashes, hashes_of_frame, hashes_of_matrix

# Rows of a Parquet file that are in memory at a time.
_BATCH = 65_536


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
        The columns that annotators see, a row for each.
    """

    ids: pd.Index
    hashes: Hashes
    shown: Any

    def places(self, ids: Sequence[str]) -> Any:
        """Return the row of each id, -1 for an unknown one, shape (len(ids),)."""
        return self.ids.get_indexer(pd.Index(ids, dtype=object))


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
    ids: list[Any] = []
    hashes, shown = [], []
    for part in _parts(source, project):
        names = _shown_names(source, list(part.columns), project)
        ids += part[settings.id].tolist() if settings.id is not None else [None] * len(part)
        shown.append(part[names])
        left_out = [name for name in (settings.id, settings.target) if name in part.columns]
        hashes.append(hashes_of_frame(part.drop(columns=left_out)))
    index = _index(source, ids, settings.id)
    return Rows(index, np.concatenate(hashes), pd.concat(shown, ignore_index=True))


def rows_of_dataset(dataset: Dataset) -> Rows:
    """Return the rows of data that are no table: known by their numbers, and nothing is shown."""
    n = dataset.n_examples
    return Rows(_numbered(n), hashes_of_matrix(dataset.X), pd.DataFrame(index=range(n)))


def state_of_file(path: Path) -> tuple[int, int, int] | None:
    """Return inode, size and time of the last change of a file; None if it is none."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _parts(source: Path, project: Project) -> Iterator[Any]:
    """Yield the table in parts, so that a large Parquet file is never in memory as a whole."""
    import pyarrow.parquet as pq

    settings = project.dataset
    wanted = [name for name in (settings.id, settings.text, project.image) if name is not None]
    if not source.is_dir() and ending_of(source.name) == ".parquet":
        try:
            with pq.ParquetFile(source) as file:
                empty = file.schema_arrow.empty_table().to_pandas()
                _check_columns(source, list(empty.columns), project)
                if file.metadata.num_rows == 0:
                    yield empty
                for batch in file.iter_batches(_BATCH, use_threads=False):
                    yield batch.to_pandas(use_threads=False)
        except OSError as error:
            raise DatasetError(f"{source} cannot be read: {error}") from error
        return
    read = AS_USUAL if settings.read is None else settings.read.keys()
    frame, _ = read_columns(source, [*wanted, *(project.show or ())], read)
    _check_columns(source, list(frame.columns), project)
    yield frame


def _check_columns(source: Path, names: Sequence[str], project: Project) -> None:
    """Raise LabellingError if a column of the project is not there."""
    keys = {"dataset.id": [project.dataset.id], "image": [project.image], "show": project.show}
    for key, wanted in keys.items():
        for name in wanted or ():
            if name is not None and name not in names:
                raise LabellingError(
                    f"{source}: {key}: there is no column '{name}'{nearest(name, names)}"
                )


def _shown_names(source: Path, names: Sequence[str], project: Project) -> list[str]:
    """Return the columns that annotators see: those named, the text or image, or the features."""
    settings = project.dataset
    if project.show is not None:
        return [*({project.image: None} if project.image else {}), *project.show]
    if project.image is not None or settings.text is not None:
        return [str(project.image or settings.text)]
    hidden = {settings.id, settings.target, *(settings.drop or ())}
    kept = settings.columns or names
    return [name for name in kept if name not in hidden]


def _index(source: Path, ids: Sequence[Any], column: str | None) -> pd.Index:
    """Return ids as texts; raises LabellingError at a missing one and where two are the same."""
    if column is None:
        return _numbered(len(ids))
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
