"""The labels of a table, as they are written."""

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import numpy as np

from alrun.arrays import first_true
from alrun.data.readers.columns import kind_of
from alrun.errors import DatasetError, nearest, quoted


def take_some_labels(path: Path, frame: Any, target: str) -> Any:
    """Remove the column of labels from a table, if there is one, and return it.

    A row without a label has None. Raises DatasetError where a label cannot be one.
    """
    if target not in frame.columns:
        return np.full(len(frame), None, dtype=object)
    labels = frame[target]
    has_label = labels.notna() & (labels.astype(str).str.strip() != "")
    if has_label.all():
        return take_labels(path, frame, target)
    present = take_labels(path, frame.loc[has_label, [target]], target)
    del frame[target]
    if present.dtype.kind == "f" and (present % 1 == 0).all():  # as pandas reads 1 beside nothing
        present = present.astype(np.int64)
    some = np.full(len(labels), None, dtype=object)
    some[has_label.to_numpy(dtype=bool)] = present.tolist()
    return some


def take_labels(path: Path | str, frame: Any, target: str) -> Any:
    """Remove the column of labels from a table, and return it; raises DatasetError."""
    if target not in frame.columns:
        raise DatasetError(
            f"{path}: there is no column '{target}' (name the column of the labels with"
            f' target = "..." under [dataset]){nearest(target, frame.columns)}'
        )
    labels = frame.pop(target)
    if (row := first_true(labels.isna())) is not None:
        raise DatasetError(f"{path}: column '{target}', row {row} (the first is 0): no label")
    values = labels.to_numpy()
    if not all(issubclass(kind, Hashable) for kind in set(map(type, values.tolist()))):
        raise DatasetError(
            f"{path}: column '{target}' holds {kind_of(labels)}, which cannot be labels; use"
            " numbers or texts, and one label in each row"
        )
    if labels.dtype == object and labels.nunique() != labels.astype(str).nunique():
        raise DatasetError(
            f"{path}: column '{target}' holds numbers and texts that are written alike; use one"
            " kind"
        )
    return values


def several_labels_note(labels: Any) -> tuple[str, ...]:
    """Return a warning if labels look like several in a row, as "2,3" beside 2 and "a;b" beside a.

    A row has one label, so that each of these is a class of its own.
    """
    texts = {str(label).strip() for label in set(labels.tolist())}
    for separator in ",;|":
        joined = sorted(text for text in texts if separator in text)
        parts = {part.strip() for text in joined for part in text.split(separator)}
        single = texts - set(joined)
        if joined and (parts & single or all(part.isdecimal() for part in {*parts, *single})):
            return (
                f"warning: labels such as {quoted(joined[0])} look like several labels in a row,"
                " which are not supported; each is a class of its own",
            )
    return ()


def as_numbers(texts: Any) -> Any:
    """Return labels that were read as texts as numbers or booleans, if they look the same as texts.

    So 2 comes before 10, while 01 and 1, or 1.50 and 1.5, stay different classes.
    """
    texts = np.asarray(texts, dtype=object)
    kinds_read = set(map(type, texts.tolist()))
    if not all(issubclass(kind, str) for kind in kinds_read):  # a file of another format was added
        return texts
    distinct = {text: text.strip() for text in set(texts.tolist())}
    for read, kinds in ((int, "iu"), (float, "f"), (_boolean, "b")):
        try:
            values = {text: read(stripped) for text, stripped in distinct.items()}
        except ValueError:
            continue
        numbers = np.array(list(values.values()))
        look_the_same = all(str(values[text]) == stripped for text, stripped in distinct.items())
        if look_the_same and numbers.dtype.kind in kinds and np.isfinite(numbers).all():
            return np.array([values[text] for text in texts.tolist()], dtype=numbers.dtype)
    return texts


def _boolean(text: str) -> bool:
    if text not in ("True", "False"):
        raise ValueError
    return text == "True"


def were_numbers(labels: Any) -> bool:
    """Return whether labels are texts that earlier versions read as numbers or booleans.

    Their classes are others now, so that runs on them must have other ids.
    """
    import pandas as pd

    if labels.dtype != object:
        return False
    distinct = {label.strip() for label in set(labels.tolist()) if isinstance(label, str)}
    if not distinct:
        return False
    are_numbers = pd.to_numeric(pd.Series(sorted(distinct)), errors="coerce").notna().all()
    return bool(are_numbers) or distinct <= {"True", "TRUE", "true", "False", "FALSE", "false"}
