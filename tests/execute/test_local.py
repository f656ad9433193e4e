"""Workers: what a run does to its own, and what that costs the others."""

import os
import signal
import subprocess
import sys
import threading
from types import SimpleNamespace

import pytest
from preloaded import PreloadedCommand
from sessions import PATIENCE, has_ended, wait_until

import alrun
from alrun.api import run_sweep
from alrun.errors import AlrunError, ResultsError
from alrun.execute import template
from alrun.execute import worker_process as module
from alrun.execute.isolated import TRIES, IsolatedWorker
from alrun.execute.local import Workers
from alrun.execute.worker import Task
from alrun.sweep.plan import plan_sweep
from alrun.sweep.run import run_missing

MINE = """
import ctypes, os, signal, stat, subprocess, sys, threading, time
from contextlib import suppress
from pathlib import Path

FOLDER = Path(__file__).parent


class Odd(Exception):
    def __init__(self, one, two):
        super().__init__(one)

    def __str__(self):
        raise ValueError


def note(name):
    with open(FOLDER / name, "a") as file:
        file.write(f"{os.getpid()}\\n")


def killed(pool, n, rng):
    note("killed")
    os.kill(os.getpid(), signal.SIGKILL)


def faulty(pool, n, rng):
    ctypes.string_at(0)


def leaving(pool, n, rng):
    os._exit(0)


def odd(pool, n, rng):
    raise Odd(1, 2)


def endless(pool, n, rng):
    child = subprocess.Popen(["sleep", "600"])
    (FOLDER / "sleeping").write_text(str(child.pid))
    (FOLDER / "begun").touch()
    while True:
        time.sleep(0.01)


def threaded(pool, n, rng):
    (FOLDER / "threads").write_text(os.environ["OMP_NUM_THREADS"])
    (FOLDER / "path").write_text("\\n".join(sys.path))
    return list(range(n))


def deep(pool, n, rng, depth=80):
    return deep(pool, n, rng, depth - 1) if depth else endless(pool, n, rng)


def copied(pool, n, rng):
    os.fork()
    return list(range(n))


def survived(pool, n, rng):
    if os.fork() == 0:
        time.sleep(600)
    os.kill(os.getpid(), signal.SIGKILL)


def lasting(pool, n, rng):
    threading.Thread(target=time.sleep, args=(600,)).start()
    raise GeneratorExit


def disconnected(pool, n, rng):
    threading.Thread(target=time.sleep, args=(600,)).start()
    for descriptor in map(int, os.listdir("/proc/self/fd")):
        with suppress(OSError):
            if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                os.close(descriptor)


def interrupted(pool, n, rng):
    raise KeyboardInterrupt


def unprintable(pool, n, rng):
    raise ValueError("\\ud800\\x1b[31m\\n" + 5000 * "long")


def once(pool, n, rng):
    if not (FOLDER / "once").exists():
        note("once")
        os.kill(os.getpid(), signal.SIGSEGV)
    return list(range(n))
"""


@pytest.fixture(autouse=True)
def time_to_tell(monkeypatch):
    """Let processes take their time to end, or to say what they do: there may be no core free."""
    monkeypatch.setattr(module, "_GRACE_PERIOD", PATIENCE)


@pytest.fixture
def planned(tiny, tmp_path):
    """Return how to plan the tiny experiment with strategies of a file, and one seed."""
    (tmp_path / "mine.py").write_text(MINE)

    def plan(*names, seeds=1):
        strategies = ["random", *(f"mine.py:{name}" for name in names)]
        return plan_sweep(tiny, tmp_path / "results", [f"{strategies=}", f"seeds={seeds}"])

    return plan


def by_strategy(plan):
    return {plan.specs[key].strategy.display_name: value for key, value in plan.failures.items()}


@pytest.mark.parametrize("jobs", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_a_run_that_kills_its_worker_is_tried_three_times_and_costs_no_other(
    planned, tiny, tmp_path, jobs
):
    plan = run_missing(planned("killed"), Workers(jobs))
    (failure,) = plan.failures.values()
    assert (failure.status, failure.attempts) == ("crashed", 3)
    assert len(set((tmp_path / "killed").read_text().split())) == 3
    assert failure.error.startswith("its worker died 3 times, the last by SIGKILL")
    assert planned("killed").missing() == []
    alone = run_sweep(
        tiny, tmp_path / "alone", jobs=0, overrides=['strategies=["random"]', "seeds=1"]
    )
    assert alrun.load_curves(tmp_path / "results").equals(alrun.load_curves(alone))


def tried_once(planned, *names):
    """Return the failures of runs in one worker after the other, and compute a sound run last.

    How a death is told does not depend on how often a run is tried, and each try takes a process.
    """
    plan = planned(*names)
    with IsolatedWorker(PATIENCE) as worker:
        failures = [
            worker.compute(task_of(plan, f"mine:{name}"), first_try=TRIES).failure for name in names
        ]
        assert worker.compute(task_of(plan, "random")).failure is None
    return failures


def test_how_a_worker_died_is_told(planned):
    faulty, leaving, odd = tried_once(planned, "faulty", "leaving", "odd")
    assert faulty.error.endswith("the last by SIGSEGV")
    assert "in faulty\n" in faulty.traceback
    assert "Extension modules" not in faulty.traceback
    assert leaving.error.endswith("the last with exit code 0")
    assert odd.status == "failed"
    assert odd.error.startswith("Odd (mine.py, line ")
    assert "in odd\n" in odd.traceback


def test_a_run_whose_worker_dies_once_is_computed_after_all(planned):
    plan = run_missing(planned("once"), Workers(1))
    assert plan.failures == {}
    assert len(plan.finished) == 2


def test_a_run_that_copies_its_process_answers_once(planned):
    plan = run_missing(planned("copied", seeds=3), Workers(1, timeout=PATIENCE))
    assert plan.failures == {}
    assert len(plan.finished) == 6


def test_a_death_is_seen_and_told_whatever_a_run_has_left(planned, capfd):
    survived, lasting, interrupted = tried_once(planned, "survived", "lasting", "interrupted")
    assert survived.error.startswith("its worker died 3 times, the last by SIGK")
    assert lasting.error.startswith("GeneratorExit: (mine.py, line ")
    assert interrupted.error.startswith("KeyboardInterrupt: (mine.py, line ")
    assert capfd.readouterr().err == ""


def test_a_worker_that_cannot_answer_ends_and_says_why(planned, capfd):
    (failure,) = tried_once(planned, "disconnected")
    assert failure.status == "crashed"
    assert failure.error.endswith("the last with exit code 1")
    assert "Bad file descriptor" in failure.traceback
    assert capfd.readouterr().err == ""


def test_what_a_run_says_is_a_line_that_tables_and_screens_can_hold(planned, tmp_path):
    plan = run_missing(planned("unprintable"), Workers(1))
    error = by_strategy(plan)["mine:unprintable"].error
    assert error.startswith("ValueError: \\ud800\\x1b[31m long")
    assert len(error) < 1100
    assert error in set(alrun.load_runs(tmp_path / "results")["error"])


def test_modules_in_the_current_directory_are_not_taken_for_pythons(tiny, tmp_path, monkeypatch):
    for name in ("json", "signal", "alrun"):
        (tmp_path / f"{name}.py").write_text("raise SystemError")
    monkeypatch.chdir(tmp_path)
    assert len(run_missing(plan_sweep(tiny, tmp_path / "results"), Workers(1)).finished) == 6


@pytest.mark.parametrize(("jobs", "n"), [(-1, 2), (1, 1), (64, 2)])
def test_few_workers_are_started_before_the_number_of_runs_is_known(monkeypatch, jobs, n):
    started = []
    monkeypatch.setattr("alrun.execute.isolated_backend.cpu_count", lambda: 64)
    monkeypatch.setattr("alrun.execute.local.cpu_count", lambda: 64)
    monkeypatch.setattr("alrun.execute.isolated.WorkerProcess", started.append)
    Workers(jobs).start()
    assert len(started) == n


@pytest.fixture
def workers_started(monkeypatch):
    """Return a list that grows with each worker process that starts, as if on 64 cores."""
    monkeypatch.setattr("alrun.execute.local.cpu_count", lambda: 64)
    started = []

    class Counted(module.WorkerProcess):
        def __init__(self, *arguments):
            started.append(self)
            super().__init__(*arguments)

    monkeypatch.setattr("alrun.execute.isolated.WorkerProcess", Counted)
    return started


def test_no_more_workers_are_started_than_there_are_runs(planned, workers_started):
    with Workers(64) as workers:
        workers.start()
        assert len(run_missing(planned(seeds=2), workers).finished) == 2
    assert 1 <= len(workers_started) <= 2


def test_no_more_workers_are_started_than_memory_has_room_for(
    planned, workers_started, monkeypatch
):
    available = SimpleNamespace(available=2 * 200 * 2**20 + 1, total=2**40)
    monkeypatch.setattr("alrun.execute.local.psutil.virtual_memory", lambda: available)
    said = []
    assert len(run_missing(planned(seeds=4), Workers(64, on_message=said.append)).finished) == 4
    assert 1 <= len(workers_started) <= 2
    assert said == ["Free memory has room for 2 workers of 200 MiB each: 2 at a time instead of 4."]


@pytest.mark.parametrize(
    ("backend", "n_runs", "n"),
    [
        ("isolated", 1, 1),
        ("isolated", 99, 64),
        ("loky", 1, 2),
        ("loky", 5, 5),
        ("threading", 1, 64),
    ],
)
def test_joblib_gets_no_more_processes_than_runs(monkeypatch, backend, n_runs, n):
    available = SimpleNamespace(available=2**40)
    monkeypatch.setattr("alrun.execute.local.psutil.virtual_memory", lambda: available)
    assert Workers(64, backend=backend)._n_at_a_time(n_runs) == n


@pytest.mark.usefixtures("time_to_begin")
@pytest.mark.parametrize("jobs", [1, 2])
def test_a_run_that_takes_too_long_is_ended_with_all_that_it_started(planned, tmp_path, jobs):
    plan = run_missing(planned("endless"), Workers(jobs, timeout=2))
    failure = by_strategy(plan)["mine:endless"]
    assert (failure.status, failure.attempts) == ("failed", 1)
    assert failure.error == "TimeoutError: it took more than 2 s"
    assert "in endless\n" in failure.traceback
    assert len(plan.finished) == 1
    assert wait_until(lambda: has_ended(int((tmp_path / "sleeping").read_text())))


def task_of(plan, label):
    """Return the run of a plan with a strategy of this label."""
    (spec,) = [spec for spec in plan.specs.values() if spec.strategy.display_name == label]
    return Task(spec, plan.sources["iris"], {})


def test_where_a_run_is_is_told_whole(planned, tmp_path):
    process = module.WorkerProcess()
    try:
        assert process.receive() is None
        process.submit(task_of(planned("deep"), "mine:deep"))
        assert wait_until((tmp_path / "sleeping").exists)
        stack = process.dump_stack()
    finally:
        process.end()
    assert stack.count("in deep\n") == 81
    assert "in endless\n" in stack
    assert "in serve\n" in stack


def test_a_process_that_has_ended_has_no_stack_and_its_number_gets_no_signal(monkeypatch):
    monkeypatch.setattr(module, "_GRACE_PERIOD", 0)
    process = module.WorkerProcess()
    try:
        assert process.receive() is None
        pid = process._process.pid
        os.kill(pid, signal.SIGKILL)
        assert process._process.wait() == -signal.SIGKILL
        sent = []
        monkeypatch.setattr(os, "kill", lambda *arguments: sent.append(arguments))
        assert process.dump_stack() == ""
        assert sent == []
    finally:
        process.end()


def test_a_timeout_may_be_longer_than_the_kernel_can_count(planned):
    task = task_of(planned(), "random")
    with IsolatedWorker(1e12) as worker:
        assert worker.compute(task).content
        worker._timeout = 1e300
        assert worker.compute(task).content


def test_workers_import_the_package_that_started_them(planned, tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "alrun.py").write_text("raise ImportError")
    monkeypatch.syspath_prepend(tmp_path / "elsewhere")
    assert len(run_missing(planned(), Workers(1)).finished) == 1


@pytest.mark.parametrize("given", [None, "2"])
def test_libraries_that_a_run_imports_find_one_thread_unless_told(
    planned, tmp_path, monkeypatch, given
):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if given:
        monkeypatch.setenv("OMP_NUM_THREADS", given)
    run_missing(planned("threaded"), Workers(1))
    assert (tmp_path / "threads").read_text() == (given or "1")
    assert (tmp_path / "path").read_text().split("\n") == sys.path


def test_a_worker_that_ended_for_want_of_runs_is_no_death_of_the_next(planned, tmp_path):
    plan = planned("killed")
    with IsolatedWorker(idle_timeout=1.0) as worker:
        assert worker.compute(task_of(plan, "random")).content
        assert wait_until(lambda: worker._process.has_exited)
        killed = worker.compute(task_of(plan, "mine:killed"), last_try=1)
    assert killed.failure.attempts == 1
    assert len((tmp_path / "killed").read_text().split()) == 1


@pytest.mark.parametrize(("jobs", "timeout"), [(0, 1), (1, 0), (1, -2), (1, float("nan"))])
def test_what_can_be_no_timeout_is_refused(jobs, timeout):
    with pytest.raises(AlrunError, match="timeout"):
        Workers(jobs, timeout)


def test_workers_that_are_closed_while_they_start_are_not_started_again(planned):
    plan = planned("endless")
    worker, raised = IsolatedWorker(), []

    def compute():
        try:
            worker.compute(task_of(plan, "mine:endless"))
        except ResultsError as error:
            raised.append(str(error))

    thread = threading.Thread(target=compute, daemon=True)
    thread.start()
    assert wait_until(lambda: worker._process)
    worker.close()
    thread.join(20)
    assert raised == ["the sweep of this run is over"]
    assert worker._process is None


def test_templates_that_are_killed_while_they_start_are_started_again(
    tiny, tmp_path, template_program
):
    starts = f"""
import os
with open({str(tmp_path / "starts")!r}, "a+") as file:
    print(file=file, flush=True)
    file.seek(0)
    if len(file.read()) < 6:
        os.kill(os.getpid(), 9)
"""
    template_program(starts + template._PROGRAM)
    results = run_sweep(tiny, tmp_path / "results", jobs=1)
    assert set(alrun.load_runs(results)["status"]) == {"finished"}


def test_workers_that_cannot_start_are_not_started_for_ever(tiny, tmp_path, template_program):
    template_program("import os; os._exit(7)")
    with pytest.raises(ResultsError, match="10 in a row ended with exit code 7"):
        run_sweep(tiny, tmp_path / "results", jobs=2)


def test_workers_end_when_the_command_is_killed(planned, tmp_path):
    planned()
    (tmp_path / "endless.toml").write_text(
        'strategies = ["mine.py:endless"]\nseeds = 1\nbudget = 20\n[dataset]\nname = "iris"\n'
    )
    command = ["alrun", "sweep", "endless.toml", "--jobs", "1"]
    process = PreloadedCommand(command, cwd=tmp_path, stderr=subprocess.DEVNULL)
    sleeping = tmp_path / "sleeping"
    assert wait_until(lambda: sleeping.exists() and sleeping.read_text())
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert wait_until(lambda: has_ended(int(sleeping.read_text())))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the kernel of Linux does it")
def test_a_run_that_keeps_the_lock_of_python_ends_with_its_command():
    process = module.WorkerProcess()
    try:
        assert process.receive() is None
        process.call(eval, ["__import__('ctypes').PyDLL(None).pause()"])
        os.close(process._process._lifeline)  # as the end of the command would
        assert process._process.wait(PATIENCE) == -signal.SIGKILL
    finally:
        process._process._lifeline = os.dup(0)
        process.end()
