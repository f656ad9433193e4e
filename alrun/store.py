"""The results directory: every read and every write of it.

A file appears by the rename of a finished, fsynced temporary one, so that a reader never sees half
of it; nothing is appended. `runs/` and `failed/` hold a file per run and are the truth; the tables
beside them are made from those.
"""

import fcntl
import json
import os
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from alrun.errors import ResultsError, first_line
from alrun.schema import (
    CURVES,
    FOOTER,
    QUERIES,
    RUN_FILE,
    RUNS,
    SCHEMA_VERSION,
    Failure,
    agree,
    curves_table,
    queries_table,
    run_file,
    runs_table,
    sort_key,
    splits_table,
)
from alrun.spec import RunResult, RunSpec, Split, run_id


class Store:
    """One results directory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.experiment = path / "experiment.toml"
        self._runs = path / "runs"
        self._failed = path / "failed"

    def prepare(self) -> None:
        """Make the directory; raises ResultsError where that cannot be."""
        try:
            self._runs.mkdir(parents=True, exist_ok=True)
            self._failed.mkdir(exist_ok=True)
        except OSError as error:
            raise ResultsError(
                f"{self.path} cannot be a results directory: {error.strerror}; name another with"
                " --results"
            ) from error

    def save_experiment(self, text: str) -> None:
        """Write the resolved experiment file, unless it says the same already."""
        content = text.encode()
        if not self.experiment.is_file() or self.experiment.read_bytes() != content:
            write_file(self.experiment, content)

    def finished(self) -> set[str]:
        """Return the ids of the runs that have a file."""
        return _stems(self._runs, ".parquet")

    def failures(self) -> dict[str, Failure]:
        """Return the runs that failed and have not finished since, by id."""
        failures = {}
        for identity in sorted(_stems(self._failed, ".json") - self.finished()):
            path = self._failed / f"{identity}.json"
            try:
                failures[identity] = Failure(**json.loads(path.read_text(encoding="utf-8")))
            except (ValueError, TypeError):
                failures[identity] = Failure("failed", "the record of why is damaged", "", 1)
        return failures

    def write_run(
        self,
        spec: RunSpec,
        result: RunResult,
        classes: Sequence[Any],
        y: Any,
        provenance: Mapping[str, str],
    ) -> None:
        """Write the file of a finished run, its whole spec in the footer."""
        identity = run_id(spec)
        table, footer = run_file(spec, result, classes, y, provenance)
        # It is small, and most of what writing it takes is what Parquet does to save space.
        _write_table(
            self._runs / f"{identity}.parquet",
            table,
            footer,
            use_dictionary=False,
            write_statistics=False,
        )
        (self._failed / f"{identity}.json").unlink(missing_ok=True)

    def write_failure(self, spec: RunSpec, status: str, error: str, traceback: str) -> None:
        """Record that a run failed, and how often it was tried."""
        path = self._failed / f"{run_id(spec)}.json"
        before = self.failures().get(run_id(spec))
        failure = Failure(status, error, traceback, before.attempts + 1 if before else 1)
        content = json.dumps(vars(failure), indent=1).encode()
        write_file(path, content)

    def compact(
        self,
        specs: Sequence[RunSpec],
        splits: Callable[[Sequence[RunSpec]], Iterable[tuple[str, int, Split]]],
    ) -> int:
        """Make the tables from the run files of exactly these runs; return how many there are.

        Tables that hold a run of these whose file is gone are left as they are, as on a clone that
        has the tables alone. `splits` gives label, seed and split for the runs it is called with.
        """
        with self._lock():
            finished = self.finished()
            ordered = sorted((spec for spec in specs if run_id(spec) in finished), key=sort_key)
            files = [(spec, self._read_run(run_id(spec))) for spec in ordered]
            if self.tabled(specs) <= {run_id(spec) for spec in ordered}:
                runs = runs_table(specs, files, self.failures())
                _write_table(self.path / "runs.parquet", runs, {})
                self._replace("curves.parquet", curves_table(files))
                self._replace("queries.parquet", queries_table(files))
                self._replace("splits.parquet", splits_table(splits(ordered)))
            return len(ordered)

    def save_foreign_curves(self, table: pa.Table) -> None:
        """Write `curves.parquet` alone; raises ResultsError where there are curves or runs."""
        if (self.path / "curves.parquet").exists() or self.finished():
            raise ResultsError(f"{self.path} holds curves already; name another with --results")
        self.prepare()
        _write_table(self.path / "curves.parquet", table, {})

    def tabled(self, specs: Sequence[RunSpec]) -> set[str]:
        """Return the ids of those of these runs that the tables hold."""
        return self._in_tables() & {run_id(spec) for spec in specs}

    def only_copies(self, specs: Sequence[RunSpec]) -> int:
        """Return how many runs stand in the tables alone, and are none of these."""
        return len(self._in_tables() - {run_id(spec) for spec in specs} - self.finished())

    def _in_tables(self) -> set[str]:
        path = self.path / "curves.parquet"
        if not path.is_file():
            return set()
        try:
            _check_version(path, pq.read_schema(path))
            return set(pq.read_table(path, columns=["run_id"])["run_id"].unique().to_pylist())
        except (pa.ArrowException, KeyError, ValueError, OSError):
            return set()  # not a table of ours: there is nothing in it to keep

    def _read_run(self, identity: str) -> pa.Table:
        path = self._runs / f"{identity}.parquet"
        try:
            table = pq.ParquetFile(path).read()
            _check_version(path, table.schema)
            missing = [key for key in FOOTER if key.encode() not in (table.schema.metadata or {})]
            if missing:
                raise ValueError(f"its footer has no {missing[0]}")
            return table.cast(RUN_FILE.with_metadata(table.schema.metadata))
        except (pa.ArrowException, ValueError, OSError) as error:
            raise ResultsError(
                f"{path} cannot be read ({first_line(error)}); delete it and sweep again"
            ) from error

    def _replace(self, name: str, table: pa.Table) -> None:
        """Write a table unless the one that is there says the same."""
        path = self.path / name
        if path.is_file():
            try:
                if agree(pq.read_table(path), table):
                    return
            except (pa.ArrowException, OSError):
                pass  # damaged: replaced
        _write_table(path, table, {})

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """Hold the kernel's lock on the directory, which goes with the process that holds it."""
        try:
            descriptor = os.open(self.path, os.O_RDONLY)
        except OSError as error:
            raise ResultsError(f"{self.path} is gone or closed to us: {error.strerror}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def load_curves(path: str | Path) -> Any:
    """Return the curves of a results directory: a DataFrame with a row per round of every run.

    `n_labels` counts labels, the initial ones included; scores are shares of one on the test part,
    `log_loss` is in nats. The strategies, models and data sets are categories. Raises ResultsError
    where there is no such table.
    """
    return read_table(Path(path) / "curves.parquet", CURVES)


def load_runs(path: str | Path) -> Any:
    """Return the runs of a results directory: a DataFrame with a row per run, finished or failed.

    Its spec, status and error, rounds, seconds in fits, queries and evaluations, unconverged fits,
    warnings with their counts, and the versions it was computed with, the last two and the spec as
    JSON. Raises ResultsError where there is no such table: it is not committed with the others.
    """
    return read_table(Path(path) / "runs.parquet", RUNS)


def load_queries(path: str | Path) -> Any:
    """Return the queries of a results directory: a DataFrame with a row per queried example.

    `index` is its row in the data set, `round` the one in which it was queried, and `position` its
    place in the batch. The initial labels are not queries; they stand in `splits.parquet`. Raises
    ResultsError where there is no such table.
    """
    return read_table(Path(path) / "queries.parquet", QUERIES, whole=QUERIES.names)


def read_table(
    path: Path,
    schema: pa.Schema,
    columns: Sequence[str] | None = None,
    strict: bool = True,
    whole: Sequence[str] = (),
) -> Any:
    """Read a table of a results directory as a DataFrame, labels as categories.

    Columns that `schema` has are cast to its types; with `strict` off, one that cannot be is left
    as it is. Of `columns` those that are there are read. Raises ResultsError where the file is
    missing, is no Parquet, was written by a newer alrun, has a column twice, or lacks one that is
    to be `whole` or a value in it.
    """
    if not path.is_file():
        raise ResultsError(f"there is no {path.name} in {path.parent}; make it with `alrun sweep`")
    try:
        there = pq.read_schema(path)
        _check_version(path, there)
        _check_columns(path, there, whole)
        wanted = [name for name in columns or there.names if name in there.names]
        table = pq.ParquetFile(path).read(columns=wanted)
        for place, name in enumerate(wanted):
            if name in schema.names:
                column = _cast(table[name], schema.field(name).type, strict)
                table = table.set_column(place, name, column)
        for name in whole:
            if table[name].null_count:
                raise ResultsError(f"{path}: the column '{name}' has a row without a value")
        return table.to_pandas(ignore_metadata=True)
    except (pa.ArrowException, ValueError, OSError) as error:
        raise ResultsError(f"{path} cannot be read: {first_line(error)}") from error


def _check_columns(path: Path, there: pa.Schema, whole: Sequence[str]) -> None:
    for name in there.names:
        if there.names.count(name) > 1:
            raise ResultsError(f"{path}: the column '{name}' stands more than once")
    for name in whole:
        if name not in there.names:
            raise ResultsError(f"{path}: there is no column '{name}'")


def _cast(column: pa.ChunkedArray, kind: pa.DataType, strict: bool) -> pa.ChunkedArray:
    if column.type == kind:
        return column
    try:
        if pa.types.is_dictionary(kind):
            return column.cast(kind.value_type).dictionary_encode()
        return column.cast(kind)
    except pa.ArrowException:
        if strict:
            raise
        return column


def _check_version(path: Path, schema: pa.Schema) -> None:
    version = int((schema.metadata or {}).get(b"schema_version", b"1"))
    if version > SCHEMA_VERSION:
        raise ResultsError(
            f"{path} has schema version {version}, and this alrun reads {SCHEMA_VERSION}; update it"
        )


def _stems(folder: Path, suffix: str) -> set[str]:
    if not folder.is_dir():
        return set()
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries]
    return {name.removesuffix(suffix) for name in names if name.endswith(suffix) and name[0] != "."}


def _write_table(path: Path, table: pa.Table, footer: Mapping[str, Any], **options: Any) -> None:
    metadata = {"schema_version": str(SCHEMA_VERSION)}
    metadata |= {key: json.dumps(value, sort_keys=True) for key, value in footer.items()}
    table = table.replace_schema_metadata(metadata)
    content = pa.BufferOutputStream()  # to a file it would be many small writes
    pq.write_table(table, content, compression="zstd", **options)
    write_file(path, content.getvalue())


def write_file(path: Path, content: bytes | pa.Buffer) -> None:
    """Write a temporary file beside `path`, then put it in its place at once.

    Raises ResultsError where that cannot be.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        file = open(temporary, "xb")  # noqa: SIM115 -- what is not ours must not be removed below
    except OSError as error:
        raise ResultsError(f"{path} cannot be written: {error.strerror or error}") from error
    try:
        with file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise ResultsError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        temporary.unlink(missing_ok=True)
