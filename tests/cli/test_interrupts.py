"""An interrupt at any moment: exit code 130, no traceback, no process that stays."""

import os
import pty
import signal
import subprocess
import sys
import threading
import time

import pytest
from commands import N_LONG, alrun_here, has_stored, long_sweep, n_stored, started
from preloaded import anew
from sessions import PATIENCE, members, wait_until
from small_experiments import TINY

from alrun.cli.interrupts import MESSAGE

# Python runs it in each process first of all: one of loky may be struck as early.
STRUCK_AT_BIRTH = """
import signal, sys
if "--process-name" in sys.orig_argv:  # as loky names its own
    signal.raise_signal(signal.SIGINT)
"""


@pytest.mark.parametrize(
    ("jobs", "backend"),
    [pytest.param(1, "isolated", marks=pytest.mark.slow), (2, "isolated"), (2, "loky")],
)
def test_an_interrupt_keeps_what_is_finished_and_exits_130(tmp_path, jobs, backend):
    (tmp_path / "sitecustomize.py").write_text(STRUCK_AT_BIRTH)
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    env = os.environ | {"PYTHONPATH": path}
    process = long_sweep(tmp_path, jobs, backend, env=env, process=anew)
    assert has_stored(process, tmp_path, 4)
    # As a terminal does, the signal goes to every process of the group.
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert "finished runs are kept" in errors
    finished = n_stored(tmp_path)
    assert 4 <= finished < N_LONG
    status = alrun_here("status", "results/long", cwd=tmp_path)
    assert f"{finished} done" in status.stdout
    assert alrun_here("report", "results/long", cwd=tmp_path).returncode == 0


@pytest.mark.parametrize(
    "gap", [0.0, *(pytest.param(gap, marks=pytest.mark.slow) for gap in (0.01, 0.03))]
)
def test_more_interrupts_change_nothing(tmp_path, gap):
    """They must not strike the ending of the workers."""
    process = long_sweep(tmp_path)
    assert has_stored(process, tmp_path, 4)
    for _ in range(3):
        os.killpg(process.pid, signal.SIGINT)
        time.sleep(gap)
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert "Traceback" not in errors


BEGIN = """
import os, signal, sys
from alrun.cli.interrupts import leave_when_interrupted, raised

def interrupt():
    signal.raise_signal(signal.SIGINT)
    print("goes on", flush=True)
"""
THREE_TIMES = """
leave_when_interrupted()
with raised():
    try:
        interrupt()
    except KeyboardInterrupt:
        print("ends in order", flush=True)
    interrupt()
    interrupt()
"""
AFTERWARDS = """
leave_when_interrupted()
with raised():
    pass
interrupt()
"""
IGNORED = """
signal.signal(signal.SIGINT, signal.SIG_IGN)
leave_when_interrupted()
with raised():
    interrupt()
"""
WHILE_PYTHON_ENDS = """
class Last:
    def __del__(self, kill=os.kill, process=os.getpid(), number=signal.SIGINT):
        kill(process, number)

leave_when_interrupted()
sys.modules["last"] = Last()
raise SystemExit(7)
"""


def interrupted(script):
    """Run a script that interrupts itself; return its exit code and what it wrote."""
    done = subprocess.run([sys.executable, "-c", BEGIN + script], capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def test_the_first_interrupt_is_raised_the_second_warns_and_the_third_leaves():
    code, out, errors = interrupted(THREE_TIMES)
    assert (code, out) == (130, "ends in order\ngoes on\n")
    warning, last = errors.splitlines()
    assert warning.startswith("the tables are being made")
    assert last == MESSAGE


def test_elsewhere_an_interrupt_leaves_at_once():
    assert interrupted(AFTERWARDS) == (130, "", f"{MESSAGE}\n")


def test_interrupts_that_are_ignored_remain_so():
    assert interrupted(IGNORED) == (0, "goes on\n", "")


def test_an_interrupt_while_python_ends_leaves_the_exit_code():
    """By then Python has given the signal back to the system, whose way is to kill."""
    assert interrupted(WHILE_PYTHON_ENDS) == (7, "", "")


def test_who_leaves_a_terminal_shows_the_cursor_again():
    ours, theirs = pty.openpty()
    code = subprocess.run([sys.executable, "-c", BEGIN + AFTERWARDS], stderr=theirs).returncode
    assert code == 130
    assert os.read(ours, 1000).startswith(b"\x1b[?25h")
    os.close(ours)
    os.close(theirs)


def has_started_workers(process):
    """Return whether a program is no longer alone in its session."""
    return len(members(process.pid)) > 1


def all_ended(process):
    """Return whether all that a program has started ends."""
    return wait_until(lambda: not members(process.pid))


@pytest.mark.parametrize("delay", [0.0, pytest.param(0.02, marks=pytest.mark.slow), 0.5])
def test_an_interrupt_while_workers_start_is_not_lost(tmp_path, delay):
    process = long_sweep(tmp_path)
    assert wait_until(lambda: has_started_workers(process))
    time.sleep(delay)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert "Traceback" not in errors  # as of workers that were born without protection
    assert all_ended(process)


def test_workers_that_started_too_early_are_ended(tmp_path):
    """An experiment that cannot be run is found out while they start."""
    bad = tmp_path / "bad.toml"
    os.mkfifo(bad)  # so that it is not found out before they have been seen
    process = started(tmp_path, "sweep", bad.name, "--jobs", 2)
    assert wait_until(lambda: has_started_workers(process))
    text = TINY.replace("budget", "bugdet")
    threading.Thread(target=bad.write_text, args=(text,), daemon=True).start()
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 2
    assert "bugdet" in errors
    assert all_ended(process)


@pytest.mark.parametrize("delay", [0.0, pytest.param(0.1, marks=pytest.mark.slow)])
def test_an_interrupt_before_the_first_run_is_not_lost(tmp_path, delay):
    process = long_sweep(tmp_path)
    assert wait_until((tmp_path / "results/long/experiment.toml").exists)
    time.sleep(delay)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert "Traceback" not in errors
