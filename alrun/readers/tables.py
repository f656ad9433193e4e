"""Tables: CSV and Parquet, with numbers, categories, texts and embeddings."""

import warnings
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from alrun.errors import DatasetError, first_line, nearest
from alrun.readers.contents import Contents, digest, hash_of_file, row_blocks
from alrun.readers.texts import count_words, vocabulary_note

TABLES = (".csv", ".parquet")

# More values than this in one column of text is an identifier, not a category.
MOST_CATEGORIES = 1000


def read_table(
    path: Path, target: str, text: str | None, parameters: Mapping[str, Any]
) -> Contents:
    """Read a table whose column `target` holds the labels.

    The others are the features: numbers, categories, which are one-hot encoded, and lists of
    numbers of one length. With `text` only that column is, as counts of its words, for which
    `parameters` are those of `count_words`. Raises DatasetError, which names the column and row.
    """
    frame = _read_csv(path) if _is_csv(path) else _read_parquet(path)
    labels = _labels(path, frame, target)
    identity = ["file", hash_of_file(path), target]
    if text is None:
        X, notes = numeric(path, frame)
        return Contents(X, labels, digest(identity), notes)
    documents = _documents(path, frame, text)
    X, resolved = count_words(path, documents, parameters)
    fingerprint = digest([*identity, text, resolved])
    return Contents(X, labels, fingerprint, (vocabulary_note(X),), "tfidf")


def _is_csv(path: Path) -> bool:
    return path.suffix.lower() == ".csv"


def _labels(path: Path, frame: Any, target: str) -> Any:
    """Take the labels out of a table, and return them as an array."""
    if target not in frame.columns:
        raise DatasetError(
            f"{path}: there is no column '{target}'{nearest(target, frame.columns)};"
            ' name the column of the labels with target = "..." under [dataset]'
        )
    labels = frame.pop(target)
    if _is_csv(path) and labels.isna().any():
        # "NA" or "None" may be the name of a class; only an empty field is a missing label.
        labels = _as_text(path, target)
    for row in np.flatnonzero(labels.isna())[:1]:
        raise DatasetError(f"{path}: column '{target}', row {row} (the first is 0): no label")
    if frame.empty:
        raise DatasetError(f"{path}: there are no examples with features beside '{target}'")
    if not labels.map(lambda label: isinstance(label, Hashable)).all():
        raise DatasetError(f"{path}: column '{target}' holds {_kind(labels)}, which are no labels")
    return labels.to_numpy()


def _documents(path: Path, frame: Any, text: str) -> list[str]:
    """Return the texts of a column."""
    if text not in frame.columns:
        raise DatasetError(
            f"{path}: there is no column '{text}' of texts beside the labels"
            f"{nearest(text, frame.columns)}"
        )
    values = _as_text(path, text) if _is_csv(path) else frame[text]
    is_text = values.map(lambda value: isinstance(value, str) and bool(value.strip())).to_numpy()
    for row in np.flatnonzero(~is_text.astype(bool))[:1]:
        raise DatasetError(f"{path}: column '{text}', row {row} (the first is 0): no text")
    return list(values)


def _as_text(path: Path, column: str) -> Any:
    """Read one column of a CSV file as it is written, missing where a field is empty."""
    import pandas as pd

    values = pd.read_csv(path, usecols=[column], keep_default_na=False, dtype=str)[column]
    return values.where(values != "")


def _read_csv(path: Path) -> Any:
    import pandas as pd

    try:
        header = pd.read_csv(path, header=None, nrows=1, dtype=str).iloc[0]
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # fields beyond the header
            frame = pd.read_csv(path, index_col=False)
    except Exception as error:  # a damaged file raises almost anything
        raise DatasetError(f"{path} cannot be read: {first_line(error)}") from error
    for place in np.flatnonzero(header.isna())[:1]:
        # Rows sorted by class and numbered would tell the class by their number.
        raise DatasetError(
            f"{path}: column {place} (the first is 0) has no name, as where an index was saved with"
            " the table; name it, or drop it"
        )
    for column in header[header.duplicated()][:1]:
        # pandas would rename the second, and labels would become a feature.
        raise DatasetError(f"{path}: there are two columns '{column}'")
    return frame


def _read_parquet(path: Path) -> Any:
    import pandas as pd

    try:
        frame = pd.read_parquet(path).reset_index(drop=True)
    except Exception as error:  # damaged metadata raises almost anything
        raise DatasetError(f"{path} cannot be read: {first_line(error)}") from error
    frame.columns = frame.columns.astype(str)
    return frame


def numeric(source: Path | str, frame: Any) -> tuple[Any, tuple[str, ...]]:
    """Return a table as one matrix, and what was done to it; `source` is named in errors.

    Text and categories are one-hot encoded. The matrix is float32 where all features are.
    """
    import pandas as pd
    from pandas.api import types

    parts, encoded = [], []
    for column, values in frame.items():
        if types.is_object_dtype(values) and _is_list(values.iloc[0]):
            parts.append(_embedding(source, column, values))
            continue
        _check_column(source, column, values)
        if types.is_numeric_dtype(values) or types.is_bool_dtype(values):
            is_single = values.dtype == np.float32
            parts.append(values.to_numpy(np.float32 if is_single else np.float64)[:, None])
            continue
        if not values.map(lambda value: isinstance(value, (str, bool, int, float))).all():
            raise DatasetError(
                f"{source}: column '{column}' holds {_kind(values)}, neither numbers nor text;"
                " drop it or make numbers of it"
            )
        n_categories = values.astype(str).nunique()
        if n_categories > MOST_CATEGORIES:
            raise DatasetError(
                f"{source}: column '{column}' holds {n_categories} different texts, too many to"
                " encode; drop it or make numbers of it"
            )
        parts.append(pd.get_dummies(values.astype(str), dtype=np.float64).to_numpy())
        encoded.append(f"{column} ({n_categories})")
    notes = (f"one-hot encoded: {', '.join(encoded)}",) if encoded else ()
    X = parts[0] if len(parts) == 1 else np.hstack(parts)
    return np.ascontiguousarray(X), notes


def _is_list(value: Any) -> bool:
    return isinstance(value, (np.ndarray, list))


def _embedding(source: Path | str, column: str, values: Any) -> Any:
    """Return a column of lists of numbers, all of one length, as a matrix."""
    width = len(values.iloc[0])
    for row, value in enumerate(values):
        numbers = np.asarray(value) if _is_list(value) else np.empty(0, dtype=object)
        where = f"{source}: column '{column}', row {row} (the first is 0)"
        if numbers.dtype.kind not in "biuf" or numbers.ndim != 1:
            raise DatasetError(f"{where}: no list of numbers")
        if len(numbers) != width or width == 0:
            raise DatasetError(
                f"{where}: a list of {len(numbers)} numbers; the first row has {width}, and all"
                " must have as many, one at least"
            )
        if not np.isfinite(numbers).all():
            raise DatasetError(f"{where}: a number in its list is missing or not finite")
    is_single = all(value.dtype == np.float32 for value in values)
    X = np.empty((len(values), width), np.float32 if is_single else np.float64)
    for block in row_blocks(X):
        X[block] = np.stack(values.iloc[block].to_list())
    return X


def _kind(values: Any) -> str:
    """Return what a column holds, by the name of the type of its first value."""
    return f"values of type {type(values.iloc[0]).__name__}"


def _check_column(source: Path | str, column: str, values: Any) -> None:
    from pandas.api import types

    bad = values.isna().to_numpy()
    if types.is_float_dtype(values):
        bad = bad | np.isinf(values.to_numpy(np.float64, na_value=np.nan))
    for row in np.flatnonzero(bad)[:1]:
        raise DatasetError(
            f"{source}: column '{column}', row {row} (the first is 0): {values.iloc[row]} is not a"
            " finite value; fill it in or drop the row"
        )
