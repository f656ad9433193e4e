"""The writer and the reader of run files.

A file is read back as the rounds of its run and a row of `runs.parquet`.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from alrun.errors import ResultsError, first_line
from alrun.metrics import METRICS
from alrun.records import ABSTAINED, DIAGNOSTICS, SIGNAL_TOLERANCES, RunResult
from alrun.results.schema import FOOTER, RUN_FILE, RUNS, check_version, conform, to_parquet_bytes
from alrun.spec import RunSpec, run_id, same_run
from alrun.spec_parts import BETWEEN_NAMES
from alrun.util.atomic_files import unusable

# These columns have a value in every round.
_REQUIRED = ("round", "n_labels", "n_test", "n_correct", "accuracy", "batch", "labels")
# Tables of single runs are joined as soon as there are so many: a small table takes ten times the
# memory of its values.
_CHUNK_SIZE = 256


def serialize_run(
    spec: RunSpec,
    result: RunResult,
    classes: Sequence[Any],
    provenance: Mapping[str, Any],
) -> bytes:
    """Return the content of the file of a finished run: a row per round, and a footer.

    The footer has the whole spec. `classes` are the class labels by code.
    """
    class_labels = np.array([str(label) for label in classes], dtype=object)
    batches = [entry.batch for entry in result.rounds]
    columns = {
        "round": range(len(batches)),
        "n_labels": [entry.n_labels for entry in result.rounds],
        "batch": batches,
        "labels": [class_labels[entry.labels] for entry in result.rounds],
        "n_test": [entry.scores.n_test for entry in result.rounds],
        "n_correct": [entry.scores.n_correct for entry in result.rounds],
        **{name: [entry.scores.values[name] for entry in result.rounds] for name in METRICS},
        **{
            name: [entry.signals.get(name) for entry in result.rounds] for name in SIGNAL_TOLERANCES
        },
        "cost": [entry.cost for entry in result.rounds],
        "n_wrong": [entry.n_wrong for entry in result.rounds],
        **_answer_columns(spec, result, class_labels.tolist()),
    }
    table = pa.table([pa.array(columns[f.name], f.type) for f in RUN_FILE], schema=RUN_FILE)
    footer = {
        "spec": spec.describe(),
        "seconds": dict(result.seconds),
        "cpu_seconds": dict(result.cpu_seconds),
        "warnings": dict(result.warnings),
        "provenance": dict(provenance),
        "checks": dict(result.diagnostics),
        "ended": result.ended,
        "columns": table.column_names,
    }
    # The file is small. Without these two of Parquet's features it is written much faster.
    return to_parquet_bytes(table, footer, use_dictionary=False, write_statistics=False)


def _answer_columns(
    spec: RunSpec, result: RunResult, classes: Sequence[str]
) -> dict[str, list[Any]]:
    """Return the columns on the answers of the oracle, with a list for each round.

    They are null in a run whose labels are true and cost 1. Votes are null too where each example
    gets a single answer.
    """
    answers = [entry.answers for entry in result.rounds]
    people = () if spec.oracle is None else spec.oracle.annotators
    names = [who.name or None for who in people] or [None]
    has_votes = spec.oracle is not None and (spec.oracle.votes > 1 or spec.oracle.relabel)
    label = {ABSTAINED: None, **dict(enumerate(classes))}
    return {
        "given": [a and [label[code] for code in a.given.tolist()] for a in answers],
        "annotators": [a and [_joined(names, said) for said in a.votes] for a in answers],
        "costs": [a and a.costs for a in answers],
        "votes": [
            [[label[code] for _, code in said] for said in a.votes] if a and has_votes else None
            for a in answers
        ],
    }


def _joined(names: Sequence[str | None], votes: Sequence[tuple[int, int]]) -> str | None:
    """Return the names of those who voted, in order; None if they have none."""
    return BETWEEN_NAMES.join(name for who, _ in votes if (name := names[who])) or None


class CorruptRunFile(Exception):  # noqa: N818 -- a finding about a file, never shown as an error
    """A finding: a damaged file, or one with another run; the message says why."""


@dataclass(frozen=True)
class Runs:
    """Finished runs, read from their files.

    Attributes
    ----------
    specs
        The runs by id.
    rounds
        The rounds of all runs, one run after the other in this order, with the columns of
        `RUN_FILE`.
    rows
        A row for each run, with the columns of `RUNS`.
    """

    specs: Mapping[str, RunSpec]
    rounds: pa.Table
    rows: pa.Table

    @property
    def counts(self) -> npt.NDArray[np.int32]:
        """Number of rounds of each run, shape (n_runs,)."""
        return self.rows["rounds"].to_numpy()


def read_runs(
    folder: Path, specs: Mapping[str, RunSpec], on_corrupt: Callable[[Path, CorruptRunFile], None]
) -> Runs:
    """Read the files of runs, given by id, in this order; damaged ones are left out.

    `on_corrupt` is called with the path of each damaged file, and the reason. Raises ResultsError
    as `read_run` does.
    """
    intact: dict[str, RunSpec] = {}
    chunks, rounds, rows = [], [], []
    for run, spec in specs.items():
        path = folder / f"{run}.parquet"
        try:
            rounds_of_run, row = read_run(path, spec)
        except CorruptRunFile as reason:
            on_corrupt(path, reason)
            continue
        intact[run] = spec
        rounds.append(rounds_of_run)
        rows.append(row)
        if len(rows) == _CHUNK_SIZE:
            chunks.append(_chunk(rounds, rows))
            rounds, rows = [], []
    chunks.append(_chunk(rounds, rows))
    return Runs(intact, *map(pa.concat_tables, zip(*chunks, strict=True)))


def _chunk(rounds: Sequence[pa.Table], rows: Sequence[dict[str, Any]]) -> tuple[pa.Table, pa.Table]:
    """Return rounds and rows of some runs, possibly none, as one table each."""
    joined = pa.concat_tables([RUN_FILE.empty_table(), *rounds])
    return joined.combine_chunks(), pa.Table.from_pylist(rows, schema=RUNS)


def read_run(path: Path, spec: RunSpec) -> tuple[pa.Table, dict[str, Any]]:
    """Return a run's rounds, with the columns of `RUN_FILE`, and its row of `RUNS`.

    Raises CorruptRunFile if the file is damaged or has another run in it, and ResultsError if it
    cannot be read or was written by a newer alrun.
    """
    try:
        if path.is_symlink() or not path.is_file():
            raise CorruptRunFile("it is not a regular file")
        content = path.read_bytes()
    except OSError as error:
        raise unusable(path, "be read", error) from error
    try:
        return _parsed(path, content, spec)
    except (ResultsError, CorruptRunFile):
        raise
    except (
        pa.ArrowException,
        AttributeError,
        LookupError,
        OSError,
        OverflowError,
        RecursionError,
        TypeError,
        ValueError,
    ) as error:
        raise CorruptRunFile(first_line(error)) from error


def _parsed(path: Path, content: bytes, spec: RunSpec) -> tuple[pa.Table, dict[str, Any]]:
    """Return rounds and row from the content of a run file.

    Raises as `read_run` does. Damaged content may raise almost any other error too.
    """
    # The file is read from memory, since Arrow raises the same error for a bad disk and for bad
    # content. No threads are used, since they cost more than they save in so small a file.
    file = pq.ParquetFile(pa.BufferReader(content), page_checksum_verification=True)
    footer = file.metadata.metadata or {}
    check_version(path, footer)
    missing = [key for key in FOOTER if key.encode() not in footer]
    if missing:
        raise CorruptRunFile(f"its footer has no {missing[0]}")
    rounds = file.read(use_threads=False).replace_schema_metadata()
    # A column with a damaged name would pass for one that an earlier alrun did not write.
    written, read = set(json.loads(footer.get(b"columns", b"[]"))), set(rounds.column_names)
    if written - read and read - written:
        raise CorruptRunFile("its columns are not those that it was written with")
    rounds = conform(rounds, RUN_FILE, _REQUIRED)
    _check(rounds)
    if spec.oracle is None and spec.cost is None:
        rounds = _with_plain_costs(rounds)
    row = _finished_row(spec, rounds.num_rows, footer)
    if not same_run(row["spec"], footer[b"spec"].decode()):
        raise CorruptRunFile("it holds another run")
    return rounds, row


def code_of(path: Path) -> dict[str, str]:
    """Return the digests of the user code that a run was computed with, by file or module.

    There are none if it had none, was computed by an earlier alrun, or if its file is damaged.
    """
    try:
        with path.open("rb") as file:
            footer = pq.read_metadata(file).metadata or {}
        code = json.loads(footer.get(b"provenance", b"{}")).get("code", {})
        return {str(name): str(value) for name, value in code.items()}
    except (pa.ArrowException, AttributeError, OSError, RecursionError, ValueError):
        return {}


def _check(rounds: pa.Table) -> None:
    """Raise CorruptRunFile unless the rounds are all those of one run, in order."""
    if not rounds.num_rows or any(rounds[name].null_count for name in _REQUIRED):
        raise CorruptRunFile("rounds or values of them are missing in it")
    batches, labels = rounds["batch"], rounds["labels"]
    are_labelled = pc.list_value_length(batches).equals(pc.list_value_length(labels))
    if not are_labelled or any(pc.list_flatten(lists).null_count for lists in (batches, labels)):
        raise CorruptRunFile("it has queries without a label")
    sizes = pc.list_value_length(batches).to_numpy()
    n_new = np.append(np.diff(rounds["n_labels"].to_numpy()), 0)
    is_consecutive = np.array_equal(rounds["round"].to_numpy(), np.arange(len(sizes)))
    # An abstention gives no label, and an example that is asked for again no further one.
    has_answers = rounds["given"].null_count == 0
    is_whole = np.all((n_new >= 0) & (n_new <= sizes)) if has_answers else all(n_new == sizes)
    if not is_consecutive or not is_whole:
        raise CorruptRunFile("its rounds are not all those of one run in order")
    answers = (rounds[name] for name in ("given", "annotators", "costs"))
    if has_answers and not all(
        pc.list_value_length(lists).equals(pc.list_value_length(batches)) for lists in answers
    ):
        raise CorruptRunFile("it has queries without an answer")


def _with_plain_costs(rounds: pa.Table) -> pa.Table:
    """Return rounds of a run whose labels are true and cost 1, with its costs.

    An earlier alrun did not write them.
    """
    n_labels = rounds["n_labels"].to_numpy()
    columns = {
        "cost": pa.array((n_labels - n_labels[0]).astype(np.float64)),
        "n_wrong": pa.array(np.zeros(len(n_labels), np.int32)),
    }
    for name, values in columns.items():
        rounds = rounds.set_column(rounds.column_names.index(name), name, values)
    return rounds


def _finished_row(spec: RunSpec, n_rounds: int, footer: Mapping[bytes, bytes]) -> dict[str, Any]:
    """Return the row of `runs.parquet` for a run, made from the footer of its file.

    Raises an error of any kind if the footer is damaged.
    """
    seconds, cpu_seconds, warnings, provenance, diagnostics = (
        json.loads(footer.get(key, b"{}"))
        for key in (b"seconds", b"cpu_seconds", b"warnings", b"provenance", b"checks")
    )
    ended = json.loads(footer.get(b"ended", b"null"))
    return {
        **run_keys(spec),
        "status": "finished",
        "rounds": n_rounds,
        "ended": None if ended is None else str(ended),
        **{f"seconds_{phase}": float(lasted) for phase, lasted in seconds.items()},
        **{f"cpu_seconds_{phase}": float(lasted) for phase, lasted in cpu_seconds.items()},
        "unconverged": _count(
            sum(n for text, n in warnings.items() if text.startswith("ConvergenceWarning"))
        ),
        **{name: _count(diagnostics[name]) for name in DIAGNOSTICS if name in diagnostics},
        "warnings": json.dumps(warnings, sort_keys=True),
        "provenance": json.dumps(provenance, sort_keys=True),
    }


def _count(value: Any) -> int:
    return int(np.int32(value))  # raises an error unless it is a 32-bit integer


def run_keys(spec: RunSpec) -> dict[str, Any]:
    """Return the values in `runs.parquet` of a run, whether finished or not."""
    return {
        "run_id": run_id(spec),
        "dataset": spec.dataset.display_name,
        "model": spec.model.display_name,
        "start": spec.start,
        "oracle": spec.oracle_name,
        "cost_model": spec.cost_name,
        "strategy": spec.strategy.display_name,
        "batch_size": spec.batch_size,
        "seed": spec.seed,
        "budget": spec.budget,
        "spec": json.dumps(spec.describe(), sort_keys=True),
    }
