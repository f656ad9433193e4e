"""The results directory: every read and every write of it.

`runs/` and `failed/` hold a file per run and are the truth; the tables beside them are made from
those. Files appear whole or not at all, and nothing is appended.
"""

import json
import os
import re
import shlex
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from alrun.errors import ResultsError
from alrun.records import Failure, Split
from alrun.results.compare import agree
from alrun.results.run_file import CorruptRunFile, read_runs
from alrun.results.schema import check_version, to_parquet_bytes
from alrun.results.tables import (
    curves_table,
    queries_table,
    runs_table,
    sort_key,
    splits_table,
)
from alrun.spec import RunSpec, run_id
from alrun.util.atomic_files import locked, remove_abandoned, set_aside, unusable, write_file

_IDENTITY = re.compile("[0-9a-f]{16}")
# In the footer of `runs.parquet`: the runs that have a file and are not of the experiment.
_LEFT_OUT = "left_out"


class Store:
    """One results directory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.experiment = path / "experiment.toml"
        self._runs = path / "runs"
        self._failed = path / "failed"

    def prepare(self) -> None:
        """Make the directory, and remove what writers that were killed have left in it.

        Raises ResultsError where that cannot be, or it leads elsewhere.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            for folder in (self._runs, self._failed):
                if os.path.dirname(os.path.realpath(folder)) != os.path.realpath(self.path):
                    raise ResultsError(
                        f"{folder} is a link that leads out of {self.path}; put a directory in its"
                        " place, or name another with --results"
                    )
                folder.mkdir(exist_ok=True)
        except OSError as error:
            is_there = isinstance(error, FileExistsError)
            reason = "it is no directory" if is_there else error.strerror
            raise ResultsError(
                f"{self.path} cannot be a results directory: {error.filename}: {reason}; name"
                " another with --results"
            ) from error
        for folder in self._folders:
            if not os.access(folder, os.W_OK | os.X_OK):
                raise ResultsError(
                    f"{folder} cannot be written to: it is read-only, or not yours; make it"
                    " writable, or name another with --results"
                )
        self._tidy()

    @property
    def _folders(self) -> tuple[Path, ...]:
        return (self.path, self._runs, self._failed)

    def _tidy(self) -> None:
        for folder in self._folders:
            remove_abandoned(folder)

    def save_experiment(self, text: str) -> None:
        """Write the resolved experiment file, unless it says the same already."""
        content = text.encode()
        try:
            if self.experiment.is_file() and self.experiment.read_bytes() == content:
                return
        except OSError as error:
            raise unusable(self.experiment, "be read", error) from error
        write_file(self.experiment, content)

    def finished(self) -> set[str]:
        """Return the ids of the runs that have a file."""
        return _identities(self._runs, ".parquet")

    def failures(self) -> dict[str, Failure]:
        """Return the runs that failed and have not finished since, by id."""
        left = sorted(_identities(self._failed, ".json") - self.finished())
        return {identity: self._failure(identity) for identity in left}

    def _failure(self, identity: str) -> Failure:
        path = self._failed / f"{identity}.json"
        try:
            failure = Failure(**json.loads(path.read_text(encoding="utf-8")))
            kinds = [type(value) for value in vars(failure).values()]
            if kinds == [str, str, str, int] and failure.status in ("failed", "crashed"):
                return failure
        except (ValueError, TypeError, RecursionError, OSError):
            pass
        return Failure("failed", "the record of why is damaged", "", 1)

    def write_run(self, identity: str, content: bytes) -> None:
        """Write the file of a finished run, as `serialize_run` made it."""
        write_file(self._runs / f"{identity}.parquet", content)
        with suppress(OSError):  # beside a run that is finished it says nothing
            (self._failed / f"{identity}.json").unlink()

    def write_failure(self, identity: str, failure: Failure) -> None:
        """Record why a run did not finish, and how often it has been tried by now."""
        path = self._failed / f"{identity}.json"
        before = self._failure(identity).attempts if os.path.lexists(path) else 0
        if path.is_dir():
            set_aside(path)
        record = vars(failure) | {"attempts": before + failure.attempts}
        write_file(path, json.dumps(record, indent=1).encode())

    def rebuild_tables(
        self,
        specs: Sequence[RunSpec],
        splits: Callable[[Sequence[RunSpec]], Iterable[tuple[str, int, Split]]],
        on_message: Callable[[str], object] = lambda sentence: None,
    ) -> int:
        """Make the tables from the run files of exactly these runs; return how many there are.

        A file that is not that of its run is set aside, and `tell` is called with a sentence on
        it. Tables that hold a run of these whose file is gone are left as they are, as on a clone
        that has the tables alone. `splits` gives label, seed and split for the runs it is called
        with.
        """

        def on_corrupt(path: Path, why: CorruptRunFile) -> None:
            aside = set_aside(path)
            on_message(
                f"{path} is damaged ({why}): it is now {aside.name}, and its run is missing again"
            )

        by_id = {run_id(spec): spec for spec in sorted(specs, key=sort_key)}
        with locked(self.path):
            there = self.finished()
            wanted = {identity: spec for identity, spec in by_id.items() if identity in there}
            runs = read_runs(self._runs, wanted, on_corrupt)
            if self._in_tables() & by_id.keys() <= runs.specs.keys():
                left_out = {_LEFT_OUT: sorted(there - by_id.keys())}
                table = runs_table(runs, by_id, self.failures())
                write_file(self.path / "runs.parquet", to_parquet_bytes(table, left_out))
                self._replace("queries.parquet", queries_table(runs))
                self._replace("splits.parquet", splits_table(splits(list(runs.specs.values()))))
                # Last, since it is asked which runs the tables hold.
                self._replace("curves.parquet", curves_table(runs))
            self._tidy()
            return len(runs.specs)

    def save_foreign_curves(self, table: pa.Table) -> None:
        """Write `curves.parquet` alone; raises ResultsError where there are curves or runs."""
        if (self.path / "curves.parquet").exists() or self.finished():
            raise ResultsError(f"{self.path} holds curves already; name another with --results")
        self.prepare()
        write_file(self.path / "curves.parquet", to_parquet_bytes(table, {}))

    def runs_in_tables(self, specs: Sequence[RunSpec]) -> set[str]:
        """Return the ids of those of these runs that the tables hold."""
        return self._in_tables() & {run_id(spec) for spec in specs}

    def count_only_in_tables(self, specs: Sequence[RunSpec]) -> int:
        """Return how many runs stand in the tables alone, and are none of these."""
        return len(self._in_tables() - {run_id(spec) for spec in specs} - self.finished())

    def count_unlisted(self, in_tables: Collection[str]) -> int:
        """Return how many runs were finished after the tables, which hold those of `in_tables`.

        Run files that the tables leave out, since they are not of the experiment, do not count.
        No clock is asked: a copy of the directory has times of its own.
        """
        try:
            new = self.finished().difference(in_tables)
        except ResultsError:  # the tables can be read by those who may not list the runs
            return 0
        return len(new - self._left_out()) if new else 0

    def _left_out(self) -> set[str]:
        try:
            metadata = pq.read_schema(self.path / "runs.parquet").metadata or {}
            return set(json.loads(metadata.get(_LEFT_OUT.encode(), b"[]")))
        except (pa.ArrowException, ValueError, TypeError, OSError):
            return set()

    def _in_tables(self) -> set[str]:
        path = self.path / "curves.parquet"
        if not path.is_file():
            return set()
        try:
            file = pq.ParquetFile(path, read_dictionary=["run_id"])
            check_version(path, file.metadata.metadata)
            return set(file.read(columns=["run_id"])["run_id"].unique().to_pylist())
        except (pa.ArrowException, KeyError, ValueError, OSError) as error:
            if isinstance(error, OSError) and error.errno:  # the kernel's, not Arrow's
                raise unusable(path, "be read", error) from error
            return set()  # not a table of ours: there is nothing in it to keep

    def _replace(self, name: str, table: pa.Table) -> None:
        """Write a table unless the one that is there says the same."""
        path, content = self.path / name, to_parquet_bytes(table, {})
        if path.is_file():
            try:
                there = path.read_bytes()
                if there == content:
                    return
                file = pq.ParquetFile(pa.BufferReader(there), page_checksum_verification=True)
                if file.metadata.num_rows == table.num_rows and agree(file.read(), table):
                    return
            except (pa.ArrowException, OSError):
                pass  # damaged: replaced
        write_file(path, content)


def unlisted_sentence(path: Path, n_runs: int) -> str:
    """Say that runs of a results directory were finished after its tables, and what to do."""
    which = "finished run is" if n_runs == 1 else "finished runs are"
    command = shlex.join(["alrun", "sweep", str(path / "experiment.toml"), "--results", str(path)])
    return f"{n_runs} {which} not in the tables, which are older; `{command}` puts them in."


def _identities(folder: Path, suffix: str) -> set[str]:
    """Return the ids in the names of the files in a directory; none where there is no such."""
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries]
    except (FileNotFoundError, NotADirectoryError):
        return set()
    except OSError as error:
        raise unusable(folder, "be read", error) from error
    stems = (name.removesuffix(suffix) for name in names if name.endswith(suffix))
    return {stem for stem in stems if _IDENTITY.fullmatch(stem)}
