"""Data sets of OpenML, fetched once and kept in the user's cache.

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
from alrun.data.readers.columns import numeric
from alrun.data.readers.contents import Contents, check_finite, digest, hash_of_arrays
from alrun.errors import DatasetError, first_line
from alrun.util.numbers import is_whole


def check_openml(name: str) -> list[str]:
    """Raise DatasetError unless OpenML could have this name or number; return its parameters."""
    # Also because the name becomes a part of the path under which it is kept.
    if not re.fullmatch(r"[A-Za-z0-9_.,()-]*[A-Za-z0-9_()-]", name):
        raise DatasetError(
            f"'openml:{name}' is no data set of OpenML; write openml:NAME or openml:ID, as in"
            " openml:mnist_784"
        )
    return [] if name.isdecimal() else ["version"]


def read_openml(name: str, target: str | None, parameters: Mapping[str, Any]) -> Contents:
    """Fetch a data set by its name or number, from the cache where it is there.

    `target` names another column than OpenML's own for the labels. Features are as those of a
    table, CSR where OpenML keeps them sparse. Raises DatasetError.
    """
    source = f"openml:{name}"
    bunch = _fetched(name, target, _version(source, parameters))
    labels = _labels(source, bunch)
    notes: tuple[str, ...] = (
        f"OpenML data set {bunch.details['id']}, version {bunch.details['version']}",
    )
    if sparse.issparse(bunch.data):
        check_finite(source, bunch.data)
        X = _one_hot(bunch)
    else:
        if bunch.data.empty:
            raise DatasetError(f"{source}: there are no examples with features")
        X, encoded = numeric(source, bunch.data)
        notes += encoded
    classes, codes = np.unique(labels.astype(str), return_inverse=True)
    identity = [*X.shape, classes.tolist(), hash_of_arrays(X, codes)]
    return Contents(X, labels, digest(["openml", *identity]), notes)


def cache_folder() -> Path:
    """Return where data sets are kept: in XDG_CACHE_HOME, or else in ~/.cache."""
    named = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (named if named.is_absolute() else Path.home() / ".cache") / "alrun"


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
            warnings.simplefilter("ignore")  # that it tries again, and of several versions
            return fetch_openml(
                **what,
                target_column=target or "default-target",
                data_home=cache,
                n_retries=1,
                delay=0.1,
            )
    except OSError as error:  # HTTP errors and time-outs are some, too
        raise DatasetError(
            f"openml:{name} is not in {cache} and cannot be fetched ({first_line(error)}); sweep"
            " once where there is a network, or copy that folder from there"
        ) from error
    except Exception as error:  # what is damaged raises almost anything
        raise DatasetError(f"openml:{name}: {first_line(error)}") from error


def _labels(source: str, bunch: Any) -> Any:
    """Return the labels as an array; those of a nominal column are texts."""
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
    """Return sparse features with a column for each category that occurs, CSR."""
    if not bunch.categories:
        X = sparse.csr_matrix(bunch.data)
        X.sort_indices()  # they are part of the identity
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
    """Return a column for each category that occurs, in the order of their names."""
    names = np.asarray(categories, dtype=str)[codes.astype(np.int64)]
    _, columns = np.unique(names, return_inverse=True)
    return sparse.csc_matrix((np.ones(len(codes)), (np.arange(len(codes)), columns)))
