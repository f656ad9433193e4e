"""Files appear whole or not at all, and what killed writers leave goes."""

import errno
import fcntl
import os
import select
import subprocess
import sys
import types

import pytest

from alrun.errors import ResultsError
from alrun.util import atomic_files
from alrun.util.atomic_files import locked, remove_abandoned, set_aside, unusable, write_file

ABANDONED = ".curves.parquet.0123456789abcdef"
# A writer that says when it has half of its temporary file, and goes on when it is told to.
WRITER = """
import os, sys
from pathlib import Path
from alrun.util import atomic_files as files
def fsync(descriptor):
    print("half", flush=True)
    sys.stdin.readline()
os.fsync = fsync
files.write_file(Path(sys.argv[1]), b"whole")
"""


# A stand-in for msvcrt, whose locks are the kernel's too: on bytes from where the file is on, gone
# with the process, and refused with EACCES.
WINDOWS = """
import errno, fcntl as real, sys, types

def locking(descriptor, mode, n):
    try:
        real.lockf(descriptor, real.LOCK_EX | real.LOCK_NB, n)
    except BlockingIOError:
        raise OSError(errno.EACCES, "Permission denied") from None

sys.modules["fcntl"] = None
sys.modules["msvcrt"] = types.SimpleNamespace(locking=locking, LK_NBLCK=2)
"""
REMOVER = """
import sys
from pathlib import Path
from alrun.util.atomic_files import remove_abandoned
remove_abandoned(Path(sys.argv[1]))
"""
HOLDER = """
import sys
from pathlib import Path
from alrun.util.atomic_files import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.readline()
"""


def program(code, path):
    return subprocess.Popen(
        [sys.executable, "-c", code, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def writer(path, system=""):
    process = program(system + WRITER, path)
    assert process.stdout.readline() == "half\n"
    return process


def test_the_temporary_file_of_a_living_writer_stays_and_that_of_a_killed_one_goes(tmp_path):
    living, killed = writer(tmp_path / "living"), writer(tmp_path / "killed")
    assert len(os.listdir(tmp_path)) == 2
    killed.kill()
    killed.wait()
    remove_abandoned(tmp_path)
    assert [name.split(".")[1] for name in os.listdir(tmp_path)] == ["living"]
    living.communicate("go on\n")
    assert living.returncode == 0
    assert os.listdir(tmp_path) == ["living"]
    assert (tmp_path / "living").read_bytes() == b"whole"


def test_only_files_of_our_own_names_are_removed(tmp_path):
    others = [
        "curves.parquet.0123456789abcdef",
        ".curves.parquet",
        ".0123456789abcdef",
        ".curves.parquet.0123456789abcde",
        ".curves.parquet.0123456789abcdeg",
        ".curves.parquet.0123456789ABCDEF",
        ".nfs0000000000c0ffee00000001",
    ]
    for name in [*others, ABANDONED]:
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / ".folder.0123456789abcdef").mkdir()
    (tmp_path / "outside").write_bytes(b"x")
    (tmp_path / ".link.0123456789abcdef").symlink_to(tmp_path / "outside")
    remove_abandoned(tmp_path)
    kept = [*others, "outside", ".folder.0123456789abcdef", ".link.0123456789abcdef"]
    assert sorted(os.listdir(tmp_path)) == sorted(kept)
    remove_abandoned(tmp_path / "nowhere")


def test_a_writer_whose_file_went_before_it_was_locked_writes_again(tmp_path, monkeypatch):
    attempts = []

    def late(descriptor, operation):
        attempts.append(descriptor)
        if len(attempts) == 1:  # another process has it, and removes it
            for path in tmp_path.iterdir():
                path.unlink()
            raise BlockingIOError
        if len(attempts) == 2:  # it was removed already
            for path in tmp_path.iterdir():
                path.unlink()

    monkeypatch.setattr(fcntl, "flock", late)
    write_file(tmp_path / "x", b"whole")
    assert len(attempts) == 3
    assert os.listdir(tmp_path) == ["x"]
    assert (tmp_path / "x").read_bytes() == b"whole"


def test_where_there_are_no_locks_files_are_written_and_none_is_removed(tmp_path, monkeypatch):
    def unsupported(descriptor, operation):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(fcntl, "flock", unsupported)
    with locked(tmp_path):
        write_file(tmp_path / "x", b"whole")
    (tmp_path / ABANDONED).write_bytes(b"half")
    remove_abandoned(tmp_path)
    assert sorted(os.listdir(tmp_path)) == [ABANDONED, "x"]


def test_a_directory_that_went_is_no_endless_loop(tmp_path, monkeypatch):
    def gone(descriptor):
        for path in tmp_path.iterdir():
            path.unlink()
        tmp_path.rmdir()

    monkeypatch.setattr(os, "fsync", gone)
    with pytest.raises(ResultsError, match=r"x cannot be written: .* its directory is gone"):
        write_file(tmp_path / "x", b"whole")


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (28, "No space left on device; make room on the disk, and give the same command again"),
        (122, "make room within your quota"),
        (30, "Read-only file system; make it writable, or name another place"),
        (5, "Input/output error$"),
    ],
)
def test_each_fault_has_its_line(tmp_path, monkeypatch, number, said):
    def fail(descriptor):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(ResultsError, match=said) as caught:
        write_file(tmp_path / "x", b"whole")
    assert str(caught.value).startswith(f"{tmp_path / 'x'} cannot be written: ")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM])
def test_what_is_not_permitted_has_the_remedy_of_the_action(number):
    error = OSError(number, os.strerror(number))
    said = {
        what: str(unusable("x", what, error)).rpartition("; ")[2]
        for what in ("be read", "be opened", "be used", "be written", "be renamed to y")
    }
    assert said == {
        "be read": "make it readable, or name another",
        "be opened": "make it readable, or name another",
        "be used": "change its permissions, or name another",
        "be written": "make it writable, or name another place",
        "be renamed to y": "make it writable, or name another place",
    }


def test_what_is_set_aside_replaces_nothing(tmp_path):
    for content in ("one", "two", "three"):
        (tmp_path / "x").write_text(content)
        set_aside(tmp_path / "x")
    (tmp_path / "x").symlink_to(tmp_path / "nowhere")
    assert set_aside(tmp_path / "x").name == "x.damaged.4"
    (tmp_path / "x").mkdir()
    assert set_aside(tmp_path / "x").name == "x.damaged.5"
    (tmp_path / "x.damaged.5").rmdir()
    assert set_aside(tmp_path / "gone").name == "gone.damaged"  # by somebody else
    assert {
        path.name: path.read_text() for path in tmp_path.iterdir() if not path.is_symlink()
    } == {"x.damaged": "one", "x.damaged.2": "two", "x.damaged.3": "three"}


def test_a_lock_goes_with_the_process_that_holds_it(tmp_path):
    hold = (
        "import sys, time\nfrom alrun.util.atomic_files import locked\nwith locked(sys.argv[1]):\n"
    )
    hold += "    print('held', flush=True)\n    time.sleep(60)"
    holder = subprocess.Popen(
        [sys.executable, "-c", hold, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout.readline() == "held\n"
    descriptor = os.open(tmp_path, os.O_RDONLY)
    with pytest.raises(BlockingIOError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(descriptor)
    holder.kill()
    holder.wait()
    with locked(tmp_path):
        pass


def test_with_msvcrt_the_file_of_a_living_writer_stays_and_that_of_a_killed_one_goes(tmp_path):
    living, killed = (writer(tmp_path / name, WINDOWS) for name in ("living", "killed"))
    killed.kill()
    killed.wait()
    assert len(os.listdir(tmp_path)) == 2
    assert program(WINDOWS + REMOVER, tmp_path).wait() == 0
    assert [name.split(".")[1] for name in os.listdir(tmp_path)] == ["living"]
    living.communicate("go on\n")
    assert (tmp_path / "living").read_bytes() == b"whole"
    assert os.listdir(tmp_path) == ["living"]


def test_with_msvcrt_one_process_holds_a_directory_at_a_time(tmp_path):
    first, second = (program(WINDOWS + HOLDER, tmp_path) for _ in range(2))
    ready, _, _ = select.select([first.stdout, second.stdout], [], [])
    holder, other = (first, second) if first.stdout in ready else (second, first)
    assert holder.stdout.readline() == "held\n"
    assert select.select([other.stdout], [], [], 1.0)[0] == []
    holder.kill()
    assert other.stdout.readline() == "held\n"
    other.communicate("go on\n")
    assert other.returncode == 0
    assert os.listdir(tmp_path) == [".lock"]
    first.wait()


def test_with_no_locks_at_all_files_appear_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(atomic_files, "fcntl", None)
    with locked(tmp_path):
        write_file(tmp_path / "x", b"one")
        write_file(tmp_path / "x", b"two")
    (tmp_path / ABANDONED).write_bytes(b"half")
    remove_abandoned(tmp_path)
    assert sorted(os.listdir(tmp_path)) == [ABANDONED, "x"]
    assert (tmp_path / "x").read_bytes() == b"two"


def test_with_msvcrt_the_locked_byte_lies_beyond_the_content(tmp_path, monkeypatch):
    places = []

    def locking(descriptor, mode, n_bytes):
        places.append(os.lseek(descriptor, 0, os.SEEK_CUR))

    stand_in = types.SimpleNamespace(locking=locking, LK_NBLCK=2)
    monkeypatch.setattr("alrun.util.atomic_files.fcntl", None)
    monkeypatch.setattr("alrun.util.atomic_files.msvcrt", stand_in)
    write_file(tmp_path / "file", b"content")
    assert len(places) == 1
    assert places[0] > 2**30
    assert (tmp_path / "file").read_bytes() == b"content"
