"""The tables of a results directory as DataFrames."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from alrun.errors import AlrunError, ResultsError, first_line
from alrun.records import SIGNAL_TOLERANCES
from alrun.results.schema import (
    CURVES,
    LATER_LABELS,
    QUERIES,
    RUNS,
    SIGNALS,
    check_version,
    notes_in,
)

if TYPE_CHECKING:
    import pandas as pd


def load_curves(path: str | Path) -> "pd.DataFrame":
    """Return the curves of a results directory: a row per round of every run.

    `n_labels` counts labels, the initial ones included. Scores on the test part are shares of one;
    `log_loss` is in nats, and `brier` goes up to 2. The strategies, models and data sets are
    categories. Raises ResultsError if there is no such table.
    """
    return read_table(Path(path) / "curves.parquet", CURVES)


def load_runs(path: str | Path) -> "pd.DataFrame":
    """Return the runs of a results directory: a row per run, finished or failed.

    A row has the spec, the status and the error, the number of rounds, wall and CPU seconds by
    phase (fit, query, evaluate, and prepare, once per split), unconverged fits, warnings with their
    counts, and the provenance: Python, processor, BLAS with its kernel, versions of packages,
    digests of user code, and the commit of the experiment file with its tree, "clean" or "changed".
    Warnings, provenance and spec are JSON. A value that an earlier alrun did not record is null, or
    its key is missing. Raises ResultsError if there is no such table: it is not committed with the
    others.
    """
    return read_table(Path(path) / "runs.parquet", RUNS)


def load_signals(path: str | Path) -> "pd.DataFrame":
    """Return the label-free signals of a results directory: a row per round of every run.

    The keys and the order of the rows are those of `curves.parquet`. A signal is null where it does
    not apply, and all are in runs without signals. Raises ResultsError if no run has any: an
    earlier alrun computed them, or the experiment has `signals = false`.
    """
    file = Path(path) / "signals.parquet"
    signals = read_table(file, SIGNALS) if file.is_file() else None
    if signals is None or signals[list(SIGNAL_TOLERANCES)].isna().all(axis=None):
        raise ResultsError(
            f"{path} has no signals: an earlier alrun computed its runs, or they were swept with"
            " signals = false, or the table is not committed; sweep the experiment into another"
            " directory, with --results"
        )
    return signals


def load_queries(path: str | Path) -> "pd.DataFrame":
    """Return the queries of a results directory: a row per queried example.

    `index` is its row in the data set, `round` the round of its query, and `position` its place in
    the batch. The initial labels are not queries; they are in `splits.parquet`. Data set, model,
    start, strategy, batch size and seed are those of `curves.parquet`, the labels as categories in
    the order of the experiment; they are null where there are no curves of the run. Raises
    ResultsError if there is no such table.
    """
    results = Path(path)
    queries = read_table(results / "queries.parquet", QUERIES, required=QUERIES.names[:5])
    keys = ["run_id", *CURVES.names[: CURVES.names.index("round")]]
    if not (results / "curves.parquet").is_file():
        return queries.reindex(columns=[*keys, *QUERIES.names[1:]])
    curves = read_table(results / "curves.parquet", CURVES, keys, required=["run_id"])
    runs = _in_order(curves.drop_duplicates("run_id"), results)
    return queries.merge(runs, on="run_id", how="left")[[*keys, *QUERIES.names[1:]]]


def _in_order(frame: "pd.DataFrame", results: Path) -> "pd.DataFrame":
    """Return a table whose categories are in the order of the experiment, if there is one."""
    from alrun.experiment.toml import read_experiment

    try:
        experiment = read_experiment(results / "experiment.toml")
    except AlrunError:
        return frame
    orders = {
        "dataset": [str(entry.label) for entry in experiment.dataset],
        "model": [str(entry.label) for entry in experiment.model],
        "start": experiment.starts,
        "oracle": experiment.oracles,
        "cost_model": experiment.cost_models,
        "strategy": [str(entry.label) for entry in experiment.strategies],
    }
    for column, labels in orders.items():
        found = frame[column].cat.categories
        first = [label for label in labels if label in found]
        others = [label for label in found if label not in first]
        frame = frame.assign(**{column: frame[column].cat.reorder_categories([*first, *others])})
    return frame


def load_notes(path: str | Path) -> dict[str, list[str]]:
    """Return what was done to the data of a results directory: sentences by data set.

    They tell, for example, which columns were one-hot encoded. A table of an earlier alrun has
    none, and neither has one that cannot be read.
    """
    try:
        with open(Path(path) / "curves.parquet", "rb") as file:
            return notes_in(pq.read_schema(file).metadata)
    except (pa.ArrowException, OSError):
        return {}


def read_table(
    path: Path,
    schema: pa.Schema,
    columns: Sequence[str] | None = None,
    strict: bool = True,
    required: Sequence[str] = (),
) -> "pd.DataFrame":
    """Read a table of a results directory as a DataFrame, labels as categories.

    Columns of `schema` are cast to its types; unless `strict`, one that cannot be cast is left as
    it is. With `columns`, only these are read, if present. Without, all are read, and columns of
    `schema` that are missing, since an earlier version did not write them, are null.

    Raises ResultsError if the file is missing, is not Parquet, was written by a newer alrun, has a
    column twice, or has no `required` column, or one with a null.
    """
    if not path.is_file():
        raise ResultsError(f"there is no {path.name} in {path.parent}; make it with `alrun sweep`")
    try:
        with path.open("rb") as opened:  # since Arrow opens no path that is not UTF-8
            file = pq.ParquetFile(opened, page_checksum_verification=True)
            found = file.schema_arrow
            check_version(path, found.metadata)
            _check_columns(path, found, required)
            wanted = [name for name in columns or found.names if name in found.names]
            table = file.read(columns=wanted)
        for position, name in enumerate(wanted):
            if name in schema.names:
                column = _cast(table[name], schema.field(name).type, strict)
                table = table.set_column(position, name, column)
        for name in required:
            if table[name].null_count:
                raise ResultsError(f"{path}: the column '{name}' has a row without a value")
        for field in schema:
            if columns is None or field.name in columns:
                table = _filled(table, field, everything=columns is None)
        return table.to_pandas(ignore_metadata=True)
    except (pa.ArrowException, ValueError, OSError) as error:
        raise ResultsError(f"{path} cannot be read: {first_line(error)}") from error


def _filled(table: pa.Table, field: pa.Field, everything: bool) -> pa.Table:
    """Return a table with a column that an earlier version did not write.

    It is null, or empty for a label; without `everything` only labels are added.
    """
    is_label = field.name in LATER_LABELS
    if field.name in table.column_names or not (is_label or everything):
        return table
    if not is_label:
        return table.append_column(field, pa.nulls(table.num_rows, field.type))
    codes = pa.array(np.zeros(table.num_rows, np.int32))
    return table.append_column(field, pa.DictionaryArray.from_arrays(codes, pa.array([""])))


def _check_columns(path: Path, found: pa.Schema, required: Sequence[str]) -> None:
    for name in found.names:
        if found.names.count(name) > 1:
            raise ResultsError(f"{path}: the column '{name}' appears more than once")
    for name in required:
        if name not in found.names:
            raise ResultsError(f"{path}: there is no column '{name}'")


def _cast(column: pa.ChunkedArray, kind: pa.DataType, strict: bool) -> pa.ChunkedArray:
    """Return a column as another type; unless `strict`, unchanged if that fails."""
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
