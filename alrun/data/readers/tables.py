"""Reader of tables: features, labels and texts from files with named columns."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from os.path import isdir, isfile
from pathlib import Path
from typing import Any

import numpy as np

from alrun.arrays import FloatArray, first_true
from alrun.data.column_keys import ALL_COLUMNS, ColumnKeys
from alrun.data.read_keys import AS_USUAL, ReadKeys
from alrun.data.readers.arff import read_arff
from alrun.data.readers.arrow_tables import (
    parquet_file,
    read_column,
    read_feather,
    read_parquet,
)
from alrun.data.readers.columns import features_of_table, kept_columns
from alrun.data.readers.contents import Contents, contents_of
from alrun.data.readers.delimited import DELIMITED, UNNAMED, read_delimited
from alrun.data.readers.jsonl import read_jsonl
from alrun.data.readers.labels import (
    as_numbers,
    several_labels_note,
    take_labels,
    take_some_labels,
    were_numbers,
)
from alrun.data.readers.notations import check_notations
from alrun.data.readers.numeric_parquet import read_wide, wide_fields
from alrun.data.readers.packed import ending_of
from alrun.data.readers.parts import parts_of, read_parts
from alrun.data.readers.source_file import SourceFile, opened
from alrun.data.readers.texts import count_words, vocabulary_note
from alrun.errors import DatasetError, nearest
from alrun.util.digest import digest

# The readers of tables whose columns have types, by the ending of the name.
_TYPED: Mapping[str, Callable[[SourceFile], Any]] = {
    ".parquet": read_parquet,
    ".feather": read_feather,
    ".jsonl": read_jsonl,
    ".arff": read_arff,
}
TABLES = (*DELIMITED, *_TYPED)


@dataclass(frozen=True)
class _Table:
    """A table as it was read.

    `frame` has an index that counts the rows, `identity` begins the fingerprint, `unnamed` are the
    columns whose name is empty in the file, and `is_text` says whether labels were read as texts.
    """

    path: Path
    frame: Any
    identity: list[Any]
    unnamed: Collection[str] = ()
    is_text: bool = False


def is_table(name: str, folder: Path) -> bool:
    """Return whether a source is a table: a file by its ending, or a folder with Parquet files."""
    if name.endswith("/"):
        return isdir(folder / name) and bool(parts_of(folder / name))
    return ":" not in name and ending_of(name) in TABLES


def read_table(
    path: Path,
    target: str,
    text: str | None,
    parameters: Mapping[str, Any],
    keys: ColumnKeys = ALL_COLUMNS,
    test: Path | None = None,
    read: ReadKeys = AS_USUAL,
) -> Contents:
    """Read a table with the labels in the column `target`.

    All other columns are features: numbers, one-hot encoded categories, or lists of numbers of one
    length. With `text`, the features are the word counts of that column alone, computed by
    `count_words` with `parameters`. The rows of a file `test` come after the others. `read` says
    how CSV is written. Raises DatasetError, which names the column and the row.
    """
    as_text = [target] if text is None else [target, text]
    if path.is_dir():
        table = _read_folder(path, as_text)
    else:
        with opened(path) as file:
            is_plain = text is None and test is None and not keys.costs
            if ending_of(path.name) == ".parquet" and is_plain:
                contents = _numeric_parquet(file, target, keys)
                if contents is not None:
                    return contents
            table = _read(file, as_text, read)
    return _contents(table, target, text, parameters, keys, test, read)


def _numeric_parquet(file: SourceFile, target: str, keys: ColumnKeys) -> Contents | None:
    """Return the contents of a Parquet file of numbers alone; None if it holds something else."""
    parquet = parquet_file(file)
    fields = wide_fields(parquet, target, keys)
    if not fields:
        return None
    identity: list[Any] = ["file", file.sha256, target]
    names = [name for name in parquet.schema_arrow.names if name != target]
    identity += _chosen(kept_columns(file.path, names, target, keys), keys)
    if target in parquet.schema_arrow.names:
        column = read_column(file.path, parquet, target)
        take = take_labels if keys.classes is None else take_some_labels
        labels = take(file.path, column, target)
    else:
        labels = np.full(parquet.metadata.num_rows, None, dtype=object)
    settled = read_wide(file.path, parquet, file.n_bytes, fields, keys)
    return contents_of(settled, several_labels_note(labels), labels, identity)


def _contents(
    table: _Table,
    target: str,
    text: str | None,
    parameters: Mapping[str, Any],
    keys: ColumnKeys,
    test: Path | None,
    read: ReadKeys,
) -> Contents:
    """Return the contents of a table that is in memory."""
    path, frame = table.path, table.frame
    identity = [*table.identity, target]
    identity += [{"read": read.identity()}] if read.identity() else []
    take = take_labels if keys.classes is None else take_some_labels
    labels, n_test = take(path, frame, target), 0
    if test is not None:
        frame, labels, n_test, hashes = _with_test(path, frame, labels, test, target, text, read)
        identity += [{"test": hashes[0] if len(hashes) == 1 else hashes}]
    if table.is_text:
        labels = as_numbers(labels)
        identity += [{"labels": "as written"}] if were_numbers(labels) else []
    costs = {name: _costs(path, frame, name) for name in keys.costs}
    kept = kept_columns(path, list(frame.columns), target, keys)
    if text is None:
        identity += _chosen(kept, keys)
    if frame.empty or not kept:
        raise DatasetError(
            f"{path}: there are no rows, or no columns of features beside '{target}'"
        )
    if text is not None:
        X, resolved = count_words(path, _documents(path, frame, text), parameters)
        fingerprint = digest([*identity, text, resolved])
        notes = (vocabulary_note(X), *several_labels_note(labels))
        return Contents(X, labels, fingerprint, notes, "tfidf", n_test=n_test, costs=costs)
    _check_named(table, kept)
    frame = frame[[name for name in frame.columns if name in set(kept)]]
    if table.is_text:
        check_notations(path, frame, read)
    settled, notes, dates = features_of_table(path, frame, keys)
    identity += [{"days": dates}] if dates else []
    notes = (*notes, *several_labels_note(labels))
    return replace(contents_of(settled, notes, labels, identity, n_test), costs=costs)


def _costs(path: Path, frame: Any, name: str) -> FloatArray:
    """Return a column of costs, as numbers from 0."""
    from pandas.api import types

    if name not in frame.columns:
        raise DatasetError(
            f"{path}: cost.column: there is no column '{name}' beside the labels"
            f"{nearest(name, frame.columns)}"
        )
    values = frame[name]
    if not types.is_numeric_dtype(values):
        raise DatasetError(f"{path}: cost.column: '{name}' does not hold numbers alone")
    costs = values.to_numpy(dtype=np.float64, na_value=np.nan)
    if (row := first_true(~(np.isfinite(costs) & (costs >= 0)))) is not None:
        raise DatasetError(
            f"{path}: cost.column: '{name}', row {row} (the first is 0): {costs[row]} is no cost;"
            " it should be a number from 0"
        )
    return np.asarray(costs)


def _chosen(kept: Collection[str], keys: ColumnKeys) -> list[Any]:
    """Return the part of an identity for chosen columns; none if none are chosen."""
    is_chosen = keys.columns is not None or keys.drop or keys.costs
    return [{"columns": sorted(kept)}] if is_chosen else []


def _check_named(table: _Table, kept: Collection[str]) -> None:
    """Raise DatasetError if a column of features has no name.

    It may be a saved row number, and in a file sorted by class that would give the class away.
    """
    for name in table.unnamed:
        if name in kept:
            place = name.removeprefix(UNNAMED)
            raise DatasetError(
                f"{table.path}: column {place} (the first is 0) has no name; it may be an index"
                f' saved with the table: name the column, or leave it out with drop = ["{name}"]',
                {"drop": [name]},
            )


def _with_test(
    path: Path,
    frame: Any,
    labels: Any,
    test: Path,
    target: str,
    text: str | None,
    read: ReadKeys,
) -> tuple[Any, Any, int, list[Any]]:
    """Return features and labels with those of the test file after them, its rows and its hashes.

    Raises DatasetError if its columns are not those of the main file.
    """
    import pandas as pd
    from pandas.api import types

    other, hashes = _read_test(test, [target] if text is None else [target, text], read)
    other_labels = take_labels(test, other, target)
    if other.empty:
        raise DatasetError(f"test: {test} has no rows")
    missing = [name for name in frame.columns if name not in other.columns]
    extra = [name for name in other.columns if name not in frame.columns]
    if missing or extra:
        where, name = (test, missing[0]) if missing else (path, extra[0])
        raise DatasetError(
            f"test: {test} must have the columns of {path}, and {where} has no column '{name}'"
        )
    for name in frame.columns:
        present = [values for part in (frame, other) if len(values := part[name].dropna())]
        if len({types.is_numeric_dtype(values) for values in present}) > 1:
            raise DatasetError(
                f"test: column '{name}' holds numbers in one of {path} and {test}, and something"
                " else in the other"
            )
    whole = pd.concat([frame, other[list(frame.columns)]], ignore_index=True)
    if labels.dtype.kind != other_labels.dtype.kind:
        labels, other_labels = labels.astype(object), other_labels.astype(object)
    return whole, np.concatenate([labels, other_labels]), len(other), hashes


def _read_test(test: Path, as_text: Collection[str], read: ReadKeys) -> tuple[Any, list[Any]]:
    """Return a table with the test part, and its hashes."""
    if isdir(test) and parts_of(test):
        table = _read_folder(test, as_text)
    elif not isfile(test):
        raise DatasetError(f"test: there is no file '{test}', and no folder of Parquet files")
    else:
        with opened(test) as file:
            table = _read(file, as_text, read)
    return table.frame, table.identity[1:]


def read_frame(path: Path) -> Any:
    """Read a table as a DataFrame, by the ending of its name; raises DatasetError."""
    with opened(path) as file:
        table = _read(file, (), AS_USUAL)
    _check_named(table, table.frame.columns)
    return table.frame


def read_columns(
    path: Path, as_text: Collection[str], read: ReadKeys
) -> tuple[Any, tuple[str, ...]]:
    """Read a file or folder as a DataFrame, and the names of columns that have none in the file.

    The columns `as_text` hold texts as they are written. Raises DatasetError.
    """
    if path.is_dir():
        return _read_folder(path, as_text).frame, ()
    with opened(path) as file:
        table = _read(file, as_text, read)
    return table.frame, tuple(table.unnamed)


def _read(file: SourceFile, as_text: Collection[str], read: ReadKeys) -> _Table:
    ending, identity = ending_of(file.path.name), ["file", file.sha256]
    if ending in DELIMITED:
        frame, unnamed = read_delimited(file, as_text, read)
        return _Table(file.path, frame, identity, unnamed, is_text=True)
    reader = _TYPED.get(ending, read_parquet)
    return _Table(file.path, reader(file), identity)


def _read_folder(path: Path, as_text: Collection[str]) -> _Table:
    frame, identity = read_parts(path, as_text)
    return _Table(path, frame, ["parts", *identity])


def _documents(path: Path, frame: Any, text: str) -> list[str]:
    """Return the texts of a column."""
    if text not in frame.columns:
        raise DatasetError(
            f"{path}: there is no column '{text}' of texts beside the labels"
            f"{nearest(text, frame.columns)}"
        )
    values = frame[text]
    is_text = values.map(lambda value: isinstance(value, str) and bool(value.strip())).to_numpy()
    if (row := first_true(~is_text.astype(bool))) is not None:
        raise DatasetError(f"{path}: column '{text}', row {row} (the first is 0): no text")
    return list(values)
