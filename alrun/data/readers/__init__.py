"""From what names a source of data to its contents: files, folders, OpenML.

A source is a file, by the end of its name; `folder/`, texts by class; `idx:folder`, images as those
of MNIST; or `openml:name`.
"""

from collections.abc import Mapping
from os.path import isdir, isfile
from pathlib import Path
from typing import Any

from alrun.data.readers.arrays import SVMLIGHT, read_npz, read_svmlight
from alrun.data.readers.contents import Contents
from alrun.data.readers.idx import check_idx, read_idx
from alrun.data.readers.openml import check_openml, read_openml
from alrun.data.readers.tables import TABLES, read_table
from alrun.data.readers.texts import counting_parameters, read_texts
from alrun.errors import DatasetError

FILES = (*TABLES, ".npz", *SVMLIGHT)


def check_source(name: str, folder: Path, has_text: bool) -> list[str]:
    """Raise DatasetError unless `name` is a source that is there; return its parameters.

    Files are looked for relative to `folder`; their content is not read, and nothing is fetched.
    `has_text` says that a column of texts is named.
    """
    kind, _, rest = name.partition(":")
    if has_text and _suffix(name) not in TABLES:
        raise DatasetError(f"text names a column of {' or '.join(TABLES)}; {name} has none")
    if kind == "openml":
        return check_openml(rest)
    if kind == "idx":
        check_idx(folder / rest)
        return []
    # Unlike Path's methods these are False for a name that is too long.
    what, is_there = ("folder", isdir) if name.endswith("/") else ("file", isfile)
    if not is_there(folder / name):
        raise DatasetError(f"there is no {what} '{folder / name}'")
    is_text = has_text or name.endswith("/")
    return list(counting_parameters()) if is_text else []


def read_source(
    name: str, folder: Path, target: str | None, text: str | None, parameters: Mapping[str, Any]
) -> Contents:
    """Read a source that `check_source` has found.

    Raises DatasetError, which names the file, the column and the row, where the features are not
    finite or a label is missing.
    """
    kind, _, rest = name.partition(":")
    if kind == "openml":
        return read_openml(rest, target, parameters)
    if kind == "idx":
        return read_idx(folder / rest)
    path = folder / name
    if name.endswith("/"):
        return read_texts(path, parameters)
    if _suffix(name) in TABLES:
        return read_table(path, target or "target", text, parameters)
    return read_npz(path) if _suffix(name) == ".npz" else read_svmlight(path)


def is_source(name: str) -> bool:
    """Return whether a name has the form of a source, there or not."""
    return name.startswith(("openml:", "idx:")) or name.endswith("/") or _suffix(name) in FILES


def _suffix(name: str) -> str:
    return Path(name).suffix.lower()
