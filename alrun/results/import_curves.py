"""Import of curves from another tool: from a table to a results directory."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from alrun.arrays import FloatArray
from alrun.errors import ResultsError, first_line
from alrun.metrics import METRICS
from alrun.results.curves import REQUIRED, RUN, read_curves
from alrun.results.schema import CURVES, LATER_LABELS
from alrun.results.store import Store

_LABELS = ("dataset", "model", "start", "strategy")
# The one column that is not taken over: ids are those of runs that alrun computed.
_OURS_ALONE = "run_id"
_KNOWN = [name for name in CURVES.names if name != _OURS_ALONE]
_ORDER = [*_KNOWN[: _KNOWN.index("round")], "n_labels"]


def import_curves(path: Path, results: Path) -> tuple[int, list[str]]:
    """Make a results directory of a table of curves; return the number of runs and messages.

    The table is a .csv or .parquet with the columns of `curves.parquet`: dataset, model, strategy,
    batch_size, seed, n_labels and at least one score, any of METRICS. Raises ResultsError where it
    cannot be reported, and where the directory holds curves or runs already.
    """
    frame = _read(path)
    unknown = [str(name) for name in frame.columns if name not in _KNOWN]
    try:
        frame = _typed(frame.drop(columns=unknown))
        scores = [score for score in METRICS if frame[score].notna().any()]
        if not scores:
            known = f"{', '.join(METRICS)}, and n_correct with n_test"
            raise ResultsError(f"there is no score; known are {known}")
        checked = [read_curves(frame, score) for score in scores]
    except ResultsError as error:
        raise ResultsError(f"{path}: {error}") from None
    Store(results).save_foreign_curves(_table(path, frame))
    n_runs = len(frame[RUN].drop_duplicates())
    messages = [f"the column '{name}' is not known, and left out" for name in unknown]
    messages += [sentence for curves in checked for sentence in curves.excluded]
    return n_runs, list(dict.fromkeys(messages))


def _read(path: Path) -> pd.DataFrame:
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise ResultsError(f"{path} is no table of curves; those end in {' or '.join(_READERS)}")
    if not path.is_file():
        raise ResultsError(f"there is no file '{path}'")
    try:
        frame = reader(path)
    except (ValueError, OSError, pa.ArrowException) as error:
        raise ResultsError(f"{path} cannot be read: {first_line(error)}") from error
    if not frame.columns.is_unique:
        twin = frame.columns[frame.columns.duplicated()][0]
        raise ResultsError(f"{path}: the column '{twin}' stands more than once")
    return frame


def _read_csv(path: Path) -> pd.DataFrame:
    # A name may look like a number, as 01, in some of the rows or all.
    frame = pd.read_csv(path, dtype=dict.fromkeys(_LABELS, str), low_memory=False)
    if not isinstance(frame.index, pd.RangeIndex):  # pandas takes the first fields for an index
        what = "its rows have more fields than its header; quote a name that holds a comma"
        raise ValueError(what)
    return frame


def _read_parquet(path: Path) -> pd.DataFrame:
    with path.open("rb") as file:  # since Arrow opens no path that is not UTF-8
        return pq.ParquetFile(file).read().to_pandas(ignore_metadata=True)


_READERS = {".csv": _read_csv, ".parquet": _read_parquet}


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with names as texts, numbers as floats, and all columns of `curves.parquet`.

    Raises ResultsError for a missing column and for a value of another type.
    """
    missing = [column for column in REQUIRED if column not in frame.columns]
    if missing:
        raise ResultsError(
            f"the columns {', '.join(missing)} are missing; it takes {', '.join(REQUIRED)} and a"
            " score, in a .csv separated by commas"
        )
    if frame.empty:
        raise ResultsError("the curves hold no row: there is no run that can be reported")
    for column in frame.columns:
        if column in _LABELS:
            frame[column] = frame[column].map(str, na_action="ignore")
        else:
            whole = pa.types.is_integer(CURVES.field(column).type)
            frame[column] = _numbers(frame[column], whole)
    for column in _KNOWN:
        if column not in frame.columns:
            frame[column] = "" if column in LATER_LABELS else np.nan
    for column in LATER_LABELS:
        frame[column] = frame[column].astype(object).fillna("")
    if frame["accuracy"].isna().all():
        frame["accuracy"] = frame["n_correct"] / frame["n_test"]
    return frame


def _numbers(column: pd.Series, whole: bool) -> FloatArray:
    most = np.iinfo(np.int32).max
    try:
        values = column.to_numpy(np.float64, na_value=np.nan)
        if whole and (np.abs(values) > most).any():
            raise OverflowError
    except (TypeError, ValueError):
        raise ResultsError(f"the column '{column.name}' must hold numbers") from None
    except OverflowError:
        what = f"must hold numbers up to {most:,}"
        raise ResultsError(f"the column '{column.name}' {what}") from None
    return np.asarray(values)


def _table(path: Path, frame: pd.DataFrame) -> pa.Table:
    """Return the rows as those of `curves.parquet`, sorted, typed and with numbered rounds."""
    frame = frame.sort_values(_ORDER, kind="stable")
    if frame["round"].isna().any():
        frame["round"] = frame.groupby(RUN).cumcount()
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
