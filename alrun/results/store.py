"""The store of a sweep: reads and writes of its results directory.

`runs/` and `failed/` have a file per run and are the truth; the tables beside them are made from
these files. A file appears whole or not at all, and nothing is appended to one.
"""

import json
import os
import re
import shlex
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence, Set
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from alrun.errors import ResultsError
from alrun.records import Failure, Split
from alrun.results.compare import agree
from alrun.results.origin import State, origin_of, origin_of_references, state_of
from alrun.results.reference_file import (
    read_reference,
    read_references,
    references_table,
    scored_references,
)
from alrun.results.run_file import CorruptRunFile, Runs, code_of, read_runs
from alrun.results.schema import NOTES, RUNS, check_version, notes_in, to_parquet_bytes
from alrun.results.tables import (
    curves_table,
    queries_table,
    runs_table,
    signals_table,
    sort_key,
    splits_table,
)
from alrun.spec import ReferenceSpec, RunSpec, run_id
from alrun.util.atomic_files import locked, remove_abandoned, set_aside, unusable, write_file
from alrun.util.digest import digest_of_bytes

_RUN_ID = re.compile("[0-9a-f]{16}")
# Keys in the footer of `runs.parquet`: the ids of runs with a file, but not of the experiment; what
# the tables were made from; and the digests of the other tables.
_LEFT_OUT, _ORIGIN, _DIGESTS = "left_out", "origin", "digests"
_OTHERS = (
    "queries.parquet",
    "splits.parquet",
    "signals.parquet",
    "curves.parquet",
    "references.parquet",
)


class Store:
    """One results directory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.experiment = path / "experiment.toml"
        self._runs = path / "runs"
        self._failed = path / "failed"
        self._references = path / "references"

    def prepare(self) -> None:
        """Make the directory, and remove the temporary files of killed writers.

        Raises ResultsError if it cannot be made or written to, or if a folder in it is a link to
        elsewhere.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            for folder in self._folders[1:]:
                if os.path.dirname(os.path.realpath(folder)) != os.path.realpath(self.path):
                    raise ResultsError(
                        f"{folder} is a link to a place outside {self.path}; replace it by a"
                        " directory, or name another results directory with --results"
                    )
                folder.mkdir(exist_ok=True)
        except OSError as error:
            exists = isinstance(error, FileExistsError)
            reason = "it is not a directory" if exists else error.strerror
            raise ResultsError(
                f"{self.path} cannot be a results directory: {error.filename}: {reason}; name"
                " another with --results"
            ) from error
        for folder in self._folders:
            if not os.access(folder, os.W_OK | os.X_OK):
                raise ResultsError(
                    f"{folder} cannot be written to: it is read-only, or not yours; make it"
                    " writable, or name another results directory with --results"
                )
        self._tidy()

    @property
    def _folders(self) -> tuple[Path, ...]:
        return (self.path, self._runs, self._failed, self._references)

    def _tidy(self) -> None:
        for folder in self._folders:
            remove_abandoned(folder)

    def save_experiment(self, text: str) -> None:
        """Write the resolved experiment file, unless it has this text already."""
        content = text.encode()
        try:
            if self.experiment.is_file() and self.experiment.read_bytes() == content:
                return
        except OSError as error:
            raise unusable(self.experiment, "be read", error) from error
        write_file(self.experiment, content)

    def finished(self) -> set[str]:
        """Return the ids of the runs with a file."""
        return _run_ids(self._runs, ".parquet")

    def failures(self) -> dict[str, Failure]:
        """Return the failures by run id, without runs finished since."""
        failed = _run_ids(self._failed, ".json")
        unfinished = sorted(failed - self.finished()) if failed else []  # a listing may be long
        return {run: _failure(self._failed / f"{run}.json") for run in unfinished}

    def code_of(self, run: str) -> dict[str, str]:
        """Return the digests of the user code that a run was computed with, by file or module."""
        return code_of(self._runs / f"{run}.parquet")

    def write_run(self, run: str, content: bytes) -> None:
        """Write the file of a finished run, as `serialize_run` made it."""
        write_file(self._runs / f"{run}.parquet", content)
        for path in (self._failed / f"{run}.json", self.log_of(run)):
            with suppress(OSError):  # a failure that stays does no harm: the run is finished
                path.unlink()

    def write_failure(self, run: str, failure: Failure, printed: bytes = b"") -> None:
        """Record why a run did not finish and what it printed, and add up its attempts."""
        log = self.log_of(run)
        if log.is_dir():
            set_aside(log)
        if printed:
            write_file(log, printed)
        else:  # it may be there from an attempt before
            log.unlink(missing_ok=True)
        _write_failure(self._failed / f"{run}.json", failure)

    def known_references(self) -> set[str]:
        """Return the ids of the references with scores, in a file or in the table."""
        in_table = scored_references(self._table) - self.reference_failures().keys()
        return _run_ids(self._references, ".parquet") | in_table

    def code_of_reference(self, reference: str) -> dict[str, str]:
        """Return the digests of the user code of a reference, as `code_of` does of a run."""
        return code_of(self._references / f"{reference}.parquet")

    def reference_failures(self) -> dict[str, Failure]:
        """Return the failures of references by id, those with a file excepted."""
        in_files = _run_ids(self._references, ".parquet")
        failed = sorted(_run_ids(self._references, ".json") - in_files)
        return {name: _failure(self._references / f"{name}.json") for name in failed}

    def write_reference(self, reference: str, content: bytes) -> None:
        """Write the file of a reference, as `serialize_reference` made it."""
        write_file(self._references / f"{reference}.parquet", content)
        (self._references / f"{reference}.json").unlink(missing_ok=True)

    def write_reference_failure(self, reference: str, failure: Failure) -> None:
        """Record why a reference is not known; scores of other code, if any, are removed."""
        _write_failure(self._references / f"{reference}.json", failure)
        (self._references / f"{reference}.parquet").unlink(missing_ok=True)

    @property
    def _table(self) -> Path:
        return self.path / "references.parquet"

    def log_of(self, run: str) -> Path:
        """Return where the end of the output of a failed run is, if it printed anything."""
        return self._failed / f"{run}.log"

    def rebuild_tables(
        self,
        specs: Sequence[RunSpec],
        splits: Callable[[Sequence[RunSpec]], Iterable[tuple[str, str, int, Split]]],
        on_message: Callable[[str], object] = lambda sentence: None,
        notes: Mapping[str, Sequence[str]] = MappingProxyType({}),
        references: Mapping[str, ReferenceSpec] = MappingProxyType({}),
        unknown_references: Collection[str] = (),
    ) -> int:
        """Make the tables from the files of exactly these runs; return the number of their files.

        A damaged file is set aside, and `on_message` is called with a sentence on it. If the tables
        have one of these runs and its file is gone, they are left as they are: a clone may have the
        tables alone. Tables that were made from these files as they are now are left too, and no
        file is read. `splits` returns data set, start, seed and split of given runs. `notes` are
        sentences on each data set, by display name, for the footer of `curves.parquet`.
        `references` by id are those of `references.parquet`, which is left alone without any; those
        that failed, or are among `unknown_references`, have no scores there.
        """

        def on_corrupt(path: Path, reason: CorruptRunFile) -> None:
            aside = set_aside(path)
            on_message(
                f"{path} is damaged ({reason}): it is now {aside.name}, and its run counts as"
                " missing"
            )

        by_id = {run_id(spec): spec for spec in sorted(specs, key=sort_key)}
        with locked(self.path):
            # The states come before the reading: a file that changes in between has another state.
            files = _states(self._runs)
            unknown = {*unknown_references, *self.reference_failures()} & references.keys()
            known = origin_of_references(references, unknown, _states(self._references))
            intact = {run: spec for run, spec in by_id.items() if run in files}
            said = {name: [*sentences] for name, sentences in notes.items() if sentences}
            if not self._tables_are_from(origin_of(by_id, files, self.failures(), said, known)):
                known = self._rebuild_references(references, unknown, on_message)
                runs = read_runs(self._runs, intact, on_corrupt)
                left = {run: files[run] for run in files if run in runs.specs or run not in by_id}
                if self._in_tables() & by_id.keys() <= runs.specs.keys():
                    self._write_tables(runs, by_id, left, splits, said, known)
                intact = dict(runs.specs)
            self._tidy()
            return len(intact)

    def _rebuild_references(
        self,
        specs: Mapping[str, ReferenceSpec],
        unknown: Set[str],
        on_message: Callable[[str], object],
    ) -> str:
        """Make `references.parquet` of exactly these references; return its origin.

        One without a file keeps the scores that the table has: a clone may have the table alone.
        Those that are `unknown` get no scores.
        """
        files = _states(self._references)  # before they are read, as those of runs
        rows = read_references(self._table)
        for name in sorted(files.keys() & specs.keys()):
            path = self._references / f"{name}.parquet"
            try:
                rows[name] = read_reference(path, specs[name])
            except CorruptRunFile as reason:
                aside = set_aside(path)
                del files[name]
                on_message(f"{path} is damaged ({reason}): it is now {aside.name}")
        for name in unknown:
            rows.pop(name, None)
        if specs:
            content, is_new = self._kept_or_new(self._table.name, references_table(specs, rows))
            if is_new:
                write_file(self._table, content)
        return origin_of_references(specs, unknown, files)

    def _write_tables(
        self,
        runs: Runs,
        specs: Mapping[str, RunSpec],
        files: Mapping[str, State],
        splits: Callable[[Sequence[RunSpec]], Iterable[tuple[str, str, int, Split]]],
        notes: Mapping[str, Sequence[str]],
        references: str,
    ) -> None:
        """Write the tables of runs; `files` are those that they were read from, and others.

        `references` is the origin of theirs, whose table is there already.
        """
        # The curves come last, since they are read to see which runs the tables have.
        contents = {
            "queries.parquet": self._kept_or_new("queries.parquet", queries_table(runs)),
            "splits.parquet": self._kept_or_new(
                "splits.parquet", splits_table(splits(list(runs.specs.values())))
            ),
            "signals.parquet": self._kept_or_new("signals.parquet", signals_table(runs)),
            "curves.parquet": self._kept_or_new(
                "curves.parquet", curves_table(runs), {NOTES: notes} if notes else {}
            ),
        }
        failures = self.failures()
        footer = {
            _LEFT_OUT: sorted(files.keys() - specs.keys()),
            _ORIGIN: origin_of(specs, files, failures, notes, references),
            _DIGESTS: {name: digest_of_bytes(content) for name, (content, _) in contents.items()}
            | {self._table.name: digest_of_bytes(_content(self._table) or b"")},
        }
        table = runs_table(runs, specs, failures)
        write_file(self.path / "runs.parquet", to_parquet_bytes(table, footer))
        for name, (content, is_new) in contents.items():
            if is_new:
                write_file(self.path / name, content)

    def _tables_are_from(self, origin: str) -> bool:
        """Return whether the tables are there, whole, and were made from this origin."""
        try:
            content = _content(self.path / "runs.parquet") or b""
            file = pq.ParquetFile(pa.BufferReader(content), page_checksum_verification=True)
            footer = file.metadata.metadata or {}
            if json.loads(footer[_ORIGIN.encode()]) != origin:
                return False
            table = file.read(use_threads=False)  # its checksums are compared
            digests = {name: digest_of_bytes(_content(self.path / name) or b"") for name in _OTHERS}
            is_whole = table.schema.equals(RUNS)
            return is_whole and json.loads(footer[_DIGESTS.encode()]) == digests
        except (pa.ArrowException, ResultsError, LookupError, RecursionError, ValueError, OSError):
            return False

    def save_foreign_curves(self, table: pa.Table) -> None:
        """Write `curves.parquet` alone; raises ResultsError if there are curves or runs."""
        if (self.path / "curves.parquet").exists() or self.finished():
            raise ResultsError(f"{self.path} holds curves already; name another with --results")
        self.prepare()
        write_file(self.path / "curves.parquet", to_parquet_bytes(table, {}))

    def runs_in_tables(self, specs: Sequence[RunSpec]) -> set[str]:
        """Return the ids of these runs, without those missing in the tables."""
        return self._in_tables() & {run_id(spec) for spec in specs}

    def count_only_in_tables(self, specs: Sequence[RunSpec]) -> int:
        """Return the number of runs in the tables with no file and not among `specs`."""
        return len(self._in_tables() - {run_id(spec) for spec in specs} - self.finished())

    def count_unlisted(self, in_tables: Collection[str]) -> int:
        """Return the number of runs finished since the tables were made.

        `in_tables` are the ids in the tables. Runs left out of the tables, since they are not of
        the experiment, do not count. The times of files are not used, since a copy of the directory
        has others.
        """
        try:
            new = self.finished().difference(in_tables)
        except ResultsError:  # a user may be allowed to read the tables and not to list the runs
            return 0
        return len(new - self._left_out()) if new else 0

    def _left_out(self) -> set[str]:
        try:
            content = _content(self.path / "runs.parquet") or b""
            metadata = pq.read_schema(pa.BufferReader(content)).metadata or {}
            return set(json.loads(metadata.get(_LEFT_OUT.encode(), b"[]")))
        except (pa.ArrowException, ResultsError, ValueError, TypeError, OSError):
            return set()

    def _in_tables(self) -> set[str]:
        """Return the ids of all runs in the tables; none if they are damaged.

        Raises ResultsError if they cannot be read, since they may be the only copy of their runs.
        """
        path = self.path / "curves.parquet"
        content = _content(path)
        if content is None:
            return set()
        try:
            file = pq.ParquetFile(pa.BufferReader(content), read_dictionary=["run_id"])
            check_version(path, file.metadata.metadata)
            ids = file.read(columns=["run_id"], use_threads=False)["run_id"]
            return set(ids.unique().to_pylist())
        except MemoryError as error:
            raise ResultsError(f"{path} cannot be read: there is too little memory") from error
        except (pa.ArrowException, KeyError, ValueError, OSError):
            return set()  # the content is damaged, so that nothing is lost if it is replaced

    def _kept_or_new(
        self, name: str, table: pa.Table, footer: Mapping[str, Any] = MappingProxyType({})
    ) -> tuple[bytes, bool]:
        """Return the content of a table's file, and whether it is new.

        The present content is kept if it is the same or agrees with the table, and has its notes.
        """
        content, old = to_parquet_bytes(table, footer), _content(self.path / name)
        if old is None or old == content:
            return content, old is None
        try:
            file = pq.ParquetFile(pa.BufferReader(old), page_checksum_verification=True)
            has_notes = notes_in(file.metadata.metadata) == footer.get(NOTES, {})
            has_rows = file.metadata.num_rows == table.num_rows
            if has_notes and has_rows and agree(file.read(use_threads=False), table):
                return old, False
        except (pa.ArrowException, OSError):
            pass  # a damaged file is replaced
        return content, True


def _content(path: Path) -> bytes | None:
    """Return the bytes of a file; None if it does not exist.

    Arrow opens no path that is not UTF-8, and raises the same error for a bad disk and for bad
    content. Raises ResultsError if the system cannot read the file, or it is no regular one: a pipe
    may have no content and a device may have no end.
    """
    try:
        if path.is_file() or not path.exists():
            return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise unusable(path, "be read", error) from error
    raise ResultsError(f"{path} is not a regular file; remove it")


def unlisted_sentence(path: Path, n_runs: int) -> str:
    """Return a sentence on runs finished after the tables were made, with the command to run."""
    runs_are = "finished run is" if n_runs == 1 else "finished runs are"
    command = shlex.join(["alrun", "sweep", str(path / "experiment.toml"), "--results", str(path)])
    return f"{n_runs} {runs_are} not in the tables, which are older; `{command}` adds them."


def _run_ids(folder: Path, suffix: str) -> set[str]:
    """Return the run ids in the names of the files in a directory; none if it does not exist."""
    try:
        names = os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return set()
    except OSError as error:
        raise unusable(folder, "be read", error) from error
    n = -len(suffix)
    return {name[:n] for name in names if name.endswith(suffix) and _RUN_ID.fullmatch(name[:n])}


def _states(folder: Path) -> dict[str, State]:
    """Return the states of the files of runs or references by id; a link's is its own."""
    found, within = {}, os.fspath(folder)
    for name in _run_ids(folder, ".parquet"):
        with suppress(FileNotFoundError):  # it was removed this moment
            found[name] = state_of(os.lstat(f"{within}/{name}.parquet"))
    return found


def _failure(path: Path) -> Failure:
    """Return the record of a failure."""
    try:
        failure = Failure(**json.loads(_content(path) or b""))
        kinds = [type(value) for value in vars(failure).values()]
        if kinds == [str, str, str, int] and failure.status in ("failed", "crashed"):
            return failure
    except (ResultsError, ValueError, TypeError, RecursionError):
        pass
    return Failure("failed", "the record of its error is damaged", "", 1)


def _write_failure(path: Path, failure: Failure) -> None:
    """Write the record of a failure, and add up the attempts."""
    before = _failure(path).attempts if os.path.lexists(path) else 0
    if path.is_dir():
        set_aside(path)
    record = vars(failure) | {"attempts": before + failure.attempts}
    write_file(path, json.dumps(record, indent=1).encode())
