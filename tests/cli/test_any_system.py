"""The commands on a system that lacks what only POSIX has."""

import json
import os
import subprocess
import sys

from sessions import PATIENCE
from small_experiments import tables

from alrun.api import run_sweep

# psutil comes first: its part for Linux, which no other system imports, wants what goes here.
WITHOUT = """
import os, signal, sys
import psutil

for name in ("fcntl", "resource"):
    sys.modules[name] = None
del os.killpg, os.pread, signal.SIGUSR1
"""
COMMANDS = """
import json, sys
from alrun.cli.app import app

for command in json.loads(sys.argv[1]):
    try:
        app(command)
    except SystemExit as done:
        print("exit code", done.code, file=sys.stderr)
try:
    import fcntl
except ImportError:
    print("without fcntl", file=sys.stderr)
"""


def test_sweep_report_plot_and_status_need_nothing_of_posix(tiny, tmp_path):
    """All Pythons lack it, those of workers too."""
    (tmp_path / "sitecustomize.py").write_text(WITHOUT)
    results = str(tmp_path / "results")
    commands = [
        ["sweep", str(tiny), "--results", results, "--jobs", "2"],
        ["report", results],
        ["plot", results, "--output", str(tmp_path / "curves.svg")],
        ["status", results],
        ["sweep", str(tiny), "--results", results, "--backend", "isolated"],
    ]
    path = os.pathsep.join([str(tmp_path), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", COMMANDS, json.dumps(commands)],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stderr
    *_, sentence, code, last = done.stderr.splitlines()
    assert last == "without fcntl"
    assert (sentence, code) == (
        "--backend isolated: this system cannot isolate processes; use loky",
        "exit code 2",
    )
    assert done.stderr.count("exit code 0") == 4
    assert tables(tmp_path / "results") == tables(run_sweep(tiny, tmp_path / "here", jobs=0))
