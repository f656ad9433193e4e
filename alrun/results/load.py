"""The tables of a results directory as DataFrames."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from alrun.errors import ResultsError, first_line
from alrun.results.schema import CURVES, QUERIES, RUNS, check_version

if TYPE_CHECKING:
    import pandas as pd


def load_curves(path: str | Path) -> "pd.DataFrame":
    """Return the curves of a results directory: a row per round of every run.

    `n_labels` counts labels, the initial ones included. Scores are on the test part: shares of one,
    but `log_loss`, in nats, and `brier`, up to 2. Strategies, models and data sets are categories.
    Raises ResultsError where there is no such table.
    """
    return read_table(Path(path) / "curves.parquet", CURVES)


def load_runs(path: str | Path) -> "pd.DataFrame":
    """Return the runs of a results directory: a row per run, finished or failed.

    Its spec, status and error, rounds, wall and CPU seconds in fits, queries, evaluations and what
    is prepared once per split, unconverged fits, warnings with their counts, and its provenance:
    python, processor, BLAS with its kernel, versions of packages, and the commit of the experiment
    file with its tree, "clean" or "changed", where there is one. Warnings, provenance and spec are
    JSON; what an earlier alrun did not record is null, or no key. Raises ResultsError where there
    is no such table: it is not committed with the others.
    """
    return read_table(Path(path) / "runs.parquet", RUNS)


def load_queries(path: str | Path) -> "pd.DataFrame":
    """Return the queries of a results directory: a row per queried example.

    `index` is its row in the data set, `round` the round that queried it, and `position` its place
    in the batch. Initial labels are no queries; they stand in `splits.parquet`. Raises ResultsError
    where there is no such table.
    """
    return read_table(Path(path) / "queries.parquet", QUERIES, whole=QUERIES.names)


def read_table(
    path: Path,
    schema: pa.Schema,
    columns: Sequence[str] | None = None,
    strict: bool = True,
    whole: Sequence[str] = (),
) -> "pd.DataFrame":
    """Read a table of a results directory as a DataFrame, labels as categories.

    Columns of `schema` are cast to its types; with `strict` off, a column that cannot be cast is
    left as it is. `columns` names those to read, as far as they are there; without it all are read,
    and columns of `schema` that an earlier version did not write are null. Raises ResultsError
    where the file is missing, is no Parquet, was written by a newer alrun or has a column twice,
    and where a column of `whole` is missing or lacks a value.
    """
    if not path.is_file():
        raise ResultsError(f"there is no {path.name} in {path.parent}; make it with `alrun sweep`")
    try:
        file = pq.ParquetFile(path, page_checksum_verification=True)
        there = file.schema_arrow
        check_version(path, there.metadata)
        _check_columns(path, there, whole)
        wanted = [name for name in columns or there.names if name in there.names]
        table = file.read(columns=wanted)
        for place, name in enumerate(wanted):
            if name in schema.names:
                column = _cast(table[name], schema.field(name).type, strict)
                table = table.set_column(place, name, column)
        for name in whole:
            if table[name].null_count:
                raise ResultsError(f"{path}: the column '{name}' has a row without a value")
        if columns is None:  # what an earlier version did not write
            for field in schema:
                if field.name not in wanted:
                    table = table.append_column(field, pa.nulls(table.num_rows, field.type))
        return table.to_pandas(ignore_metadata=True)
    except (pa.ArrowException, ValueError, OSError) as error:
        raise ResultsError(f"{path} cannot be read: {first_line(error)}") from error


def _check_columns(path: Path, there: pa.Schema, whole: Sequence[str]) -> None:
    for name in there.names:
        if there.names.count(name) > 1:
            raise ResultsError(f"{path}: the column '{name}' stands more than once")
    for name in whole:
        if name not in there.names:
            raise ResultsError(f"{path}: there is no column '{name}'")


def _cast(column: pa.ChunkedArray, kind: pa.DataType, strict: bool) -> pa.ChunkedArray:
    if column.type == kind:
        return column
    try:
        if pa.types.is_dictionary(kind):
            return column.cast(kind.value_type).dictionary_encode()
        return column.cast(kind)
    except pa.ArrowException:
        if strict:
            raise
        return column
