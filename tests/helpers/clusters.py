"""A Dask cluster on this machine, made to kill its processes one by one."""

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
from preloaded import PreloadedCommand, anew
from sessions import Session, is_alive, wait_until

# Names in the command lines of the processes that multiprocessing starts for a nanny: its worker,
# and the tracker of the worker's resources.
WORKER, WATCH = "spawn_main", "resource_tracker"


class Cluster:
    """A scheduler and its workers, each under a nanny to start it again.

    Attributes
    ----------
    address
        The address of the scheduler. It stays the same when the scheduler is replaced.
    n_workers
        The number of workers when none is dead.
    """

    def __init__(self, n_workers: int, folder: Path, protocol: str) -> None:
        self.n_workers = n_workers
        self._folder = folder
        self._protocol = protocol
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
        """Return the living processes for runs: copies of the template of a worker."""
        found = []
        for worker in self.workers():
            with suppress(psutil.NoSuchProcess):
                for template in worker.children():
                    found += template.children()
        return [process for process in found if is_alive(process)]

    def replace_nanny(self, place: int) -> None:
        """Kill the nanny of a worker, and start another one."""
        self._nannies[place].process.kill()
        self._nannies[place].process.wait()
        self._gone.append(self._nannies[place])
        self._nannies[place] = self._started_worker()

    def lose_scheduler(self) -> None:
        """Kill the scheduler."""
        self._scheduler.process.kill()
        self._scheduler.process.wait()

    def replace_scheduler(self) -> None:
        """Kill the scheduler and the nannies, and start all of them again."""
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
        """Return the living processes for single runs left over from dead workers."""
        sessions = (*self._nannies, *self._gone)
        found = [orphan for session in sessions for orphan in session.orphans()]
        return [process for process in found if not _runs(process, WORKER, WATCH)]

    def end(self) -> None:
        """Kill all processes of the cluster."""
        for session in (*self._nannies, *self._gone, self._scheduler):
            session.end()

    def _started_scheduler(self, port: str) -> Session:
        written = self._folder / "scheduler.json"
        written.unlink(missing_ok=True)
        session = self._started(
            *("scheduler", "--host", f"{self._protocol}://127.0.0.1", "--port", port),
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
        program = [f"distributed.cli.dask_{kind}", "--no-dashboard"]
        process = PreloadedCommand if self._protocol == "tcp" else anew  # which reads certificates
        return Session([*program, *arguments], self._folder / f"{kind}.log", process)


@contextmanager
def cluster(n_workers: int, protocol: str = "tcp") -> Iterator[Cluster]:
    """Start a scheduler and workers of one thread each; kill them at the end."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        started = Cluster(n_workers, Path(folder), protocol)
        try:
            yield started
        finally:
            started.end()


def _runs(process: psutil.Process, *programs: str) -> bool:
    """Return whether one of these programs is in a process's command line."""
    with suppress(psutil.Error):
        command = " ".join(process.cmdline())
        return any(program in command for program in programs)
    return False
