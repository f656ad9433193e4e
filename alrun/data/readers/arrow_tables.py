"""Readers of Parquet and Feather files as DataFrames."""

from pathlib import Path
from typing import Any

from alrun.data.readers.memory_limit import check_fits
from alrun.data.readers.numeric_parquet import count_values
from alrun.data.readers.source_file import SourceFile
from alrun.errors import DatasetError, first_line

# Bytes that a value of a Parquet file takes at least: a number or a pointer in the table as it is
# read, in that of pandas, and in the features.
_VALUE_BYTES = 3 * 8


def parquet_file(file: SourceFile) -> Any:
    """Return the ParquetFile of a data file; raises DatasetError."""
    import pyarrow.parquet as pq

    try:
        return pq.ParquetFile(file.from_start())
    except Exception as error:  # damaged metadata raises almost anything
        raise DatasetError(f"{file.path} cannot be read: {first_line(error)}") from error


def read_parquet(file: SourceFile) -> Any:
    """Return a Parquet file as a DataFrame; raises DatasetError."""
    import pyarrow.parquet as pq

    parquet = parquet_file(file)
    try:
        check_fits(file.path, count_values(parquet) * _VALUE_BYTES)
        return _as_frame(pq.read_table(file.from_start(), use_pandas_metadata=True))
    except DatasetError:
        raise
    except Exception as error:  # damaged pages raise almost anything
        raise DatasetError(f"{file.path} cannot be read: {first_line(error)}") from error


def read_column(path: Path, parquet: Any, column: str) -> Any:
    """Return one column of a ParquetFile as a DataFrame; raises DatasetError.

    Its index is read too: a file whose index is damaged is a damaged file.
    """
    try:
        check_fits(path, parquet.metadata.num_rows * _VALUE_BYTES)
        return _as_frame(parquet.read([column], use_pandas_metadata=True))
    except DatasetError:
        raise
    except Exception as error:  # damaged pages raise almost anything
        raise DatasetError(f"{path} cannot be read: {first_line(error)}") from error


def read_feather(file: SourceFile) -> Any:
    """Return a Feather file as a DataFrame; raises DatasetError."""
    import pyarrow as pa

    try:
        reader = pa.ipc.open_file(file.from_start())
        batches = []
        for place in range(reader.num_record_batches):
            batches.append(reader.get_batch(place))
            batches[-1].validate(full=True)  # wrong offsets of texts would end the process
            check_fits(file.path, sum(batch.nbytes for batch in batches))
        return _as_frame(pa.Table.from_batches(batches, reader.schema))
    except DatasetError:
        raise
    except Exception as error:  # a damaged file raises almost anything
        raise DatasetError(f"{file.path} cannot be read: {first_line(error)}") from error


def _as_frame(table: Any) -> Any:
    """Return a table of Arrow as a DataFrame with rows counted from 0 and texts as column names."""
    try:
        frame = table.to_pandas()
    except TypeError as error:
        if "not understood" not in str(error):
            raise
        # pandas cannot read the names of some of its own types, such as Arrow's dictionaries.
        index = [
            name
            for name in table.schema.pandas_metadata["index_columns"]
            if name in table.column_names
        ]
        frame = table.drop_columns(index).to_pandas(ignore_metadata=True)
    frame = frame.reset_index(drop=True)
    frame.columns = frame.columns.astype(str)
    return frame
