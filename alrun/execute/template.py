"""Starts of worker processes, as copies of a template that has imported what they need."""

import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from threading import Lock

from alrun.execute.template_process import STATUS, Descriptors, Request, send

_HOME = Path(__file__).parents[2]
# Our own package comes first, whatever else on the path has its name; then the parent's path holds.
_PROGRAM = """
import json, sys
home, path, requests, imports_first = json.loads(sys.argv[1])
sys.path[:] = [home, *path]
from alrun.execute.template_process import main
main(requests, imports_first)
"""
# On other systems libraries may start threads while they are imported, which copies would lack.
_IMPORTS_FIRST = sys.platform == "linux"
# Each process has one core. Libraries that a run imports read it here; what a user has set counts.
_ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"
)


class Copy:
    """A process that is copied from a template as soon as that is ready.

    Parameters
    ----------
    status
        The pipe from which to read what the template tells of it.
    lifeline
        The pipe with whose end it ends. Both are closed with it.
    template
        The process of the template.
    """

    def __init__(self, status: int, lifeline: int, template: "subprocess.Popen[bytes]") -> None:
        os.set_blocking(status, False)
        self._status = status
        self._lifeline = lifeline
        self._template = template
        self._told: list[int] = []  # the process id, later the exit code
        self._lock = Lock()  # another thread may kill it

    @property
    def pid(self) -> int:
        """Its process id, which is waited for; raises ProcessLookupError if it was never copied."""
        if not self._is_told(1, None):
            raise ProcessLookupError
        return self._told[0]

    def wait(self, timeout: float | None = None) -> int | None:
        """Return its exit code, or that of the template if this has ended before it copied itself.

        Return None if there is none after `timeout` s, or the template was killed.
        """
        if self._is_told(2, timeout):
            return self._told[1]
        if self._told:
            return None
        with suppress(subprocess.TimeoutExpired):
            return self._template.wait(timeout)
        return None

    def kill(self) -> bool:
        """Kill it and what it has started; return False if it was not copied yet."""
        if not self._is_told(1, 0):
            return False
        self._send(os.killpg, signal.SIGKILL)
        return True

    def interrupt(self, number: int) -> None:
        """Send it a signal, unless it has ended or was not copied yet."""
        if self._is_told(1, 0):
            self._send(os.kill, number)

    def _send(self, send: Callable[[int, int], None], number: int) -> None:
        if not self._is_told(2, 0):  # later the process id may be another's
            with suppress(ProcessLookupError, PermissionError):
                send(self._told[0], number)

    def close(self) -> None:
        """Close its pipes."""
        os.close(self._status)
        os.close(self._lifeline)

    def _is_told(self, n: int, timeout: float | None) -> bool:
        """Wait for `n` numbers, at most `timeout` s for each; return whether they have come."""
        news = select.poll()
        news.register(self._status, select.POLLIN)
        while len(self._told) < n:
            if not news.poll(None if timeout is None else 1000 * timeout):
                return False
            with self._lock, suppress(BlockingIOError):
                number = os.read(self._status, STATUS.size)
                if not number:
                    return False
                self._told += STATUS.unpack(number)
        return True


class _Template:
    """A process that makes copies of itself.

    It has a process group of its own: Ctrl-C does not reach it. It ends with this process, or after
    a while without copies.

    Parameters
    ----------
    output
        The descriptor to which it writes why it cannot start.
    """

    def __init__(self, output: int) -> None:
        self._requests, theirs = socket.socketpair()
        arguments = json.dumps([str(_HOME), sys.path, theirs.fileno(), _IMPORTS_FIRST])
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603 -- a program of our own
                # -P: modules in the current directory must not be taken for Python's own.
                # -u: Python and C write at once what a run prints, before its process is killed.
                [sys.executable, "-P", "-u", "-c", _PROGRAM, arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=_ONE_THREAD | os.environ,
                pass_fds=[theirs.fileno()],
                process_group=0,
            )

    def has_ended(self) -> bool:
        """Return whether it makes no more copies."""
        return self._process.poll() is not None

    def copy(
        self, connection: int, crash_log: int, output: int, idle_timeout: float | None
    ) -> Copy:
        """Ask for a copy without waiting for it; if the process ends now, it is never made."""
        request = Request(
            {**_ONE_THREAD, **os.environ}, sys.path, _current_directory(), idle_timeout
        )
        (status, to_status), (from_lifeline, lifeline) = os.pipe(), os.pipe()
        files = Descriptors(connection, crash_log, output, from_lifeline, to_status)
        with suppress(ConnectionError):
            send(self._requests, request, files)
        os.close(to_status)
        os.close(from_lifeline)
        return Copy(status, lifeline, self._process)

    def leave(self) -> None:
        """Close the connection, in a fork of this process, to which it does not belong."""
        self._requests.close()

    def end(self) -> None:
        """End the process at once."""
        self._requests.close()
        self._process.kill()
        self._process.wait()


_template: _Template | None = None
_lock = Lock()


def start(connection: int, crash_log: int, output: int, idle_timeout: float | None) -> Copy:
    """Start a worker process without waiting for it.

    Parameters
    ----------
    connection, crash_log
        The descriptors of `alrun.execute.worker.serve`.
    output
        The descriptor of its standard output and error.
    idle_timeout
        Seconds without a run after which it ends; None for never.
    """
    global _template
    _register()
    with _lock:
        if _template is None or _template.has_ended():
            _end()
            _template = _Template(output)
        return _template.copy(connection, crash_log, output, idle_timeout)


@cache
def _register() -> None:
    atexit.register(_end)
    os.register_at_fork(after_in_child=_leave)


def _end() -> None:
    global _template
    if _template is not None:
        _template.end()
        _template = None


def _leave() -> None:
    global _template, _lock
    if _template is not None:
        _template.leave()
        _template = None
    _lock = Lock()  # another thread may have held it


def _current_directory() -> str | None:
    try:
        return os.getcwd()
    except OSError:  # it has been deleted
        return None
