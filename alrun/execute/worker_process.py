"""A worker process: it computes runs, and its crash leaves the parent alive."""

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Pipe, wait
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from alrun.errors import AlrunError, ResultsError
from alrun.execute.output_pipe import OutputPipe
from alrun.util.address_space import check_address_space

if TYPE_CHECKING:  # to import this takes a second, in which workers can start already
    from alrun.execute.worker import Task

_HOME = Path(__file__).parents[2]
# Our own package comes first, whatever else on the path has its name; then the parent's path holds.
_PROGRAM = """
import json, sys
home, path, connection, crash_log, lifeline, idle_timeout = json.loads(sys.argv[1])
sys.path[:] = [home, *path]
from alrun.execute.worker_process import end_if_cramped, end_with
sys.path[:] = path
end_with(connection, lifeline)
end_if_cramped()
from multiprocessing.connection import Connection
from alrun.execute.worker import serve
serve(Connection(connection), crash_log, idle_timeout)
"""
# Seconds that a process has to end, or to write its stack.
_GRACE_PERIOD = 1.0
# Seconds between two looks at what a process prints, lest each line wakes this one.
_PAUSE = 0.002
# The last line of a stack as faulthandler writes it: the outermost frame, or that there are more.
_STACK_ENDS = (" in <module>\n", "  ...\n")
# Each process has one core. Libraries that a run imports read it here; what a user has set counts.
_ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"
)


@dataclass(frozen=True)
class ProcessDeath:
    """How a process died instead of answering.

    Attributes
    ----------
    how
        As "by SIGKILL" or "with exit code 1".
    output
        What Python could still write: the stack, or an error.
    """

    how: str
    output: str


class WorkerProcess:
    """A process for runs, one at a time.

    It has a process group of its own: Ctrl-C does not reach it, and it is ended together with what
    it has started. It ends by itself when this process ends, even if that is killed. What it prints
    is kept for whoever asks.

    Parameters
    ----------
    idle_timeout
        Seconds without a run after which it ends; None for never.

    Attributes
    ----------
    is_ready
        Whether it has started and waits for runs.
    is_spent
        Whether it must compute no other run, since user code has changed its libraries.

    Raises
    ------
    ResultsError
        Where there is no place for a temporary file.
    """

    def __init__(self, idle_timeout: float | None = None) -> None:
        self._connection, theirs = Pipe()
        self._crash_log = _nameless_file()
        self._output = OutputPipe()
        self._known: set[str] = set()
        self._code: object = None
        self.is_ready = self.is_spent = False
        theirs_of_lifeline, self._lifeline = os.pipe()
        inherited = (theirs.fileno(), self._crash_log.fileno(), theirs_of_lifeline)
        arguments = json.dumps([str(_HOME), sys.path, *inherited, idle_timeout])
        with theirs, open(theirs_of_lifeline, "rb", buffering=0):
            self._process = subprocess.Popen(  # noqa: S603 -- a program of our own
                # -P: modules in the current directory must not be taken for Python's own.
                # -u: Python and C write at once what a run prints, before its process is killed.
                [sys.executable, "-P", "-u", "-c", _PROGRAM, arguments],
                stdin=subprocess.DEVNULL,
                stdout=self._output.write_end,
                stderr=self._output.write_end,
                env=_ONE_THREAD | os.environ,
                pass_fds=inherited,
                process_group=0,
            )

    def has_answer(self, timeout: float) -> bool:
        """Return whether an answer has come; wait for it, or for output, at most `timeout` s."""
        ready = wait([self._connection, self._output.fileno()], timeout)
        self._output.drain()
        return self._connection in ready or self._connection.poll(_PAUSE)

    def take_output(self) -> bytes:
        """Return the end of what it has printed since it was given its last run or call."""
        return self._output.take()

    @property
    def has_exited(self) -> bool:
        """Whether it has ended; ask only while it has nothing to do, when it sends nothing else."""
        return self._connection.poll()

    def submit(self, task: "Task") -> None:
        """Let it compute a run; if it has died by now, `receive` says so."""
        from alrun.data.memory_map import send

        self.take_output()
        label = task.spec.dataset.display_name
        is_new = label not in self._known
        with suppress(ConnectionError):
            code = None if task.code is self._code else task.code
            self._connection.send((task.spec, task.checkout, code, is_new))
            if is_new:
                send(task.source, self._connection, self._process.pid)
        self._known.add(label)
        self._code = task.code

    def call(self, function: Callable[..., Any], arguments: Sequence[Any]) -> None:
        """Let it call a function of a module, instead of computing a run."""
        from alrun.execute.worker import Call

        self.take_output()
        with suppress(ConnectionError):
            self._connection.send(Call(function, arguments))

    def receive(self) -> Any:
        """Wait for its next answer and return it, or a ProcessDeath if it has died.

        The answers are None when it is ready, then an outcome for each run and a value for each
        call.
        """
        self.is_ready = True
        try:
            answer, self.is_spent = self._connection.recv()
        except (EOFError, OSError):
            return self._death()
        return answer

    def dump_stack(self) -> str:
        """Return the stack of its computation, or as much as it writes in a short time."""
        self._process.send_signal(signal.SIGUSR1)
        until = time.monotonic() + _GRACE_PERIOD
        before = stack = ""
        # It comes in pieces, with pauses of any length where the process must wait for a core.
        while not (stack.endswith(_STACK_ENDS) and stack == before) and time.monotonic() < until:
            time.sleep(0.01)
            before, stack = stack, self._written()
        return stack

    def end(self) -> None:
        """End it and its children at once."""
        self.kill()
        self._process.wait()
        self._connection.close()
        self._crash_log.close()
        self._output.close()
        os.close(self._lifeline)

    def kill(self) -> None:
        """Kill it and its children; `receive` then returns a ProcessDeath."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def _death(self) -> ProcessDeath:
        try:
            code = self._process.wait(_GRACE_PERIOD)
        except subprocess.TimeoutExpired:
            return ProcessDeath("by closing its connection", self._written())
        return ProcessDeath(_how(code), self._written())

    def _written(self) -> str:
        # Both processes share the position in the file: moving it would overwrite what is there.
        descriptor = self._crash_log.fileno()
        content = os.pread(descriptor, os.fstat(descriptor).st_size, 0).decode(errors="replace")
        return content.partition("Extension modules:")[0]  # hundreds


def _nameless_file() -> IO[bytes]:
    """Return a temporary file without a name: in memory, or where the system cannot, on a disk.

    Raises ResultsError where that has no directory for it.
    """
    if hasattr(os, "memfd_create"):
        return open(os.memfd_create("alrun"), "r+b")
    try:
        return tempfile.TemporaryFile()
    except OSError as error:
        raise ResultsError(
            f"workers do not start: {error.strerror}; set TMPDIR to a directory that can be written"
            " to"
        ) from error


def _how(code: int) -> str:
    """Return how a process ended, from its exit code: the negative number of a signal, if one."""
    if code >= 0:
        return f"with exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return f"by {name}" + (", as where memory is short" if name == "SIGKILL" else "")


def end_with(connection: int, lifeline: int) -> None:
    """End this process and its children when the other end of a connection or a pipe closes.

    Call it before anything large is imported, which takes seconds on a busy machine. Compiled code
    that keeps Python's lock would stop the thread: on Linux the kernel kills the process for the
    pipe, which never holds anything to read.
    """
    import fcntl

    if hasattr(fcntl, "F_SETSIG"):
        fcntl.fcntl(lifeline, fcntl.F_SETOWN, -os.getpgrp())
        fcntl.fcntl(lifeline, fcntl.F_SETSIG, signal.SIGKILL)
        flags = fcntl.fcntl(lifeline, fcntl.F_GETFL)
        fcntl.fcntl(lifeline, fcntl.F_SETFL, flags | os.O_ASYNC)
    threading.Thread(target=_wait_and_end, args=(connection,), daemon=True).start()


def end_if_cramped() -> None:
    """End this process with a sentence if its limit on address space is too low."""
    try:
        check_address_space()
    except AlrunError as error:
        sys.exit(str(error))


def _wait_and_end(connection: int) -> None:
    hangup = select.poll()
    hangup.register(connection, 0)
    hangup.poll()
    os.killpg(0, signal.SIGKILL)
