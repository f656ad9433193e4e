"""Splits and initial sets supplied by the user as tables, or by the scores of a model."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from os.path import isfile
from pathlib import Path
from typing import Any

import numpy as np

from alrun.arrays import BoolArray, FloatArray, IntArray, first_true
from alrun.data.dataset import Dataset, UserSplits
from alrun.data.readers.tables import read_frame
from alrun.errors import DatasetError, quoted
from alrun.records import ROLES

_UNUSED = -1
# Probabilities may be rounded to two decimals.
_ROUNDED = 0.005


def with_user_splits(
    dataset: Dataset,
    path: Path,
    seeds: Collection[int],
    name: str,
    draws_initial: bool = False,
) -> Dataset:
    """Read splits from a table of seed, index and role, like `splits.parquet` of the results.

    If a column `dataset` has several values, only the rows with the value `name` are read. With
    `draws_initial` the table may have no initial rows: the initial sets are then drawn from the
    rows with the role `pool`, or `train`. Raises DatasetError, which names the file and the row.
    """
    keys = ("seed", "index")
    frame = _rows_of(path, (*keys, "role"), name)
    _check_rows(path, frame, keys, dataset.n_examples)
    names = frame["role"].astype(str)
    if draws_initial:
        names = names.replace({"train": "pool"})
    what = f"role is none of {', '.join(ROLES)}"
    if not draws_initial and (names == "train").any():
        what += " (train is for splits whose initial set is drawn by [initial])"
    _refuse(path, frame, ~names.isin(ROLES).to_numpy(), what)
    if dataset.drawable is not None:
        left_out = ~np.isin(frame["index"].to_numpy(), dataset.drawable)
        why = "the row of the data set is left out, for a missing value or a rare class"
        _refuse(path, frame, left_out, why, "index")
    codes = names.map({role: code for code, role in enumerate(ROLES)})
    ordered = tuple(sorted(seeds))
    optional = ["pool"]
    if draws_initial and not (names[frame["seed"].isin(ordered)] == "initial").any():
        optional = ["initial"]
    roles = np.full((len(ordered), dataset.n_examples), _UNUSED, dtype=np.int8)
    for position, seed in enumerate(ordered):
        chosen = (frame["seed"] == seed).to_numpy()
        roles[position, frame["index"].to_numpy()[chosen]] = codes.to_numpy()[chosen]
        absent = [role for code, role in enumerate(ROLES) if not (roles[position] == code).any()]
        if absent and absent != optional:
            more = ", or draw the initial set by [initial]" if "initial" in absent else ""
            needed = next(role for role in reversed(absent) if role not in optional)
            raise DatasetError(
                f"{path}: seed {seed} has no row with the role '{needed}'; add some{more}"
            )
    return replace(dataset, splits=UserSplits(ordered, roles))


def read_initial(
    path: Path, dataset: Dataset, seeds: Collection[int], name: str, is_shared: bool
) -> dict[int, IntArray]:
    """Return the initial rows of each seed from a table: its column `index` lists them.

    With a column `seed` each seed has its own list, without it all seeds share one. A column
    `dataset` has the same meaning as in a table of splits, and is required if data sets share the
    file (`is_shared`). Raises DatasetError, which names the file and the row.
    """
    frame = _rows_of(path, ("dataset", "index") if is_shared else ("index",), name, is_shared)
    keys = tuple(key for key in ("seed", "index") if key in frame.columns)
    _check_rows(path, frame, keys, dataset.n_examples)
    initial = {}
    for seed in seeds:
        mine = frame if "seed" not in keys else frame[frame["seed"] == seed]
        if mine.empty:
            whose = f"the data set '{name}'" if frame.empty else f"seed {seed}"
            raise DatasetError(f"{path}: there is no row for {whose}; list its initial examples")
        initial[seed] = np.sort(mine["index"].to_numpy(np.int64))
    return initial


def read_sureness(path: Path, dataset: Dataset) -> FloatArray:
    """Return how sure an outside model is of each example: its margin, shape (n_examples,).

    The table has a row per example, in the order of the data set, and a column of probabilities per
    class, of two classes or more; a single column is the probability of one of two. The margin is
    the difference of the two highest. Raises DatasetError, which names the file and the row.
    """
    frame = _table(path)
    if len(frame) != dataset.n_examples:
        raise DatasetError(
            f"{path}: it has {len(frame)} rows, and the data set {dataset.n_examples} examples; it"
            " needs a row of probabilities for each"
        )
    try:
        shares = frame.to_numpy(np.float64, na_value=np.nan)
    except (TypeError, ValueError):
        raise DatasetError(
            f"{path}: there is a column of texts; the columns are the probabilities of the classes"
        ) from None
    if shares.shape[1] == 1:
        shares = np.column_stack([shares, 1 - shares])
    within = ((shares >= 0) & (shares <= 1)).all(axis=1)
    adds_up = np.abs(shares.sum(axis=1) - 1) <= _ROUNDED * shares.shape[1]
    _refuse(path, frame, ~(within & adds_up), "it holds no probabilities that add up to 1")
    ordered = np.sort(shares, axis=1)
    return np.asarray(ordered[:, -1] - ordered[:, -2])


def _rows_of(path: Path, columns: Sequence[str], name: str, is_shared: bool = False) -> Any:
    """Read the rows of one data set; the index of the frame is the row number in the file."""
    frame = _table(path)
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        raise DatasetError(
            f"{path}: there is no column '{missing[0]}'; the table needs {', '.join(columns)}"
        )
    if "dataset" in frame.columns:
        names = frame["dataset"].astype(str)
        frame = frame[names == name] if is_shared or names.nunique() > 1 else frame
    if "start" in frame.columns and frame["start"].astype(str).nunique() > 1:
        starts = ", ".join(sorted(frame["start"].astype(str).unique()))
        raise DatasetError(
            f"{path}: it holds several starts ({starts}); keep the rows of one of them"
        )
    return frame


def _table(path: Path) -> Any:
    if not isfile(path):  # unlike Path.is_file, it returns False for a name that is too long
        raise DatasetError(f"there is no file '{path}'")
    return read_frame(path)


def _check_rows(path: Path, frame: Any, keys: Sequence[str], n_examples: int) -> None:
    """Raise DatasetError at the first row with an invalid or repeated index or seed."""
    for key in keys:
        _refuse(path, frame, _not_whole(frame[key]), f"{key} must be a whole number", key)
    outside = ~frame["index"].between(0, n_examples - 1).to_numpy(bool)
    what = f"index is not a row of the data set (0 to {n_examples - 1})"
    _refuse(path, frame, outside, what, "index")
    repeated = frame.duplicated(list(keys)).to_numpy()
    _refuse(path, frame, repeated, f"an earlier row has the same {' and '.join(keys)}")


def _refuse(path: Path, frame: Any, bad: BoolArray, what: str, column: str | None = None) -> None:
    if (place := first_true(bad)) is not None:
        value = "" if column is None else f", not {quoted(frame[column].tolist()[place])}"
        raise DatasetError(f"{path}: row {frame.index[place]} (the first is 0): {what}{value}")


def _not_whole(values: Any) -> BoolArray:
    """Return a mask of the values other than whole numbers, shape (len(values),).

    If every value is a whole number and only the type of the column is wrong, all are marked.
    """
    import pandas as pd

    bad = values.isna().to_numpy(bool)
    if values.dtype.kind in "iu":
        return bad
    numbers = pd.to_numeric(values.astype(str), errors="coerce").to_numpy(float)
    with np.errstate(invalid="ignore"):
        bad = bad | (numbers % 1 != 0)
    return bad if bad.any() else ~bad
