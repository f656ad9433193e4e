"""The tables of a results directory: their columns and types, and how they are made from runs."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from alrun.errors import ResultsError, printable
from alrun.spec import CHECKS, PHASES, ROLES, SCORES, RunResult, RunSpec, Split, run_id

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
        *((check, _INTEGER) for check in CHECKS),
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


@dataclass(frozen=True)
class Runs:
    """Finished runs as they were read from their files.

    Attributes
    ----------
    specs
        The runs by id, in the order of `sort_key`.
    rounds
        Those of all of them, one run after the other, with the columns of `RUN_FILE`.
    rows
        A row for each, with the columns of `RUNS`.
    """

    specs: Mapping[str, RunSpec]
    rounds: pa.Table
    rows: pa.Table

    @property
    def counts(self) -> npt.NDArray[np.int32]:
        """How many rounds each run has."""
        return self.rows["rounds"].to_numpy()


@dataclass(frozen=True)
class Failure:
    """A run that did not finish: it failed (it raised) or crashed (it killed its worker)."""

    status: str
    error: str
    traceback: str
    attempts: int

    @property
    def reason(self) -> str:
        """The error as a line that a screen can show."""
        return printable(" ".join(self.error.split()))


def run_file(
    spec: RunSpec,
    result: RunResult,
    classes: Sequence[Any],
    y: Any,
    provenance: Mapping[str, str],
) -> tuple[pa.Table, dict[str, Any]]:
    """Make the table of one run, a row per round, and the footer that goes with it."""
    labels = np.array([str(label) for label in classes], dtype=object)
    batches = [entry.batch for entry in result.rounds]
    columns = {
        "round": range(len(batches)),
        "n_labels": [entry.n_labels for entry in result.rounds],
        "batch": batches,
        "labels": [labels[y[batch]] for batch in batches],
    }
    for name in RUN_FILE.names:
        if name not in columns:
            columns[name] = [getattr(entry.scores, name) for entry in result.rounds]
    table = pa.table([pa.array(columns[f.name], f.type) for f in RUN_FILE], schema=RUN_FILE)
    footer = {
        "spec": spec.describe(),
        "seconds": dict(result.seconds),
        "cpu_seconds": dict(result.cpu_seconds),
        "warnings": dict(result.warnings),
        "provenance": dict(provenance),
        "checks": dict(result.checks),
    }
    return table, footer


# What the same grid may differ by between processors.
LOG_LOSS_TOLERANCE = 1e-6


def agree(one: pa.Table, other: pa.Table) -> bool:
    """Return whether two tables of the same grid hold the same, as `differing_rows` has it."""
    if one.column_names != other.column_names or one.num_rows != other.num_rows:
        return False
    return not differing_rows(one, other).any()


def differing_rows(one: pa.Table, other: pa.Table) -> npt.NDArray[np.bool_]:
    """Return which rows differ between two tables of the same columns and length.

    Everything must be equal, types of values included, but log_loss, which may differ by
    `LOG_LOSS_TOLERANCE`.
    """
    differs = np.zeros(one.num_rows, dtype=bool)
    for name in one.column_names:
        left, right = _decoded(one[name]), _decoded(other[name])
        if left.type != right.type:
            return np.ones(one.num_rows, dtype=bool)
        if name == "log_loss":
            same = pc.less_equal(pc.abs(pc.subtract(left, right)), LOG_LOSS_TOLERANCE)
        else:
            same = pc.equal(left, right)
        both_null = pc.and_(pc.is_null(left), pc.is_null(right))
        differs |= ~pc.or_(pc.fill_null(same, False), both_null).to_numpy()
    return differs


def _decoded(column: pa.ChunkedArray) -> pa.ChunkedArray:
    is_dictionary = pa.types.is_dictionary(column.type)
    return column.cast(column.type.value_type) if is_dictionary else column


def sort_key(spec: RunSpec) -> tuple[str, str, str, int, int]:
    """Return the place of a run in the tables."""
    return (spec.dataset.label, spec.model.label, spec.strategy.label, spec.batch_size, spec.seed)


def _labels(values: Sequence[str], counts: Any) -> pa.DictionaryArray:
    """Return each value `counts` times, the dictionary in alphabetical order."""
    names, codes = np.unique(np.asarray(values, dtype=object).astype(str), return_inverse=True)
    indices = pa.array(np.repeat(codes, counts).astype(np.int32))
    return pa.DictionaryArray.from_arrays(indices, pa.array(names.tolist(), pa.string()))


def curves_table(runs: Runs) -> pa.Table:
    """Make `curves.parquet`."""
    counts, specs = runs.counts, runs.specs.values()
    keys = {
        "dataset": _labels([spec.dataset.label for spec in specs], counts),
        "model": _labels([spec.model.label for spec in specs], counts),
        "strategy": _labels([spec.strategy.label for spec in specs], counts),
        "batch_size": np.repeat(np.array([spec.batch_size for spec in specs], np.int32), counts),
        "seed": np.repeat(np.array([spec.seed for spec in specs], np.int32), counts),
        "run_id": _repeated(list(runs.specs), counts),
    }
    columns = [keys[name] if name in keys else runs.rounds[name] for name in CURVES.names]
    return pa.table(columns, schema=CURVES)


def queries_table(runs: Runs) -> pa.Table:
    """Make `queries.parquet`."""
    sizes = pc.list_value_length(runs.rounds["batch"]).to_numpy()
    ends = np.concatenate([[0], np.cumsum(sizes)])[np.cumsum([0, *runs.counts])]
    starts = np.repeat(np.cumsum(sizes, dtype=np.int32) - sizes, sizes)
    columns = {
        "run_id": _repeated(list(runs.specs), np.diff(ends)),
        "round": np.repeat(runs.rounds["round"].to_numpy(), sizes),
        "position": np.arange(sizes.sum(), dtype=np.int32) - starts,
        "index": pc.list_flatten(runs.rounds["batch"]),
        "label": _sorted_labels(pc.list_flatten(runs.rounds["labels"])),
    }
    return pa.table(columns, schema=QUERIES)


def _repeated(values: Sequence[str], counts: Any) -> pa.Array:
    places = np.repeat(np.arange(len(values), dtype=np.int32), counts)
    return pa.array(values, pa.string()).take(pa.array(places))


def _sorted_labels(values: pa.ChunkedArray) -> pa.DictionaryArray:
    """Return labels as codes, the dictionary in alphabetical order."""
    encoded = values.dictionary_encode().unify_dictionaries().combine_chunks()
    names = encoded.dictionary.to_pylist()
    order = sorted(range(len(names)), key=names.__getitem__)
    places = np.argsort(order).astype(np.int32)
    codes = pa.array(places[encoded.indices.to_numpy()], pa.int32())
    return pa.DictionaryArray.from_arrays(
        codes, encoded.dictionary.take(pa.array(order, pa.int32()))
    )


def splits_table(splits: Iterable[tuple[str, int, Split]]) -> pa.Table:
    """Make `splits.parquet` from label, seed and split of every data set and seed."""
    tables = [SPLITS.empty_table()]
    for label, seed, split in splits:
        rows = np.concatenate([split.pool, split.initial, split.test])
        role = np.repeat([0, 1, 2], [len(split.pool), len(split.initial), len(split.test)])
        order = np.argsort(rows)
        columns = {
            "dataset": _labels([label], [len(rows)]),
            "seed": np.full(len(rows), seed, np.int32),
            "index": rows[order].astype(np.int32),
            "role": pa.DictionaryArray.from_arrays(role[order].astype(np.int32), pa.array(ROLES)),
        }
        tables.append(pa.table(columns, schema=SPLITS))
    return pa.concat_tables(tables).unify_dictionaries()


def runs_table(
    runs: Runs, specs: Mapping[str, RunSpec], failures: Mapping[str, Failure]
) -> pa.Table:
    """Make `runs.parquet`: the finished runs, then those of `specs` that failed."""
    failed = sorted(specs.keys() & failures.keys(), key=lambda run: sort_key(specs[run]))
    rows = [
        {
            **_run_keys(specs[run]),
            "status": failures[run].status,
            # An error may quote what UTF-8 cannot hold, such as the name of a file.
            "error": failures[run].error.encode("utf-8", "backslashreplace").decode(),
        }
        for run in failed
    ]
    tables = [runs.rows, pa.Table.from_pylist(rows, schema=RUNS)]
    return pa.concat_tables(tables).unify_dictionaries()


def _run_keys(spec: RunSpec) -> dict[str, Any]:
    return {
        "run_id": run_id(spec),
        "dataset": spec.dataset.label,
        "model": spec.model.label,
        "strategy": spec.strategy.label,
        "batch_size": spec.batch_size,
        "seed": spec.seed,
        "budget": spec.budget,
        "spec": json.dumps(spec.describe(), sort_keys=True),
    }


def finished_row(spec: RunSpec, n_rounds: int, footer: Mapping[bytes, bytes]) -> dict[str, Any]:
    """Return the row of `runs.parquet` of a run whose file has this footer.

    Raises an error of any kind where the footer is not one of ours.
    """
    seconds, cpu_seconds, warnings, provenance, checks = (
        json.loads(footer.get(key, b"{}"))
        for key in (b"seconds", b"cpu_seconds", b"warnings", b"provenance", b"checks")
    )
    return {
        **_run_keys(spec),
        "status": "finished",
        "rounds": n_rounds,
        **{f"seconds_{phase}": float(lasted) for phase, lasted in seconds.items()},
        **{f"cpu_seconds_{phase}": float(lasted) for phase, lasted in cpu_seconds.items()},
        "unconverged": _count(
            sum(n for text, n in warnings.items() if text.startswith("ConvergenceWarning"))
        ),
        **{check: _count(checks[check]) for check in CHECKS if check in checks},
        "warnings": json.dumps(warnings, sort_keys=True),
        "provenance": json.dumps(provenance, sort_keys=True),
    }


def _count(value: Any) -> int:
    return int(np.int32(value))  # an error where it is no such number
