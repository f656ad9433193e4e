"""The files of a results directory: their columns and types, and which version of them it is."""

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from alrun.errors import ResultsError
from alrun.metrics import METRICS
from alrun.records import DIAGNOSTICS, PHASES

# Raise it when a column changes its name, type or meaning; readers fill columns that are missing.
# 1: the first.
# 2: the metrics roc_auc, brier, ece, f1 and recall; why a run ended.
SCHEMA_VERSION = 2

_LABEL = pa.dictionary(pa.int32(), pa.string())
_INTEGER = pa.int32()
_ROUND = [
    ("round", _INTEGER),
    ("n_labels", _INTEGER),
    ("n_test", _INTEGER),
    ("n_correct", _INTEGER),
    *((metric, pa.float64()) for metric in METRICS),
]
_KEYS = [
    ("dataset", _LABEL),
    ("model", _LABEL),
    ("strategy", _LABEL),
    ("batch_size", _INTEGER),
    ("seed", _INTEGER),
]
RUN_FILE = pa.schema([*_ROUND, ("batch", pa.list_(_INTEGER)), ("labels", pa.list_(pa.string()))])
CURVES = pa.schema([*_KEYS, _ROUND[0], ("run_id", pa.string()), *_ROUND[1:]])
QUERIES = pa.schema(
    [
        ("run_id", pa.string()),
        ("round", _INTEGER),
        ("position", _INTEGER),
        ("index", _INTEGER),
        ("label", _LABEL),
    ]
)
SPLITS = pa.schema([("dataset", _LABEL), ("seed", _INTEGER), ("index", _INTEGER), ("role", _LABEL)])
RUNS = pa.schema(
    [
        ("run_id", pa.string()),
        *_KEYS,
        ("budget", _INTEGER),
        ("status", _LABEL),
        ("error", pa.string()),
        ("rounds", _INTEGER),
        ("ended", _LABEL),
        *((f"seconds_{phase}", pa.float64()) for phase in PHASES),
        *((f"cpu_seconds_{phase}", pa.float64()) for phase in PHASES),
        ("unconverged", _INTEGER),
        *((check, _INTEGER) for check in DIAGNOSTICS),
        ("warnings", pa.string()),
        ("provenance", pa.string()),
        ("spec", pa.string()),
    ]
)


# What the footer of a run file must hold beside the schema version, each as JSON. It may lack what
# earlier versions did not record: the CPU seconds, the checks, and why the run ended.
FOOTER = ("spec", "seconds", "warnings", "provenance")


def check_version(path: Path, footer: Mapping[bytes, bytes] | None) -> None:
    """Raise ResultsError where a file was written by a newer alrun; ValueError for no version."""
    version = int((footer or {}).get(b"schema_version", b"1"))
    if version > SCHEMA_VERSION:
        raise ResultsError(
            f"{path} has schema version {version}, and this alrun reads {SCHEMA_VERSION}; update it"
        )


def to_parquet_bytes(table: pa.Table, footer: Mapping[str, Any], **options: Any) -> bytes:
    """Return a Parquet file, whose footer holds the schema version and what is given as JSON.

    Its pages have checksums, without which a third of all flipped bits are other numbers.
    """
    metadata = {"schema_version": str(SCHEMA_VERSION)}
    metadata |= {key: json.dumps(value, sort_keys=True) for key, value in footer.items()}
    content = pa.BufferOutputStream()  # to a file it would be many small writes
    table = table.replace_schema_metadata(metadata)
    pq.write_table(table, content, compression="zstd", write_page_checksum=True, **options)
    pa.default_memory_pool().release_unused()  # it keeps several times what a table takes
    return content.getvalue().to_pybytes()


def conform(table: pa.Table, schema: pa.Schema, required: Collection[str] = ()) -> pa.Table:
    """Return a table with exactly the columns of a schema.

    A column that the table lacks is null, and one that the schema lacks is dropped: files of other
    versions differ in these. Raises ValueError where a `required` column is missing, and an error
    of Arrow's where a column has another type.
    """
    for name in required:
        if name not in table.column_names:
            raise ValueError(f"there is no column '{name}'")
    if table.schema.equals(schema):
        return table
    columns = [
        table[field.name].cast(field.type)
        if field.name in table.column_names
        else pa.nulls(table.num_rows, field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)
