"""Many runs on the cores of this machine."""

import logging
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from multiprocessing.resource_tracker import ensure_running

from joblib import Parallel, delayed
from joblib.externals.loky.process_executor import ShutdownExecutorError, TerminatedWorkerError

from alrun.errors import ResultsError
from alrun.execute.worker import Outcome

# Arrays above this size are mapped into the workers from one file instead of being sent with each
# run.
_LARGEST_SENT = "100K"
_sweeps = count()
# Set while workers are being ended.
_ending = threading.Event()


def run_all(tasks: Iterable[Callable[[], Outcome]], jobs: int) -> Generator[Outcome]:
    """Yield the outcomes as they come, whatever their order.

    Closing the generator ends the workers; what they had finished is kept.
    """
    parallel = Parallel(
        n_jobs=jobs,
        backend="loky",
        return_as="generator_unordered",
        max_nbytes=_LARGEST_SENT,
        # joblib keeps workers for the next call unless their arguments differ. Ours do in every
        # sweep, so that none goes on with an old version of a strategy of the user's.
        initializer=_prepare_worker,
        initargs=(list(sys.path), next(_sweeps)),
    )
    _ending.clear()
    logging.getLogger("concurrent.futures").addFilter(_is_no_late_task)
    ensure_running()  # to start the tracker of shared memory lets interrupts through, so not below
    with _interrupts_deferred():
        outcomes = parallel(delayed(task)() for task in tasks)
    try:
        for outcome in outcomes:  # noqa: UP028 -- `yield from` would close it with its warning
            yield outcome
    except TerminatedWorkerError as error:
        raise ResultsError(
            "a run killed its worker, by using too much memory or by a fault in compiled code; what"
            " is finished is kept, and the same command goes on"
        ) from error
    finally:
        _ending.set()
        threading.excepthook = _on_thread_error
        with _interrupts_deferred(), warnings.catch_warnings():
            # That tasks are cancelled is what was asked for.
            warnings.simplefilter("ignore", UserWarning)
            outcomes.close()


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
    """Say nothing of joblib's thread that finds its workers ended before they had begun."""
    of_joblib = error.thread is not None and error.thread.name == "ExecutorManagerThread"
    if not (of_joblib and _ending.is_set()):
        otherwise(error)


def _prepare_worker(path: Sequence[str], sweep: int) -> None:
    """Let a worker find what its parent finds, and leave Ctrl-C to it."""
    sys.path[:] = path
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def _interrupts_deferred() -> Iterator[None]:
    """Hold Ctrl-C back, so that it strikes neither the birth of workers nor their end.

    It reaches every process of a terminal; those that are started here inherit that it is blocked.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
