"""Readers of data: files, folders, OpenML, KEEL.

A source is named as a file, with the format as its ending; as `folder/`, for texts by class; as
`idx:folder`, for images in the format of MNIST; or as `openml:name` or `keel:name`.
"""

from collections.abc import Mapping
from os.path import isdir, isfile
from pathlib import Path
from typing import Any

from alrun.data.column_keys import ALL_COLUMNS, FETCHED, ColumnKeys
from alrun.data.read_keys import AS_USUAL, ReadKeys
from alrun.data.readers.arrays import SVMLIGHT, read_npy, read_npz, read_svmlight
from alrun.data.readers.contents import Contents
from alrun.data.readers.delimited import DELIMITED
from alrun.data.readers.idx import check_idx, read_idx
from alrun.data.readers.keel import check_keel, read_keel
from alrun.data.readers.openml import check_openml, read_openml
from alrun.data.readers.packed import ending_of
from alrun.data.readers.tables import TABLES, is_table, read_table
from alrun.data.readers.texts import counting_parameters, read_texts
from alrun.errors import DatasetError

FILES = (*TABLES, ".npz", ".npy", *SVMLIGHT)


def check_source(name: str, folder: Path, has_text: bool) -> list[str]:
    """Raise DatasetError unless the source `name` exists; return the names of its parameters.

    Files are looked for relative to `folder`; their content is not read, and nothing is fetched.
    `has_text` tells whether the experiment names a column of texts.
    """
    kind, _, rest = name.partition(":")
    if has_text and not is_table(name, folder):
        raise DatasetError(
            f"text names a column of a {' or '.join(TABLES)} file, and {name} is none; leave text"
            " out"
        )
    if kind == "openml":
        return check_openml(rest)
    if kind == "keel":
        check_keel(rest)
        return []
    if kind == "idx":
        check_idx(folder / rest)
        return []
    # Unlike the methods of Path, these return False for a name that is too long.
    what, exists = ("folder", isdir) if name.endswith("/") else ("file", isfile)
    if what == "file" and isdir(folder / name):
        raise DatasetError(f"'{name}' is a folder; write '{name}/' to read the files in it")
    if not exists(folder / name):
        raise DatasetError(f"there is no {what} '{folder / name}'")
    is_text = has_text or (name.endswith("/") and not is_table(name, folder))
    return list(counting_parameters()) if is_text else []


def read_source(
    name: str,
    folder: Path,
    target: str | None,
    text: str | None,
    parameters: Mapping[str, Any],
    keys: ColumnKeys = ALL_COLUMNS,
    read: ReadKeys = AS_USUAL,
) -> Contents:
    """Read a source after `check_source` has accepted its name.

    Raises DatasetError if the features are not finite or a label is missing. The message names the
    file, the column and the row.
    """
    kind, _, rest = name.partition(":")
    if kind == "openml":
        return read_openml(rest, target, parameters, keys)
    if kind == "keel":
        return read_keel(rest, target, keys)
    if kind == "idx":
        return read_idx(folder / rest)
    path = folder / name
    if is_table(name, folder):
        test = None if keys.test is None else folder / keys.test
        return read_table(path, target or "target", text, parameters, keys, test, read)
    if name.endswith("/"):
        return read_texts(path, parameters)
    if ending_of(name) == ".npy":
        return read_npy(path, target or "target", keys)
    return read_npz(path, keys) if ending_of(name) == ".npz" else read_svmlight(path)


def is_source(name: str) -> bool:
    """Return whether a name has the form of a source; it need not exist."""
    return name.startswith((*FETCHED, "idx:")) or name.endswith("/") or ending_of(name) in FILES


# The keys of `[dataset]` on columns, missing values, numeric labels and notation.
ALL_KEYS = frozenset(("columns", "drop", "missing", "missing_indicator", "test", "bins", "read"))


def keys_of(name: str, folder: Path) -> frozenset[str]:
    """Return those of ALL_KEYS that go with a source; folders are looked for in `folder`."""
    if name.startswith(FETCHED):
        return ALL_KEYS - {"test", "read"}
    if is_source(name) and is_table(name, folder):
        return ALL_KEYS if ending_of(name) in DELIMITED else ALL_KEYS - {"read"}
    if ending_of(name) in (".npz", ".npy"):
        return frozenset(("missing", "missing_indicator", "bins"))
    return frozenset(("bins",)) if is_source(name) else frozenset()
