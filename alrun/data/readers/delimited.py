"""Reader of delimited text, CSV and TSV, with the keys of `read`."""

import codecs
import re
import warnings
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from functools import partial
from typing import Any

from alrun.data.read_keys import ReadKeys
from alrun.data.readers.notations import PLAIN_NUMBER
from alrun.data.readers.packed import check_unpacked, ending_of, unpacked
from alrun.data.readers.source_file import SourceFile
from alrun.errors import DatasetError, first_line, nearest

DELIMITED = (".csv", ".tsv")
# The name that pandas gives to a column without one, before its number.
UNNAMED = "Unnamed: "
# Characters of text that are looked through at a time.
_BLOCK = 2**20
# Separators that a file may have in the place of the usual one.
_SEPARATORS = (";", "\t", "|", ",")
_SPACES = r"\s+"


def read_delimited(
    file: SourceFile, as_text: Collection[str], keys: ReadKeys
) -> tuple[Any, tuple[str, ...]]:
    """Read a CSV or TSV file as a DataFrame, and the names of columns that have none in the file.

    The columns `as_text` hold texts as they are written, with an empty field as a missing value.
    Raises DatasetError, which names the key of `read` that mends it.
    """
    import pandas as pd

    try:
        _check_characters(file, keys)
        names, unnamed = _names(file, as_text, keys)
        wanted = {*as_text, *keys.categories}
        kept = [place for place, name in enumerate(names) if name in wanted]
        frame = _parsed(file, keys, dict.fromkeys(kept, str))
        texts = _as_written(file, keys, kept)
        frame.columns = pd.Index(names, dtype=object)
    except DatasetError:
        raise
    except pd.errors.EmptyDataError as error:
        raise DatasetError(f"{file.path} cannot be read: it is empty") from error
    except pd.errors.ParserWarning as error:
        raise DatasetError(
            f"{file.path} cannot be read: its rows have more fields than the first, which holds"
            f" the names of the columns: {', '.join(names[:5])}"
        ) from error
    except Exception as error:  # a damaged file raises almost anything
        raise DatasetError(f"{file.path} cannot be read: {first_line(error)}") from error
    for name in keys.categories:
        if name not in names:
            raise DatasetError(
                f"{file.path}: read.categories: there is no column '{name}'{nearest(name, names)}"
            )
    for place in kept:
        frame[names[place]] = texts[place]
    return frame, unnamed


def _as_written(file: SourceFile, keys: ReadKeys, places: list[int]) -> dict[int, Any]:
    """Return columns as texts, by their places, with an empty field as a missing value.

    "NA" or "None" may be the name of a class, so that what pandas takes for missing is a text here.
    """
    import pandas as pd

    if not places:
        return {}
    frame = pd.read_csv(
        unpacked(file),
        usecols=places,
        dtype=str,
        keep_default_na=False,
        header=0 if keys.has_header else None,
        **_layout(file, keys),
    )
    columns = zip(places, frame.columns, strict=True)
    absent = ["", *keys.na_values]
    return {place: frame[name].mask(frame[name].isin(absent)) for place, name in columns}


def _parsed(file: SourceFile, keys: ReadKeys, dtypes: Any) -> Any:
    """Return the table as pandas reads it, with the types of some columns by place."""
    import pandas as pd

    settings = {
        "dtype": dtypes,
        "header": 0 if keys.has_header else None,
        "index_col": False,
        "decimal": keys.decimal or ".",
        "thousands": keys.thousands,
        "na_values": list(keys.na_values) or None,
        **_layout(file, keys),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)  # about rows with extra fields
        warnings.simplefilter("error", pd.errors.DtypeWarning)
        try:
            return pd.read_csv(unpacked(file), **settings)
        except pd.errors.DtypeWarning:  # parts of a column were taken for numbers, others for texts
            return pd.read_csv(unpacked(file), **settings, low_memory=False)


def _layout(file: SourceFile, keys: ReadKeys) -> dict[str, Any]:
    usual = "\t" if ending_of(file.path.name) == ".tsv" else ","
    return {"sep": keys.sep or usual, "encoding": keys.encoding or "utf-8"}


def _check_characters(file: SourceFile, keys: ReadKeys) -> None:
    """Raise DatasetError if a file is not text in its encoding, or unpacks to too much of it."""
    encoding = keys.encoding or "utf-8"
    if keys.encoding is None and (guess := _wide_encoding(unpacked(file).read(1000))):
        raise DatasetError(
            f"{file.path} cannot be read: it is UTF-16; save it as UTF-8, or add"
            f" {keys.with_more({'encoding': guess})}",
            {"read": keys.joined({"encoding": guess})},
        )
    n_bytes = 0
    try:
        for block in codecs.iterdecode(_blocks(file), encoding):
            n_bytes += len(block)
            check_unpacked(file, n_bytes)
            if "\0" in block:
                raise DatasetError(
                    f"{file.path} cannot be read: it holds a NUL, and pandas would end the field"
                    " there"
                )
    except UnicodeDecodeError as error:
        raise DatasetError(
            f"{file.path} cannot be read: it is not {encoding.upper()}, since it holds the byte"
            f" {error.object[error.start]:#x}; save it as UTF-8, or name its encoding, as in"
            f" {keys.with_more({'encoding': 'latin-1'})}",
            {"read": keys.joined({"encoding": "latin-1"})},
        ) from error


def _blocks(file: SourceFile) -> Iterator[bytes]:
    stream = unpacked(file)
    return iter(partial(stream.read, _BLOCK), b"")


def _wide_encoding(start: bytes) -> str | None:
    """Return the name of UTF-16 if the first bytes of a file are of it, else None."""
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    for name, zeros in (("utf-16-le", start[1::2]), ("utf-16-be", start[::2])):
        if (
            len(start) > 3
            and zeros.count(0) > 0.8 * len(zeros)
            and start.count(0) < 0.6 * len(start)
        ):
            return name
    return None


def _names(
    file: SourceFile, as_text: Collection[str], keys: ReadKeys
) -> tuple[list[str], tuple[str, ...]]:
    """Return the names of the columns, and those that pandas makes up for empty fields."""
    import pandas as pd

    first = pd.read_csv(
        unpacked(file),
        header=None,
        nrows=1,
        dtype=str,
        keep_default_na=False,
        **_layout(file, keys),
    ).iloc[0]
    cells = [str(cell) for cell in first]
    _check_separator(file, cells, keys)
    if not keys.has_header:
        return [str(place) for place in range(len(cells))], ()
    if keys.header is None and _looks_like_data(cells, as_text):
        shown = ", ".join(cells[:5]) + (", ..." if len(cells) > 5 else "")
        raise DatasetError(
            f"{file.path}: the first row holds data, not the names of columns: {shown}; add"
            f' {keys.with_more({"header": False})}, and the columns are named "0", "1", ...; if it'
            f" does hold names, add {keys.with_more({'header': True})}",
            {"read": keys.joined({"header": False})},
        )
    unnamed = {place: f"{UNNAMED}{place}" for place, cell in enumerate(cells) if not cell}
    names = [unnamed.get(place, cell) for place, cell in enumerate(cells)]
    twins = [name for name, n in Counter(names).items() if n > 1]
    if twins:
        # pandas would rename the second column, and labels would become a feature.
        raise DatasetError(f"{file.path}: there are two columns '{twins[0]}'; rename or drop one")
    return names, tuple(unnamed.values())


def _check_separator(file: SourceFile, cells: Sequence[str], keys: ReadKeys) -> None:
    """Raise DatasetError if the only field of the first row holds another separator."""
    used = _layout(file, keys)["sep"]
    others = [sep for sep in _SEPARATORS if sep != used and sep in cells[0]]
    if len(cells) > 1:
        return
    start = unpacked(file).read(_BLOCK).decode(keys.encoding or "utf-8", errors="replace")
    rows = "".join(start.splitlines()[:2])
    if not others and (used in rows or " " not in cells[0].strip()):
        return
    sep = max(others, key=cells[0].count) if others else _SPACES
    has_comma = sep != "," and keys.decimal is None and re.search(r"\d,\d", rows)
    more = {"sep": sep, "decimal": ","} if has_comma else {"sep": sep}
    shown = {"\t": "tabs", _SPACES: "spaces"}.get(sep, f"'{sep}'")
    raise DatasetError(
        f"{file.path}: its fields are separated by {shown}, not by"
        f" {'tabs' if used == chr(9) else repr(used)}; add {keys.with_more(more)}",
        {"read": keys.joined(more)},
    )


def _looks_like_data(cells: Sequence[str], as_text: Collection[str]) -> bool:
    """Return whether a first row is one of numbers, which name no columns.

    Those from 0 or 1 on may be names, as pandas writes them where it was given none.
    """
    numbers = [cell for cell in cells if PLAIN_NUMBER.fullmatch(cell.strip())]
    if len(numbers) == len(cells):
        return all(list(cells) != [str(n + first) for n in range(len(cells))] for first in (0, 1))
    has_fraction = any(not cell.isdecimal() for cell in numbers)
    return has_fraction and not set(as_text) <= set(cells)
