"""From the name of a data set, or the path of a file, to its features and class codes."""

import hashlib
import warnings
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn import datasets as bundled
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from alrun.errors import DatasetError, nearest
from alrun.named import completed, defaults_of
from alrun.seeds import canonical_json, draw_integer, generator
from alrun.spec import IntArray

BUNDLED = {
    "digits": bundled.load_digits,
    "breast_cancer": bundled.load_breast_cancer,
    "wine": bundled.load_wine,
    "iris": bundled.load_iris,
}
GENERATED = "make_classification"
TABLES = (".csv", ".parquet")
SVMLIGHT = (".svm", ".svmlight", ".libsvm")
FILES = (*TABLES, ".npz", *SVMLIGHT)
DESCRIPTIONS = {
    "digits": "1,797 images of digits, 8 x 8 pixels of 0 to 16, 10 classes (scikit-learn)",
    "breast_cancer": "569 tumours, 30 features, 2 classes (scikit-learn)",
    "wine": "178 wines, 13 features, 3 classes (scikit-learn)",
    "iris": "150 flowers, 4 features, 3 classes (scikit-learn)",
    GENERATED: "drawn by scikit-learn, anew for each seed with per_seed = true",
}

_NOT_OF_THE_GENERATOR = ("random_state", "return_X_y")

# More values than this in one column of text is an identifier, not a category.
MOST_CATEGORIES = 1000


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
    roles
        Where the split of a seed is given by a file: the role of each row, int8, a position in
        `alrun.spec.ROLES` or -1 for none, shape (n_examples,).
    """

    X: Any
    y: IntArray
    classes: tuple[Any, ...]
    fingerprint: str
    notes: tuple[str, ...] = ()
    roles: npt.NDArray[np.int8] | None = None

    @property
    def n_examples(self) -> int:
        """Number of rows."""
        return len(self.y)

    @property
    def n_classes(self) -> int:
        """Number of classes."""
        return len(self.classes)

    def at(self, seed: int) -> "Dataset":
        """Return the data set of one seed: itself."""
        return self

    def given_split(self, seed: int) -> None:
        """Return None: the splits are drawn."""


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
        raise DatasetError(f"there is no data set '{name}'{nearest(name, DESCRIPTIONS)}")
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
) -> Dataset | GeneratedDataset:
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
    if path.suffix.lower() in TABLES:
        X, labels, notes = _read_table(path, target)
    elif path.suffix.lower() == ".npz":
        X, labels, notes = *_read_npz(path), ()
    else:
        X, labels, notes = *_read_svmlight(path), ()
    classes, y = _encode(path, labels)
    content = hashlib.sha256(path.read_bytes()).hexdigest()
    fingerprint = _digest(["file", content, target if path.suffix.lower() in TABLES else None])
    return Dataset(X / divisor, y, classes, fingerprint, notes)


def rescale(X: Any, scale: str | float, rows: IntArray) -> Any:
    """Return X with "standard" or "minmax" scaling fitted on `rows` alone.

    Anything else is returned as it is: a divisor is applied when the data set is loaded.
    """
    if scale not in ("standard", "minmax"):
        return X
    if sparse.issparse(X):
        raise DatasetError(
            f'scale = "{scale}" would fill a sparse matrix; use "none" or a number to divide by'
        )
    scaler = StandardScaler() if scale == "standard" else MinMaxScaler()
    return scaler.fit(X[rows]).transform(X)


def _generated(
    parameters: Mapping[str, Any], per_seed: bool, divisor: float
) -> Dataset | GeneratedDataset:
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
        raise DatasetError(f"{GENERATED}: {_first_line(error)}") from error
    classes, y = _encode(Path(GENERATED), y)
    return Dataset(X / divisor, y, classes, fingerprint)


def _generator_parameters(per_seed: bool) -> dict[str, Any]:
    """Return the parameters of the generator; its seed is one of them unless seeds draw it."""
    defaults = defaults_of(bundled.make_classification)
    defaults = {key: defaults[key] for key in defaults if key not in _NOT_OF_THE_GENERATOR}
    return defaults if per_seed else {**defaults, "random_state": 0}


def _read_table(path: Path, target: str) -> tuple[Any, Any, tuple[str, ...]]:
    import pandas as pd

    is_csv = path.suffix.lower() == ".csv"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # fields beyond the header
            frame = pd.read_csv(path, index_col=False) if is_csv else pd.read_parquet(path)
    except (ValueError, OSError, pd.errors.ParserWarning) as error:
        raise DatasetError(f"{path} cannot be read: {_first_line(error)}") from error
    frame = frame.reset_index(drop=True)
    frame.columns = frame.columns.astype(str)
    if target not in frame.columns:
        raise DatasetError(
            f"{path}: there is no column '{target}'{nearest(target, frame.columns)};"
            ' name the column of the labels with target = "..." under [dataset]'
        )
    labels = frame.pop(target)
    if is_csv and labels.isna().any():
        # "NA" or "None" may be the name of a class; only an empty field is a missing label.
        labels = pd.read_csv(path, usecols=[target], keep_default_na=False, dtype=str)[target]
        labels = labels.where(labels != "")
    for row in np.flatnonzero(labels.isna())[:1]:
        raise DatasetError(f"{path}: column '{target}', row {row} (the first is 0): no label")
    if frame.empty:
        raise DatasetError(f"{path}: there are no examples with features beside '{target}'")
    if not labels.map(lambda label: isinstance(label, Hashable)).all():
        raise DatasetError(f"{path}: column '{target}' holds {_kind(labels)}, which are no labels")
    X, encoded = _numeric(path, frame)
    return X, labels.to_numpy(), encoded


def _numeric(path: Path, frame: Any) -> tuple[Any, tuple[str, ...]]:
    """Return a table as one float matrix, text one-hot encoded, and what was done to it."""
    import pandas as pd
    from pandas.api import types

    parts, encoded = [], []
    for column, values in frame.items():
        _check_column(path, column, values)
        if types.is_numeric_dtype(values) or types.is_bool_dtype(values):
            parts.append(values.to_numpy(np.float64)[:, None])
            continue
        if not values.map(lambda value: isinstance(value, (str, bool, int, float))).all():
            raise DatasetError(
                f"{path}: column '{column}' holds {_kind(values)}, neither numbers nor text;"
                " drop it or make numbers of it"
            )
        dummies = pd.get_dummies(values.astype(str), dtype=np.float64)
        if dummies.shape[1] > MOST_CATEGORIES:
            raise DatasetError(
                f"{path}: column '{column}' holds {dummies.shape[1]} different texts, too many to"
                " encode; drop it or make numbers of it"
            )
        parts.append(dummies.to_numpy())
        encoded.append(f"{column} ({dummies.shape[1]})")
    notes = (f"one-hot encoded: {', '.join(encoded)}",) if encoded else ()
    return np.hstack(parts), notes


def _kind(values: Any) -> str:
    """Return what a column holds, by the name of the type of its first value."""
    return f"values of type {type(values.iloc[0]).__name__}"


def _check_column(path: Path, column: str, values: Any) -> None:
    from pandas.api import types

    bad = values.isna().to_numpy()
    if types.is_float_dtype(values):
        bad = bad | np.isinf(values.to_numpy(np.float64, na_value=np.nan))
    for row in np.flatnonzero(bad)[:1]:
        raise DatasetError(
            f"{path}: column '{column}', row {row} (the first is 0): {values.iloc[row]} is not a"
            " finite value; fill it in or drop the row"
        )


def _read_npz(path: Path) -> tuple[Any, Any]:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            missing = [key for key in ("X", "y") if key not in arrays]
            if missing:
                raise DatasetError(
                    f"{path}: there is no array '{missing[0]}'{nearest(missing[0], arrays.files)};"
                    " X and y are wanted"
                )
            X, y = arrays["X"], arrays["y"]
    except DatasetError:
        raise
    except Exception as error:  # a damaged archive raises almost anything
        raise DatasetError(f"{path} cannot be read: {_first_line(error)}") from error
    if X.ndim != 2 or X.dtype.kind not in "biuf" or X.shape[1] == 0:
        raise DatasetError(
            f"{path}: X must be a matrix of numbers with a row per example and its"
            f" features as columns; it is {X.dtype} of shape {X.shape}"
        )
    if y.ndim != 1 or len(y) != len(X):
        raise DatasetError(
            f"{path}: y must hold a label for each of the {len(X)} rows of X; its shape is"
            f" {y.shape}"
        )
    X = X.astype(np.float64)
    for row, column in np.argwhere(~np.isfinite(X))[:1]:
        raise DatasetError(
            f"{path}: column {column}, row {row} of X: {X[row, column]} is not finite"
        )
    missing_label = np.isnan(y) if y.dtype.kind == "f" else np.zeros(len(y), dtype=bool)
    for row in np.flatnonzero(missing_label)[:1]:
        raise DatasetError(f"{path}: y, row {row} (the first is 0): no label")
    return X, y


def _read_svmlight(path: Path) -> tuple[Any, Any]:
    try:
        X, y = bundled.load_svmlight_file(str(path))
    except Exception as error:  # the parser raises almost anything
        raise DatasetError(f"{path} cannot be read: {_first_line(error)}") from error
    X = sparse.csr_matrix(X)
    for position in np.flatnonzero(~np.isfinite(X.data))[:1]:
        row = np.searchsorted(X.indptr, position, side="right") - 1
        raise DatasetError(
            f"{path}: column {X.indices[position]}, row {row} (the first is 0):"
            f" {X.data[position]} is not finite"
        )
    for row in np.flatnonzero(~np.isfinite(y))[:1]:
        raise DatasetError(f"{path}: row {row} (the first is 0): no label, but {y[row]}")
    return X, y.astype(np.int64) if np.array_equal(y, np.rint(y)) else y


def _encode(path: Path, labels: Any) -> tuple[tuple[Any, ...], IntArray]:
    values = np.asarray(labels)
    if values.dtype == object:
        values = values.astype(str)
    classes, y = np.unique(values, return_inverse=True)
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


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__
