"""The files of a results directory: their columns and types, and which version of them it is."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from alrun.errors import ResultsError
from alrun.metrics import SCORES
from alrun.records import DIAGNOSTICS, PHASES

# 1: the first. Raise it when a column changes its name, type or meaning.
SCHEMA_VERSION = 1

_LABEL = pa.dictionary(pa.int32(), pa.string())
_INTEGER = pa.int32()
_ROUND = [
    ("round", _INTEGER),
    ("n_labels", _INTEGER),
    ("n_test", _INTEGER),
    ("n_correct", _INTEGER),
    *((score, pa.float64()) for score in SCORES),
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
        *((f"seconds_{phase}", pa.float64()) for phase in PHASES),
        *((f"cpu_seconds_{phase}", pa.float64()) for phase in PHASES),
        ("unconverged", _INTEGER),
        *((check, _INTEGER) for check in DIAGNOSTICS),
        ("warnings", pa.string()),
        ("provenance", pa.string()),
        ("spec", pa.string()),
    ]
)


# What the footer of a run file holds beside the schema version, each as JSON; and the checks and
# the CPU seconds, which the files of an earlier alrun lack.
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
