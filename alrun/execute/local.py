"""Many runs on the cores of this machine."""

import logging
import signal
import sys
import threading
import warnings
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from itertools import count
from multiprocessing.resource_tracker import ensure_running
from typing import TYPE_CHECKING, Any, Self

from joblib import Parallel, delayed, effective_n_jobs
from joblib.externals.loky.process_executor import ShutdownExecutorError, TerminatedWorkerError

from alrun.errors import ResultsError

if TYPE_CHECKING:  # what a worker imports takes a second, which is to pass while workers start
    from alrun.execute.worker import Outcome

# Arrays above this size are mapped into the workers from one file instead of being sent with each
# run.
_LARGEST_SENT = "100K"
_sweeps = count()
# Set while workers are being ended.
_ending = threading.Event()


class Workers:
    """The processes that compute the runs of one sweep.

    As a context they are ended where the caller fails before it has given them anything to do.

    Parameters
    ----------
    jobs
        How many, -1 for one per core.
    """

    def __init__(self, jobs: int = -1) -> None:
        self._jobs = effective_n_jobs(jobs)
        # joblib keeps workers for the next call unless their arguments differ. Ours do in every
        # sweep, so that none goes on with an old version of a strategy of the user's.
        self._arguments = (list(sys.path), next(_sweeps))
        self._outcomes: Generator[Any] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._end()

    def start(self) -> None:
        """Start them and go on: they import what they need while the caller plans."""
        if self._jobs > 1:
            self._dispatch([_do_nothing], self._jobs)

    def run(self, tasks: Sequence[Callable[[], "Outcome"]]) -> "Generator[Outcome]":
        """Yield the outcomes as they come, whatever their order.

        Closing the generator ends the workers; what they had finished is kept.
        """
        # Another number of workers would end those that were started.
        jobs = min(self._jobs, len(tasks)) if self._outcomes is None else self._jobs
        try:
            yield from _one_by_one(self._dispatch(tasks, jobs))
        except TerminatedWorkerError as error:
            raise ResultsError(
                "a run killed its worker, by using too much memory or by a fault in compiled code;"
                " what is finished is kept, and the same command goes on"
            ) from error
        finally:
            self._end()

    def _dispatch(self, tasks: Sequence[Callable[[], Any]], jobs: int) -> Generator[Any]:
        parallel = Parallel(
            n_jobs=jobs,
            backend="loky",
            return_as="generator_unordered",
            max_nbytes=_LARGEST_SENT,
            initializer=_prepare_worker,
            initargs=self._arguments,
        )
        _ending.clear()
        logging.getLogger("concurrent.futures").addFilter(_is_no_late_task)
        threading.excepthook = _on_thread_error
        ensure_running()  # starting the tracker of shared memory lets interrupts through
        with _interrupts_deferred():
            if self._outcomes is not None:  # workers are starting; an interrupt strikes after that
                deque(self._outcomes, maxlen=0)
            self._outcomes = parallel(delayed(task)() for task in tasks)
        return self._outcomes

    def _end(self) -> None:
        if self._outcomes is None:
            return
        _ending.set()
        # A pipe to a worker that is gone already must not hide why all of them are ended.
        with _interrupts_deferred(), warnings.catch_warnings(), suppress(BrokenPipeError):
            # That tasks are cancelled is what was asked for.
            warnings.simplefilter("ignore", UserWarning)
            self._outcomes.close()
        self._outcomes = None


def _one_by_one(outcomes: Generator[Any]) -> Generator[Any]:
    """Yield what another generator does, without closing it: that is to be done with care."""
    for outcome in outcomes:  # noqa: UP028
        yield outcome


def _do_nothing() -> None:
    """Be a task that workers are started for."""


def _is_no_late_task(record: logging.LogRecord) -> bool:
    """Drop the tracebacks of joblib's tasks that came while its workers were being ended.

    They find workers that take nothing more, are gone, or are there no longer to be asked.
    """
    if not record.exc_info:
        return True
    return not (_ending.is_set() or isinstance(record.exc_info[1], ShutdownExecutorError))


def _on_thread_error(
    error: threading.ExceptHookArgs,
    otherwise: Callable[[threading.ExceptHookArgs], object] = threading.excepthook,
) -> None:
    """Say nothing of joblib's thread that finds its workers ended before they had begun.

    An interrupt may strike in joblib, which ends them itself: it takes away tasks that the thread
    is about to hand out, and it then misses their keys.
    """
    of_joblib = error.thread is not None and error.thread.name == "ExecutorManagerThread"
    if not (of_joblib and (_ending.is_set() or issubclass(error.exc_type, KeyError))):
        otherwise(error)


def _prepare_worker(path: Sequence[str], sweep: int) -> None:
    """Let a worker find what its parent finds, leave Ctrl-C to it, and import what runs need."""
    sys.path[:] = path
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    import_module("alrun.execute.worker")


@contextmanager
def _interrupts_deferred() -> Iterator[None]:
    """Hold Ctrl-C back, so that it strikes neither the birth of workers nor their end.

    It reaches every process of a terminal; those that are started here inherit that it is blocked.
    Here that is not enough: libraries have threads that take it, and Python then interrupts the
    main one.
    """
    handler = signal.getsignal(signal.SIGINT)
    is_handled = callable(handler) and threading.current_thread() is threading.main_thread()
    struck: list[int] = []
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    if is_handled:
        signal.signal(signal.SIGINT, lambda number, frame: struck.append(number))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        if is_handled:
            signal.signal(signal.SIGINT, handler)
        if struck:
            signal.raise_signal(signal.SIGINT)
