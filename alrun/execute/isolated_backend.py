"""The joblib backend "isolated": runs in processes of their own, safe from each other's crashes."""

from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import Any

from joblib import cpu_count, register_parallel_backend
from joblib.parallel import ParallelBackendBase

from alrun.execute.isolated import IsolatedWorkers


class IsolatedBackend(ParallelBackendBase):  # type: ignore[misc]
    """Computes calls of `alrun.execute.worker.compute`, each thread with a process of its own.

    The threads are few and only wait. A run whose process dies is tried once and gives an outcome
    that says so: to try it again, alone, is for whoever has the other outcomes.

    Parameters
    ----------
    timeout
        Seconds that a run may take; None for any number.
    """

    supports_retrieve_callback = True

    def __init__(
        self,
        nesting_level: int | None = None,
        inner_max_num_threads: int | None = None,
        timeout: float | None = None,
    ) -> None:
        super().__init__(nesting_level, inner_max_num_threads)
        self._timeout = timeout
        self._workers = IsolatedWorkers(timeout)
        self._queue: SimpleQueue[Any] = SimpleQueue()
        self._threads: list[Thread] = []

    def start(self, n_workers: int) -> None:
        """Start workers before there is anything to compute."""
        self._workers.start(n_workers)

    def effective_n_jobs(self, n_jobs: int | None) -> int:
        """Return the number of calls at a time: never 1, for then joblib uses no backend."""
        return max(2, n_workers(n_jobs))

    def configure(self, n_jobs: int = 1, parallel: Any = None, **options: Any) -> int:
        """Start as many threads as runs may be computed at a time."""
        self.parallel = parallel
        self._queue = SimpleQueue()  # a new one: of a call that was aborted something may be left
        for _ in range(n_workers(n_jobs)):
            thread = Thread(target=_serve, args=(self._queue, self._workers), daemon=True)
            self._threads.append(thread)
            thread.start()
        return self.effective_n_jobs(n_jobs)

    def submit(self, func: Any, callback: Callable[[Any], None] | None = None) -> Any:
        """Let a thread compute a batch of one call, and call back with its outcome."""
        self._queue.put((func, callback))
        return func

    def retrieve_result_callback(self, out: Any) -> list[Any]:
        """Return the results of a batch, or raise its error."""
        if isinstance(out, BaseException):
            raise out
        return [out]

    def abort_everything(self, ensure_ready: bool = True) -> None:
        """Kill the processes: calls end at once, running or waiting."""
        self.terminate()
        if ensure_ready:
            self.configure(self.parallel.n_jobs, self.parallel)

    def terminate(self) -> None:
        """End the processes and the threads."""
        workers, self._workers = self._workers, IsolatedWorkers(self._timeout)
        workers.close()
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join()
        self._threads = []
        workers.end()


def _serve(queue: "SimpleQueue[Any]", workers: IsolatedWorkers) -> None:
    """Compute the calls in a queue until it holds None, and call back with each result."""
    for batch, callback in iter(queue.get, None):
        ((_, (task,), _),) = batch.items
        out: Any
        try:
            out = workers.compute(task, last_try=1)
        except BaseException as error:
            out = error
        callback(out)


def n_workers(n_jobs: int | None) -> int:
    """Return how many runs are computed at a time for an `n_jobs` as joblib understands it."""
    if n_jobs is None:
        return 1
    return n_jobs if n_jobs > 0 else max(cpu_count() + 1 + n_jobs, 1)


register_parallel_backend("isolated", IsolatedBackend)
