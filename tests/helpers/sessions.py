"""Programs to be killed in tests, each with all its processes in one session."""

import os
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

import psutil

# Seconds after which a process counts as hanging. Runs to be ended by a test sleep longer.
PATIENCE = 120.0


def wait_until(holds: Callable[[], object], seconds: float = PATIENCE) -> bool:
    """Wait until `holds()` is true; return whether it was within `seconds`."""
    until = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > until:
            return False
        time.sleep(0.002)
    return True


def is_alive(process: psutil.Process) -> bool:
    """Return whether a process is still running; a zombie is not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def has_ended(pid: int) -> bool:
    """Return whether the process of an id has ended; a zombie has."""
    try:
        return not is_alive(psutil.Process(pid))
    except psutil.NoSuchProcess:
        return True


def described(processes: Iterable[psutil.Process]) -> str:
    """Return the ids of processes, their age, parent and command line."""
    lines = []
    for process in processes:
        with suppress(psutil.Error):
            seconds = time.time() - process.create_time()
            command = " ".join(" ".join(process.cmdline()).split())
            lines.append(
                f"{process.pid}, {seconds:.1f} s old, child of {process.ppid()}: {command}"
            )
    return "; ".join(line[:200] for line in lines)


def members(session: int) -> list[psutil.Process]:
    """Return the living processes of a session.

    The id of a session is that of its first process."""
    found = []
    for pid in psutil.pids():
        with suppress(OSError, psutil.NoSuchProcess):
            if os.getsid(pid) == session:
                found.append(psutil.Process(pid))
    return [process for process in found if is_alive(process)]


class Session:
    """A program with all processes that it starts, even those that outlive it.

    As a context manager it ends all of them.

    Parameters
    ----------
    arguments
        The command.
    said
        The file to append its stdout and stderr to.
    process
        What starts it, as `subprocess.Popen` does.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        said: Path,
        process: Callable[..., subprocess.Popen] = subprocess.Popen,
    ) -> None:
        with said.open("ab") as file:
            self._start = file.tell()
            self.process = process(
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._path = said

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.end()

    @property
    def said(self) -> str:
        """Its output so far."""
        return self._path.read_bytes()[self._start :].decode(errors="replace")

    @property
    def is_over(self) -> bool:
        """Whether the program itself has ended."""
        return self.process.poll() is not None

    def members(self) -> list[psutil.Process]:
        """Return its living processes."""
        return members(self.process.pid)

    def orphans(self) -> list[psutil.Process]:
        """Return its living processes without a living parent."""
        alive = self.members()
        pids = {process.pid for process in alive}
        found = []
        for process in alive:
            with suppress(psutil.NoSuchProcess):
                if process.pid != self.process.pid and process.ppid() not in pids:
                    found.append(process)
        return found

    def end(self) -> None:
        """Kill all its processes."""
        for process in self.members():
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self.process.wait(PATIENCE)
