"""The files of runs: how one is made, and read back into rounds and a row of `runs.parquet`."""

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
from alrun.records import DIAGNOSTICS, RunResult
from alrun.results.schema import FOOTER, RUN_FILE, RUNS, check_version, conform, to_parquet_bytes
from alrun.spec import RunSpec, run_id, same_run
from alrun.util.atomic_files import unusable

# Null in no round.
_FILLED = ("round", "n_labels", "n_test", "n_correct", "accuracy", "batch", "labels")
# How many runs are tables of their own before they are joined: one takes ten times what it holds.
_AT_ONCE = 256


def serialize_run(
    spec: RunSpec,
    result: RunResult,
    classes: Sequence[Any],
    provenance: Mapping[str, str],
) -> bytes:
    """Return the content of the file of a finished run: a row per round, and a footer.

    The whole spec is in the footer. `classes` are the class labels by code.
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
    }
    # It is small, and most of what making it takes is what Parquet does to save space.
    return to_parquet_bytes(table, footer, use_dictionary=False, write_statistics=False)


class CorruptRunFile(Exception):  # noqa: N818 -- it is a finding, and goes no further
    """A file does not hold the run that it is named after; the message says what is wrong."""


@dataclass(frozen=True)
class Runs:
    """Finished runs as they were read from their files.

    Attributes
    ----------
    specs
        The runs by id, in the order in which they were asked for.
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


def read_runs(
    folder: Path, specs: Mapping[str, RunSpec], on_corrupt: Callable[[Path, CorruptRunFile], None]
) -> Runs:
    """Read the files of these runs, in their order, but for those that are damaged.

    `on_corrupt` is called with the path of each of the latter, and why. Raises ResultsError as
    `read_run` does.
    """
    sound: dict[str, RunSpec] = {}
    blocks, rounds, rows = [], [], []
    for identity, spec in specs.items():
        path = folder / f"{identity}.parquet"
        try:
            of_run, row = read_run(path, spec)
        except CorruptRunFile as why:
            on_corrupt(path, why)
            continue
        sound[identity] = spec
        rounds.append(of_run)
        rows.append(row)
        if len(rows) == _AT_ONCE:
            blocks.append(_chunk(rounds, rows))
            rounds, rows = [], []
    blocks.append(_chunk(rounds, rows))
    return Runs(sound, *map(pa.concat_tables, zip(*blocks, strict=True)))


def _chunk(rounds: Sequence[pa.Table], rows: Sequence[dict[str, Any]]) -> tuple[pa.Table, pa.Table]:
    of_all = pa.concat_tables([RUN_FILE.empty_table(), *rounds])  # there may be none
    return of_all.combine_chunks(), pa.Table.from_pylist(rows, schema=RUNS)


def read_run(path: Path, spec: RunSpec) -> tuple[pa.Table, dict[str, Any]]:
    """Return a run's rounds, with the columns of `RUN_FILE`, and its row of `RUNS`.

    Raises CorruptRunFile where the file is not that of this run, and ResultsError where it cannot
    be read or was written by a newer alrun.
    """
    try:
        if path.is_symlink() or not path.is_file():
            raise CorruptRunFile("it is no regular file")
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
    """Do what `read_run` says, where anything can be raised by what stands in the file."""
    # From memory, since Arrow's error for a bad disk and for bad content is the same; and without
    # threads, since they cost more than they save in so small a file.
    file = pq.ParquetFile(pa.BufferReader(content), page_checksum_verification=True)
    footer = file.metadata.metadata or {}
    check_version(path, footer)
    missing = [key for key in FOOTER if key.encode() not in footer]
    if missing:
        raise CorruptRunFile(f"its footer has no {missing[0]}")
    rounds = file.read(use_threads=False).replace_schema_metadata()
    rounds = conform(rounds, RUN_FILE, _FILLED)
    _check(rounds)
    row = _finished_row(spec, rounds.num_rows, footer)
    if not same_run(row["spec"], footer[b"spec"].decode()):
        raise CorruptRunFile("it holds another run")
    return rounds, row


def _check(rounds: pa.Table) -> None:
    """Raise CorruptRunFile where rounds are not those of one run."""
    if not rounds.num_rows or any(rounds[name].null_count for name in _FILLED):
        raise CorruptRunFile("rounds are missing in it")
    batches, labels = rounds["batch"], rounds["labels"]
    is_whole = pc.list_value_length(batches).equals(pc.list_value_length(labels))
    if not is_whole or any(pc.list_flatten(lists).null_count for lists in (batches, labels)):
        raise CorruptRunFile("it has queries without a label")
    sizes = pc.list_value_length(batches).to_numpy()
    n_labels = rounds["n_labels"].to_numpy()
    is_consecutive = np.array_equal(rounds["round"].to_numpy(), np.arange(len(sizes)))
    if not is_consecutive or not np.array_equal(np.append(np.diff(n_labels), 0), sizes):
        raise CorruptRunFile("its rounds are not those of one run, in order and up to the end")


def _finished_row(spec: RunSpec, n_rounds: int, footer: Mapping[bytes, bytes]) -> dict[str, Any]:
    """Return the row of `runs.parquet` of a run whose file has this footer.

    Raises an error of any kind where the footer is not one of ours.
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
    return int(np.int32(value))  # an error where it is no such number


def run_keys(spec: RunSpec) -> dict[str, Any]:
    """Return what stands in the table of runs of one that is finished or not."""
    return {
        "run_id": run_id(spec),
        "dataset": spec.dataset.display_name,
        "model": spec.model.display_name,
        "strategy": spec.strategy.display_name,
        "batch_size": spec.batch_size,
        "seed": spec.seed,
        "budget": spec.budget,
        "spec": json.dumps(spec.describe(), sort_keys=True),
    }
