"""A data set: in memory, or drawn anew for each seed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn import datasets as bundled

from alrun.arrays import FloatArray, IntArray
from alrun.data.column_keys import Rule
from alrun.data.missing import Fill
from alrun.data.scaling import divided
from alrun.errors import DatasetError
from alrun.records import ROLES
from alrun.util.digest import digest_of_bytes
from alrun.util.random_streams import draw_integer, generator

GENERATED = "make_classification"


@dataclass(frozen=True)
class UserSplits:
    """Splits read from a file.

    `roles` holds the role of each row for each seed, shape (n_seeds, n_examples): a position in
    `alrun.records.ROLES`, or -1 for a row without a role.
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
        Features, shape (n_examples, n_features), dense or CSR. They are float64, or dense float32
        if the source has single precision. A numeric scale is applied already, since it does not
        depend on the split.
    y
        Class codes 0 ... n_classes - 1, shape (n_examples,).
    classes
        The label of each code, as in the source unless classes were merged.
    fingerprint
        A hash of the unscaled source.
    scale
        "none", "standard", "minmax", "tfidf" or a divisor.
    notes
        What was done to features and labels, in sentences.
    fills
        What is filled in for missing values, for each split. X is finite but for these.
    missing
        The rule for missing values as the experiment gives it; None without one.
    drawable
        The rows that splits are drawn from, in ascending order; None for all. Rows that are dropped
        keep their places in X and y, and never get a role.
    test
        The fixed test part; None if it is drawn.
    splits
        The splits read from a file; None if they are drawn.
    initial
        The initial rows read from files, by the name of the start and by seed, in ascending order.
    sureness
        How sure an outside model is of each example, by the name of the start, shape (n_examples,).
    costs
        The values of columns that say what a label costs, by the name of the column, shape
        (n_examples,).
    unmerged
        Classes and codes before all classes but one were merged; None if none were.
    """

    X: Any
    y: IntArray
    classes: tuple[Any, ...]
    fingerprint: str
    scale: str | float = "none"
    notes: tuple[str, ...] = ()
    splits: UserSplits | None = None
    initial: Mapping[str, Mapping[int, IntArray]] = field(default_factory=dict)
    sureness: Mapping[str, FloatArray] = field(default_factory=dict)
    unmerged: tuple[tuple[Any, ...], IntArray] | None = None
    fills: tuple[Fill, ...] = ()
    missing: Rule | Mapping[str, Rule] | None = None
    drawable: IntArray | None = None
    test: IntArray | None = None
    costs: Mapping[str, FloatArray] = field(default_factory=dict)

    @property
    def n_examples(self) -> int:
        """Number of rows."""
        return len(self.y)

    @property
    def n_drawable(self) -> int:
        """Number of rows that splits are drawn from."""
        return self.n_examples if self.drawable is None else len(self.drawable)

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return len(self.classes)

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes as text, by code; tables and class weights use these names."""
        return tuple(str(label) for label in self.classes)

    @property
    def source_classes(self) -> tuple[Any, ...]:
        """The labels of the source, by code."""
        return self.classes if self.unmerged is None else self.unmerged[0]

    @property
    def source_y(self) -> IntArray:
        """The code of each example in `source_classes`, shape (n_examples,)."""
        return self.y if self.unmerged is None else self.unmerged[1]

    def at(self, seed: int) -> "Dataset":
        """Return the data set itself: it is the same for every seed."""
        return self

    def user_split(self, seed: int) -> tuple[str, int] | None:
        """Return identity and number of initial labels of a seed's split, None if it is drawn.

        The number is 0 if the initial set is drawn. The identity does not depend on the other seeds
        in the file.
        """
        if self.splits is None:
            return None
        roles = self.splits.of(seed)
        identity = digest_of_bytes(roles.tobytes())
        return identity, int((roles == ROLES.index("initial")).sum())

    def user_training(self, seed: int) -> IntArray:
        """Return the rows of pool and initial set in the user's split, in ascending order."""
        assert self.splits is not None
        roles = self.splits.of(seed)
        return np.flatnonzero((roles != ROLES.index("test")) & (roles >= 0))

    def user_initial(self, start: str, seed: int) -> tuple[str, int]:
        """Return identity and length of a seed's list of initial rows."""
        rows = self.initial[start][seed]
        return digest_of_bytes(rows.astype("<i8").tobytes()), len(rows)

    def scores_of(self, start: str) -> str:
        """Return the identity of an outside model's scores."""
        return digest_of_bytes(self.sureness[start].astype("<f8").tobytes())


@dataclass(frozen=True)
class GeneratedDataset:
    """A data set drawn anew for each seed from scikit-learn's `make_classification`."""

    parameters: Mapping[str, Any]
    scale: str | float
    fingerprint: str
    notes: tuple[str, ...] = ("drawn anew for each seed",)
    test: None = None

    @property
    def n_examples(self) -> int:
        """Number of rows of every draw."""
        return int(self.parameters["n_samples"])

    @property
    def n_drawable(self) -> int:
        """Number of rows that splits are drawn from: all."""
        return self.n_examples

    @property
    def n_classes(self) -> int:
        """Number of classes; a small draw may lack one of them."""
        return int(self.parameters["n_classes"])

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes as text, by code."""
        return tuple(map(str, range(self.n_classes)))

    def at(self, seed: int) -> Dataset:
        """Draw the data set of one seed."""
        rng = generator(seed, "data", self.fingerprint)
        X, y = bundled.make_classification(**self.parameters, random_state=draw_integer(rng))
        classes = tuple(range(self.n_classes))
        X = divided(GENERATED, X, self.scale)
        return Dataset(X, y.astype(np.int64), classes, self.fingerprint, self.scale)

    def user_split(self, seed: int) -> None:
        """Return None: the splits are drawn."""


AnyDataset = Dataset | GeneratedDataset


def encode_labels(source: str, labels: Any) -> tuple[tuple[Any, ...], IntArray]:
    """Return the distinct labels, sorted, and the code of each label; raises DatasetError."""
    values = np.asarray(labels)
    if values.dtype == object:
        texts = [str(label) for label in values.tolist()]
        for row, text in enumerate(texts):
            if "\0" in text:  # NumPy drops a NUL at the end, so two classes could become one
                raise DatasetError(f"{source}: row {row} (the first is 0): a label with a NUL")
        values = np.array(texts, dtype=str)
    elif values.dtype.kind in "mM":  # dates: as numbers they would be nanoseconds
        values = values.astype(str)
    classes, y = np.unique(values, return_inverse=True)
    if len(values) == 0:
        raise DatasetError(f"{source}: there are no examples")
    if len(classes) < 2:
        raise DatasetError(
            f"{source}: all {len(values)} labels are the same; at least two classes are needed"
        )
    return tuple(classes.tolist()), y.astype(np.int64)
