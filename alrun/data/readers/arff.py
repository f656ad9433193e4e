"""Reader of ARFF files, by scipy."""

import io
from typing import Any

from alrun.data.readers.source_file import SourceFile
from alrun.errors import DatasetError, first_line


def read_arff(file: SourceFile) -> Any:
    """Return an ARFF file as a DataFrame; raises DatasetError.

    Nominal attributes become categories, and "?" is a missing value.
    """
    import pandas as pd
    from scipy.io.arff import loadarff

    try:
        text = file.from_start().read().decode("utf-8-sig")
        rows, attributes = loadarff(io.StringIO(text))
        columns = {}
        for name in attributes.names():
            kind, categories = attributes[name]
            columns[name] = pd.Series(rows[name])
            if kind == "nominal":
                texts = columns[name].map(bytes.decode)
                columns[name] = texts.mask(~texts.isin(categories)).astype("category")
    except Exception as error:  # a damaged file raises almost anything
        raise DatasetError(
            f"{file.path} cannot be read: {first_line(error)}; of ARFF no texts, sparse rows and"
            " categories beyond ASCII are read: save the table as CSV if it has these"
        ) from error
    return pd.DataFrame(columns)
