"""Programs that are started to be killed, each in a session by which all of it is found."""

import os
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

import psutil

# Seconds that anything may take before it counts as hanging; what should be ended sleeps longer.
PATIENCE = 120.0


def wait_until(holds: Callable[[], object], seconds: float = PATIENCE) -> bool:
    """Wait until something holds; return whether it did within so many seconds."""
    until = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > until:
            return False
        time.sleep(0.002)
    return True


def is_alive(process: psutil.Process) -> bool:
    """Return whether a process computes still: not ended, be it reaped or not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def has_ended(pid: int) -> bool:
    """Return whether the process of an id has ended, be it reaped or not."""
    try:
        return not is_alive(psutil.Process(pid))
    except psutil.NoSuchProcess:
        return True


def described(processes: Iterable[psutil.Process]) -> str:
    """Return the ids of processes, how long they have been there, and how they were started."""
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
    """Return the living processes of a session, which goes by the id of its first process."""
    found = []
    for pid in psutil.pids():
        with suppress(OSError, psutil.NoSuchProcess):
            if os.getsid(pid) == session:
                found.append(psutil.Process(pid))
    return [process for process in found if is_alive(process)]


class Session:
    """A program with all that it starts, also what outlives it; as a context, that is ended.

    Parameters
    ----------
    arguments
        The command.
    said
        The file that what it writes to stdout and stderr is appended to.
    """

    def __init__(self, arguments: Sequence[str], said: Path) -> None:
        with said.open("ab") as file:
            self._start = file.tell()
            self.process = subprocess.Popen(
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
        """What it has written so far."""
        return self._path.read_bytes()[self._start :].decode(errors="replace")

    @property
    def is_over(self) -> bool:
        """Whether the program itself has ended."""
        return self.process.poll() is not None

    def members(self) -> list[psutil.Process]:
        """Return its living processes."""
        return members(self.process.pid)

    def orphans(self) -> list[psutil.Process]:
        """Return those of its living processes whose parent has ended."""
        alive = self.members()
        pids = {process.pid for process in alive}
        found = []
        for process in alive:
            with suppress(psutil.NoSuchProcess):
                if process.pid != self.process.pid and process.ppid() not in pids:
                    found.append(process)
        return found

    def end(self) -> None:
        """Kill all of it."""
        for process in self.members():
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self.process.wait(PATIENCE)
