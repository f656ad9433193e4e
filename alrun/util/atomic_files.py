"""Files that appear whole or not at all, and what writers that were killed leave behind.

A writer holds the kernel's lock on its temporary file until that has its name, and a lock goes with
the process that holds it. So a temporary file that nobody has locked is one that nobody will
finish.
"""

import errno
import fcntl
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

from alrun.errors import ResultsError

_TEMPORARY = re.compile(r"\..+\.[0-9a-f]{16}", re.DOTALL)
_AGAIN = "and give the same command again: what is finished is kept"
_WRITABLE = "make it writable, or name another place"
_REMEDIES = {
    errno.ENOSPC: f"make room on the disk, {_AGAIN}",
    errno.EDQUOT: f"make room within your quota, {_AGAIN}",
    errno.EFBIG: f"raise the limit on the size of files, {_AGAIN}",
    errno.ENOENT: "its directory is gone; give the same command again",
    errno.ENAMETOOLONG: "choose a shorter name",
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), _WRITABLE),
}


def unusable(path: str | Path, what: str, error: OSError) -> ResultsError:
    """Return an error about a path: what cannot be done with it, why, and how to mend it."""
    remedy = _REMEDIES.get(error.errno or 0)
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
    """Write a file; return False where the temporary one was removed before it was locked."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    with open(temporary, "xb") as file:
        try:
            if not _is_locked(file.fileno(), without_locks=True):
                return False
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            os.replace(temporary, path)
        except FileNotFoundError:  # where the whole directory is gone, the next attempt says so
            return False
        finally:
            temporary.unlink(missing_ok=True)
    return True


def _is_locked(descriptor: int, without_locks: bool) -> bool:
    """Lock a file unless another process holds it; return whether it is ours.

    Where the file system knows no locks, that is `without_locks`.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return without_locks
    return True


def remove_abandoned(folder: Path) -> None:
    """Remove the temporary files in a directory whose writers are gone, as far as one may."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if _TEMPORARY.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                _remove_unless_locked(entry.path)


def _remove_unless_locked(path: str) -> None:
    with suppress(OSError), open(path, "r+b") as file:  # it has its name by now, or is not ours
        if _is_locked(file.fileno(), without_locks=False):
            os.unlink(path)


def set_aside(path: Path) -> Path:
    """Rename what is damaged to the next free of `<name>.damaged`, `<name>.damaged.2`, ...

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
    """Hold the kernel's lock on a directory, where its file system knows locks."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise unusable(folder, "be opened", error) from error
    try:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
