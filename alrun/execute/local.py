"""Many runs on the cores of this machine, handed out by joblib."""

import os
import signal
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import (
    AbstractContextManager,
    ExitStack,
    closing,
    contextmanager,
    nullcontext,
    suppress,
)
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any, Self

import psutil
from joblib import Parallel, cpu_count, delayed
from joblib.parallel import SequentialBackend

from alrun.errors import AlrunError, ResultsError, first_line
from alrun.execute.backends import default_backend, find_backend
from alrun.execute.isolated import IsolatedWorker, can_isolate, check_timeout
from alrun.execute.isolated_backend import IsolatedBackend, n_workers
from alrun.spec import RunSpec, run_id

if TYPE_CHECKING:  # to import this takes a second, in which workers can start already
    from alrun.execute.worker import Outcome, Task

# How many lost runs an error names.
_NAMED = 5
# How many isolated workers start before it is known how many runs there are.
_EARLY = 2
# Bytes that a worker takes, beside the data.
_PER_WORKER = 200 * 2**20
# The backends whose workers are processes on this machine, and those that joblib starts of them.
_WITH_PROCESSES = ("isolated", "loky", "multiprocessing")
_STARTED_BY_JOBLIB = _WITH_PROCESSES[1:]


class Workers:
    """A joblib backend for the runs of a sweep.

    As a context its workers are ended where the caller fails before it has given them a run.

    Parameters
    ----------
    jobs
        The most runs at a time, -1 for one per core. With 0 this process computes, for a debugger.
        Fewer worker processes are started for fewer runs, or where memory has no room for them.
    timeout
        Seconds that a run may take; None for any number.
    backend
        The name that joblib knows it by; None for "isolated" where the system can isolate
        processes, else "loky".
    on_message
        Called with a sentence where memory limits the number of workers.

    Raises
    ------
    AlrunError
        Where there is no such backend, or it cannot keep to the timeout.
    """

    def __init__(
        self,
        jobs: int = -1,
        timeout: float | None = None,
        backend: str | None = None,
        on_message: Callable[[str], object] = lambda sentence: None,
    ) -> None:
        check_timeout(timeout)
        if jobs == 0 and backend not in (None, "sequential"):
            raise AlrunError(f"jobs=0 computes in this process, and the backend {backend} does not")
        self._name = backend or (default_backend() if jobs else "sequential")
        self._backend = find_backend(self._name, timeout)
        self._jobs = jobs or 1
        self._timeout = timeout
        self._on_message = on_message

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.end()

    def start(self) -> None:
        """Start a few isolated workers without waiting, so that they import modules meanwhile."""
        if isinstance(self._backend, IsolatedBackend):
            most = min(n_workers(self._jobs), cpu_count(), _EARLY)
            self._backend.start(min(most, self._room))

    def run(self, tasks: "Sequence[Task]") -> "Generator[Outcome]":
        """Yield outcomes in the order in which runs end.

        A run whose isolated worker died is tried again when all others are done, alone: memory that
        is too little for two may be enough for one, and where it is short the system may kill the
        worker of another run than the one that takes it. Closing the generator ends the workers.

        Raises ResultsError where another backend lost runs.
        """
        crashed = set()
        with closing(self._outcomes(tasks)) as outcomes:
            for outcome in outcomes:
                if outcome.failure is not None and outcome.failure.status == "crashed":
                    crashed.add(outcome.run_id)
                else:
                    yield outcome
        if crashed:
            with IsolatedWorker(self._timeout) as worker:
                for task in tasks:
                    if run_id(task.spec) in crashed:
                        yield worker.compute(task, first_try=2)

    def end(self) -> None:
        """End isolated workers at once."""
        if isinstance(self._backend, IsolatedBackend):
            self._backend.terminate()

    def _outcomes(self, tasks: "Sequence[Task]") -> "Generator[Outcome]":
        """Yield the outcome of a first try at each run; raises ResultsError if runs are lost."""
        returned: set[str] = set()
        # Each call is a batch of its own, handed out when a worker is free for it: the runs that
        # were handed out and have not come back are those that were being computed.
        parallel = Parallel(
            self._n_at_a_time(_n_runs(tasks)),
            backend=self._backend,
            batch_size=1,
            pre_dispatch="n_jobs",
            return_as="generator_unordered" if self._gives_generators() else "list",
        )
        try:
            path = _safe_path() if self._name == "loky" else nullcontext()
            with path, closing(self._results(parallel, tasks)) as results:
                for outcome in results:
                    returned.add(outcome.run_id)
                    yield outcome
        except AlrunError:
            raise
        except Exception as error:  # the backend's own: runs return what they raise
            n_before = 0 if parallel.return_generator else len(returned)
            handed_out = tasks[: n_before + parallel.n_dispatched_tasks]
            lost = [task for task in handed_out if run_id(task.spec) not in returned]
            raise _lost(self._name, lost, error) from error

    def _results(self, parallel: Any, tasks: "Sequence[Task]") -> "Generator[Outcome]":
        """Yield the results from joblib one by one, or in chunks if the backend cannot do that."""
        from alrun.execute.worker import compute

        calls = map(delayed(compute), self._sendable(tasks))
        if not parallel.return_generator:
            size = 4 * self._backend.effective_n_jobs(self._jobs)
            with ExitStack() as stack:
                with self._start():
                    stack.enter_context(parallel)
                while chunk := list(islice(calls, size)):
                    yield from parallel(chunk)
            return
        outcomes = None
        try:
            with self._start():
                outcomes = parallel(calls)
            for outcome in outcomes:  # noqa: UP028 -- "yield from" would close that one first
                yield outcome
        except (GeneratorExit, KeyboardInterrupt):
            with suppress(InterruptedError):  # closing it would warn of unfinished runs
                if outcomes is not None:
                    outcomes.throw(InterruptedError())
            raise

    def _start(self) -> AbstractContextManager[None]:
        """Return the context in which joblib starts processes, if it does."""
        return _interrupts_blocked() if self._name in _STARTED_BY_JOBLIB else nullcontext()

    @cached_property
    def _room(self) -> int:
        """The number of workers for which memory has room, asked before the first one starts."""
        return max(1, int(psutil.virtual_memory().available // _PER_WORKER))

    def _n_at_a_time(self, n_runs: int) -> int:
        """Return how many runs joblib is to compute at a time.

        With one, joblib would start no process of loky or multiprocessing.
        """
        if self._name not in _WITH_PROCESSES or self._jobs == 1:
            return self._jobs
        least = 1 if self._name == "isolated" else 2
        wanted = max(min(n_workers(self._jobs), n_runs), least)
        if wanted <= self._room:
            return wanted
        self._on_message(
            f"Free memory has room for {self._room} workers of {_PER_WORKER // 2**20} MiB each:"
            f" {max(self._room, least)} at a time instead of {wanted}."
        )
        return max(self._room, least)

    def _gives_generators(self) -> bool:
        """Return whether joblib can hand back results as they come."""
        is_sequential = isinstance(self._backend, SequentialBackend)
        return is_sequential or self._backend.supports_return_generator

    def _sendable(self, tasks: "Iterable[Task]") -> "Iterator[Task]":
        """Yield the tasks ready to be pickled: features in memory, not in a nameless file."""
        from alrun.data.memory_map import in_memory

        is_pickled = not getattr(self._backend, "uses_threads", False)
        if isinstance(self._backend, IsolatedBackend) or not is_pickled:
            yield from tasks
            return
        sources: dict[int, Any] = {}  # one copy each, so that joblib shares it between processes
        for task in tasks:
            key = id(task.source)
            if key not in sources:
                sources[key] = in_memory(task.source)
            yield task._replace(source=sources[key])


def _n_runs(tasks: "Sequence[Task]") -> int:
    """Return the number of runs among tasks, or of all where there is none.

    References are short, and not worth workers of their own.
    """
    return sum(isinstance(task.spec, RunSpec) for task in tasks) or len(tasks)


@contextmanager
def _safe_path() -> Iterator[None]:
    """Let no process that starts meanwhile have the current directory on its path.

    loky starts its own by `python -m`, which would put it first.
    """
    before = os.environ.get("PYTHONSAFEPATH")
    os.environ["PYTHONSAFEPATH"] = before or "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONSAFEPATH"]
        else:
            os.environ["PYTHONSAFEPATH"] = before


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Block interrupts for the processes that start in the context, from their first instruction.

    A terminal sends Ctrl-C to every process, but it is for this one to end the workers. Threads
    that start here inherit the block too, and so do the processes that these start later.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # when it starts, Python may unblock interrupts
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _lost(backend: str, tasks: "Sequence[Task]", error: Exception) -> ResultsError:
    """Return an error with the names of the runs that a backend lost."""
    suspects = ""
    if tasks:
        named = "; ".join(str(task.spec) for task in tasks[:_NAMED])
        more = f"; and {len(tasks) - _NAMED} more" if len(tasks) > _NAMED else ""
        helps = backend != "isolated" and can_isolate()
        which = "; the backend isolated finds out which" if helps else ""
        suspects = f" while it computed {named}{more}. One may have killed its process{which}"
    why = f"{type(error).__name__}: {first_line(error).partition('. ')[0]}"
    return ResultsError(
        f"the backend {backend} gave up ({why}){suspects}. What is finished is kept, and the same"
        " command goes on"
    )
