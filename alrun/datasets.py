"""From the name of a data set, or the path of a file, to its features and class codes."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn import datasets as bundled
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from alrun.errors import DatasetError, first_line, nearest
from alrun.features import blocks, double, of_all
from alrun.files import FILES, TABLES, read_file
from alrun.named import completed, defaults_of
from alrun.seeds import canonical_json, draw_integer, generator
from alrun.spec import ROLES, IntArray

BUNDLED = {
    "digits": bundled.load_digits,
    "breast_cancer": bundled.load_breast_cancer,
    "wine": bundled.load_wine,
    "iris": bundled.load_iris,
}
GENERATED = "make_classification"
DESCRIPTIONS = {
    "digits": "1,797 images of digits, 8 x 8 pixels of 0 to 16, 10 classes (scikit-learn)",
    "breast_cancer": "569 tumours, 30 features, 2 classes (scikit-learn)",
    "wine": "178 wines, 13 features, 3 classes (scikit-learn)",
    "iris": "150 flowers, 4 features, 3 classes (scikit-learn)",
    GENERATED: "drawn by scikit-learn, anew for each seed with per_seed = true",
    "FILE.csv": "a table; target names the column of the labels, text is one-hot encoded",
    "FILE.parquet": "likewise",
    "FILE.npz": "arrays X, a row per example, and y",
    "FILE.svmlight": "sparse rows of a label and index:value pairs; also .svm and .libsvm",
}

_NOT_OF_THE_GENERATOR = ("random_state", "return_X_y")


@dataclass(frozen=True)
class GivenSplits:
    """Splits from a file.

    `roles` holds the role of each row for each seed, a position in `alrun.spec.ROLES` or -1 for
    none, shape (n_seeds, n_examples).
    """

    seeds: tuple[int, ...]
    roles: npt.NDArray[np.int8]

    def of(self, seed: int) -> npt.NDArray[np.int8]:
        """Return the role of each row for one seed, shape (n_examples,)."""
        return self.roles[self.seeds.index(seed)]


@dataclass(frozen=True)
class Dataset:
    """Features and class codes of one data set.

    Attributes
    ----------
    X
        Shape (n_examples, n_features), float64, dense or CSR; divided already where the scale is
        a number, since that depends on no split.
    y
        Class codes 0 ... n_classes - 1, shape (n_examples,).
    classes
        The labels as they stand in the source, by code.
    fingerprint
        Of the source, unscaled.
    notes
        What was done to the features, in sentences.
    splits
        Those that are given by a file; None where they are drawn.
    initial
        The rows that a file lists as initial, in ascending order, by seed; None where no file does.
    """

    X: Any
    y: IntArray
    classes: tuple[Any, ...]
    fingerprint: str
    notes: tuple[str, ...] = ()
    splits: GivenSplits | None = None
    initial: Mapping[int, IntArray] | None = None

    @property
    def source_classes(self) -> tuple[Any, ...]:
        return self.classes

    @property
    def source_y(self) -> IntArray:
        return self.y

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

    def at(self, seed: int) -> "Dataset":
        """Return the data set of one seed: itself."""
        return self

    def given_split(self, seed: int) -> tuple[str, int] | None:
        """Return identity and number of initial labels of a seed's split, None if it is drawn.

        Other seeds of the file have no part in the identity.
        """
        if self.splits is None:
            return None
        roles = self.splits.of(seed)
        identity = hashlib.sha256(roles.tobytes()).hexdigest()[:16]
        return identity, int((roles == ROLES.index("initial")).sum())

    def given_initial(self, seed: int) -> tuple[str, int] | None:
        """Return identity and length of a seed's list of initial rows, None if there is none."""
        if self.initial is None:
            return None
        rows = self.initial[seed]
        return hashlib.sha256(rows.astype("<i8").tobytes()).hexdigest()[:16], len(rows)


@dataclass(frozen=True)
class GeneratedDataset:
    """A data set drawn anew for each seed from scikit-learn's `make_classification`."""

    parameters: Mapping[str, Any]
    divisor: float
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
        return Dataset(X / self.divisor, y.astype(np.int64), classes, self.fingerprint)

    def given_split(self, seed: int) -> None:
        """Return None: the splits are drawn."""

    def given_initial(self, seed: int) -> None:
        """Return None: the rows differ between seeds, and no file can list them."""


Source = Dataset | GeneratedDataset


def check_name(name: str, per_seed: bool, folder: Path) -> list[str]:
    """Raise DatasetError unless there is a data set `name`; return the parameters that it takes.

    Files are looked for relative to `folder`; their content is not read.
    """
    if name == GENERATED:
        return list(_generator_parameters(per_seed))
    if per_seed:
        raise DatasetError(f"per_seed is for {GENERATED}; {name} is the same for every seed")
    if name in BUNDLED:
        return []
    suffix = Path(name).suffix.lower()
    if not suffix or not name.isprintable():
        raise DatasetError(f"there is no data set '{name}'{nearest(name, [*BUNDLED, GENERATED])}")
    if suffix not in FILES:
        raise DatasetError(f"'{name}' is no file that can be read; those end in {', '.join(FILES)}")
    try:
        is_there = (folder / name).is_file()
    except OSError:  # such as a name that is too long
        is_there = False
    if not is_there:
        raise DatasetError(f"there is no file '{folder / name}'")
    return []


def load(
    name: str,
    parameters: Mapping[str, Any],
    *,
    target: str = "target",
    scale: str | float = "none",
    per_seed: bool = False,
    folder: Path = Path(),
) -> Source:
    """Return a data set, or what draws it for each seed.

    Raises DatasetError, which names the file, the column and the row, where the features are not
    finite, a label is missing, or there is one class only.
    """
    check_name(name, per_seed, folder)
    divisor = float(scale) if isinstance(scale, (int, float)) else 1.0
    if name == GENERATED:
        return _generated(parameters, per_seed, divisor)
    if name in BUNDLED:
        bunch = BUNDLED[name]()
        X, y = bunch.data.astype(np.float64), bunch.target.astype(np.int64)
        classes = tuple(str(label) for label in bunch.target_names)
        return Dataset(X / divisor, y, classes, _fingerprint(X, y))
    path = folder / name
    X, labels, notes = read_file(path, target)
    if sparse.issparse(X) and scale in ("standard", "minmax"):
        raise DatasetError(
            f'{path}: scale = "{scale}" would fill a sparse matrix; use "none" or a number to'
            " divide by"
        )
    classes, y = _encode(path, labels)
    content = hashlib.sha256(path.read_bytes()).hexdigest()
    is_table = path.suffix.lower() in TABLES
    fingerprint = _digest(["file", content, target if is_table else None])
    return Dataset(X / divisor, y, classes, fingerprint, notes)


def rescale(X: Any, scale: str | float, rows: IntArray) -> Any:
    """Return X with "standard" or "minmax" scaling fitted on `rows` alone.

    Anything else is returned as it is: a divisor is applied when the data set is loaded.
    """
    if scale not in ("standard", "minmax"):
        return X
    scaler = StandardScaler() if scale == "standard" else MinMaxScaler()
    for block in blocks(X, rows):
        scaler.partial_fit(double(X[block]))
    return of_all(scaler.transform, X)


def _generated(parameters: Mapping[str, Any], per_seed: bool, divisor: float) -> Source:
    known = _generator_parameters(per_seed)
    resolved = completed(GENERATED, known, parameters, DatasetError)
    fingerprint = _digest([GENERATED, resolved, per_seed])
    source = GeneratedDataset(
        {key: value for key, value in resolved.items() if key != "random_state"},
        divisor,
        fingerprint,
    )
    try:
        if per_seed:
            _encode(Path(GENERATED), source.at(0).y)
            return source
        X, y = bundled.make_classification(**resolved)
    except DatasetError:
        raise
    except Exception as error:  # the generator raises almost anything
        raise DatasetError(f"{GENERATED}: {first_line(error)}") from error
    classes, y = _encode(Path(GENERATED), y)
    return Dataset(X / divisor, y, classes, fingerprint)


def _generator_parameters(per_seed: bool) -> dict[str, Any]:
    """Return the parameters of the generator; its seed is one of them unless seeds draw it."""
    defaults = defaults_of(bundled.make_classification)
    defaults = {key: defaults[key] for key in defaults if key not in _NOT_OF_THE_GENERATOR}
    return defaults if per_seed else {**defaults, "random_state": 0}


def _encode(path: Path, labels: Any) -> tuple[tuple[Any, ...], IntArray]:
    values = np.asarray(labels)
    if values.dtype == object:
        values = values.astype(str)
    classes, y = np.unique(values, return_inverse=True)
    if len(values) == 0:
        raise DatasetError(f"{path}: there are no examples")
    if len(classes) < 2:
        raise DatasetError(
            f"{path}: all {len(values)} labels are the same; two classes are needed at least"
        )
    return tuple(classes.tolist()), y.astype(np.int64)


def _fingerprint(X: Any, y: IntArray) -> str:
    content = hashlib.sha256(X.astype("<f8").tobytes() + y.astype("<i8").tobytes()).hexdigest()
    return _digest(["arrays", list(X.shape), content])


def _digest(value: Sequence[Any]) -> str:
    return hashlib.sha256(canonical_json(value)).hexdigest()[:16]
