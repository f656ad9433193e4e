"""Curves that another tool computed: from its table to a results directory that can be reported."""

from pathlib import Path

import pandas as pd
import pyarrow as pa

from alrun.curves import REQUIRED, RUN, read_curves
from alrun.errors import ResultsError, first_line
from alrun.schema import CURVES
from alrun.spec import SCORES, TARGET_SCORES
from alrun.store import Store

_READERS = {".csv": pd.read_csv, ".parquet": pd.read_parquet}
_COUNTS = ("n_test", "n_correct")
# What cannot be taken over: the ids are those of runs that alrun computed.
_OURS_ALONE = "run_id"


def import_curves(path: Path, results: Path) -> tuple[int, list[str]]:
    """Make a results directory of a table of curves; return the number of runs and what to tell.

    The table is a .csv or .parquet with the columns of `curves.parquet`: dataset, model, strategy,
    batch_size, seed, n_labels and at least one score. Raises ResultsError where it cannot be
    reported, and where the directory holds curves or runs already.
    """
    frame = _read(path)
    missing = [column for column in REQUIRED if column not in frame.columns]
    if missing:
        raise ResultsError(
            f"{path}: the columns {', '.join(missing)} are missing; it takes {', '.join(REQUIRED)}"
            " and a score"
        )
    if "accuracy" not in frame.columns and set(_COUNTS) <= set(frame.columns):
        frame["accuracy"] = frame["n_correct"] / frame["n_test"]
    scores = [score for score in TARGET_SCORES if score in frame.columns]
    if not scores:
        raise ResultsError(f"{path}: there is no score; known are {', '.join(TARGET_SCORES)}")
    try:
        checked = [read_curves(frame, score) for score in scores if frame[score].notna().any()]
    except ResultsError as error:
        raise ResultsError(f"{path}: {error}") from None
    table = _table(path, frame)
    Store(results).save_foreign_curves(table)
    n_runs = len(frame[RUN].drop_duplicates())
    told = [f"the column '{name}' is not known, and left out" for name in _unknown(frame)]
    return n_runs, told + [sentence for curves in checked for sentence in curves.excluded]


def _read(path: Path) -> pd.DataFrame:
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise ResultsError(f"{path} is no table of curves; those end in {' or '.join(_READERS)}")
    if not path.is_file():
        raise ResultsError(f"there is no file '{path}'")
    try:
        return pd.DataFrame(reader(path))
    except (ValueError, OSError, pa.ArrowException) as error:
        raise ResultsError(f"{path} cannot be read: {first_line(error)}") from error


def _unknown(frame: pd.DataFrame) -> list[str]:
    return [str(name) for name in frame.columns if name not in CURVES.names or name == _OURS_ALONE]


def _table(path: Path, frame: pd.DataFrame) -> pa.Table:
    """Return the rows sorted and typed as those of `curves.parquet`, rounds numbered if need be."""
    frame = frame.drop(columns=_unknown(frame)).sort_values([*RUN, "n_labels"], kind="stable")
    if "round" not in frame.columns:
        frame["round"] = frame.groupby(RUN, observed=True).cumcount()
    for column in ("dataset", "model", "strategy"):
        frame[column] = frame[column].astype(str)
    for column in (*_COUNTS, *SCORES):
        if column not in frame.columns:
            frame[column] = None
    schema = CURVES.remove(CURVES.names.index(_OURS_ALONE))
    try:
        arrays = [_array(frame[field.name], field.type) for field in schema]
    except (pa.ArrowException, ValueError, TypeError) as error:
        raise ResultsError(f"{path} cannot be taken over: {first_line(error)}") from error
    return pa.table(arrays, schema=schema)


def _array(column: pd.Series, kind: pa.DataType) -> pa.Array:
    if pa.types.is_dictionary(kind):
        return pa.array(column, kind.value_type).dictionary_encode()
    return pa.array(column, from_pandas=True).cast(kind)
