"""Reader of ARFF files, by scipy or else by scikit-learn's parser, which is slower."""

import io
from typing import Any

from alrun.data.readers.memory_limit import check_fits
from alrun.data.readers.source_file import SourceFile
from alrun.errors import DatasetError, first_line

# Bytes that a value takes in a table of Python objects, at least.
_VALUE_BYTES = 8


def read_arff(file: SourceFile) -> Any:
    """Return an ARFF file as a DataFrame, dense; raises DatasetError.

    Nominal attributes become categories, and "?" is a missing value. What a sparse row leaves out
    is 0, or the first category.
    """
    text = _decoded(file)
    try:
        return _by_scipy(text)
    except Exception as error:  # a damaged file raises almost anything
        reason = first_line(error)
    # It knows texts, sparse rows and categories beyond ASCII, which scipy does not.
    try:
        return _by_scikit_learn(file, text)
    except DatasetError:
        raise
    except Exception as error:  # so does this parser
        raise DatasetError(
            f"{file.path} cannot be read: {reason}; save the table as CSV if it is right"
        ) from error


def _decoded(file: SourceFile) -> str:
    try:
        return file.from_start().read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DatasetError(
            f"{file.path} cannot be read: it is not UTF-8, since it holds the byte"
            f" {error.object[error.start]:#x}; save it as UTF-8"
        ) from error


def _by_scipy(text: str) -> Any:
    import pandas as pd
    from scipy.io.arff import loadarff

    rows, attributes = loadarff(io.StringIO(text))
    columns = {}
    for name in attributes.names():
        kind, categories = attributes[name]
        columns[name] = pd.Series(rows[name])
        if kind == "nominal":
            texts = columns[name].map(bytes.decode)
            columns[name] = texts.mask(~texts.isin(categories)).astype("category")
    return pd.DataFrame(columns)


def _by_scikit_learn(file: SourceFile, text: str) -> Any:
    import pandas as pd
    from sklearn.externals import _arff

    content = _arff.load(io.StringIO(text), return_type=_arff.LOD if _is_sparse(text) else 0)
    rows, attributes = list(content["data"]), content["attributes"]
    check_fits(file.path, len(rows) * len(attributes) * _VALUE_BYTES)
    columns = {}
    for place, (name, kind) in enumerate(attributes):
        is_nominal = not isinstance(kind, str)
        left_out = kind[0] if is_nominal else 0.0
        values = [row.get(place, left_out) if isinstance(row, dict) else row[place] for row in rows]
        columns[name] = pd.Series(values, dtype=object if is_nominal or kind == "STRING" else float)
        if is_nominal:
            columns[name] = columns[name].astype("category")
    return pd.DataFrame(columns)


def _is_sparse(text: str) -> bool:
    """Return whether the first row after @DATA is written with its places, in braces."""
    lines = iter(text.splitlines())
    for line in lines:
        if line.strip().lower() == "@data":
            break
    rows = (line.strip() for line in lines)
    return next((row for row in rows if row and not row.startswith("%")), "").startswith("{")
