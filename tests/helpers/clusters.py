"""A Dask cluster on this machine, whose processes can be killed one by one."""

import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
from sessions import Session, is_alive, wait_until

# What multiprocessing starts for a nanny: its worker, and what watches the resources of that.
WORKER, WATCH = "spawn_main", "resource_tracker"


class Cluster:
    """A scheduler and its workers, each a process under a nanny that starts it again.

    Attributes
    ----------
    address
        Of the scheduler; it has the same when it is started again.
    n_workers
        How many workers it has when all are there.
    """

    def __init__(self, n_workers: int, folder: Path) -> None:
        self.n_workers = n_workers
        self._folder = folder
        self._gone: list[Session] = []
        self._nannies: list[Session] = []
        self._scheduler = self._started_scheduler("0")
        self._start_workers()

    @property
    def has_scheduler(self) -> bool:
        """Whether its scheduler is there."""
        return not self._scheduler.is_over

    def workers(self) -> list[psutil.Process]:
        """Return the living worker processes."""
        found = []
        for nanny in self._nannies:
            with suppress(psutil.NoSuchProcess):
                found += psutil.Process(nanny.process.pid).children()
        return [process for process in found if is_alive(process) and _runs(process, WORKER)]

    def computing(self) -> list[psutil.Process]:
        """Return the living processes in which workers compute runs."""
        found = []
        for worker in self.workers():
            with suppress(psutil.NoSuchProcess):
                found += worker.children()
        return [process for process in found if is_alive(process)]

    def replace_nanny(self, place: int) -> None:
        """Kill the nanny of a worker, and start another."""
        self._nannies[place].process.kill()
        self._nannies[place].process.wait()
        self._gone.append(self._nannies[place])
        self._nannies[place] = self._started_worker()

    def lose_scheduler(self) -> None:
        """Kill the scheduler."""
        self._scheduler.process.kill()
        self._scheduler.process.wait()

    def replace_scheduler(self) -> None:
        """Kill the scheduler and the nannies, and start all of it again."""
        port = self.address.rpartition(":")[2]
        self.lose_scheduler()
        for session in self._nannies:
            session.process.kill()
            session.process.wait()
        self._gone += self._nannies
        self._nannies = []
        self._scheduler = self._started_scheduler(port)
        self._start_workers()

    def orphans(self) -> list[psutil.Process]:
        """Return the living processes that compute runs, or did, for workers that have ended."""
        sessions = (*self._nannies, *self._gone)
        found = [orphan for session in sessions for orphan in session.orphans()]
        return [process for process in found if not _runs(process, WORKER, WATCH)]

    def end(self) -> None:
        """End all of it."""
        for session in (*self._nannies, *self._gone, self._scheduler):
            session.end()

    def _started_scheduler(self, port: str) -> Session:
        written = self._folder / "scheduler.json"
        written.unlink(missing_ok=True)
        session = self._started(
            *("scheduler", "--host", "tcp://127.0.0.1", "--port", port),
            *("--scheduler-file", str(written)),
        )

        def is_there() -> bool:
            with suppress(OSError, ValueError):
                self.address: str = json.loads(written.read_text())["address"]
                return True
            return False

        if not wait_until(is_there):
            session.end()
            raise TimeoutError(f"the scheduler does not start: {session.said}")
        return session

    def _start_workers(self) -> None:
        self._nannies += [self._started_worker() for _ in range(self.n_workers)]

    def _started_worker(self) -> Session:
        return self._started(
            *("worker", self.address, "--nthreads", "1", "--host", "127.0.0.1"),
            *("--memory-limit", "0", "--local-directory", str(self._folder)),
        )

    def _started(self, kind: str, *arguments: str) -> Session:
        program = [sys.executable, "-m", f"distributed.cli.dask_{kind}", "--no-dashboard"]
        return Session([*program, *arguments], self._folder / f"{kind}.log")


@contextmanager
def cluster(n_workers: int) -> Iterator[Cluster]:
    """Start a scheduler and workers of one thread each; they are ended at the end."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        started = Cluster(n_workers, Path(folder))
        try:
            yield started
        finally:
            started.end()


def _runs(process: psutil.Process, *programs: str) -> bool:
    """Return whether a process was started by multiprocessing for one of these."""
    with suppress(psutil.Error):
        command = " ".join(process.cmdline())
        return any(program in command for program in programs)
    return False
