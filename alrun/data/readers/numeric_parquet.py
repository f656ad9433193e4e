"""Reader of purely numeric Parquet files, without a second copy of the data; counts of values."""

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from alrun.data.column_keys import ALL_COLUMNS, ColumnKeys
from alrun.data.missing import Column, Settled, settle
from alrun.data.readers.columns import numbers
from alrun.data.readers.memory_limit import check_fits
from alrun.errors import DatasetError, first_line

# Numbers read at a time.
_BATCH = 1_000_000


def wide_fields(file: Any, target: str, keys: ColumnKeys = ALL_COLUMNS) -> list[Any]:
    """Return the fields of the features if all are float32 or lists of numbers, else none.

    `file` is a ParquetFile.
    """
    import pyarrow as pa

    def is_wide(kind: Any) -> bool:
        if not _is_list_type(kind):
            return kind == pa.float32()
        return pa.types.is_floating(kind.value_type) or pa.types.is_integer(kind.value_type)

    schema = file.schema_arrow
    try:
        index = (schema.pandas_metadata or {}).get("index_columns", [])
        features = [field for field in schema if field.name not in (target, *index)]
        fields = [field for field in features if keys.keeps(field.name)]
    except Exception:  # the metadata are damaged, and reading all of the file will raise an error
        return []
    # Parquet takes a dot in the name of a column for a path to a nested field.
    is_plain = target in schema.names and len(set(schema.names)) == len(schema.names)
    are_wide = all(is_wide(field.type) and "." not in field.name for field in fields)
    return fields if is_plain and are_wide else []


def _is_list_type(kind: Any) -> bool:
    import pyarrow as pa

    return pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind)


def count_values(file: Any, columns: Collection[str] | None = None) -> int:
    """Return how many values a ParquetFile claims to hold in these columns, by default in all.

    Those in lists count each by itself. A few bytes suffice for a billion equal values, or for a
    billion that are missing.
    """
    metadata = file.metadata
    groups = [metadata.row_group(place) for place in range(metadata.num_row_groups)]
    wanted = None if columns is None else set(columns)
    n_plain, n_in_lists = 0, 0
    for leaf in range(metadata.num_columns):
        column = file.schema.column(leaf)
        if wanted is not None and not wanted & {column.path, column.path.partition(".")[0]}:
            continue
        if column.max_repetition_level:
            n_in_lists += sum(group.column(leaf).num_values for group in groups)
        else:
            n_plain += 1
    return metadata.num_rows * n_plain + n_in_lists


def read_wide(path: Path, file: Any, fields: list[Any], keys: ColumnKeys = ALL_COLUMNS) -> Settled:
    """Read these fields of a ParquetFile as one matrix, its missing values settled.

    The matrix has the shape (n_rows, n_features). Beside it, a few columns at most are in memory.
    Raises DatasetError, which names the column and the row.
    """
    import pyarrow as pa

    kinds = [field.type.value_type if _is_list_type(field.type) else field.type for field in fields]
    is_single = all(kind == pa.float32() for kind in kinds)
    try:
        n_rows = file.metadata.num_rows
        dtype = np.dtype(np.float32 if is_single else np.float64)
        names = [field.name for field in fields]
        check_fits(path, count_values(file, names) * dtype.itemsize)
        widths = [_width(file, field) for field in fields]
        X = np.empty((n_rows, sum(widths)), dtype)
        end = 0
        for group in _groups(widths, n_rows):
            start, end = end, end + sum(widths[group])
            _fill(path, file, fields[group], widths[group], X[:, start:end])
    except DatasetError:
        raise
    except Exception as error:  # damaged pages raise almost anything
        raise DatasetError(f"{path} cannot be read: {first_line(error)}") from error
    ends = np.cumsum(widths).tolist()
    columns = [
        Column(field.name, end - width, end)
        for field, width, end in zip(fields, widths, ends, strict=True)
    ]
    return settle(path, X, columns, keys)


def _groups(widths: Sequence[int], n_rows: int) -> Iterator[slice]:
    """Yield slices of the fields, each of at most `_BATCH` numbers or one field.

    Parquet decodes whole pages, and a page may hold all rows of a column. So it is the number of
    columns that bounds the memory. Each alone would be slow: every read goes through the schema.
    """
    start, size = 0, 0
    for field, width in enumerate(widths):
        if size and size + n_rows * width > _BATCH:
            yield slice(start, field)
            start, size = field, 0
        size += n_rows * width
    yield slice(start, len(widths))


def _fill(path: Path, file: Any, fields: list[Any], widths: list[int], X: Any) -> None:
    """Read these fields into X, shape (n_rows, sum of the widths)."""
    names = [field.name for field in fields]
    first, height = 0, max(_BATCH // max(sum(widths), 1), 1)
    for batch in file.iter_batches(height, columns=names, use_threads=False):
        rows, end = X[first : first + len(batch)], 0
        for place, (field, width) in enumerate(zip(fields, widths, strict=True)):
            start, end = end, end + width
            column = batch.column(place)
            if _is_list_type(field.type):
                rows[:, start:end] = numbers(path, _series(field.name, column, first), width)
            else:
                rows[:, start] = column.to_numpy(zero_copy_only=False)
        if np.isinf(rows).any():  # a missing value is NaN
            for field, column in zip(fields, batch.columns, strict=True):
                if not _is_list_type(field.type):
                    numbers(path, _series(field.name, column, first), 1)
        first += len(batch)
    if first < len(X):
        raise DatasetError(f"{path} cannot be read: column '{names[0]}' ends at row {first}")


def _series(name: str, column: Any, first: int) -> Any:
    """Return a column of a batch as a Series whose index counts from `first`."""
    values = column.to_pandas().rename(name)
    values.index += first
    return values


def _width(file: Any, field: Any) -> int:
    """Return the number of features in a column: 1, or the length of its first list."""
    if not _is_list_type(field.type):
        return 1
    for batch in file.iter_batches(1, columns=[field.name]):
        if batch[0][0].is_valid:
            return len(batch[0][0])
    return 1
