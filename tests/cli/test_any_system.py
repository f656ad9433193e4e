"""The commands on a system that lacks what only POSIX has."""

import os

import pytest
from commands import alrun
from small_experiments import TABLES

from alrun.api import run_sweep

# psutil comes first: its part for Linux, which no other system imports, wants what goes here.
WITHOUT = """
import os, signal, sys
import psutil

for name in ("fcntl", "resource"):
    sys.modules[name] = None
del os.killpg, os.pread, signal.SIGUSR1
"""


@pytest.fixture
def elsewhere(tmp_path):
    """Return an environment whose Pythons, workers too, lack what only POSIX has."""
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(WITHOUT)
    path = os.pathsep.join([str(tmp_path / "site"), os.environ.get("PYTHONPATH", "")])
    return {"PYTHONPATH": path.strip(os.pathsep)}


def test_sweep_report_plot_and_status_need_nothing_of_posix(tiny, tmp_path, elsewhere):
    (tmp_path / "mine.py").write_text(
        "import fcntl\n\ndef first(pool, n, rng):\n    return list(range(n))\n"
    )
    results = tmp_path / "results"
    done = alrun("sweep", tiny, "--results", results, "--jobs", 2, cwd=tmp_path, env=elsewhere)
    assert done.returncode == 0, done.stderr
    for command in (("report",), ("status",), ("plot", "--output", tmp_path / "curves.svg")):
        done = alrun(command[0], results, *command[1:], cwd=tmp_path, env=elsewhere)
        assert done.returncode == 0, done.stderr
    here = run_sweep(tiny, tmp_path / "here", jobs=1)
    for name in TABLES:
        assert (results / name).read_bytes() == (here / name).read_bytes()
    # That the system lacks it is seen by what needs it.
    needy = ("--set", 'strategies=["mine.py:first"]')
    done = alrun("sweep", tiny, "--results", tmp_path / "x", *needy, cwd=tmp_path, env=elsewhere)
    assert done.returncode == 2
    assert "fcntl" in done.stderr
    isolated = ("--backend", "isolated")
    done = alrun("sweep", tiny, "--results", results, *isolated, cwd=tmp_path, env=elsewhere)
    assert done.returncode == 2
    assert "this system cannot isolate processes; use loky" in done.stderr
