"""Files of arrays: NumPy arrays and archives, and svmlight."""

import math
import os
import re
from collections.abc import Sequence
from dataclasses import replace
from io import BytesIO
from os.path import isfile
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.datasets import load_svmlight_file

from alrun.arrays import first_true
from alrun.data.column_keys import ALL_COLUMNS, ColumnKeys
from alrun.data.features import LARGEST_CHUNK, slices
from alrun.data.mapped_arrays import Place, map_file, state_of
from alrun.data.missing import Column, settle
from alrun.data.readers.contents import Contents, check_finite, contents_of
from alrun.data.readers.memory_limit import check_fits, room_for
from alrun.data.readers.packed import ending_of
from alrun.data.readers.source_file import SourceFile, opened
from alrun.errors import DatasetError, first_line, nearest
from alrun.util.digest import digest

SVMLIGHT = (".svm", ".svmlight", ".libsvm")


def read_npz(path: Path, keys: ColumnKeys = ALL_COLUMNS) -> Contents:
    """Read the arrays X, a row per example, and y of an archive; raises DatasetError.

    In messages and rules a column of X is named by its position, the first is 0.
    """
    with opened(path) as file:
        X, y = _arrays(file)
    return _contents(path, X, path, y, keys, _identity(file), file.n_bytes)


def read_npy(path: Path, target: str, keys: ColumnKeys = ALL_COLUMNS) -> Contents:
    """Read features from a file of one array, and labels from the file `target` beside it.

    A large array in single or double precision is not read but mapped, so that it needs no memory.
    Otherwise it is as `read_npz`.
    """
    beside = path.parent / target
    if ending_of(target) != ".npy" or not isfile(beside):
        raise DatasetError(
            f"{path}: its labels are in another .npy file beside it, and '{target}' is none; name"
            ' it, as in target = "labels.npy"'
        )
    with opened(path) as file, opened(beside) as labels:
        X, y = _array(file), _array(labels)
        identity = ["npy", file.sha256, labels.sha256]
        return _contents(path, X, beside, y, keys, identity, file.n_bytes)


def _array(file: SourceFile) -> Any:
    """Return the array of a .npy file, mapped if the file is too large to be held."""
    try:
        stream = file.from_start()
        if isinstance(stream, BytesIO):
            return np.load(stream, allow_pickle=False)
        version = np.lib.format.read_magic(stream)
        header: Any = getattr(np.lib.format, f"read_array_header_{version[0]}_0")
        shape, is_by_column, dtype = header(stream)
        if dtype.hasobject:
            raise ValueError("it holds Python objects")
        own = file.path.open("rb")  # a copy of the descriptor would share its position
        if not os.path.samestat(os.fstat(own.fileno()), os.fstat(stream.fileno())):
            raise ValueError("it was replaced while it was read")
        place = Place(shape, dtype, stream.tell(), state_of(own))
        return (
            map_file(own, replace(place, shape=shape[::-1])).T
            if is_by_column
            else map_file(own, place)
        )
    except Exception as error:  # a damaged file raises almost anything
        raise DatasetError(f"{file.path} cannot be read: {first_line(error)}") from error


def _contents(
    path: Path,
    X: Any,
    y_path: Path,
    y: Any,
    keys: ColumnKeys,
    identity: Sequence[str | None],
    n_bytes: int,
) -> Contents:
    """Return features from one file of `n_bytes`, and labels, as contents after all checks."""
    if X.ndim != 2 or X.dtype.kind not in "biuf" or X.shape[1] == 0:
        raise DatasetError(
            f"{path}: X must be a matrix of numbers with a row per example and a column per"
            f" feature; it has the type {X.dtype} and the shape {X.shape}"
        )
    if y.ndim != 1 or len(y) != len(X):
        raise DatasetError(
            f"{y_path}: y must hold one label for each of the {len(X)} rows of X; its shape is"
            f" {y.shape}"
        )
    X = _converted(path, X, n_bytes)
    check_finite(path, X)
    y = _decoded(y_path, np.array(y))
    missing_label = np.isnan(y) if y.dtype.kind == "f" else np.zeros(len(y), dtype=bool)
    if (row := first_true(missing_label)) is not None:
        raise DatasetError(f"{y_path}: y, row {row} (the first is 0): no label")
    columns = [Column(str(place), place, place + 1) for place in range(X.shape[1])]
    return contents_of(settle(path, X, columns, keys), (), y, identity)


def _converted(path: Path, X: Any, n_bytes: int) -> Any:
    """Return features in single precision if they have it, else in double precision."""
    is_single = X.dtype.kind == "f" and X.dtype.itemsize == 4
    dtype = np.dtype(np.float32 if is_single else np.float64)
    if X.dtype == dtype and X.flags.c_contiguous and X.flags.aligned:
        return X
    converted = room_for(path, X.shape, dtype, n_bytes)
    for block in slices(X, LARGEST_CHUNK):
        converted[block] = X[block]
    return converted


def _decoded(path: Path, y: Any) -> Any:
    """Return labels with bytes as texts, which must be UTF-8."""
    if y.dtype.kind != "S":
        return y
    try:
        return np.char.decode(y, "utf-8")
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path}: y holds bytes that are not UTF-8; save texts") from error


def _arrays(file: SourceFile) -> tuple[Any, Any]:
    path = file.path
    try:
        with np.load(file.from_start(), allow_pickle=False) as arrays:
            missing = [key for key in ("X", "y") if key not in arrays]
            if missing:
                raise DatasetError(
                    f"{path}: there is no array '{missing[0]}' (save the features as X and the"
                    f" labels as y){nearest(missing[0], arrays.files)}"
                )
            check_fits(path, sum(_claimed_bytes(arrays.zip, key) for key in ("X", "y")))
            return arrays["X"], arrays["y"]
    except DatasetError:
        raise
    except Exception as error:  # a damaged archive raises almost anything
        raise DatasetError(f"{path} cannot be read: {first_line(error)}") from error


def _claimed_bytes(archive: Any, key: str) -> int:
    """Return the bytes of an array in memory, from the header alone.

    Features other than float32 become float64.
    """
    name = key if key in archive.namelist() else f"{key}.npy"
    with archive.open(name) as member:
        version = np.lib.format.read_magic(member)
        read_header = getattr(np.lib.format, f"read_array_header_{version[0]}_0", None)
        if read_header is None:  # version 3 is for names of fields, which no matrix of numbers has
            return 0
        shape, _, dtype = read_header(member)
    is_widened = key == "X" and dtype.kind in "biuf" and dtype.itemsize < 8 and dtype != np.float32
    return math.prod(shape) * (8 if is_widened else dtype.itemsize)


def read_svmlight(path: Path) -> Contents:
    """Read rows of a label and index:value pairs; raises DatasetError."""
    with opened(path) as file:
        try:
            X, y = load_svmlight_file(file.from_start())
        except Exception as error:  # the parser raises almost anything
            _refuse_several_labels(file)
            raise DatasetError(f"{path} cannot be read: {first_line(error)}") from error
    X = sparse.csr_matrix(X)
    check_finite(path, X)
    if (row := first_true(~np.isfinite(y))) is not None:
        raise DatasetError(f"{path}: row {row} (the first is 0): no label, but {y[row]}")
    is_whole = np.array_equal(y, np.rint(y)) and np.abs(y).max(initial=0) < 2**53
    return Contents(X, y.astype(np.int64) if is_whole else y, digest(_identity(file)))


def _refuse_several_labels(file: SourceFile) -> None:
    """Raise DatasetError at the first row that begins with several labels, as in 2,3 1:0.5."""
    for row, line in enumerate(file.from_start()):
        label = line.split(maxsplit=1)[:1]
        if label and re.fullmatch(rb"[^:,]+(,[^:,]+)+", label[0]):
            raise DatasetError(
                f"{file.path}: row {row} (the first is 0): several labels in a row are not"
                f" supported, and it has {label[0].decode(errors='replace')}; keep one label in"
                " each row"
            )


def _identity(file: SourceFile) -> list[str | None]:
    return ["file", file.sha256, None]
