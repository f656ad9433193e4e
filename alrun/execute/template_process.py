"""A process that imports what runs need, and then copies itself into workers that are ready."""

import gc
import json
import os
import select
import signal
import socket
import struct
import sys
import threading
import warnings
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from typing import NamedTuple

from alrun.errors import AlrunError
from alrun.util.address_space import check_address_space

# Seconds without copies after which it ends: it holds as much memory as a worker.
_IDLE = 30.0
# The descriptors of standard output and error.
_OUTPUT = (1, 2)
# What a request begins with, beside the descriptors: the number of bytes of the rest.
_LENGTH = struct.Struct("I")
# What is told of a copy: its process id, and when it has ended its exit code as of `subprocess`.
STATUS = struct.Struct("i")


class Request(NamedTuple):
    """The surroundings of a copy, which are those of the process that asks for it.

    Attributes
    ----------
    directory
        The current directory; None if it has been deleted.
    idle_timeout
        Seconds without a run after which the copy ends; None for never.
    """

    environment: dict[str, str]
    path: list[str]
    directory: str | None
    idle_timeout: float | None


class Descriptors(NamedTuple):
    """The open files of a copy.

    Attributes
    ----------
    lifeline
        A pipe from which nothing is read, and which ends with whoever asks for the copy.
    status
        A pipe to which is written what is told of the copy.
    """

    connection: int
    crash_log: int
    output: int
    lifeline: int
    status: int


def send(requests: socket.socket, request: Request, descriptors: Descriptors) -> None:
    """Ask the process at the other end for a copy of itself, without waiting for it.

    Raises ConnectionError if that process has ended.
    """
    content = json.dumps(request).encode()
    socket.send_fds(requests, [_LENGTH.pack(len(content))], descriptors)
    requests.sendall(content)


def _receive(requests: socket.socket) -> tuple[Request, Descriptors] | None:
    """Return the next request, or None if there are no more."""
    with suppress(ConnectionError):
        length, files, _, _ = socket.recv_fds(requests, _LENGTH.size, len(Descriptors._fields))
        if length:
            (size,) = _LENGTH.unpack(length)
            content = b""
            while len(content) < size:  # a signal may cut what is received
                if not (piece := requests.recv(size - len(content))):
                    return None
                content += piece
            return Request(*json.loads(content)), Descriptors(*files)
    return None


def main(requests: int, imports_first: bool) -> None:
    """Serve the requests that come through a socket, in the main thread of a new process.

    Parameters
    ----------
    imports_first
        Whether to import before copying. What is imported must be safe to copy; without it, each
        copy imports for itself.
    """
    let_live = _end_with(requests)
    try:
        check_address_space()
    except AlrunError as error:
        sys.exit(str(error))
    if imports_first:
        import alrun.execute.worker  # noqa: F401
    _write_nowhere()
    let_live()  # copies must be made of a process with one thread: others may hold locks
    gc.freeze()  # copies share the memory of objects as long as no collection writes to it
    _Template(socket.socket(fileno=requests)).serve()
    os._exit(0)


def _write_nowhere() -> None:
    """Let go of the output, which belongs to the first copy."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for number in _OUTPUT:
        os.dup2(nowhere, number)
    os.close(nowhere)


class _Template:
    """The loop of the process: it copies itself, and tells of copies that have ended."""

    def __init__(self, requests: socket.socket) -> None:
        self._requests = requests
        self._status: dict[int, int] = {}  # by process id
        self._wake, self._waker = os.pipe()
        for end in (self._wake, self._waker):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(self._waker)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def serve(self) -> None:
        """Make a copy for each request until the other end closes, or is silent for long."""
        while ready := wait([self._requests, self._wake], None if self._status else _IDLE):
            with suppress(BlockingIOError):
                os.read(self._wake, 4096)
            self._tell_of_the_ended()
            if self._requests in ready:
                received = _receive(self._requests)
                if received is None:
                    return
                self._copy(*received)

    def _copy(self, request: Request, descriptors: Descriptors) -> None:
        with warnings.catch_warnings():  # Python counts the threads of libraries, which are safe
            warnings.simplefilter("ignore", DeprecationWarning)
            try:
                pid = os.fork()
            except OSError as error:
                os.write(descriptors.output, f"{error.strerror}\n".encode())
                for descriptor in descriptors:
                    os.close(descriptor)
                return
        if pid == 0:
            self._forget()
            os.close(descriptors.status)
            _work(request, descriptors)
        with suppress(OSError):  # the copy does it too: it must be so before anybody hears of it
            os.setpgid(pid, pid)
        _tell(descriptors.status, pid)
        self._status[pid] = descriptors.status
        for descriptor in descriptors[:-1]:
            os.close(descriptor)

    def _forget(self) -> None:
        """Leave to the process what is its own, in a copy."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self._requests.close()
        for descriptor in (self._wake, self._waker, *self._status.values()):
            os.close(descriptor)

    def _tell_of_the_ended(self) -> None:
        for pid in [*self._status]:
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                with suppress(OSError):  # what it has started; later the number may be another's
                    os.killpg(pid, signal.SIGKILL)
                descriptor = self._status.pop(pid)
                _tell(descriptor, os.waitstatus_to_exitcode(status))
                os.close(descriptor)


def _tell(status: int, number: int) -> None:
    with suppress(OSError):  # nobody listens any more
        os.write(status, STATUS.pack(number))


def _work(request: Request, descriptors: Descriptors) -> None:
    """Compute runs, in a copy; it ends with the other end of its connection, and never returns."""
    with suppress(OSError):
        os.setpgid(0, 0)
    _end_with(descriptors.connection)
    _let_the_kernel_end_with(descriptors.lifeline)
    for number in _OUTPUT:
        os.dup2(descriptors.output, number)
    os.close(descriptors.output)
    os.environ.clear()
    os.environ.update(request.environment)
    if request.directory is not None:
        with suppress(OSError):
            os.chdir(request.directory)
    from alrun.execute.worker import serve

    sys.path[:] = request.path
    serve(Connection(descriptors.connection), descriptors.crash_log, request.idle_timeout)


def _end_with(connection: int) -> Callable[[], None]:
    """End this process and its children when the other end of a connection closes.

    Begin before anything large is imported, which takes seconds on a busy machine. Call the
    function that is returned to end the watch instead.
    """
    stop, stopper = os.pipe()
    thread = threading.Thread(target=_wait_and_end, args=(connection, stop), daemon=True)
    thread.start()

    def end_watch() -> None:
        os.close(stopper)
        thread.join()
        os.close(stop)

    return end_watch


def _wait_and_end(connection: int, stop: int) -> None:
    hangup = select.poll()
    for descriptor in (connection, stop):
        hangup.register(descriptor, 0)
    if any(descriptor == connection for descriptor, _ in hangup.poll()):
        os.killpg(0, signal.SIGKILL)


def _let_the_kernel_end_with(lifeline: int) -> None:
    """Have this process and its children killed when the other end of a pipe closes, on Linux.

    A thread of Python cannot do it while compiled code keeps Python's lock.
    """
    import fcntl

    if hasattr(fcntl, "F_SETSIG"):
        fcntl.fcntl(lifeline, fcntl.F_SETOWN, -os.getpgrp())
        fcntl.fcntl(lifeline, fcntl.F_SETSIG, signal.SIGKILL)
        flags = fcntl.fcntl(lifeline, fcntl.F_GETFL)
        fcntl.fcntl(lifeline, fcntl.F_SETFL, flags | os.O_ASYNC)
