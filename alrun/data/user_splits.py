"""Splits and initial sets of the user's own, from tables."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from os.path import isfile
from pathlib import Path
from typing import Any

import numpy as np

from alrun.arrays import BoolArray, first_true
from alrun.data.dataset import Dataset, UserSplits
from alrun.data.readers.tables import read_frame
from alrun.errors import DatasetError, quoted
from alrun.records import ROLES

_UNUSED = -1


def with_user_splits(dataset: Dataset, path: Path, seeds: Collection[int], label: str) -> Dataset:
    """Read a table of seed, index and role, as `splits.parquet` in a results directory is.

    Where it has a column `dataset` with several values, the rows of `label` are taken. Raises
    DatasetError, which names the file and the row.
    """
    keys = ("seed", "index")
    frame = _rows_of(path, (*keys, "role"), label)
    _check_rows(path, frame, keys, dataset.n_examples)
    known = frame["role"].astype(str).isin(ROLES)
    _refuse(path, frame, ~known.to_numpy(), f"role is none of {', '.join(ROLES)}")
    codes = frame["role"].astype(str).map({role: code for code, role in enumerate(ROLES)})
    wanted = tuple(sorted(seeds))
    roles = np.full((len(wanted), dataset.n_examples), _UNUSED, dtype=np.int8)
    for position, seed in enumerate(wanted):
        chosen = (frame["seed"] == seed).to_numpy()
        roles[position, frame["index"].to_numpy()[chosen]] = codes.to_numpy()[chosen]
        absent = [role for code, role in enumerate(ROLES) if not (roles[position] == code).any()]
        if absent and absent != ["pool"]:
            raise DatasetError(f"{path}: seed {seed} has no row with the role '{absent[-1]}'")
    return replace(dataset, splits=UserSplits(wanted, roles))


def with_user_initial(
    dataset: Dataset, path: Path, seeds: Collection[int], label: str, is_shared: bool
) -> Dataset:
    """Read a table whose column `index` lists the rows of the data set that are initial.

    A column `seed` gives each seed a list of its own; without, all have the same. A column
    `dataset` is as in a table of splits, and must be there where data sets share the file. Raises
    DatasetError, which names the file and the row.
    """
    frame = _rows_of(path, ("dataset", "index") if is_shared else ("index",), label, is_shared)
    keys = tuple(key for key in ("seed", "index") if key in frame.columns)
    _check_rows(path, frame, keys, dataset.n_examples)
    initial = {}
    for seed in seeds:
        mine = frame if "seed" not in keys else frame[frame["seed"] == seed]
        if mine.empty:
            whose = f"the data set '{label}'" if frame.empty else f"seed {seed}"
            raise DatasetError(f"{path}: no row is of {whose}; list its initial examples")
        initial[seed] = np.sort(mine["index"].to_numpy(np.int64))
    return replace(dataset, initial=initial)


def _rows_of(path: Path, columns: Sequence[str], label: str, is_shared: bool = False) -> Any:
    """Read the rows of one data set, numbered as in the file."""
    if not isfile(path):  # unlike Path's, False for a name that is too long
        raise DatasetError(f"there is no file '{path}'")
    frame = read_frame(path)
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        raise DatasetError(
            f"{path}: there is no column '{missing[0]}'; wanted: {', '.join(columns)}"
        )
    if "dataset" in frame.columns:
        labels = frame["dataset"].astype(str)
        frame = frame[labels == label] if is_shared or labels.nunique() > 1 else frame
    return frame


def _check_rows(path: Path, frame: Any, keys: Sequence[str], n_examples: int) -> None:
    """Raise DatasetError at the first row that cannot be right."""
    for key in keys:
        _refuse(path, frame, _not_whole(frame[key]), f"{key} must be a whole number", key)
    outside = ~frame["index"].between(0, n_examples - 1).to_numpy(bool)
    what = f"index is not a row of the data set (0 to {n_examples - 1})"
    _refuse(path, frame, outside, what, "index")
    twins = frame.duplicated(list(keys)).to_numpy()
    _refuse(path, frame, twins, f"the same {' and '.join(keys)} stand above")


def _refuse(path: Path, frame: Any, bad: BoolArray, what: str, column: str | None = None) -> None:
    if (place := first_true(bad)) is not None:
        value = "" if column is None else f", not {quoted(frame[column].tolist()[place])}"
        raise DatasetError(f"{path}: row {frame.index[place]} (the first is 0): {what}{value}")


def _not_whole(values: Any) -> BoolArray:
    """Return which values are no whole numbers; all, where only the type of the column is amiss."""
    import pandas as pd

    bad = values.isna().to_numpy(bool)
    if values.dtype.kind in "iu":
        return bad
    numbers = pd.to_numeric(values.astype(str), errors="coerce").to_numpy(float)
    with np.errstate(invalid="ignore"):
        bad = bad | (numbers % 1 != 0)
    return bad if bad.any() else ~bad
