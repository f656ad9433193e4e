"""The files of runs read back: their rounds and their rows of `runs.parquet`."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from alrun.errors import ResultsError, first_line
from alrun.files import unusable
from alrun.schema import FOOTER, RUN_FILE, RUNS, Runs, check_version, finished_row
from alrun.spec import RunSpec, same_run

# What is null in no round.
_FILLED = ("round", "n_labels", "n_test", "n_correct", "accuracy", "batch", "labels")
# How many runs are tables of their own before they are joined: one takes ten times what it holds.
_AT_ONCE = 256


class Damaged(Exception):  # noqa: N818 -- it is a finding, and goes no further
    """A file does not hold the run that it is named after; the message says what is wrong."""


def read_runs(
    folder: Path, specs: Mapping[str, RunSpec], on_damaged: Callable[[Path, Damaged], None]
) -> Runs:
    """Read the files of these runs, in their order, but for those that are damaged.

    `on_damaged` is called with the path of each of the latter, and why. Raises ResultsError as
    `read_run` does.
    """
    sound: dict[str, RunSpec] = {}
    blocks, rounds, rows = [], [], []
    for identity, spec in specs.items():
        path = folder / f"{identity}.parquet"
        try:
            of_run, row = read_run(path, spec)
        except Damaged as why:
            on_damaged(path, why)
            continue
        sound[identity] = spec
        rounds.append(of_run)
        rows.append(row)
        if len(rows) == _AT_ONCE:
            blocks.append(_block(rounds, rows))
            rounds, rows = [], []
    blocks.append(_block(rounds, rows))
    return Runs(sound, *map(pa.concat_tables, zip(*blocks, strict=True)))


def _block(rounds: Sequence[pa.Table], rows: Sequence[dict[str, Any]]) -> tuple[pa.Table, pa.Table]:
    of_all = pa.concat_tables([RUN_FILE.empty_table(), *rounds])  # there may be none
    return of_all.combine_chunks(), pa.Table.from_pylist(rows, schema=RUNS)


def read_run(path: Path, spec: RunSpec) -> tuple[pa.Table, dict[str, Any]]:
    """Return a run's rounds, with the columns of `RUN_FILE`, and its row of `RUNS`.

    Raises Damaged where the file is not that of this run, and ResultsError where it cannot be read
    or was written by a newer alrun.
    """
    try:
        if path.is_symlink() or not path.is_file():
            raise Damaged("it is no regular file")
        content = path.read_bytes()
    except OSError as error:
        raise unusable(path, "be read", error) from error
    try:
        return _parsed(path, content, spec)
    except (ResultsError, Damaged):
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
        raise Damaged(first_line(error)) from error


def _parsed(path: Path, content: bytes, spec: RunSpec) -> tuple[pa.Table, dict[str, Any]]:
    """Do what `read_run` says, where anything can be raised by what stands in the file."""
    # From memory, since Arrow's error for a bad disk and for bad content is the same; and without
    # threads, since they cost more than they save in so small a file.
    file = pq.ParquetFile(pa.BufferReader(content), page_checksum_verification=True)
    footer = file.metadata.metadata or {}
    check_version(path, footer)
    missing = [key for key in FOOTER if key.encode() not in footer]
    if missing:
        raise Damaged(f"its footer has no {missing[0]}")
    rounds = file.read(use_threads=False).replace_schema_metadata()
    if not rounds.schema.equals(RUN_FILE):
        rounds = rounds.cast(RUN_FILE)
    if not rounds.num_rows or any(rounds[name].null_count for name in _FILLED):
        raise Damaged("rounds are missing in it")
    batches, labels = rounds["batch"], rounds["labels"]
    is_whole = pc.list_value_length(batches).equals(pc.list_value_length(labels))
    if not is_whole or any(pc.list_flatten(lists).null_count for lists in (batches, labels)):
        raise Damaged("it has queries without a label")
    sizes = pc.list_value_length(batches).to_numpy()
    n_labels = rounds["n_labels"].to_numpy()
    is_consecutive = np.array_equal(rounds["round"].to_numpy(), np.arange(len(sizes)))
    if not is_consecutive or not np.array_equal(np.append(np.diff(n_labels), 0), sizes):
        raise Damaged("its rounds are not those of one run, in order and up to the end")
    row = finished_row(spec, rounds.num_rows, footer)
    if not same_run(row["spec"], footer[b"spec"].decode()):
        raise Damaged("it holds another run")
    return rounds, row
