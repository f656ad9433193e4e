"""What runs print: it is taken from every level, bounded, and told apart."""

import os
import subprocess
import sys
from threading import Thread

import pytest
from sessions import PATIENCE, wait_until

from alrun.errors import ResultsError
from alrun.execute import template
from alrun.execute.isolated import TRIES, IsolatedWorker
from alrun.execute.local import Workers
from alrun.execute.output_pipe import MOST_KEPT, OutputPipe
from alrun.execute.worker import Task
from alrun.sweep.plan import plan_sweep
from alrun.sweep.run import run_missing

MINE = """
import ctypes, os, signal, sys, threading, time

C = ctypes.CDLL(None)


def begin():
    open(os.path.join(os.path.dirname(__file__), "begun"), "w").close()


def everywhere(pool=None, n=0, rng=None):
    print("from Python")
    print("an error", file=sys.stderr)
    os.write(1, b"to a number\\n")
    os.system("echo from a child; echo its error >&2")
    C.printf(b"from C without an end")
    return list(range(n))


def killed(pool, n, rng):
    everywhere()
    os.kill(os.getpid(), signal.SIGKILL)


def faulty(pool, n, rng):
    everywhere()
    raise ValueError


def endless(pool, n, rng):
    everywhere()
    begin()
    while True:
        time.sleep(1)


def flooding(pool, n, rng):
    os.write(1, b"flood")
    begin()
    while True:
        os.write(1, 800 * b"flood")  # a page at most: a signal may cut a longer write


def long(pool, n, rng):
    print("the beginning")
    for _ in range(3000):
        print(999 * "x")
    print("the end")
    raise ValueError


def closing(pool, n, rng):
    os.close(1)
    os.close(2)
    time.sleep(1)
    return list(range(n))


def quiet(pool, n, rng):
    return list(range(n))
"""
ALL = b"from Python\nan error\nto a number\nfrom a child\nits error\nfrom C without an end"  # once


@pytest.fixture
def task(tiny, tmp_path):
    """Return how to get the run of a strategy."""
    (tmp_path / "mine.py").write_text(MINE)

    def of(name):
        overrides = [f'strategies=["mine.py:{name}"]', "seeds=1", "batch_sizes=[14]"]
        plan = plan_sweep(tiny, tmp_path / "results", overrides)
        (spec,) = plan.specs.values()
        return Task(spec, plan.sources["iris"], {})

    return of


def test_all_that_a_run_prints_is_kept_with_its_outcome_and_nothing_shown(task, capfd, monkeypatch):
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    with IsolatedWorker(PATIENCE) as worker:
        assert worker.call(os.write, 1, b"a word of a call") == 16
        assert worker.compute(task("everywhere")).printed == ALL
        assert worker.compute(task("quiet")).printed == b""
        faulty = worker.compute(task("faulty"))
        killed = worker.compute(task("killed"), first_try=TRIES)
    assert (faulty.printed, faulty.failure.status) == (ALL, "failed")
    assert (killed.printed, killed.failure.status) == (ALL, "crashed")
    assert capfd.readouterr() == ("", "")


@pytest.mark.usefixtures("time_to_begin")
def test_what_a_run_that_takes_too_long_has_printed_is_kept(task):
    with IsolatedWorker(1) as worker:
        outcome = worker.compute(task("endless"))
    assert outcome.failure.error == "TimeoutError: it took more than 1 s"
    assert outcome.printed == ALL


def test_the_end_of_much_output_is_kept(task):
    with IsolatedWorker(PATIENCE) as worker:
        printed = worker.compute(task("long")).printed
    assert len(printed) == MOST_KEPT
    assert printed.endswith(b"x\nthe end\n")


@pytest.mark.usefixtures("time_to_begin")
def test_a_run_that_floods_its_output_is_ended_in_time(task):
    with IsolatedWorker(1) as worker:
        outcome = worker.compute(task("flooding"))
    assert outcome.failure.error == "TimeoutError: it took more than 1 s"
    assert 0 < len(outcome.printed) <= MOST_KEPT
    assert outcome.printed in (MOST_KEPT // 5 + 2) * b"flood"


def test_a_run_that_closes_its_output_does_not_keep_the_command_busy(task, monkeypatch):
    looks = []
    drain = OutputPipe.drain
    monkeypatch.setattr(OutputPipe, "drain", lambda pipe: looks.append(drain(pipe)))
    with IsolatedWorker(PATIENCE) as worker:
        assert worker.compute(task("closing")).content
    assert len(looks) < 50


def test_a_pipe_keeps_the_end_of_what_is_written_since_it_was_asked():
    pipe = OutputPipe()
    try:
        assert pipe.take() == b""
        child = subprocess.Popen(
            [sys.executable, "-c", f"print('a' * {MOST_KEPT}, end='b')"], stdout=pipe.write_end
        )
        assert wait_until(lambda: pipe.drain() or child.poll() is not None)
        assert pipe.take() == b"a" * (MOST_KEPT - 1) + b"b"
        assert pipe.take() == b""
    finally:
        pipe.close()


def test_the_log_of_a_failed_run_lies_beside_its_record(tiny, tmp_path):
    (tmp_path / "mine.py").write_text(MINE)
    overrides = ['strategies=["mine.py:faulty", "mine.py:everywhere"]', "seeds=1"]
    plan = plan_sweep(tiny, tmp_path / "results", overrides)
    plan = run_missing(plan, Workers(2))
    (run,) = plan.failures
    assert plan.store.log_of(run) == tmp_path / "results" / "failed" / f"{run}.log"
    assert plan.store.log_of(run).read_bytes() == ALL
    assert {path.name for path in (tmp_path / "results/failed").iterdir()} == {
        f"{run}.json",
        f"{run}.log",
    }


def test_why_workers_do_not_start_is_said(task, template_program):
    template_program("raise SystemExit('a reason')")
    with IsolatedWorker() as worker, pytest.raises(ResultsError, match=r"code 1 \(a reason\)"):
        worker.compute(task("quiet"))


def test_a_worker_may_print_more_than_a_pipe_holds_before_it_is_ready(task, template_program):
    template_program(f"print('x' * {10**6})\n{template._PROGRAM}")
    run, outcomes = task("everywhere"), []
    with IsolatedWorker() as worker:
        thread = Thread(target=lambda: outcomes.append(worker.compute(run)), daemon=True)
        thread.start()
        thread.join(PATIENCE)
        worker.close()
    (outcome,) = outcomes
    assert outcome.printed == ALL
