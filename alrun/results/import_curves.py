"""Import of curves from another tool: from tables to a results directory."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from alrun.arrays import FloatArray
from alrun.errors import ResultsError, first_line
from alrun.metrics import METRICS
from alrun.results.curves import RUN, read_curves
from alrun.results.schema import CURVES, LATER_LABELS
from alrun.results.store import Store

_LABELS = ("dataset", "model", *LATER_LABELS, "strategy")
# The columns that a table must have beside a score, and the names of what it does not name.
NEEDED = ("seed", "n_labels")
_DATASET, _MODEL = "data", "model"
# The one column that is not taken over: ids are those of runs that alrun computed.
_OURS_ALONE = "run_id"
_KNOWN = [name for name in CURVES.names if name != _OURS_ALONE]
_ORDER = [*_KNOWN[: _KNOWN.index("round")], "n_labels"]


def import_curves(paths: Path | Sequence[Path], results: Path) -> tuple[int, list[str]]:
    """Make a results directory of tables of curves; return the number of runs and messages.

    A table is a .csv or .parquet with columns of `curves.parquet`: seed, n_labels and at least one
    score, any of METRICS. Without a column `strategy` it has one strategy, named as the file; data
    set and model get a name each, and the batch size is the most frequent step of n_labels. Raises
    ResultsError where a table cannot be reported, and where the directory holds curves or runs
    already.
    """
    paths = [paths] if isinstance(paths, Path) else list(paths)
    frames, messages = [], []
    for path in paths:
        frame = _read(path)
        unknown = [str(name) for name in frame.columns if name not in _KNOWN]
        messages += [f"the column '{name}' is not known, and left out" for name in unknown]
        try:
            frame, given = _with_names(_numbered(frame.drop(columns=unknown)), path)
        except ResultsError as error:
            raise ResultsError(f"{path}: {error}") from None
        messages += given
        frames.append(frame)
    messages += _add_batch_sizes(frames)
    for path, frame in zip(paths, frames, strict=True):
        messages += _checked(frame, str(path))
    frame = pd.concat(frames, ignore_index=True)
    where = ", ".join(map(str, paths))
    if len(frames) > 1:
        messages += _checked(frame, where)  # a run may be in two of them
    Store(results).save_foreign_curves(_table(where, frame))
    return len(frame[RUN].drop_duplicates()), list(dict.fromkeys(messages))


def _checked(frame: pd.DataFrame, where: str) -> list[str]:
    """Return sentences on the runs that reports leave out; raises ResultsError on bad curves."""
    try:
        scores = [score for score in METRICS if frame[score].notna().any()]
        if not scores:
            known = f"{', '.join(METRICS)}, and n_correct with n_test"
            raise ResultsError(f"there is no score; known are {known}")
        checked = [read_curves(frame, score) for score in scores]
    except ResultsError as error:
        raise ResultsError(f"{where}: {error}") from None
    return [sentence for curves in checked for sentence in curves.excluded]


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


def _numbered(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with names as texts and numbers as floats.

    Raises ResultsError for a missing column and for a value of another type.
    """
    missing = [column for column in NEEDED if column not in frame.columns]
    if missing:
        raise ResultsError(
            f"the columns {', '.join(missing)} are missing; it takes {', '.join(NEEDED)} and a"
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
    return frame


def _with_names(frame: pd.DataFrame, path: Path) -> tuple[pd.DataFrame, list[str]]:
    """Return the frame with all columns of `curves.parquet`, and sentences on names it lacked."""
    names = {"dataset": _DATASET, "model": _MODEL, "strategy": path.stem}
    lacking = {name: value for name, value in names.items() if name not in frame.columns}
    frame = frame.assign(**lacking)
    for column in _KNOWN:
        if column not in frame.columns:
            frame[column] = "" if column in LATER_LABELS else np.nan
    for column in LATER_LABELS:
        frame[column] = frame[column].astype(object).fillna("")
    if frame["accuracy"].isna().all():
        frame["accuracy"] = frame["n_correct"] / frame["n_test"]
    return frame, [
        f"there is no column '{name}' in {path}: it is '{value}'" for name, value in lacking.items()
    ]


def _add_batch_sizes(frames: Sequence[pd.DataFrame]) -> list[str]:
    """Fill in the batch size of tables without one, the same for all; say so.

    It is the most frequent step of n_labels: curves of other batch sizes would not be compared.
    """
    lacking = [frame for frame in frames if frame["batch_size"].isna().all()]
    if not lacking:
        return []
    keys = [key for key in RUN if key != "batch_size"]
    ordered = [frame.sort_values([*keys, "n_labels"]) for frame in lacking]
    steps = pd.concat([frame.groupby(keys)["n_labels"].diff() for frame in ordered])
    frequent = steps[steps > 0].mode()
    size = 1.0 if frequent.empty else float(frequent.iloc[0])
    for frame in lacking:
        frame["batch_size"] = size
    return [f"there is no batch_size: it is {size:g}, the most frequent step of n_labels"]


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


def _table(where: str, frame: pd.DataFrame) -> pa.Table:
    """Return the rows as those of `curves.parquet`, sorted, typed and with numbered rounds."""
    frame = frame.sort_values(_ORDER, kind="stable")
    if frame["round"].isna().any():
        frame["round"] = frame.groupby(RUN).cumcount()
    schema = CURVES.remove(CURVES.names.index(_OURS_ALONE))
    try:
        arrays = [_array(frame[field.name], field.type) for field in schema]
    except (pa.ArrowException, ValueError, TypeError) as error:
        raise ResultsError(f"{where} cannot be taken over: {first_line(error)}") from error
    return pa.table(arrays, schema=schema)


def _array(column: pd.Series, kind: pa.DataType) -> pa.Array:
    if pa.types.is_dictionary(kind):
        return pa.array(column, kind.value_type).dictionary_encode()
    return pa.array(column, from_pandas=True).cast(kind)
