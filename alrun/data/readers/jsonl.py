"""Reader of JSON lines: an object per row."""

import json
import lzma
from typing import Any

from alrun.data.readers.packed import check_unpacked, unpacked
from alrun.data.readers.source_file import SourceFile
from alrun.errors import DatasetError, first_line


def read_jsonl(file: SourceFile) -> Any:
    """Return a file of JSON lines as a DataFrame; raises DatasetError, which names the line.

    A key that a row lacks is a missing value. Nothing is converted: a text stays one.
    """
    import pandas as pd

    rows, n_bytes = [], 0
    try:
        for number, line in enumerate(unpacked(file), start=1):
            n_bytes += len(line)
            check_unpacked(file, n_bytes)
            if line.strip():
                rows.append(_row(file, number, line))
    except (OSError, EOFError, lzma.LZMAError) as error:
        raise DatasetError(f"{file.path} cannot be read: {first_line(error)}") from error
    frame = pd.DataFrame(rows)
    frame.columns = frame.columns.astype(str)
    return frame


def _row(file: SourceFile, number: int, line: bytes) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DatasetError(
            f"{file.path} cannot be read: line {number} is no JSON: {first_line(error)}"
        ) from error
    if not isinstance(row, dict):
        raise DatasetError(
            f"{file.path}: line {number} is no object with the columns as keys, such as"
            ' {"a": 1, "target": "yes"}'
        )
    return row
