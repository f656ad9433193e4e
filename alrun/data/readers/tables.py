"""Reader of CSV and Parquet tables of numbers, categories, texts and embeddings."""

import warnings
from collections.abc import Hashable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from alrun.arrays import first_true
from alrun.data.readers.columns import kind_of, numeric
from alrun.data.readers.contents import Contents
from alrun.data.readers.memory_limit import check_fits
from alrun.data.readers.numeric_parquet import count_values, read_wide, wide_fields
from alrun.data.readers.source_file import SourceFile, opened
from alrun.data.readers.texts import count_words, vocabulary_note
from alrun.errors import DatasetError, first_line, nearest
from alrun.util.digest import digest

TABLES = (".csv", ".parquet")
# Bytes that a value of a Parquet file takes at least: a number or a pointer in the table as it is
# read, in that of pandas, and in the features.
_VALUE_BYTES = 3 * 8


def read_table(
    path: Path, target: str, text: str | None, parameters: Mapping[str, Any]
) -> Contents:
    """Read a table with the labels in the column `target`.

    All other columns are features: numbers, one-hot encoded categories, or lists of numbers of one
    length. With `text`, the features are the word counts of that column alone, computed by
    `count_words` with `parameters`. Raises DatasetError, which names the column and the row.
    """
    with opened(path) as file:
        return _contents(file, target, text, parameters)


def _contents(
    file: SourceFile, target: str, text: str | None, parameters: Mapping[str, Any]
) -> Contents:
    path, identity = file.path, ["file", file.sha256, target]
    if not _is_csv(path) and text is None:
        parquet = _parquet_file(file)
        if wide := wide_fields(parquet, target):
            # The index is read too, as a damaged one makes the file a damaged one.
            labels = _labels(file, _read_parquet(file, parquet, [target]), target)
            return Contents(read_wide(path, parquet, wide), labels, digest(identity))
    frame = _frame(file)
    labels = _labels(file, frame, target)
    if frame.empty:
        raise DatasetError(
            f"{path}: there are no rows, or no columns of features beside '{target}'"
        )
    if text is None:
        _check_long_numbers(path, frame)
        X, notes = numeric(path, frame)
        return Contents(X, labels, digest(identity), notes)
    documents = _documents(file, frame, text)
    X, resolved = count_words(path, documents, parameters)
    fingerprint = digest([*identity, text, resolved])
    return Contents(X, labels, fingerprint, (vocabulary_note(X),), "tfidf")


def read_frame(path: Path) -> Any:
    """Read a CSV or else a Parquet file as a DataFrame; raises DatasetError if it is damaged."""
    with opened(path) as file:
        return _frame(file)


def _frame(file: SourceFile) -> Any:
    return _read_csv(file) if _is_csv(file.path) else _read_parquet(file, _parquet_file(file))


def _is_csv(path: Path) -> bool:
    return path.suffix.lower() == ".csv"


def _labels(file: SourceFile, frame: Any, target: str) -> Any:
    """Remove the column of labels from a table, and return it as an array."""
    path = file.path
    if target not in frame.columns:
        raise DatasetError(
            f"{path}: there is no column '{target}' (name the column of the labels with"
            f' target = "..." under [dataset]){nearest(target, frame.columns)}'
        )
    labels = frame.pop(target)
    if _is_csv(path) and labels.isna().any():
        # "NA" or "None" may be the name of a class: only an empty field is a missing label.
        labels = _as_text(file, target)
    if (row := first_true(labels.isna())) is not None:
        raise DatasetError(f"{path}: column '{target}', row {row} (the first is 0): no label")
    if not labels.map(lambda label: isinstance(label, Hashable)).all():
        raise DatasetError(
            f"{path}: column '{target}' holds {kind_of(labels)}, which cannot be labels; use"
            " numbers or texts"
        )
    return labels.to_numpy()


def _check_long_numbers(path: Path, frame: Any) -> None:
    """Raise DatasetError if pandas read a numeric column of a CSV file as texts.

    It does so with whole numbers of more than 64 bits; as texts they would become categories.
    """
    import pandas as pd
    from pandas.api import types

    for column, values in frame.items() if _is_csv(path) else ():
        if not (types.is_numeric_dtype(values) or values.isna().any()):
            numbers = pd.to_numeric(values.astype(str), errors="coerce")
            if numbers.notna().all():
                row = numbers.abs().argmax()
                raise DatasetError(
                    f"{path}: column '{column}', row {row} (the first is 0): {values.iloc[row]} is"
                    " too long for a whole number; write it like 1e30"
                )


def _documents(file: SourceFile, frame: Any, text: str) -> list[str]:
    """Return the texts of a column."""
    path = file.path
    if text not in frame.columns:
        raise DatasetError(
            f"{path}: there is no column '{text}' of texts beside the labels"
            f"{nearest(text, frame.columns)}"
        )
    values = _as_text(file, text) if _is_csv(path) else frame[text]
    is_text = values.map(lambda value: isinstance(value, str) and bool(value.strip())).to_numpy()
    if (row := first_true(~is_text.astype(bool))) is not None:
        raise DatasetError(f"{path}: column '{text}', row {row} (the first is 0): no text")
    return list(values)


def _as_text(file: SourceFile, column: str) -> Any:
    """Read one column of a CSV file as text, with empty fields as missing values."""
    import pandas as pd

    stream = file.from_start()
    values = pd.read_csv(stream, usecols=[column], keep_default_na=False, dtype=str)[column]
    return values.where(values != "")


def _holds_nul(file: SourceFile) -> bool:
    return any(b"\0" in block for block in iter(partial(file.from_start().read, 2**20), b""))


def _read_csv(file: SourceFile) -> Any:
    import pandas as pd

    path = file.path
    try:
        if _holds_nul(file):
            raise ValueError("it holds a NUL byte, and pandas would end the field there")
        header = pd.read_csv(file.from_start(), header=None, nrows=1, dtype=str).iloc[0]
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # about rows with extra fields
            frame = pd.read_csv(file.from_start(), index_col=False)
    except Exception as error:  # a damaged file raises almost anything
        raise DatasetError(f"{path} cannot be read: {first_line(error)}") from error
    if (place := first_true(header.isna())) is not None:
        # In a file sorted by class, a column of row numbers would give the class away.
        raise DatasetError(
            f"{path}: column {place} (the first is 0) has no name; it may be an index saved with"
            " the table: name the column, or drop it"
        )
    if (place := first_true(header.duplicated())) is not None:
        # pandas would rename the second column, and labels would become a feature.
        raise DatasetError(f"{path}: there are two columns '{header[place]}'; rename or drop one")
    return frame


def _parquet_file(file: SourceFile) -> Any:
    """Return the ParquetFile of a data file; raises DatasetError."""
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(file.from_start())
    except Exception as error:  # damaged metadata raises almost anything
        raise DatasetError(f"{file.path} cannot be read: {first_line(error)}") from error


def _read_parquet(file: SourceFile, parquet: Any, columns: Sequence[str] | None = None) -> Any:
    """Return these columns of a Parquet file, by default all of them, as a DataFrame."""
    import pandas as pd

    try:
        n_values = count_values(parquet) if columns is None else parquet.metadata.num_rows
        check_fits(file.path, n_values * _VALUE_BYTES)
        frame = pd.read_parquet(file.from_start(), columns=columns).reset_index(drop=True)
    except DatasetError:
        raise
    except Exception as error:  # damaged pages raise almost anything
        raise DatasetError(f"{file.path} cannot be read: {first_line(error)}") from error
    frame.columns = frame.columns.astype(str)
    return frame
