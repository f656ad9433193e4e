"""The columns and types of the files in a results directory, and their version."""

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from alrun.errors import ResultsError
from alrun.metrics import METRICS
from alrun.records import DIAGNOSTICS, PHASES, SIGNAL_TOLERANCES

# Raise it when a column changes its name, type or meaning. Readers fill missing columns with null.
# 1: the first version.
# 2: adds the metrics roc_auc, brier, ece, f1 and recall, and why a run ended.
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
# What the answers before a round cost, and how many of the labels are wrong.
_ORACLE = [("cost", pa.float64()), ("n_wrong", _INTEGER)]
_KEYS = [
    ("dataset", _LABEL),
    ("model", _LABEL),
    ("start", _LABEL),
    ("oracle", _LABEL),
    ("cost_model", _LABEL),
    ("strategy", _LABEL),
    ("batch_size", _INTEGER),
    ("seed", _INTEGER),
]
_SIGNALS = [(signal, pa.float64()) for signal in SIGNAL_TOLERANCES]
RUN_FILE = pa.schema(
    [
        *_ROUND,
        *_SIGNALS,
        *_ORACLE,
        ("batch", pa.list_(_INTEGER)),
        ("labels", pa.list_(pa.string())),
        # Of each queried example, null in runs without oracle and costs; its votes are a list.
        ("given", pa.list_(pa.string())),
        ("annotators", pa.list_(pa.string())),
        ("costs", pa.list_(pa.float64())),
        ("votes", pa.list_(pa.list_(pa.string()))),
    ]
)
CURVES = pa.schema([*_KEYS, _ROUND[0], ("run_id", pa.string()), *_ROUND[1:], *_ORACLE])
# Every signal is null in a run that has none, and some are null in the first rounds or the last.
SIGNALS = pa.schema([*_KEYS, _ROUND[0], ("run_id", pa.string()), _ROUND[1], *_SIGNALS])
QUERIES = pa.schema(
    [
        ("run_id", pa.string()),
        ("round", _INTEGER),
        ("position", _INTEGER),
        ("index", _INTEGER),
        ("label", _LABEL),
        ("given", _LABEL),
        ("annotator", _LABEL),
        ("cost", pa.float64()),
        ("votes", pa.list_(pa.string())),
    ]
)
SPLITS = pa.schema(
    [
        ("dataset", _LABEL),
        ("start", _LABEL),
        ("seed", _INTEGER),
        ("index", _INTEGER),
        ("role", _LABEL),
    ]
)
REFERENCES = pa.schema(
    [
        ("dataset", _LABEL),
        ("model", _LABEL),
        ("start", _LABEL),
        ("oracle", _LABEL),
        ("seed", _INTEGER),
        ("reference", _LABEL),
        ("reference_id", pa.string()),
        *_ROUND[2:],
    ]
)
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
# Labels that tables of earlier versions lack; they are empty where a grid has one value.
LATER_LABELS = ("start", "oracle", "cost_model")
# Reports name these where the results have them, so that others look as they always did.
FURTHER_AXES = LATER_LABELS[1:]
# The keys that the footer of a run file must have beside the schema version, each with JSON. Files
# of earlier versions may lack the others: the CPU seconds, the diagnostics, and why the run ended.
FOOTER = ("spec", "seconds", "warnings", "provenance")


# The key in the footer of `curves.parquet` with what was done to the data: a list of sentences by
# the display name of the data set. A file without notes has no such key.
NOTES = "notes"
# The beginning of a note on what was left out of the grid, since it cannot be run.
SKIPPED = "skipped: "


def notes_in(footer: Mapping[bytes, bytes] | None) -> dict[str, list[str]]:
    """Return the notes on each data set in the footer of a file; none if they are damaged."""
    try:
        notes = json.loads((footer or {}).get(NOTES.encode(), b"{}"))
        return {
            str(name): [sentence for sentence in said if isinstance(sentence, str)]
            for name, said in notes.items()
        }
    except (ValueError, TypeError, AttributeError, RecursionError):  # it may be anybody's
        return {}


def check_version(path: Path, footer: Mapping[bytes, bytes] | None) -> None:
    """Raise ResultsError if a file was written by a newer alrun, ValueError for a bad version."""
    version = int((footer or {}).get(b"schema_version", b"1"))
    if version > SCHEMA_VERSION:
        raise ResultsError(
            f"{path} has schema version {version}, and this alrun reads versions up to"
            f" {SCHEMA_VERSION}; update alrun"
        )


def to_parquet_bytes(table: pa.Table, footer: Mapping[str, Any], **options: Any) -> bytes:
    """Return the content of a Parquet file, with the schema version and `footer` in its footer.

    The values of `footer` are written as JSON. The pages have checksums: without them a third of
    all flipped bits would go unnoticed and change numbers.
    """
    metadata = {"schema_version": str(SCHEMA_VERSION)}
    metadata |= {key: json.dumps(value, sort_keys=True) for key, value in footer.items()}
    content = pa.BufferOutputStream()  # since Arrow would write a file in many small pieces
    table = table.replace_schema_metadata(metadata)
    pq.write_table(table, content, compression="zstd", write_page_checksum=True, **options)
    pa.default_memory_pool().release_unused()  # else it keeps several times a table's memory
    return content.getvalue().to_pybytes()


def conform(table: pa.Table, schema: pa.Schema, required: Collection[str] = ()) -> pa.Table:
    """Return a table with exactly the columns of a schema.

    Files of other versions may differ in their columns: a missing one is filled with null, and an
    unknown one is dropped. Raises ValueError if a `required` column is missing, and an error of
    Arrow's if a column cannot be cast.
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
