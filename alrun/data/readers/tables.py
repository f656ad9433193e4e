"""Reader of CSV and Parquet tables of numbers, categories, texts and embeddings."""

import warnings
from collections.abc import Collection, Hashable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from alrun.arrays import first_true
from alrun.data.column_keys import ALL_COLUMNS, ColumnKeys
from alrun.data.readers.columns import features_of_table, kept_columns, kind_of
from alrun.data.readers.contents import Contents, contents_of, hash_of_file
from alrun.data.readers.numeric_parquet import read_wide, wide_fields
from alrun.data.readers.texts import count_words, vocabulary_note
from alrun.errors import DatasetError, first_line, nearest
from alrun.util.digest import digest

TABLES = (".csv", ".parquet")


def read_table(
    path: Path,
    target: str,
    text: str | None,
    parameters: Mapping[str, Any],
    keys: ColumnKeys = ALL_COLUMNS,
    test: Path | None = None,
) -> Contents:
    """Read a table with the labels in the column `target`.

    All other columns are features: numbers, one-hot encoded categories, or lists of numbers of one
    length. With `text`, the features are the word counts of that column alone, computed by
    `count_words` with `parameters`. The rows of a file `test` come after the others. Raises
    DatasetError, which names the column and the row.
    """
    is_parquet = not _is_csv(path)
    wide = wide_fields(path, target, keys) if is_parquet and text is None and test is None else []
    frame = read_frame(path, [field.name for field in wide])
    identity: list[Any] = ["file", hash_of_file(path), target]
    labels, n_test = _labels(path, frame, target), 0
    if test is not None:
        frame, labels, n_test = _with_test(path, frame, labels, test, target)
        identity += [{"test": hash_of_file(test)}]
    names = [*frame.columns, *(field.name for field in wide)]
    kept = kept_columns(path, names, target, keys)
    if keys.columns is not None or keys.drop:
        identity += [{"columns": sorted(kept)}]
    if wide:
        return contents_of(read_wide(path, wide, keys), (), labels, identity)
    frame = frame[[name for name in frame.columns if name in kept]]
    if frame.empty:
        raise DatasetError(
            f"{path}: there are no rows, or no columns of features beside '{target}'"
        )
    if text is None:
        _check_long_numbers(path, frame)
        settled, notes, dates = features_of_table(path, frame, keys)
        identity += [{"days": dates}] if dates else []
        return contents_of(settled, notes, labels, identity, n_test)
    documents = _documents(path, frame[: len(frame) - n_test], text)
    if test is not None:
        documents += _documents(test, frame[-n_test:], text)
    X, resolved = count_words(path, documents, parameters)
    fingerprint = digest([*identity, text, resolved])
    return Contents(X, labels, fingerprint, (vocabulary_note(X),), "tfidf", n_test=n_test)


def _with_test(
    path: Path, frame: Any, labels: Any, test: Path, target: str
) -> tuple[Any, Any, int]:
    """Return features and labels with those of the test file after them, and its number of rows.

    Raises DatasetError if its columns are not those of the main file.
    """
    import pandas as pd
    from pandas.api import types

    if not test.is_file():
        raise DatasetError(f"test: there is no file '{test}'")
    other = read_frame(test)
    other_labels = _labels(test, other, target)
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
    return whole, np.concatenate([labels, other_labels]), len(other)


def read_frame(path: Path, left_out: Collection[str] = ()) -> Any:
    """Read a CSV or else a Parquet file as a DataFrame; raises DatasetError if it is damaged.

    The columns `left_out` of a Parquet file are not read.
    """
    return _read_csv(path) if _is_csv(path) else _read_parquet(path, left_out)


def _is_csv(path: Path) -> bool:
    return path.suffix.lower() == ".csv"


def _labels(path: Path, frame: Any, target: str) -> Any:
    """Remove the column of labels from a table, and return it as an array."""
    if target not in frame.columns:
        raise DatasetError(
            f"{path}: there is no column '{target}' (name the column of the labels with"
            f' target = "..." under [dataset]){nearest(target, frame.columns)}'
        )
    labels = frame.pop(target)
    if _is_csv(path) and labels.isna().any():
        # "NA" or "None" may be the name of a class: only an empty field is a missing label.
        labels = _as_text(path, target)
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
        present = values.dropna()
        if not types.is_numeric_dtype(values) and len(present):
            numbers = pd.to_numeric(present.astype(str), errors="coerce")
            if numbers.notna().all():
                row = numbers.abs().idxmax()
                raise DatasetError(
                    f"{path}: column '{column}', row {row} (the first is 0): {present[row]} is too"
                    " long for a whole number; write it like 1e30"
                )


def _documents(path: Path, frame: Any, text: str) -> list[str]:
    """Return the texts of a column."""
    if text not in frame.columns:
        raise DatasetError(
            f"{path}: there is no column '{text}' of texts beside the labels"
            f"{nearest(text, frame.columns)}"
        )
    values = _as_text(path, text) if _is_csv(path) else frame[text]
    is_text = values.map(lambda value: isinstance(value, str) and bool(value.strip())).to_numpy()
    if (row := first_true(~is_text.astype(bool))) is not None:
        raise DatasetError(f"{path}: column '{text}', row {row} (the first is 0): no text")
    return list(values)


def _as_text(path: Path, column: str) -> Any:
    """Read one column of a CSV file as text, with empty fields as missing values."""
    import pandas as pd

    values = pd.read_csv(path, usecols=[column], keep_default_na=False, dtype=str)[column]
    return values.where(values != "")


def _holds_nul(path: Path) -> bool:
    with path.open("rb") as file:
        return any(b"\0" in block for block in iter(partial(file.read, 2**20), b""))


def _read_csv(path: Path) -> Any:
    import pandas as pd

    try:
        if _holds_nul(path):
            raise ValueError("it holds a NUL byte, and pandas would end the field there")
        header = pd.read_csv(path, header=None, nrows=1, dtype=str).iloc[0]
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # about rows with extra fields
            frame = pd.read_csv(path, index_col=False)
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


def _read_parquet(path: Path, left_out: Collection[str]) -> Any:
    import pandas as pd
    import pyarrow.parquet as pq

    try:
        names = [name for name in pq.read_schema(path).names if name not in left_out]
        columns = names if left_out else None
        frame = pd.read_parquet(path, columns=columns).reset_index(drop=True)
    except Exception as error:  # damaged metadata raises almost anything
        raise DatasetError(f"{path} cannot be read: {first_line(error)}") from error
    frame.columns = frame.columns.astype(str)
    return frame
