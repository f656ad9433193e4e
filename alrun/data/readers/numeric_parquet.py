"""Reader of purely numeric Parquet files; counts of values."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from alrun.data.column_keys import ALL_COLUMNS, ColumnKeys
from alrun.data.mapped_arrays import HUGE
from alrun.data.missing import Column, Settled, settle
from alrun.data.readers.columns import numbers
from alrun.data.readers.memory_limit import check_claim, room_for
from alrun.errors import DatasetError, first_line

# Numbers read at a time.
_BATCH = 1_000_000
# Numbers of row groups that are filled in column by column: what they fill should stay in memory.
_SLAB = 100_000_000


def wide_fields(file: Any, target: str, keys: ColumnKeys = ALL_COLUMNS) -> list[Any]:
    """Return the fields of the features if all are float32 or lists of numbers, else none.

    `file` is a ParquetFile. In a huge one they may be float64 too.
    """
    import pyarrow as pa

    is_huge = count_values(file) * np.dtype(np.float64).itemsize >= HUGE

    def is_wide(kind: Any) -> bool:
        if not _is_list_type(kind):
            return kind == pa.float32() or (is_huge and kind == pa.float64())
        return pa.types.is_floating(kind.value_type) or pa.types.is_integer(kind.value_type)

    schema = file.schema_arrow
    try:
        index = (schema.pandas_metadata or {}).get("index_columns", [])
        features = [field for field in schema if field.name not in (target, *index)]
        fields = [field for field in features if keys.keeps(field.name)]
    except Exception:  # the metadata are damaged, and reading all of the file will raise an error
        return []
    # Parquet takes a dot in the name of a column for a path to a nested field.
    has_labels = target in schema.names or keys.classes is not None
    is_plain = has_labels and len(set(schema.names)) == len(schema.names)
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


def read_wide(
    path: Path, file: Any, n_bytes: int, fields: list[Any], keys: ColumnKeys = ALL_COLUMNS
) -> Settled:
    """Read these fields of a ParquetFile of `n_bytes` as one matrix, its missing values settled.

    The matrix has the shape (n_rows, n_features); a large one is in a temporary file. Beside it, a
    few columns at most are in memory. Raises DatasetError, which names the column and the row.
    """
    import pyarrow as pa

    kinds = [field.type.value_type if _is_list_type(field.type) else field.type for field in fields]
    is_single = all(kind == pa.float32() for kind in kinds)
    try:
        n_rows = file.metadata.num_rows
        dtype = np.dtype(np.float32 if is_single else np.float64)
        names = [field.name for field in fields]
        check_claim(path, count_values(file, names) * dtype.itemsize, n_bytes)
        widths = [_width(file, field) for field in fields]
        X = room_for(path, (n_rows, sum(widths)), dtype, n_bytes)
        for slab in _slabs(file, sum(widths)):
            end = 0
            for group in _groups(widths, slab.stop - slab.start):
                start, end = end, end + sum(widths[group])
                _fill(path, file, slab, fields[group], widths[group], X[:, start:end])
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


@dataclass(frozen=True)
class _Slab:
    """Row groups of a Parquet file that follow each other, and their rows: `start` up to `stop`."""

    row_groups: list[int]
    start: int
    stop: int


def _slabs(file: Any, width: int) -> Iterator[_Slab]:
    """Yield the row groups of a ParquetFile in slabs of at most `_SLAB` numbers or one group."""
    groups: list[int] = []
    start = stop = 0
    for group in range(file.metadata.num_row_groups):
        height = file.metadata.row_group(group).num_rows
        if groups and (stop + height - start) * width > _SLAB:
            yield _Slab(groups, start, stop)
            groups, start = [], stop
        groups.append(group)
        stop += height
    yield _Slab(groups, start, stop)


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


def _fill(path: Path, file: Any, slab: _Slab, fields: list[Any], widths: list[int], X: Any) -> None:
    """Read these fields of a slab into its rows of X, shape (n_rows, sum of the widths)."""
    names = [field.name for field in fields]
    first, height = slab.start, max(_BATCH // max(sum(widths), 1), 1)
    batches = file.iter_batches(height, slab.row_groups, columns=names, use_threads=False)
    for batch in batches:
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
    if first < slab.stop:
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
