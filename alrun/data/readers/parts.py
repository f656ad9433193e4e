"""Reader of a table in a folder of Parquet files, in partitions or not, as Spark writes it."""

from collections.abc import Collection
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from alrun.data.readers.arrow_tables import read_parquet
from alrun.data.readers.labels import as_numbers
from alrun.data.readers.notations import PLAIN_NUMBER
from alrun.data.readers.source_file import opened
from alrun.errors import DatasetError

# What Hive and Spark write for a missing value in the name of a partition's folder.
_MISSING = "__HIVE_DEFAULT_PARTITION__"


def parts_of(folder: Path) -> list[Path]:
    """Return the Parquet files of a table in a folder, sorted by path.

    They lie in the folder itself, or in partitions: folders named `column=value` below it. Names
    that begin with a dot or an underscore are skipped. Raises DatasetError if a folder cannot be
    read.
    """
    return _parts(folder, ())


def _parts(folder: Path, above: tuple[str, ...]) -> list[Path]:
    found = []
    for path in _visible(folder):
        if _is_partition(path):
            column, _, _ = path.name.partition("=")
            if not path.name.isprintable():
                raise DatasetError(
                    f"{path}: the name of a partition should be printable UTF-8; rename it"
                )
            if column in above:  # a link to a folder above it would never end
                raise DatasetError(f"{path} is in another partition by '{column}'; keep one")
            found += _parts(path, (*above, column))
        elif path.suffix.lower() == ".parquet" and not path.is_dir():
            found.append(path)
    return found


def read_parts(folder: Path, as_text: Collection[str] = ()) -> tuple[Any, list[Any]]:
    """Return the Parquet files of a folder as one DataFrame, and what identifies its content.

    The columns of partitions come last: numbers if every value is one, else texts. Those in
    `as_text` hold labels, which are numbers only if they are written as Python writes them. The
    identity is the SHA-256 of each file, and the partitions if there are any. Raises DatasetError
    if a file has other columns than the first, or lies in a folder that is no partition.
    """
    import pandas as pd

    _refuse_others(folder)
    paths = parts_of(folder)
    partitions = [path.parent.relative_to(folder) for path in paths]
    frames: list[Any] = []
    hashes: list[Any] = []
    for path, partition in zip(paths, partitions, strict=True):
        with opened(path) as file:
            frames.append(read_parquet(file))
            hashes.append(file.sha256)
        for column, value in _columns(partition).items():
            if column in frames[-1].columns:
                raise DatasetError(
                    f"{path} has a column '{column}', and its folder is named after one; rename one"
                )
            frames[-1][column] = pd.Series(value, frames[-1].index, dtype=object)
        if set(frames[-1].columns) != set(frames[0].columns):
            raise DatasetError(
                f"{path} has other columns than {paths[0].relative_to(folder)}; keep only parts of"
                " one table in the folder"
            )
    kept = [frame for frame in frames if len(frame)] or frames[:1]  # an empty part has no types
    whole = pd.concat(kept, ignore_index=True)
    for column in _columns(partitions[0]):
        whole[column] = _typed(whole[column], column in as_text)
    is_partitioned = any(partition.parts for partition in partitions)
    names = [{"partitions": [partition.as_posix() for partition in partitions]}]
    return whole, [*hashes, *(names if is_partitioned else [])]


def _visible(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.name[0] not in "._")
    except OSError as error:
        raise DatasetError(f"{folder} cannot be read: {error.strerror}") from error


def _is_partition(path: Path) -> bool:
    return "=" in path.name[1:] and path.is_dir()


def _columns(partition: Path) -> dict[str, str | None]:
    """Return the columns that the folders of a partition name, with their values."""
    pairs = [folder.partition("=") for folder in partition.parts]
    return {
        unquote(column): None if value == _MISSING else unquote(value) for column, _, value in pairs
    }


def _refuse_others(folder: Path) -> None:
    """Raise DatasetError if Parquet files lie in a folder that is no partition."""
    for path in _visible(folder):
        if _is_partition(path):
            _refuse_others(path)
        elif path.is_dir() and parts_of(path):
            raise DatasetError(
                f"{path} holds Parquet files, and its name is not of the form column=value; name"
                " the folder of one table"
            )


def _typed(texts: Any, is_label: bool) -> Any:
    """Return the values of partitions as numbers, if all of them are."""
    import pandas as pd

    if is_label:
        return texts if texts.isna().any() else pd.Series(as_numbers(texts.to_numpy()))
    are_numbers = all(PLAIN_NUMBER.fullmatch(text) for text in texts.dropna().unique())
    return pd.to_numeric(texts) if are_numbers else texts
