"""A data set: in memory, or drawn anew for each seed."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn import datasets as bundled

from alrun.arrays import IntArray
from alrun.data.scaling import divided
from alrun.errors import DatasetError
from alrun.records import ROLES
from alrun.util.random_streams import draw_integer, generator

GENERATED = "make_classification"


@dataclass(frozen=True)
class UserSplits:
    """Splits from a file.

    `roles` holds the role of each row for each seed, a position in `alrun.records.ROLES` or -1 for
    none, shape (n_seeds, n_examples).
    """

    seeds: tuple[int, ...]
    roles: IntArray

    def of(self, seed: int) -> IntArray:
        """Return the role of each row for one seed, shape (n_examples,)."""
        return self.roles[self.seeds.index(seed)]


@dataclass(frozen=True)
class Dataset:
    """Features and class codes of one data set.

    Attributes
    ----------
    X
        Shape (n_examples, n_features), dense or CSR, float64, or float32 in rows where the source
        holds no more; divided already where the scale is a number, since that depends on no split.
    y
        Class codes 0 ... n_classes - 1, shape (n_examples,).
    classes
        The labels by code, as they stand in the source unless classes were merged.
    fingerprint
        Of the source, unscaled.
    scale
        "none", "standard", "minmax", "tfidf" or a divisor.
    notes
        What was done to the features, in sentences.
    splits
        Those that are given by a file; None where they are drawn.
    initial
        The rows that a file lists as initial, in ascending order, by seed; None where no file does.
    unmerged
        Classes and codes before all but one were merged; None where none were.
    """

    X: Any
    y: IntArray
    classes: tuple[Any, ...]
    fingerprint: str
    scale: str | float = "none"
    notes: tuple[str, ...] = ()
    splits: UserSplits | None = None
    initial: Mapping[int, IntArray] | None = None
    unmerged: tuple[tuple[Any, ...], IntArray] | None = None

    @property
    def n_examples(self) -> int:
        """Number of rows."""
        return len(self.y)

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return len(self.classes)

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes as text, as the tables and class weights name them, by code."""
        return tuple(str(label) for label in self.classes)

    @property
    def source_classes(self) -> tuple[Any, ...]:
        """The labels as they stand in the source, by code."""
        return self.classes if self.unmerged is None else self.unmerged[0]

    @property
    def source_y(self) -> IntArray:
        """The code of each example in `source_classes`, shape (n_examples,)."""
        return self.y if self.unmerged is None else self.unmerged[1]

    def at(self, seed: int) -> "Dataset":
        """Return the data set of one seed: itself."""
        return self

    def user_split(self, seed: int) -> tuple[str, int] | None:
        """Return identity and number of initial labels of a seed's split, None if it is drawn.

        Other seeds of the file have no part in the identity.
        """
        if self.splits is None:
            return None
        roles = self.splits.of(seed)
        identity = hashlib.sha256(roles.tobytes()).hexdigest()[:16]
        return identity, int((roles == ROLES.index("initial")).sum())

    def user_initial(self, seed: int) -> tuple[str, int] | None:
        """Return identity and length of a seed's list of initial rows, None if there is none."""
        if self.initial is None:
            return None
        rows = self.initial[seed]
        return hashlib.sha256(rows.astype("<i8").tobytes()).hexdigest()[:16], len(rows)


@dataclass(frozen=True)
class GeneratedDataset:
    """A data set drawn anew for each seed from scikit-learn's `make_classification`."""

    parameters: Mapping[str, Any]
    scale: str | float
    fingerprint: str
    notes: tuple[str, ...] = ("drawn anew for each seed",)

    @property
    def n_examples(self) -> int:
        """Number of rows of every draw."""
        return int(self.parameters["n_samples"])

    @property
    def n_classes(self) -> int:
        """Number of classes, though a small draw may miss one."""
        return int(self.parameters["n_classes"])

    def at(self, seed: int) -> Dataset:
        """Draw the data set of one seed."""
        rng = generator(seed, "data", self.fingerprint)
        X, y = bundled.make_classification(**self.parameters, random_state=draw_integer(rng))
        classes = tuple(range(self.n_classes))
        X = divided(GENERATED, X, self.scale)
        return Dataset(X, y.astype(np.int64), classes, self.fingerprint, self.scale)

    def user_split(self, seed: int) -> None:
        """Return None: the splits are drawn."""

    def user_initial(self, seed: int) -> None:
        """Return None: the rows differ between seeds, and no file can list them."""


AnyDataset = Dataset | GeneratedDataset


def encode_labels(source: str, labels: Any) -> tuple[tuple[Any, ...], IntArray]:
    """Return the distinct labels, sorted, and the code of each label; raises DatasetError."""
    values = np.asarray(labels)
    if values.dtype == object:
        texts = [str(label) for label in values.tolist()]
        for row, text in enumerate(texts):
            if "\0" in text:  # NumPy drops those at an end, and two classes would be one
                raise DatasetError(f"{source}: row {row} (the first is 0): a label with a NUL")
        values = np.array(texts, dtype=str)
    elif values.dtype.kind in "mM":  # as numbers they would be nanoseconds
        values = values.astype(str)
    classes, y = np.unique(values, return_inverse=True)
    if len(values) == 0:
        raise DatasetError(f"{source}: there are no examples")
    if len(classes) < 2:
        raise DatasetError(
            f"{source}: all {len(values)} labels are the same; two classes are needed at least"
        )
    return tuple(classes.tolist()), y.astype(np.int64)
