"""The command line, in this process or in one of its own.

One of its own is copied from a process that has imported what commands need. `process=anew` starts
it as users do: for tests of what happens then.
"""

import os
import subprocess
import sys
from contextlib import chdir

from preloaded import PreloadedCommand
from sessions import PATIENCE, wait_until
from small_experiments import SMALL
from typer.testing import CliRunner

from alrun.cli.app import app

ALRUN = [sys.executable, "-m", "alrun"]
# The number of runs in the long sweep.
N_LONG = 1600


def alrun_here(*arguments, cwd=".", env=None):
    """Run the command line in this process, to save a second for its imports."""
    with chdir(cwd):
        words = [str(word) for word in arguments]
        done = CliRunner().invoke(app, words, env={"COLUMNS": "100", **(env or {})})
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return subprocess.CompletedProcess(arguments, done.exit_code, done.stdout, done.stderr)


def alrun(*arguments, cwd=None, env=None, process=PreloadedCommand, **options):
    """Run the command line in a process of its own, to its end."""
    begun = process(
        ["alrun", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        cwd=cwd,
        env={**os.environ, "COLUMNS": "100", **(env or {})},
        **options,
    )
    try:
        out, errors = begun.communicate(timeout=PATIENCE)
    finally:
        begun.kill()
    return subprocess.CompletedProcess(arguments, begun.returncode, out, errors)


def started(folder, *arguments, process=PreloadedCommand, **options):
    """Start the command line in a session of its own, to signal all its processes at once."""
    return process(
        ["alrun", *map(str, arguments)],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        start_new_session=True,
        **options,
    )


def long_sweep(folder, jobs=2, backend="isolated", **options):
    """Start a sweep of many seconds, with results in `results/long`."""
    (folder / "long.toml").write_text(SMALL.replace("seeds       = 2", "seeds       = 200"))
    return started(folder, "sweep", "long.toml", "--jobs", jobs, "--backend", backend, **options)


def has_stored(process, folder, n):
    """Wait until the long sweep has stored n runs or has ended; return whether n are stored."""
    wait_until(lambda: n_stored(folder) >= n or process.poll() is not None)
    return n_stored(folder) >= n


def n_stored(folder):
    """Return the number of stored runs of the long sweep."""
    return len(list((folder / "results/long/runs").glob("*.parquet")))
