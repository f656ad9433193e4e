"""A worker process: it computes runs, and its crash leaves the parent alive."""

import os
import signal
import socket
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Pipe, wait
from typing import IO, TYPE_CHECKING, Any

from alrun.errors import ResultsError
from alrun.execute.output_pipe import OutputPipe
from alrun.execute.template import start

if TYPE_CHECKING:  # to import this takes a second, in which workers can start already
    from alrun.execute.worker import Task

# Seconds that a process has to end, or to write its stack.
_GRACE_PERIOD = 1.0
# Seconds between two looks at what a process prints, lest each line wakes this one.
_PAUSE = 0.002
# The last line of a stack as faulthandler writes it: the outermost frame, or that there are more.
_STACK_ENDS = (" in <module>\n", "  ...\n")


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
        with theirs:
            self._process = start(
                theirs.fileno(), self._crash_log.fileno(), self._output.write_end, idle_timeout
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
        self._process.interrupt(signal.SIGUSR1)
        until = time.monotonic() + _GRACE_PERIOD
        before = stack = ""
        # It comes in pieces, with pauses of any length where the process must wait for a core.
        while not (stack.endswith(_STACK_ENDS) and stack == before) and time.monotonic() < until:
            time.sleep(0.01)
            before, stack = stack, self._written()
        return stack

    def end(self) -> None:
        """End it and its children at once."""
        if self.kill():
            self._process.wait(_GRACE_PERIOD)  # nobody tells of it if the template is stopped
        self._process.close()
        self._connection.close()
        self._crash_log.close()
        self._output.close()

    def kill(self) -> bool:
        """Kill it and its children; `receive` then returns a ProcessDeath.

        Return False if it does not exist yet: it then ends as soon as it does.
        """
        if self._process.kill():
            return True
        with socket.socket(fileno=os.dup(self._connection.fileno())) as connection:
            connection.shutdown(socket.SHUT_RDWR)
        return False

    def _death(self) -> ProcessDeath:
        code = self._process.wait(_GRACE_PERIOD)
        how = "by closing its connection" if code is None else _how(code)
        return ProcessDeath(how, self._written())

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
