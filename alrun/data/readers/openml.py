"""Reader of OpenML data sets, fetched once and kept in the user's cache.

Source: Vanschoren, van Rijn, Bischl & Torgo (2013), "OpenML: networked science in machine
learning", SIGKDD Explorations 15(2).
"""

import os
import re
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.datasets import fetch_openml

from alrun.arrays import first_true
from alrun.data.column_keys import ALL_COLUMNS, ColumnKeys
from alrun.data.missing import Settled
from alrun.data.readers.columns import features_of_table, kept_columns
from alrun.data.readers.contents import Contents, check_finite, contents_of, hash_of_arrays
from alrun.errors import DatasetError, first_line
from alrun.util.numbers import is_whole


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
    bunch = _fetched(name, target, _version(source, parameters))
    labels = _labels(source, bunch)
    notes: tuple[str, ...] = (
        f"OpenML data set {bunch.details['id']}, version {bunch.details['version']}",
    )
    if sparse.issparse(bunch.data):
        check_finite(source, bunch.data)
        if keys != ALL_COLUMNS:
            raise DatasetError(
                f"{source}: its features are sparse, and columns, drop, missing and"
                " missing_indicator are for dense ones; leave them out"
            )
        settled = Settled(_one_hot(bunch))
    else:
        if bunch.data.empty:
            raise DatasetError(f"{source}: there are no examples with features")
        frame = bunch.data[kept_columns(source, list(bunch.data), bunch.target_names[0], keys)]
        settled, encoded, _ = features_of_table(source, frame, keys)
        notes += encoded
    classes, codes = np.unique(labels.astype(str), return_inverse=True)
    X = settled.X
    identity = ["openml", *X.shape, classes.tolist(), hash_of_arrays(X, codes)]
    return contents_of(settled, notes, labels, identity)


def cache_folder() -> Path:
    """Return the folder of cached data sets, in XDG_CACHE_HOME or else in ~/.cache."""
    configured = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (configured if configured.is_absolute() else Path.home() / ".cache") / "alrun"


def _version(source: str, parameters: Mapping[str, Any]) -> int | str:
    version = parameters.get("version", "active")
    if version != "active" and not (is_whole(version) and version > 0):
        raise DatasetError(f"{source}: version should be a whole number from 1, not {version!r}")
    return version


def _fetched(name: str, target: str | None, version: int | str) -> Any:
    what: dict[str, Any] = {"name": name, "version": version}
    if name.isdecimal():
        what = {"data_id": int(name)}
    try:
        cache = cache_folder()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about retries, and several active versions
            return fetch_openml(
                **what,
                target_column=target or "default-target",
                data_home=cache,
                n_retries=1,
                delay=0.1,
            )
    except OSError as error:  # HTTP errors and timeouts are subclasses
        raise DatasetError(
            f"openml:{name} is not in {cache} and cannot be fetched ({first_line(error)}); run the"
            " sweep once on a machine with network access, or copy that folder from one"
        ) from error
    except Exception as error:  # a damaged file raises almost anything
        raise DatasetError(f"openml:{name}: {first_line(error)}") from error


def _labels(source: str, bunch: Any) -> Any:
    """Return the labels as an array; labels of a nominal column are texts."""
    import pandas as pd

    columns = bunch.target_names or []
    if len(columns) != 1:
        several = f"has {len(columns)} columns of labels" if columns else "has no column of labels"
        raise DatasetError(f'{source} {several}; choose one with target = "..." under [dataset]')
    labels = pd.Series(bunch.target)
    if (row := first_true(labels.isna())) is not None:
        raise DatasetError(f"{source}: column '{columns[0]}', row {row} (the first is 0): no label")
    return (labels.astype(str) if labels.dtype == "category" else labels).to_numpy()


def _one_hot(bunch: Any) -> Any:
    """Return sparse features with the nominal ones one-hot encoded, CSR."""
    if not bunch.categories:
        X = sparse.csr_matrix(bunch.data)
        X.sort_indices()  # their order enters the fingerprint
        return X
    X = sparse.csc_matrix(bunch.data)
    parts: list[Any] = []
    for place, column in enumerate(bunch.feature_names):
        values = X[:, [place]]
        if column in bunch.categories:
            values = _indicators(values.toarray().ravel(), bunch.categories[column])
        parts.append(values)
    return sparse.csr_matrix(sparse.hstack(parts, format="csr"))


def _indicators(codes: Any, categories: Sequence[str]) -> Any:
    """Return one indicator column for each occurring category, ordered by name, CSC."""
    names = np.asarray(categories, dtype=str)[codes.astype(np.int64)]
    _, columns = np.unique(names, return_inverse=True)
    return sparse.csc_matrix((np.ones(len(codes)), (np.arange(len(codes)), columns)))
