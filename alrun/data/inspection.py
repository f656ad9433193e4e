"""A look at a source of data: what is in it, and the keys with which it is read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from alrun.data.column_keys import FETCHED, ColumnKeys
from alrun.data.dataset import Dataset
from alrun.data.load import load
from alrun.data.read_keys import ReadKeys
from alrun.data.readers import is_source
from alrun.data.readers.column_meaning import date_columns, find_identifiers
from alrun.data.readers.delimited import DELIMITED
from alrun.data.readers.notations import check_notations
from alrun.data.readers.packed import ending_of
from alrun.data.readers.tables import is_table, read_columns
from alrun.data.registry import check_name
from alrun.errors import DatasetError

# Names of the column of the labels, the usual one first; the last column is often it too.
_TARGETS = ("target", "label", "labels", "class", "classes", "category", "outcome", "species", "y")
# A column of labels has at most so many values, each of them in two rows on average; of numbers,
# which may be counts, it has fewer.
_MOST_CLASSES, _MOST_NUMBERS = 500, 20
# A text has so many words on average, and so many of them differ from each other.
_FEWEST_WORDS, _FEWEST_DISTINCT = 3, 0.2
# Each attempt to read a source adds keys, or a column to drop.
_MOST_ATTEMPTS = 1000


@dataclass(frozen=True)
class Inspection:
    """What was found in a source of data.

    Attributes
    ----------
    name
        The source, as an experiment names it.
    keys
        The other keys of its `[dataset]` table, without a scale.
    reasons
        A sentence for some of the keys.
    dataset
        The data as they are read with these keys.
    """

    name: str
    keys: Mapping[str, Any]
    reasons: Mapping[str, str]
    dataset: Dataset


@dataclass
class _Keys:
    """The keys found so far, with the reasons for them."""

    keys: dict[str, Any] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)

    def add(self, key: str, value: Any, reason: str) -> None:
        """Add a key; columns to drop are added to those that are dropped already."""
        if key == "drop":
            value = [*self.keys.get(key, ()), *value]
            reason = " ".join(filter(None, (self.reasons.get(key), reason)))
        self.keys[key], self.reasons[key] = value, reason

    def mend(self, error: DatasetError) -> None:
        """Add the keys that mend an error; raises it where there are none."""
        known = set(self.keys.get("drop", ()))
        if not error.keys or known.intersection(error.keys.get("drop", ())):
            raise error
        for key, value in error.keys.items():
            if key not in ("read", "drop") and key in self.keys:
                raise error
            self.add(key, value, _reason(key, value, error))

    @property
    def read(self) -> ReadKeys:
        """The keys of `read`."""
        given = self.keys.get("read", {})
        lists = {key: tuple(value) for key, value in given.items() if isinstance(value, list)}
        return ReadKeys(**{**given, **lists})

    def load(self, name: str, folder: Path) -> Dataset:
        """Return the data with these keys."""
        columns = ColumnKeys(
            drop=tuple(self.keys.get("drop", ())), missing=self.keys.get("missing")
        )
        dataset = load(
            name,
            {},
            target=self.keys.get("target"),
            text=self.keys.get("text"),
            folder=folder,
            columns=columns,
            read=self.read,
            bins=self.keys.get("bins"),
        )
        assert isinstance(dataset, Dataset)  # nothing is drawn anew for each seed
        return dataset


def _reason(key: str, value: Any, error: DatasetError) -> str:
    """Return a sentence on a key that mends an error."""
    if key == "drop":
        return f"{', '.join(value)}: no numbers, and no categories that can be one-hot encoded."
    if key == "missing":
        return (
            "Missing numbers become the median of pool and initial set, missing texts a category of"
            ' their own; or "mean", "most_frequent", a number, "drop" the rows.'
        )
    if key == "bins":
        return "The labels are numbers: they are cut into classes at their quantiles."
    return "How the file is written."


def inspect(name: str, folder: Path, target: str | None = None) -> Inspection:
    """Look at a source of data, found relative to `folder`, with the labels in `target`.

    Without a target it is a column of the usual names, or the last column that can hold classes.
    Raises DatasetError for a source that cannot be read whatever the keys, and where no column can
    be the target.
    """
    found = _Keys()
    has_columns = (is_source(name) and is_table(name, folder)) or name.startswith(FETCHED)
    if target is not None and not has_columns and ending_of(name) != ".npy":
        raise DatasetError(f"a target is a column of a table, and {name} is none; leave it out")
    check_name(name, False, folder)
    if target is not None:
        found.add("target", target, "")
    if has_columns and not name.startswith(FETCHED):
        _look_at_columns(found, name, folder)
    for _ in range(_MOST_ATTEMPTS):
        try:
            dataset = found.load(name, folder)
            break
        except DatasetError as error:
            found.mend(error)
    else:
        raise DatasetError(f"{name} is not read after {_MOST_ATTEMPTS} attempts")
    return Inspection(name, found.keys, found.reasons, dataset)


def _look_at_columns(found: _Keys, name: str, folder: Path) -> None:
    """Find target, text and identifiers among the columns of a table."""
    frame, target, unnamed = _columns(found, name, folder)
    found.add("target", target, "The column of the labels.")
    left_out = {target, *unnamed, *found.keys.get("drop", ())}
    features = frame[[column for column in frame.columns if column not in left_out]]
    text = _find_text(features)
    if text is not None:
        others = [str(column) for column in features.columns if column != text]
        unused = f"; not used: {', '.join(others)}" if others else ""
        found.add("text", text, f"The words of this column are the features{unused}.")
        return
    identifiers = find_identifiers(features, date_columns(features))
    if identifiers and len(identifiers) < len(features.columns):
        reason = f"{', '.join(identifiers)}: a different value in nearly every row, as an id has."
        found.add("drop", identifiers, reason)


def _columns(found: _Keys, name: str, folder: Path) -> tuple[Any, str, tuple[str, ...]]:
    """Return a table, its target, and its columns without a name; mend how it is read."""
    path, given = folder / name, found.keys.get("target")
    for _ in range(_MOST_ATTEMPTS):
        try:
            frame, unnamed = read_columns(path, [given or _TARGETS[0]], found.read)
            target = given or _find_target(path, frame)
            if ending_of(name) in DELIMITED:  # numbers in another notation look like identifiers
                left_out = {target, *unnamed, *found.keys.get("drop", ())}
                kept = [column for column in frame.columns if column not in left_out]
                check_notations(path, frame[kept], found.read)
            return frame, target, unnamed
        except DatasetError as error:
            found.mend(error)
    raise DatasetError(f"{name} is not read after {_MOST_ATTEMPTS} attempts")


def _find_target(path: Path, frame: Any) -> str:
    """Return the column of the labels, by its name or its place; raises DatasetError."""
    by_name = {str(column).lower(): str(column) for column in reversed(frame.columns)}
    for name in _TARGETS:
        if name in by_name:
            return by_name[name]
    last = str(frame.columns[-1]) if len(frame.columns) else ""
    if last and _can_be_classes(frame[last]):
        return last
    columns = [str(column) for column in frame.columns]
    shown = ", ".join(columns[:20]) + (", ..." if len(columns) > 20 else "")
    raise DatasetError(
        f"{path}: which column holds the labels? Name it with --target; its columns are {shown}"
    )


def _can_be_classes(values: Any) -> bool:
    from pandas.api import types

    try:
        n_values = values.nunique()
    except TypeError:  # lists
        return False
    is_fraction = types.is_float_dtype(values) and bool((values.dropna() % 1 != 0).any())
    is_number = types.is_numeric_dtype(values) and not types.is_bool_dtype(values)
    few = min(_MOST_NUMBERS if is_number else _MOST_CLASSES, len(values) // 2)
    return 2 <= n_values <= few and not is_fraction and not values.isna().any()


def _find_text(features: Any) -> str | None:
    """Return the column with the longest texts, if they are sentences; None without one."""
    dates = date_columns(features)
    words = {
        str(column): _mean_words(values)
        for column, values in features.items()
        if column not in dates
    }
    best = max(words, key=lambda column: words[column], default=None)
    return best if best is not None and words[best] >= _FEWEST_WORDS else None


def _mean_words(values: Any) -> float:
    """Return the mean number of words of a column of texts; 0 for any other, or with gaps."""
    from pandas.api import types

    if types.is_numeric_dtype(values) or types.is_bool_dtype(values) or not len(values):
        return 0.0
    listed = values.tolist()
    if not all(isinstance(value, str) and value.strip() for value in listed):
        return 0.0
    if len(set(listed)) < _FEWEST_DISTINCT * len(listed):
        return 0.0
    return float(np.mean([len(value.split()) for value in listed]))
