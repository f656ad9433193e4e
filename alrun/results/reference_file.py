"""The writer and the reader of reference files, and their table, `references.parquet`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from alrun.errors import first_line
from alrun.metrics import METRICS
from alrun.records import Scores
from alrun.results.run_file import CorruptRunFile
from alrun.results.schema import REFERENCES, check_version, to_parquet_bytes
from alrun.spec import ReferenceSpec, run_id
from alrun.util.atomic_files import unusable

# A row of the table by column.
Row = dict[str, Any]
# The scores in a row.
_SCORES = ("n_test", "n_correct", *METRICS)


def serialize_reference(spec: ReferenceSpec, scores: Scores, code: Mapping[str, str]) -> bytes:
    """Return the content of the file of a reference: its row of `references.parquet`.

    `code` has the digests of the user code that it was computed with, by file or module; it is in
    the footer where that of a run is.
    """
    counts = {"n_test": scores.n_test, "n_correct": scores.n_correct}
    row = {**_keys(spec), **counts, **scores.values}
    footer = {"provenance": {"code": dict(code)}} if code else {}
    return to_parquet_bytes(pa.Table.from_pylist([row], schema=REFERENCES), footer)


def read_reference(path: Path, spec: ReferenceSpec) -> Row:
    """Return the row of a reference, under the display names of `spec`.

    Raises CorruptRunFile if the file is damaged, and ResultsError if it cannot be read or was
    written by a newer alrun.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise unusable(path, "be read", error) from error
    try:
        (row,) = _rows(path, content)
        if row["reference_id"] != run_id(spec) or row["n_test"] is None:
            raise CorruptRunFile("it holds another reference, or none")
        return row | _keys(spec)
    except (pa.ArrowException, OSError, KeyError, ValueError) as error:
        raise CorruptRunFile(first_line(error)) from error


def read_references(path: Path) -> dict[str, Row]:
    """Return the rows of a table that have scores, by the id of the reference.

    There is none if the table does not exist or is damaged: they can be computed again.
    """
    return {row["reference_id"]: row for row in _scored(path)}


def scored_references(path: Path) -> set[str]:
    """Return the ids of the references that have scores in a table; see `read_references`."""
    return {row["reference_id"] for row in _scored(path, ["reference_id", "n_test"])}


def _scored(path: Path, columns: list[str] | None = None) -> list[Row]:
    try:
        rows = _rows(path, path.read_bytes(), columns)
        return [row for row in rows if row["n_test"] is not None and row["reference_id"]]
    except (pa.ArrowException, OSError, KeyError, ValueError):
        return []


def references_table(specs: Mapping[str, ReferenceSpec], rows: Mapping[str, Row]) -> pa.Table:
    """Return `references.parquet`: a row per reference, its scores null where `rows` has none.

    Both are by the id of the reference. The column `start` is left out where it is empty, as it is
    without a start of its own split.
    """
    keys = {reference: _keys(spec) for reference, spec in specs.items()}
    order = sorted(keys.values(), key=lambda row: tuple(row.values())[:6])
    whole = [
        {name: rows.get(row["reference_id"], {}).get(name) for name in _SCORES} | row
        for row in order
    ]
    table = pa.Table.from_pylist(whole, schema=REFERENCES).unify_dictionaries()
    unused = [axis for axis in ("start", "oracle") if not any(row[axis] for row in whole)]
    return table.drop_columns(unused)


def _keys(spec: ReferenceSpec) -> Row:
    return {
        "dataset": spec.dataset.display_name,
        "model": spec.model.display_name,
        "start": spec.start,
        "oracle": spec.oracle_name,
        "seed": spec.seed,
        "reference": spec.kind,
        "reference_id": run_id(spec),
    }


def _rows(path: Path, content: bytes, columns: list[str] | None = None) -> list[Row]:
    file = pq.ParquetFile(pa.BufferReader(content), page_checksum_verification=True)
    check_version(path, file.metadata.metadata)
    rows: list[Row] = file.read(columns, use_threads=False).to_pylist()
    return rows
