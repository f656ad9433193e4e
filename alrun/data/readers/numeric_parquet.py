"""Reader of purely numeric Parquet files, without a second copy of the data."""

from pathlib import Path
from typing import Any

import numpy as np

from alrun.data.column_keys import ALL_COLUMNS, ColumnKeys
from alrun.data.missing import Column, Settled, settle
from alrun.data.readers.columns import numbers
from alrun.errors import DatasetError, first_line

# Numbers read at a time.
_BATCH = 1_000_000


def wide_fields(path: Path, target: str, keys: ColumnKeys = ALL_COLUMNS) -> list[Any]:
    """Return the fields of the features if all are float32 or lists of numbers, else none."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    def is_wide(kind: Any) -> bool:
        if not _is_list_type(kind):
            return kind == pa.float32()
        return pa.types.is_floating(kind.value_type) or pa.types.is_integer(kind.value_type)

    try:
        schema = pq.read_schema(path)
        index = (schema.pandas_metadata or {}).get("index_columns", [])
        features = [field for field in schema if field.name not in (target, *index)]
        fields = [field for field in features if keys.keeps(field.name)]
    except Exception:  # the file is damaged, and reading all of it will raise an error
        return []
    # Parquet takes a dot in the name of a column for a path to a nested field.
    is_plain = target in schema.names and len(set(schema.names)) == len(schema.names)
    are_wide = all(is_wide(field.type) and "." not in field.name for field in fields)
    return fields if is_plain and are_wide else []


def _is_list_type(kind: Any) -> bool:
    import pyarrow as pa

    return pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind)


def read_wide(path: Path, fields: list[Any], keys: ColumnKeys = ALL_COLUMNS) -> Settled:
    """Read these fields as one matrix, shape (n_rows, n_features), its missing values settled.

    Beside the matrix, at most one column is in memory. Raises DatasetError, which names the column
    and the row.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = [field.type.value_type if _is_list_type(field.type) else field.type for field in fields]
    is_single = all(kind == pa.float32() for kind in kinds)
    try:
        file = pq.ParquetFile(path)
        widths = [_width(file, field) for field in fields]
        shape = (file.metadata.num_rows, sum(widths))
        X = np.empty(shape, np.float32 if is_single else np.float64)
        # Column by column: Parquet decodes whole pages, and a page may hold all rows of a column.
        for field, width, end in zip(fields, widths, np.cumsum(widths), strict=True):
            first, n_rows = 0, max(_BATCH // max(width, 1), 1)
            for batch in file.iter_batches(n_rows, columns=[field.name], use_threads=False):
                values = batch.to_pandas(ignore_metadata=True)[field.name]
                values.index += first
                X[first : first + len(values), end - width : end] = numbers(path, values, width)
                first += len(values)
            if first < len(X):
                raise DatasetError(
                    f"{path} cannot be read: column '{field.name}' ends at row {first}"
                )
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


def _width(file: Any, field: Any) -> int:
    """Return the number of features in a column: 1, or the length of its first list."""
    if not _is_list_type(field.type):
        return 1
    for batch in file.iter_batches(1, columns=[field.name]):
        if batch[0][0].is_valid:
            return len(batch[0][0])
    return 1
