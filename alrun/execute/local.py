"""Many runs on the cores of this machine."""

import time
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from math import inf
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Self

from joblib import cpu_count

from alrun.errors import AlrunError, ResultsError
from alrun.execute.worker_process import ProcessDeath, WorkerProcess

if TYPE_CHECKING:  # to import this takes a second, in which workers can start already
    from alrun.execute.worker import Outcome, Task

# How many workers a run may end.
TRIES = 3
# How many may end in a row before they are ready: some are killed from outside.
_STARTS = 10
# Seconds; the kernel counts milliseconds in 32 bits.
_LONGEST_WAIT = 1e6


class Workers:
    """The processes that compute the runs of one sweep.

    As a context they are ended where the caller fails before it has given them anything to do.

    Parameters
    ----------
    jobs
        How many, -1 for one per core. With 0 the runs are computed in this process, for a debugger.
    timeout
        Seconds that a run may take; None for any number.
    idle_timeout
        Seconds without a run after which a worker ends; None for never.
    """

    def __init__(
        self, jobs: int = -1, timeout: float | None = None, idle_timeout: float | None = None
    ) -> None:
        check_timeout(timeout)
        if timeout is not None and jobs == 0:
            raise AlrunError("a timeout ends a worker, and with jobs=0 there is none")
        self._jobs = cpu_count() if jobs < 0 else jobs
        self._timeout = inf if timeout is None else timeout
        self._idle_timeout = idle_timeout
        self._children: list[WorkerProcess] = []
        self._n_failed_starts = 0
        self._is_closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.end()

    def start(self) -> None:
        """Start them and go on: they import what they need while the caller plans."""
        self._start(min(self._jobs, cpu_count()))  # there may be fewer runs than workers

    def run(self, tasks: "Sequence[Task]") -> "Generator[Outcome]":
        """Yield outcomes in the order in which runs end.

        A run whose worker died is tried again when all others are done, alone: memory that is too
        little for two may be enough for one, and where it is short the system may kill the worker
        of another run than the one that takes it. Closing the generator ends the workers.
        """
        from alrun.execute.worker import compute

        if self._jobs == 0:
            yield from map(compute, tasks)
            return
        suspects = []
        try:
            for task, end in self._ends(tasks, self._jobs):
                if isinstance(end, ProcessDeath):
                    suspects.append(task)
                else:
                    yield end
            self.end()
            for task in suspects:
                yield self.compute(task, TRIES - 1)
        finally:
            self.end()

    def end(self) -> None:
        """End them at once."""
        while self._children:
            self._children.pop().end()

    def close(self) -> None:
        """Kill them, and let no more be started; another thread may be computing with them."""
        self._is_closed = True
        for child in list(self._children):
            child.kill()

    def compute(self, task: "Task", tries: int = TRIES) -> "Outcome":
        """Return the outcome of one run: that it crashed, if its worker dies at every try."""
        from alrun.execute.worker import crashed

        while True:
            ((_, end),) = self._ends([task], 1)
            if not isinstance(end, ProcessDeath):
                return end
            tries -= 1
            if not tries:
                return crashed(task.spec, end.how, end.said, TRIES)

    def _ends(
        self, tasks: "Sequence[Task]", jobs: int
    ) -> "Iterator[tuple[Task, Outcome | ProcessDeath]]":
        """Yield each task with its outcome, or with how its worker died."""
        waiting = deque(tasks)
        while waiting or any(child.task for child in self._children):
            self._hand_out(waiting, jobs)
            ended = [*self._heard(), *self._overdue()]
            self._hand_out(waiting, jobs)  # to be computed while the caller looks at what ended
            yield from ended

    def _hand_out(self, waiting: "deque[Task]", jobs: int) -> None:
        for child in [child for child in self._children if child.is_idle]:
            if child.has_exited:  # for want of runs, perhaps: the next run must not be blamed
                self._drop(child)
            elif waiting:
                child.submit(waiting.popleft(), time.monotonic() + self._timeout)
        n_busy = sum(child.task is not None for child in self._children)
        self._start(min(jobs, n_busy + len(waiting)))

    def _start(self, n: int) -> None:
        while len(self._children) < n:
            self._children.append(WorkerProcess(self._idle_timeout))
            if self._is_closed:  # asked only now, so that `close` in another thread misses none
                self.end()
                raise ResultsError("the sweep of this run is over")

    def _heard(self) -> "Iterator[tuple[Task, Outcome | ProcessDeath]]":
        """Wait until workers have something to say or are overdue, and yield what they finished."""
        awaited = [child for child in self._children if not child.is_idle]
        left = min(child.deadline for child in awaited) - time.monotonic()
        for child in _ready(awaited, left):
            task, end = child.task, child.receive()
            if isinstance(end, ProcessDeath):
                self._drop(child)
                self._n_failed_starts += task is None
                if self._n_failed_starts == _STARTS:
                    raise ResultsError(f"workers do not start: {_STARTS} in a row ended {end.how}")
            else:
                self._n_failed_starts = 0
            if task is not None and end is not None:
                yield task, end

    def _overdue(self) -> "Iterator[tuple[Task, Outcome]]":
        """End the workers that take too long, and yield that they did."""
        from alrun.execute.worker import timed_out

        for child in list(self._children):
            if child.task is not None and child.deadline <= time.monotonic():
                yield child.task, timed_out(child.task.spec, self._timeout, child.dump_stack())
                self._drop(child)

    def _drop(self, child: WorkerProcess) -> None:
        self._children.remove(child)
        child.end()


def check_timeout(timeout: float | None) -> None:
    """Raise AlrunError where that can be no timeout, in seconds or None."""
    if timeout is not None and not timeout > 0:
        raise AlrunError(f"--timeout {timeout:g}: a run takes more than no time")


def _ready(children: list[WorkerProcess], seconds: float) -> list[WorkerProcess]:
    """Wait, for so many seconds at most, until one has something to say; return those who have."""
    by_descriptor = {child.fileno(): child for child in children}
    stirring = wait(by_descriptor, min(max(seconds, 0), _LONGEST_WAIT))
    return [child for descriptor, child in by_descriptor.items() if descriptor in stirring]
