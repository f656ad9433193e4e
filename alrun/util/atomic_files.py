"""Atomic files: they appear whole or not at all, under the locks of their writers.

A writer holds the kernel's lock on its temporary file, and the lock goes with the process: a
temporary file without a lock has been abandoned. Locks are those of fcntl, or of msvcrt on Windows.
On a system with neither there are none: files still appear whole, and the last writer wins.
"""

import errno
import os
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import Any

from alrun.errors import ResultsError


def _module(name: str) -> Any:
    """Return a module, or None on a system without it."""
    try:
        return import_module(name)
    except ImportError:
        return None


fcntl, msvcrt = _module("fcntl"), _module("msvcrt")
# The byte that msvcrt locks: nobody else can read or write it, so it lies beyond what files hold.
_LOCKED_BYTE = 2**31 - 2
_TEMPORARY = re.compile(r"\..+\.[0-9a-f]{16}", re.DOTALL)
_AGAIN = "and give the same command again: what is finished is kept"
_REMEDIES = {
    errno.ENOSPC: f"make room on the disk, {_AGAIN}",
    errno.EDQUOT: f"make room within your quota, {_AGAIN}",
    errno.EFBIG: f"raise the limit on the size of files, {_AGAIN}",
    errno.ENOENT: "its directory is gone; give the same command again",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.EROFS: "make it writable, or name another place",
}
# What helps where the system does not permit an action, by the action.
_FORBIDDEN = (errno.EACCES, errno.EPERM)
_PERMISSIONS = {
    "be read": "make it readable, or name another",
    "be opened": "make it readable, or name another",
    "be used": "change its permissions, or name another",
}


def unusable(path: str | Path, what: str, error: OSError) -> ResultsError:
    """Return an error about a path: the action that failed, the reason, and the remedy."""
    if error.errno in _FORBIDDEN:
        remedy = _PERMISSIONS.get(what, _REMEDIES[errno.EROFS])
    else:
        remedy = _REMEDIES.get(error.errno or 0, "")
    reason = f"{error.strerror or error}{f'; {remedy}' if remedy else ''}"
    return ResultsError(f"{path} cannot {what}: {reason}")


def write_file(path: Path, content: bytes) -> None:
    """Write a temporary file beside `path`, then put it in its place at once.

    Raises ResultsError where that cannot be.
    """
    try:
        while not _write(path, content):
            pass
    except OSError as error:
        raise unusable(path, "be written", error) from error


def _write(path: Path, content: bytes) -> bool:
    """Write a file; return False if another process removed the temporary one as abandoned."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    with open(temporary, "xb") as file:
        try:
            if not _is_locked(file.fileno(), without_locks=True):
                return False
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            file.close()  # first, since Windows renames and removes no open file
            os.replace(temporary, path)
        except FileNotFoundError:  # where the whole directory is gone, the next attempt says so
            return False
        finally:
            file.close()
            temporary.unlink(missing_ok=True)
    return True


def _is_locked(descriptor: int, without_locks: bool) -> bool:
    """Lock a file unless another process holds it, and return whether it is ours.

    Where there are no locks, return `without_locks`.
    """
    try:
        return _lock(descriptor, wait=False)
    except OSError:
        return without_locks


def _lock(descriptor: int, wait: bool) -> bool:
    """Lock an open file; return False if another process holds it and `wait` is false.

    Raises OSError where the system or the file system has no locks.
    """
    if fcntl is not None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            return False
        return True
    if msvcrt is None:
        raise OSError(errno.ENOLCK, "this system has no locks")
    os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
    try:
        while not _lock_byte(descriptor):
            if not wait:
                return False
            time.sleep(0.05)
    finally:
        os.lseek(descriptor, 0, os.SEEK_SET)
    return True


def _lock_byte(descriptor: int) -> bool:
    """Lock a byte of the file with msvcrt; return False if another process holds it."""
    try:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EDEADLK):
            return False
        raise
    return True


def remove_abandoned(folder: Path, name: str = "") -> None:
    """Remove abandoned temporary files from a directory, as far as permissions allow.

    In a directory of the user's, name the file whose temporary files they are.
    """
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if not entry.name.startswith(f".{name}"):
                continue
            if _TEMPORARY.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                _remove_unless_locked(entry.path)


def _remove_unless_locked(path: str) -> None:
    with suppress(OSError):  # it has its name by now, or is not ours
        with open(path, "r+b") as file:
            is_abandoned = _is_locked(file.fileno(), without_locks=False)
        if is_abandoned:
            os.unlink(path)  # closed, since Windows removes no open file


def set_aside(path: Path) -> Path:
    """Rename a damaged file to the next free name of `<name>.damaged`, `<name>.damaged.2`, ...

    Returns its new path; raises ResultsError where that cannot be.
    """
    names = (f"{path.name}.damaged{f'.{n}' if n > 1 else ''}" for n in count(1))
    aside = next(path.with_name(name) for name in names if not os.path.lexists(path.parent / name))
    try:
        os.rename(path, aside)
    except FileNotFoundError:  # somebody else removed it
        return aside
    except OSError as error:
        raise unusable(path, f"be renamed to {aside.name}", error) from error
    return aside


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the kernel's lock on a directory, if the system has locks.

    For msvcrt, which locks no directories, it is on a file `.lock` in it, which stays.
    """
    path, flags = (folder, os.O_RDONLY) if fcntl else (folder / ".lock", os.O_RDWR | os.O_CREAT)
    if fcntl is None and msvcrt is None:
        yield
        return
    try:
        descriptor = os.open(path, flags)
    except OSError as error:
        raise unusable(folder, "be opened", error) from error
    try:
        with suppress(OSError):
            _lock(descriptor, wait=True)
        yield
    finally:
        os.close(descriptor)
