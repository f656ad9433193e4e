"""Many runs on the cores of this machine."""

import signal
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager

from joblib import Parallel, delayed

from alrun.execute.worker import Outcome

# Arrays above this size are mapped into the workers from one file instead of being sent with each
# run.
_LARGEST_SENT = "100K"


def run_all(tasks: Iterable[Callable[[], Outcome]], jobs: int) -> Generator[Outcome]:
    """Yield the outcomes as they come, whatever their order.

    Closing the iterator ends the workers; what they had finished is kept.
    """
    parallel = Parallel(
        n_jobs=jobs,
        backend="loky",
        return_as="generator_unordered",
        max_nbytes=_LARGEST_SENT,
    )
    with _interrupts_ignored():
        outcomes = parallel(delayed(task)() for task in tasks)
    try:
        yield from outcomes
    finally:
        outcomes.close()


@contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """Start processes that leave Ctrl-C, which reaches all of a terminal's, to their parent."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
