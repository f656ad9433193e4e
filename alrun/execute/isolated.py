"""Workers with processes of their own: a crash costs one run alone."""

import os
import select
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from math import inf
from typing import TYPE_CHECKING, Any, Self

from alrun.errors import AlrunError, ResultsError
from alrun.execute.worker_process import ProcessDeath, WorkerProcess

if TYPE_CHECKING:  # to import this takes a second, in which workers can start already
    from alrun.execute.worker import Outcome, Task

# How often a run is tried whose worker dies.
TRIES = 3
# How many processes in a row may end before they are ready: some are killed from outside.
_STARTS = 10
# Seconds; the kernel counts milliseconds in 32 bits.
_LONGEST_WAIT = 1e6


def can_isolate() -> bool:
    """Return whether this system can isolate the processes of workers."""
    needed = ((os, "killpg"), (os, "pread"), (os, "register_at_fork"), (select, "poll"))
    return all(hasattr(*pair) for pair in (*needed, (signal, "SIGUSR1")))


def check_timeout(timeout: float | None) -> None:
    """Raise AlrunError unless a timeout is a number of seconds above zero, or None."""
    if timeout is not None and not timeout > 0:
        raise AlrunError(f"--timeout {timeout:g}: give a number of seconds above zero")


class IsolatedWorker:
    """Computes one run after the other in a process, and replaces the process if it dies.

    A process is replaced too before its next run if user code has changed its libraries.

    Parameters
    ----------
    timeout
        Seconds that a run may take; None for any number.
    idle_timeout
        Seconds without a run after which the process ends; None for never.
    """

    def __init__(self, timeout: float | None = None, idle_timeout: float | None = None) -> None:
        check_timeout(timeout)
        self._timeout = inf if timeout is None else timeout
        self._idle_timeout = idle_timeout
        self._process: WorkerProcess | None = None
        self._is_closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.end()

    def start(self) -> WorkerProcess:
        """Start the process if there is none, and return it without waiting until it is ready."""
        self._end_if_closed()
        if self._process is None:
            self._process = WorkerProcess(self._idle_timeout)
            self._end_if_closed()  # again, since `close` in another thread may have missed it
        return self._process

    def compute(self, task: "Task", first_try: int = 1, last_try: int = TRIES) -> "Outcome":
        """Return the outcome of a run; it has crashed if the process dies at each try.

        Raises ResultsError where no process starts, or the worker was closed.
        """
        from alrun.execute.worker import crashed, timed_out

        for _ in range(first_try, last_try + 1):
            process = self._ready_process()
            process.submit(task)
            if not _has_answer(process, self._timeout):
                outcome = timed_out(task.spec, self._timeout, process.dump_stack())
                outcome = replace(outcome, printed=process.take_output())
                self.end()
                return outcome
            answer = process.receive()
            printed = process.take_output()
            if not isinstance(answer, ProcessDeath):
                return replace(answer, printed=printed)
            self._end_if_closed()
            self.end()
        outcome = crashed(task.spec, answer.how, answer.output, last_try)
        return replace(outcome, printed=printed)

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call a function of a module; return None if the process dies or is too late.

        Raises ResultsError where no process starts.
        """
        process = self._ready_process()
        process.call(function, arguments)
        answer = process.receive() if _has_answer(process, self._timeout) else None
        if answer is None or isinstance(answer, ProcessDeath):
            self.end()
            return None
        return answer

    def end(self) -> None:
        """End the process at once."""
        if self._process is not None:
            process, self._process = self._process, None
            process.end()

    def close(self) -> None:
        """Kill the process and let none be started; another thread may be computing with it."""
        self._is_closed = True
        process = self._process
        if process is not None:
            process.kill()

    def _ready_process(self) -> WorkerProcess:
        process = self._process
        if process is not None and (process.is_spent or _has_exited(process)):
            self.end()  # it may have ended for want of runs: the next run must not be blamed
        for _ in range(_STARTS):
            process = self.start()
            if process.is_ready:
                return process
            _has_answer(process, inf)
            answer = process.receive()
            if not isinstance(answer, ProcessDeath):
                return process
            printed = process.take_output().decode(errors="replace").strip()
            self.end()
        error = f" ({printed.splitlines()[-1]})" if printed else ""
        raise ResultsError(f"workers do not start: {_STARTS} in a row ended {answer.how}{error}")

    def _end_if_closed(self) -> None:
        if self._is_closed:
            self.end()
            raise ResultsError("the sweep of this run is over")


class IsolatedWorkers:
    """A pool of workers for threads: each run takes an idle worker, or else a new one.

    Parameters
    ----------
    timeout, idle_timeout
        Of each worker.
    """

    def __init__(self, timeout: float | None = None, idle_timeout: float | None = None) -> None:
        check_timeout(timeout)
        self._timeout, self._idle_timeout = timeout, idle_timeout
        self._all: list[IsolatedWorker] = []
        self._idle: list[IsolatedWorker] = []
        self._is_closed = False

    def start(self, n: int) -> None:
        """Start processes without waiting: they import their modules while the caller plans."""
        for _ in range(n):
            worker = self._new_worker()
            self._idle.append(worker)
            worker.start()

    def compute(self, task: "Task", last_try: int = TRIES) -> "Outcome":
        """Return the outcome of a run, as `IsolatedWorker.compute` does."""
        try:
            worker = self._idle.pop()
        except IndexError:
            worker = self._new_worker()
        try:
            return worker.compute(task, last_try=last_try)
        finally:
            self._idle.append(worker)

    def close(self) -> None:
        """Kill all processes and let none be started; other threads may be computing with them."""
        self._is_closed = True
        for worker in list(self._all):
            worker.close()

    def end(self) -> None:
        """End all processes; to a thread that is computing, its process has died."""
        self.close()
        while self._idle:
            self._idle.pop().end()

    def _new_worker(self) -> IsolatedWorker:
        worker = IsolatedWorker(self._timeout, self._idle_timeout)
        self._all.append(worker)
        if self._is_closed:  # asked only now, so that `close` in another thread misses none
            worker.close()
        return worker


def _has_exited(process: WorkerProcess) -> bool:
    return process.is_ready and process.has_exited


def _has_answer(process: WorkerProcess, timeout: float) -> bool:
    """Wait for an answer; return False if there is none after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not process.has_answer(min(max(deadline - time.monotonic(), 0), _LONGEST_WAIT)):
        if time.monotonic() >= deadline:
            return False
    return True
