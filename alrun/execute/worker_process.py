"""A process that computes one run at a time, and that dies alone."""

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
from math import inf
from multiprocessing.connection import Pipe
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # to import this takes a second, in which workers can start already
    from alrun.execute.worker import Task

_HOME = Path(__file__).parents[2]
# Our own package first, whatever else on the path goes by its name; then what the parent finds.
_PROGRAM = """
import json, sys
home, path, connection, crash_log, idle_timeout = json.loads(sys.argv[1])
sys.path[:] = [home, *path]
from alrun.execute.worker_process import end_with
sys.path[:] = path
end_with(connection)
from multiprocessing.connection import Connection
from alrun.execute.worker import serve
serve(Connection(connection), crash_log, idle_timeout)
"""
# Seconds that a process has for its end, or for saying what it is doing.
_PATIENCE = 1.0
# The last line of a stack as faulthandler writes it: the outermost frame, or that there are more.
_STACK_ENDS = (" in <module>\n", "  ...\n")
# Each process has one core, also as libraries see it that are imported later; a user's word counts.
_ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"
)


@dataclass(frozen=True)
class ProcessDeath:
    """How a process ended from which an answer was awaited, and what Python could still write."""

    how: str
    said: str


class WorkerProcess:
    """A process that computes runs.

    It is in a process group of its own: Ctrl-C does not reach it, and it is ended together with
    what it has started. It ends by itself when this process does, even if that is killed.

    Parameters
    ----------
    idle_timeout
        Seconds without a run after which it ends; None for never.

    Attributes
    ----------
    task
        What it is computing, None for nothing.
    deadline
        When that must be done, in seconds of the monotonic clock.
    """

    def __init__(self, idle_timeout: float | None = None) -> None:
        self._connection, theirs = Pipe()
        self._crash_log = tempfile.TemporaryFile()  # noqa: SIM115 -- lives as long as the child
        self._known: set[str] = set()
        self._is_ready = False
        self.task: Task | None = None
        self.deadline = inf
        inherited = (theirs.fileno(), self._crash_log.fileno())
        arguments = json.dumps([str(_HOME), sys.path, *inherited, idle_timeout])
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 -- a program of our own
                # -P: what lies in the current directory must not be taken for Python's own.
                # -u: what a run prints is seen, though its worker is ended and not asked to end.
                [sys.executable, "-P", "-u", "-c", _PROGRAM, arguments],
                stdin=subprocess.DEVNULL,
                env=_ONE_THREAD | os.environ,
                pass_fds=inherited,
                process_group=0,
            )

    def fileno(self) -> int:
        """Return the descriptor that can be read from when it has something to say."""
        return self._connection.fileno()

    @property
    def is_idle(self) -> bool:
        """Whether it waits for a run."""
        return self._is_ready and self.task is None

    @property
    def has_exited(self) -> bool:
        """Whether it has ended; to be asked only while it is idle, when it says nothing else."""
        return self._connection.poll()

    def submit(self, task: "Task", deadline: float = inf) -> None:
        """Let it compute a run; if it has died meanwhile, `receive` says so."""
        from alrun.data.memory_map import send

        self.task, self.deadline = task, deadline
        label = task.spec.dataset.display_name
        is_new = label not in self._known
        with suppress(ConnectionError):
            self._connection.send((task.spec, task.checkout, is_new))
            if is_new:
                send(task.source, self._connection, self._process.pid)
        self._known.add(label)

    def call(self, question: Callable[..., Any], arguments: Sequence[Any]) -> None:
        """Let it call a function of a module, instead of computing a run."""
        from alrun.execute.worker import Call

        with suppress(ConnectionError):
            self._connection.send(Call(question, arguments))

    def receive(self) -> Any:
        """Return its answer: the outcome of a run, or what it was asked; ProcessDeath where it has.

        The first is None, which says that it is ready.
        """
        self.task, self.deadline, self._is_ready = None, inf, True
        try:
            return self._connection.recv()
        except (EOFError, OSError):
            return self._death()

    def dump_stack(self) -> str:
        """Return the stack of what it is computing, or as much as it writes of that in time."""
        self._process.send_signal(signal.SIGUSR1)
        until = time.monotonic() + _PATIENCE
        before = said = ""
        # It comes in pieces, with pauses of any length where the process must wait for a core.
        while not (said.endswith(_STACK_ENDS) and said == before) and time.monotonic() < until:
            time.sleep(0.01)
            before, said = said, self._said()
        return said

    def end(self) -> None:
        """End it at once, with all that it has started."""
        self.kill()
        self._process.wait()
        self._connection.close()
        self._crash_log.close()

    def kill(self) -> None:
        """Kill it, with all that it has started; `receive` then says that it died."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def _death(self) -> ProcessDeath:
        try:
            code = self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            return ProcessDeath("by closing its connection", self._said())
        return ProcessDeath(_how(code), self._said())

    def _said(self) -> str:
        # The place in the file is that of both processes: to move it would be to overwrite.
        descriptor = self._crash_log.fileno()
        said = os.pread(descriptor, os.fstat(descriptor).st_size, 0).decode(errors="replace")
        return said.partition("Extension modules:")[0]  # hundreds


def _how(code: int) -> str:
    """Say how a process ended that left this exit code, the negative of a signal for one."""
    if code >= 0:
        return f"with exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return f"by {name}" + (", as where memory is short" if name == "SIGKILL" else "")


def end_with(connection: int) -> None:
    """End this process, with all that it has started, as soon as the connection's other end closes.

    To be called before anything large is imported, which takes seconds on a busy machine.
    """
    threading.Thread(target=_wait_and_end, args=(connection,), daemon=True).start()


def _wait_and_end(connection: int) -> None:
    hangup = select.poll()
    hangup.register(connection, 0)
    hangup.poll()
    os.killpg(0, signal.SIGKILL)
