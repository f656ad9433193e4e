"""The classes of a data set: its labels as codes, numbers cut into bins, rare ones merged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from alrun.arrays import FloatArray, IntArray
from alrun.data.dataset import encode_labels
from alrun.errors import DatasetError

# Numbers with more distinct values than this, and than this share of the examples, are no classes.
_MOST_NUMBERS, _MOST_SHARE = 20, 0.1
_MOST_NAMED = 20
OTHER = "other"
# The code of an example without a class; it has no role in any split.
NO_CLASS = -1


@dataclass(frozen=True)
class LabelKeys:
    """The keys on labels, as the experiment gives them.

    Attributes
    ----------
    target
        The column of the labels, for messages.
    bins
        The number of classes that numbers are cut into, at their quantiles; None for no cuts.
    rare
        What becomes of classes with fewer examples than `rare_below`: "merge" or "drop".
    """

    target: str | None = None
    bins: int | None = None
    rare: str | None = None
    rare_below: int = 0


@dataclass(frozen=True)
class Classes:
    """The classes, the code of each example or NO_CLASS, and notes on what was done."""

    classes: tuple[Any, ...]
    y: IntArray
    notes: tuple[str, ...] = ()


def find_classes(source: str, labels: Any, rows: IntArray, keys: LabelKeys) -> Classes:
    """Return the classes of the labels at `rows`; other examples have none.

    Raises DatasetError if they are not at least two classes.
    """
    values, notes = np.asarray(labels)[rows], []
    if len(values) == 0:
        raise DatasetError(f"{source}: there are no examples")
    if keys.bins is None:
        _check_not_numbers(source, values, keys)
        classes, codes = encode_labels(source, values)
    else:
        classes, codes = _binned(source, values, keys)
        notes.append(f"{_name(keys)} in {len(classes)} classes: {', '.join(classes)}")
    y = np.full(len(labels), NO_CLASS, dtype=np.int64)
    y[rows] = codes
    return Classes(classes, y, tuple(notes))


def find_some_classes(
    source: str, labels: Any, rows: IntArray, known: Sequence[str], keys: LabelKeys
) -> Classes:
    """Return the classes of labels of which some are None, and the known ones that none has.

    Examples without a label, and those outside `rows`, have no class. Raises DatasetError if there
    are not at least two classes.
    """
    values = np.asarray(labels)[rows]
    has_label = np.array([label is not None for label in values.tolist()], dtype=bool)
    given = values[has_label]
    if len({str(label) for label in given.tolist()}) > 1:
        if has_label.all():
            _check_not_numbers(source, given, keys)
        classes, codes = encode_labels(source, given)
    else:
        classes, codes = tuple(map(str, given[:1])), np.zeros(len(given), dtype=np.int64)
    there = set(map(str, classes))
    classes = (*classes, *(name for name in known if name not in there))
    if len(classes) < 2:
        raise DatasetError(
            f"{source}: {_name(keys)} names fewer than two classes; list them, as in"
            ' classes = ["no", "yes"]'
        )
    y = np.full(len(labels), NO_CLASS, dtype=np.int64)
    y[rows[has_label]] = codes
    return Classes(classes, y)


def _name(keys: LabelKeys) -> str:
    return keys.target or "the target"


def _check_not_numbers(source: str, values: Any, keys: LabelKeys) -> None:
    """Raise DatasetError if the labels are numbers that a regression would predict.

    Class numbers that a split can use are no such numbers, however many there are.
    """
    if values.dtype.kind in "OU":  # numbers in a text file may be kept as they are written: 1.50
        try:
            values = values.astype(np.float64)
        except (TypeError, ValueError):
            return
    if values.dtype.kind not in "iuf" or not np.isfinite(values).all():
        return
    numbers, counts = np.unique(values, return_counts=True)
    most = max(_MOST_NUMBERS, _MOST_SHARE * len(values))
    is_measured = bool((numbers % 1 != 0).any()) or counts.min() < 2
    if len(counts) > most and is_measured:
        raise DatasetError(
            f"{source}: {_name(keys)} has {len(counts):,} numeric values; alrun compares"
            " classifiers: cut them into classes with bins = 4 (quantiles), or name another target",
            {"bins": 4},
        )


def _binned(source: str, values: Any, keys: LabelKeys) -> tuple[tuple[str, ...], IntArray]:
    """Return intervals between quantiles as text, in ascending order, and the code of each value.

    Equal quantiles make fewer intervals than asked for.
    """
    try:
        numbers = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DatasetError(
            f"{source}: bins is for numbers, and {_name(keys)} holds texts"
        ) from error
    if not np.isfinite(numbers).all():
        raise DatasetError(f"{source}: {_name(keys)} holds a number that is not finite")
    edges = np.unique(_quantiles(numbers, keys.bins or 1))
    codes = np.maximum(np.searchsorted(edges, numbers, side="left") - 1, 0)
    if len(edges) < 3:
        raise DatasetError(
            f"{source}: the quantiles of {_name(keys)} are equal, so that bins = {keys.bins} makes"
            " one class; use more bins"
        )
    return _intervals(edges), codes.astype(np.int64)


def _quantiles(numbers: FloatArray, bins: int) -> FloatArray:
    """Return the quantiles 0, 1 / bins, ..., 1, interpolated, shape (bins + 1,).

    Where a quantile is one of the numbers it is exactly that, unlike in `np.quantile`. Otherwise
    rounding would decide which of two bins this number belongs to. Where it lies between two
    numbers it is below the larger one, even if they are so close that it is rounded to that one.
    """
    ordered = np.sort(numbers)
    places, rests = np.divmod(np.arange(bins + 1) * (len(ordered) - 1), bins)
    weights = rests / bins
    following = ordered[np.minimum(places + 1, len(ordered) - 1)]
    between = ordered[places] * (1 - weights) + following * weights
    return np.where((rests > 0) & (between >= following), ordered[places], between)


def _intervals(edges: FloatArray) -> tuple[str, ...]:
    """Return the intervals between edges as text, with as many digits as tell them apart."""
    for digits in (4, 6, 9, 17):
        shown = [f"{edge:.{digits}g}" for edge in edges]
        if len(set(shown)) == len(shown):
            break
    lower = ["[" + shown[0], *("(" + edge for edge in shown[1:-1])]
    return tuple(f"{low}, {high}]" for low, high in zip(lower, shown[1:], strict=True))


def without_rare(source: str, found: Classes, keys: LabelKeys) -> Classes:
    """Return classes of which the rare ones are merged into one, or dropped with their examples.

    Raises DatasetError if fewer than two are left.
    """
    counts = np.bincount(found.y[found.y != NO_CLASS], minlength=len(found.classes))
    is_rare = counts < keys.rare_below
    if keys.rare is None or not is_rare.any():
        return found
    kept = [label for label, rare in zip(found.classes, is_rare, strict=True) if not rare]
    # The last entry is for NO_CLASS.
    new_codes = np.append(np.where(is_rare, NO_CLASS, np.cumsum(~is_rare) - 1), NO_CLASS)
    below = f"classes with fewer than {keys.rare_below} examples"
    shown = _counted({str(found.classes[code]): counts[code] for code in np.flatnonzero(is_rare)})
    if keys.rare == "merge":
        if OTHER in map(str, kept):
            raise DatasetError(
                f"{source}: rare classes would be merged into '{OTHER}', and there is such a class;"
                ' use rare = "drop"'
            )
        new_codes[:-1][is_rare] = len(kept)
        kept.append(OTHER)
        note = f"{below} are merged into '{OTHER}': {shown}"
    else:
        note = f"{counts[is_rare].sum():,} rows of {below} are left out: {shown}"
    if len(kept) < 2:
        raise DatasetError(
            f"{source}: with rare_below = {keys.rare_below} fewer than two classes are left; lower"
            " it"
        )
    return Classes(tuple(kept), new_codes[found.y].astype(np.int64), (*found.notes, note))


def _counted(counts: Mapping[str, int]) -> str:
    """Return names with their counts, the first of many."""
    shown = ", ".join(f"{name} ({n:,})" for name, n in list(counts.items())[:_MOST_NAMED])
    more = len(counts) - _MOST_NAMED
    return f"{shown} and {more} more" if more > 0 else shown
