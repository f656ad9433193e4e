"""Reader of the tables of the KEEL repository, from the package that ships them.

Source: Alcalá-Fdez, Fernández, Luengo, Derrac, García, Sánchez & Herrera (2011), "KEEL data-mining
software tool: data set repository, integration of algorithms and experimental analysis framework",
Journal of Multiple-Valued Logic and Soft Computing 17(2-3).
"""

import hashlib
import io
from typing import Any

from alrun.data.column_keys import ALL_COLUMNS, ColumnKeys
from alrun.data.readers.columns import features_of_table, kept_columns
from alrun.data.readers.contents import Contents, contents_of
from alrun.data.readers.keel_package import table
from alrun.data.readers.labels import as_numbers, take_labels
from alrun.errors import DatasetError, first_line, nearest

_LISTED = (
    "australian banana bands breast bupa chess contraceptive crx german hayes-roth heart housevotes"
    " ionosphere iris led7digit letter magic mammographic marketing monk-2 movement_libras mushroom"
    " optdigits penbased phoneme pima ring saheart satimage segment sonar spambase splice tae"
    " texture tic-tac-toe titanic twonorm vehicle vowel wdbc wine wisconsin"
)
NAMES = tuple(_LISTED.split())
# How KEEL writes a missing value.
_MISSING = ("?", "<null>")


def check_keel(name: str) -> None:
    """Raise DatasetError unless there is a table of this name."""
    if name not in NAMES:
        raise DatasetError(
            f"'keel:{name}' is no table of KEEL that alrun reads{nearest(name, NAMES)}"
        )


def read_keel(name: str, target: str | None, keys: ColumnKeys = ALL_COLUMNS) -> Contents:
    """Read a table of KEEL, whose columns are named "0", "1", ...

    Without a `target` the last column holds the labels. Columns of numbers are features as they
    are, though some hold codes, since the package names no types; texts are one-hot encoded. Raises
    DatasetError.
    """
    source = f"keel:{name}"
    content = table(source, name)
    frame = _frame(source, content)
    label = str(len(frame.columns) - 1) if target is None else target
    labels = as_numbers(take_labels(source, frame, label))
    kept = kept_columns(source, list(frame.columns), label, keys)
    if not kept:
        raise DatasetError(f"{source}: there are no columns of features beside '{label}'")
    numbers = frame[kept].apply(_numbers_if_all)
    settled, notes, _ = features_of_table(source, numbers, keys)
    identity = ["keel", hashlib.sha256(content).hexdigest(), label, sorted(kept)]
    return contents_of(settled, notes, labels, identity)


def _frame(source: str, content: bytes) -> Any:
    """Return a table of texts, stripped of spaces; there is no line with names."""
    import pandas as pd

    try:
        frame = pd.read_csv(io.BytesIO(content), header=None, dtype=str, keep_default_na=False)
    except ValueError as error:
        raise DatasetError(f"{source} cannot be read: {first_line(error)}") from error
    frame = frame.apply(lambda column: column.str.strip())
    frame.columns = pd.Index([str(place) for place in frame.columns], dtype=object)
    return frame.mask(frame.isin(_MISSING))


def _numbers_if_all(column: Any) -> Any:
    """Return a column as numbers if all its values are, else as it is."""
    import pandas as pd

    try:
        return pd.to_numeric(column)
    except ValueError:
        return column
