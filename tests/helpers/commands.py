"""The command line: in this process, in one of its own, or started to be struck."""

import os
import subprocess
import sys
from contextlib import chdir

from sessions import PATIENCE, wait_until
from small_experiments import SMALL
from typer.testing import CliRunner

from alrun.cli.app import app

ALRUN = [sys.executable, "-m", "alrun"]
# How many runs the long sweep has.
N_LONG = 1600


def alrun_here(*arguments, cwd="."):
    """Run the command line in this process, which saves the second of its imports."""
    with chdir(cwd):
        done = CliRunner().invoke(app, [str(word) for word in arguments], env={"COLUMNS": "100"})
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return subprocess.CompletedProcess(arguments, done.exit_code, done.stdout, done.stderr)


def alrun(*arguments, cwd=None, env=None):
    """Run the command line to its end."""
    return subprocess.run(
        [*ALRUN, *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, "COLUMNS": "100", **(env or {})},
        timeout=PATIENCE,
        check=False,
    )


def started(folder, *arguments, **options):
    """Start the command line in a session of its own, so that signals reach all of it."""
    return subprocess.Popen(
        [*ALRUN, *map(str, arguments)],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        **options,
    )


def long_sweep(folder, jobs=2, backend="isolated"):
    """Start a sweep of many seconds, whose results are at `results/long`."""
    (folder / "long.toml").write_text(SMALL.replace("seeds       = 2", "seeds       = 200"))
    return started(folder, "sweep", "long.toml", "--jobs", jobs, "--backend", backend)


def has_stored(process, folder, n):
    """Wait until the long sweep has stored so many runs or has ended; return whether it has."""
    wait_until(lambda: n_stored(folder) >= n or process.poll() is not None)
    return n_stored(folder) >= n


def n_stored(folder):
    """Return how many runs of the long sweep are stored."""
    return len(list((folder / "results/long/runs").glob("*.parquet")))
