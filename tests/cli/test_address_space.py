"""Limits on address space: one line, not the traceback of an import."""

import os
import resource
import subprocess
import sys
from functools import partial
from importlib import import_module
from pathlib import Path

import pytest
from commands import alrun, alrun_here
from preloaded import anew
from sessions import PATIENCE

from alrun.errors import AlrunError
from alrun.util.address_space import check_address_space

options = import_module("alrun.report.options")


def limited(n_bytes):
    return partial(resource.setrlimit, resource.RLIMIT_AS, (n_bytes, n_bytes))


@pytest.mark.parametrize("command", [("report", "results"), ("list", "strategies")])
def test_too_little_address_space_is_one_line(tmp_path, command):
    done = alrun(*command, cwd=tmp_path, process=anew, preexec_fn=limited(400_000 * 1024))
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == (
        "the limit on address space is 391 MiB, and alrun needs 1,024 MiB; raise the limit with"
        " `ulimit -v`, or where the system or its queue sets it\n"
    )


def test_enough_address_space_is_enough():
    done = alrun("list", "strategies", process=anew, preexec_fn=limited(2**31))
    assert done.returncode == 0


def test_a_system_without_limits_has_none(monkeypatch):
    with monkeypatch.context() as without:
        without.setattr(resource, "getrlimit", lambda _: (1, 1))
        with pytest.raises(AlrunError):
            check_address_space()
        without.setitem(sys.modules, "resource", None)
        check_address_space()


CRAMPED = """
import resource, numpy as np
from pathlib import Path
from scipy.linalg import cholesky
from alrun.execute.worker import _claim_buffers

_claim_buffers()
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 2**23, used + 2**23))
np.linalg.cholesky(np.eye(40)), cholesky(np.eye(40)), np.ones((300, 300)) @ np.ones((300, 300))
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="asks /proc for what it uses")
def test_a_worker_has_the_memory_of_its_linear_algebra_before_the_data_come():
    done = subprocess.run(
        [sys.executable, "-c", CRAMPED],
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ImportError("libx.so: failed to map segment from shared object"), 2),
        (ImportError("libx.so: cannot allocate memory in static TLS block"), 2),
        (MemoryError(), 2),
        (MemoryError("Unable to allocate\n2 GiB"), 2),
    ],
)
def test_a_want_of_memory_later_on_is_one_line_too(monkeypatch, error, code):
    def fail(*_):
        raise error

    monkeypatch.setattr(options, "options_for", fail)
    done = alrun_here("report", "results")
    assert done.returncode == code
    (line,) = done.stderr.splitlines()
    assert line.startswith("there is too little memory")
    assert "ulimit -v" in line


def test_another_import_error_is_not_blamed_on_memory(monkeypatch):
    def fail(*_):
        raise ImportError("no name 'x'")

    monkeypatch.setattr(options, "options_for", fail)
    with pytest.raises(ImportError, match="no name"):
        alrun_here("report", "results")
