"""Reader of OpenML data sets, fetched once and kept in the user's cache.

Source: Vanschoren, van Rijn, Bischl & Torgo (2013), "OpenML: networked science in machine
learning", SIGKDD Explorations 15(2).
"""

import gzip
import re
import warnings
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.datasets._arff_parser import load_arff_from_gzip_file

from alrun.arrays import first_true
from alrun.data.column_keys import ALL_COLUMNS, ColumnKeys
from alrun.data.missing import Settled
from alrun.data.readers.columns import features_of_table, kept_columns
from alrun.data.readers.contents import Contents, check_finite, contents_of, hash_of_arrays
from alrun.data.readers.openml_server import (
    answer,
    answer_or_none,
    as_expected,
    data_file,
)
from alrun.errors import DatasetError, first_line, nearest
from alrun.util.numbers import is_whole

# What OpenML says of each column, by its name and in their order.
_Columns = Mapping[str, Mapping[str, str]]


def check_openml(name: str) -> list[str]:
    """Raise DatasetError unless this is a valid name or number; return the parameters it takes."""
    # The name also becomes part of a path in the cache.
    if not re.fullmatch(r"[A-Za-z0-9_.,()-]*[A-Za-z0-9_()-]", name):
        raise DatasetError(
            f"'openml:{name}' cannot be a data set of OpenML; write openml:NAME or openml:ID, as"
            " in openml:mnist_784"
        )
    return [] if name.isdecimal() else ["version"]


def read_openml(
    name: str,
    target: str | None,
    parameters: Mapping[str, Any],
    keys: ColumnKeys = ALL_COLUMNS,
) -> Contents:
    """Read a data set by its name or number from the cache, or fetch it from OpenML.

    `target` names a column of labels other than OpenML's default. Features are converted like
    those of a table; they are CSR if OpenML stores them sparse. Raises DatasetError.
    """
    source = f"openml:{name}"
    with as_expected(source):
        data_id = _data_id(source, name, _version(source, parameters))
        description = answer(source, f"data/{data_id}")["data_set_description"]
        listed = answer(source, f"data/features/{data_id}")["data_features"]["feature"]
        columns = {column["name"]: column for column in listed}
        features, label = _roles(source, columns, target)
        path = data_file(source, description["url"], description["md5_checksum"])
        is_sparse = description["format"].lower() == "sparse_arff"
        notes: tuple[str, ...] = (
            f"OpenML data set {description['id']}, version {description['version']}",
        )
    if is_sparse and keys != ALL_COLUMNS:
        raise DatasetError(
            f"{source}: its features are sparse, and columns, drop, missing and missing_indicator"
            " are for dense ones; leave them out"
        )
    X, y = (_sparse if is_sparse else _dense)(source, path, columns, features, label)
    labels = _labels(source, label, y)
    if is_sparse:
        settled = Settled(X)
    else:
        if X.empty:
            raise DatasetError(f"{source}: there are no examples with features")
        frame = X[kept_columns(source, list(X), label, keys)]
        settled, encoded, _ = features_of_table(source, frame, keys)
        notes += encoded
    classes, codes = np.unique(labels.astype(str), return_inverse=True)
    X = settled.X
    identity = ["openml", *X.shape, classes.tolist(), hash_of_arrays(X, codes)]
    return contents_of(settled, notes, labels, identity)


def _version(source: str, parameters: Mapping[str, Any]) -> int | str:
    version = parameters.get("version", "active")
    if version != "active" and not (is_whole(version) and version > 0):
        raise DatasetError(f"{source}: version should be a whole number from 1, not {version!r}")
    return version


def _data_id(source: str, name: str, version: int | str) -> int:
    """Return the number of a data set; of several active versions it is the oldest."""
    if name.isdecimal():
        return int(name)
    search = f"data/list/data_name/{name.lower()}/limit/2"
    if version == "active":
        found = answer(source, f"{search}/status/active/")
    else:
        found = answer_or_none(source, f"{search}/data_version/{version}")
        if found is None:
            found = answer(source, f"{search}/data_version/{version}/status/deactivated")
    return int(found["data"]["dataset"][0]["did"])


def _roles(source: str, columns: _Columns, target: str | None) -> tuple[list[str], str]:
    """Return the names of the features, and that of the column of labels."""
    if target is not None and target not in columns:
        raise DatasetError(f"{source}: there is no column '{target}'{nearest(target, columns)}")
    defaults = [name for name, column in columns.items() if column["is_target"] == "true"]
    targets = defaults if target is None else [target]
    if len(targets) != 1:
        several = f"has {len(targets)} columns of labels" if targets else "has no column of labels"
        raise DatasetError(f'{source} {several}; choose one with target = "..." under [dataset]')
    n_missing = int(columns[targets[0]]["number_of_missing_values"])
    if n_missing > 0:
        raise DatasetError(f"{source}: column '{targets[0]}': {n_missing} rows have no label")
    features = [
        name
        for name, column in columns.items()
        if name not in targets and "true" not in (column["is_ignore"], column["is_row_identifier"])
    ]
    return features, targets[0]


def _sparse(source: str, path: Path, columns: _Columns, features: list[str], label: str) -> Any:
    """Return sparse features, CSR, and labels.

    Labels are read as a feature: what is not written in a sparse row is the first class, for which
    scikit-learn's parser leaves labels, and no features, as they happen to be in memory.
    """
    names = [*features, label]
    try:
        with gzip.open(path) as file:
            X, _, _, categories = load_arff_from_gzip_file(
                file, "liac-arff", "sparse", columns, names, []
            )
    except Exception as error:
        raise _unreadable(source, path, error) from error
    X = sparse.csc_matrix(X)
    check_finite(source, sparse.csr_matrix(X[:, :-1]))
    labels = X[:, [-1]].toarray().ravel()
    if label in categories:
        is_missing = np.isnan(labels)
        codes = np.where(is_missing, 0, labels).astype(np.int64)
        labels = np.asarray(categories[label], dtype=object)[codes]
        labels[is_missing] = None
    return _one_hot(X[:, :-1], features, categories), labels


def _dense(source: str, path: Path, columns: _Columns, features: list[str], label: str) -> Any:
    """Return a DataFrame of features, and labels.

    pandas takes nominal values that look like numbers or booleans for these, and scikit-learn's
    parser then fails; so they are read as texts, letter by letter. Its other parser is much slower,
    and takes quotes of both kinds.
    """
    nominal = [column["data_type"] == "nominal" for column in columns.values()]
    texts = {"dtype": {place: str for place, is_text in enumerate(nominal) if is_text}}
    errors = []
    for parser, options in (
        ("pandas", texts),
        ("pandas", {**texts, "quotechar": "'"}),
        ("liac-arff", None),
    ):
        arguments = (parser, "pandas", columns, features, [label], None, options)
        try:
            with gzip.open(path) as file, warnings.catch_warnings():
                warnings.simplefilter("ignore")
                _, _, frame, _ = load_arff_from_gzip_file(file, *arguments)
        except MemoryError as error:
            raise _unreadable(source, path, error) from error
        except Exception as error:
            errors.append(error)
            continue
        names = [name for name, is_text in zip(columns, nominal, strict=True) if is_text]
        frame = _unquoted(frame, names)
        return frame[features], frame[label]
    raise _unreadable(source, path, errors[0]) from errors[0]


def _unreadable(source: str, path: Path, error: Exception) -> DatasetError:
    """Return an error about a file; a parser meets what it does not know with almost any."""
    if isinstance(error, MemoryError):
        return DatasetError(f"{source} does not fit into the memory of this machine")
    return DatasetError(f"{source}: {path} cannot be read: {first_line(error)}")


def _unquoted(frame: Any, names: Collection[str]) -> Any:
    """Return a table whose columns `names` are texts without single quotes around them."""
    texts = {
        name: frame[name].astype(object).map(_without_quotes, na_action="ignore")
        for name in names
        if name in frame
    }
    return frame.assign(**texts)


def _without_quotes(text: str) -> str:
    return re.sub(r"^'(.*)'$", r"\1", text)


def _labels(source: str, column: str, values: Any) -> Any:
    """Return the labels as an array; labels of a nominal column are texts."""
    import pandas as pd

    labels = pd.Series(values)
    if (row := first_true(labels.isna())) is not None:
        raise DatasetError(f"{source}: column '{column}', row {row} (the first is 0): no label")
    return labels.to_numpy()


def _one_hot(X: Any, features: Sequence[str], categories: Mapping[str, Sequence[str]]) -> Any:
    """Return sparse features with the nominal ones one-hot encoded, CSR."""
    if not categories:
        X = sparse.csr_matrix(X)
        X.sort_indices()  # their order enters the fingerprint
        return X
    X = sparse.csc_matrix(X)
    parts: list[Any] = []
    for place, column in enumerate(features):
        values = X[:, [place]]
        if column in categories:
            values = _indicators(values.toarray().ravel(), categories[column])
        parts.append(values)
    return sparse.csr_matrix(sparse.hstack(parts, format="csr"))


def _indicators(codes: Any, categories: Sequence[str]) -> Any:
    """Return one indicator column for each occurring category, ordered by name, CSC."""
    names = np.asarray(categories, dtype=str)[codes.astype(np.int64)]
    _, columns = np.unique(names, return_inverse=True)
    return sparse.csc_matrix((np.ones(len(codes)), (np.arange(len(codes)), columns)))
