"""Templates of worker processes: what copies have of them, and how both end."""

import os
import resource
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import psutil
import pytest
from sessions import PATIENCE, has_ended, wait_until

from alrun.errors import ResultsError
from alrun.execute import template
from alrun.execute.isolated import IsolatedWorker
from alrun.execute.worker_process import WorkerProcess

SLOW = """
import time
from alrun.execute import template_process
template_process._write_nowhere = lambda: time.sleep(600)
"""


@contextmanager
def ready_process():
    """Yield a worker process that waits for something to do."""
    process = WorkerProcess()
    try:
        assert process.receive() is None
        yield process
    finally:
        process.end()


def pid_of_template():
    return template._template._process.pid


def test_copies_come_from_one_template_and_have_groups_of_their_own():
    with ready_process() as one, ready_process() as other:
        for process in (one, other):
            pid = process._process.pid
            assert psutil.Process(pid).ppid() == pid_of_template()
            assert os.getpgid(pid) == pid
        assert one._process.pid != other._process.pid
    assert os.getpgid(pid_of_template()) == pid_of_template()


def test_a_copy_has_the_surroundings_of_who_asks_for_it(tmp_path, monkeypatch):
    with IsolatedWorker() as worker:
        worker.call(os.getpid)  # now there is a template
    monkeypatch.setenv("A_WORD", "\udcff of mine")
    monkeypatch.setenv("MUCH", 100_000 * "x")
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    with IsolatedWorker() as worker:
        assert worker.call(os.getenv, "A_WORD") == "\udcff of mine"
        assert worker.call(os.getenv, "MUCH") == 100_000 * "x"
        assert worker.call(os.getenv, "HOME") is None
        assert worker.call(os.getcwd) == str(tmp_path)
        assert worker.call(eval, "__import__('sys').path") == sys.path


def test_where_the_current_directory_is_gone_workers_start_all_the_same(tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    with IsolatedWorker() as worker:
        assert worker.call(abs, -1) == 1


def test_a_copy_has_no_file_of_another():
    with ready_process() as first, ready_process() as second:
        n_first, n_second = (
            len(os.listdir(f"/proc/{process._process.pid}/fd")) for process in (first, second)
        )
        assert n_first == n_second


def test_a_template_has_no_thread_of_python_when_it_is_copied():
    with IsolatedWorker() as worker:
        names = worker.call(eval, "[x.name for x in __import__('threading').enumerate()]")
    assert len(names) == 2  # its own, and the one that waits for the end of the connection
    tasks = Path(f"/proc/{pid_of_template()}/task").iterdir()
    names = [(task / "comm").read_text().strip() for task in tasks]
    assert len(names) - names.count("jemalloc_bg_thd") == 1  # that one is safe to copy


def test_copies_outlive_a_template_that_is_killed_and_another_takes_its_place():
    with ready_process() as process:
        before = pid_of_template()
        os.kill(before, signal.SIGKILL)
        assert wait_until(template._template.has_ended)
        process.call(abs, [-1])
        assert process.receive() == 1
        with ready_process():
            assert pid_of_template() != before
        os.kill(process._process.pid, signal.SIGKILL)
        assert process.receive().how == "by closing its connection"  # its exit code is lost


def test_what_a_copy_has_started_ends_with_it():
    with ready_process() as process:
        process.call(os.spawnlp, [os.P_NOWAIT, "sleep", "sleep", "600"])
        child = process.receive()
        os.kill(process._process.pid, signal.SIGKILL)
        assert process._process.wait(PATIENCE) == -signal.SIGKILL
        assert wait_until(lambda: has_ended(child))


def test_a_template_that_is_not_ready_ends_with_its_command(template_program):
    template_program(SLOW + template._PROGRAM)
    process = WorkerProcess()
    template._template.leave()
    assert process._process.wait(PATIENCE) == -signal.SIGKILL
    process.end()


def test_a_worker_that_does_not_exist_yet_can_be_killed(template_program):
    template_program(SLOW + template._PROGRAM)
    process, answers = WorkerProcess(), []
    thread = threading.Thread(target=lambda: answers.append(process._connection.poll(PATIENCE)))
    thread.start()
    assert not process.kill()
    thread.join(PATIENCE)
    assert answers == [True]
    process.end()


def test_a_template_ends_with_its_command_and_when_it_has_had_no_copy_for_long(template_program):
    template_program(
        template._PROGRAM.replace("it._IDLE = 3600.0", "it._IDLE = .1")  # as all tests have it
    )
    with ready_process():
        assert not wait_until(template._template.has_ended, 0.5)
    assert wait_until(template._template.has_ended)
    with ready_process() as process:
        template._template.leave()
        assert template._template._process.wait(PATIENCE) == 0
        process.call(abs, [-1])
        assert process.receive() == 1


def test_a_fork_of_a_command_has_a_template_of_its_own():
    with IsolatedWorker() as worker:
        theirs = worker.call(abs, -1) and pid_of_template()
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            with IsolatedWorker() as worker:
                worker.call(abs, -1)
                os.write(write, str(pid_of_template()).encode())
                template._end()
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    assert int(os.read(read, 100)) != theirs
    assert pid_of_template() == theirs
    with IsolatedWorker() as worker:
        assert worker.call(abs, -1) == 1


@pytest.mark.parametrize("code", ["", "import os; os._exit(3)", "raise SystemExit"])
def test_nothing_of_a_command_is_left(code, tmp_path):
    program = f"""
import os
from alrun.execute import template
from alrun.execute.worker_process import WorkerProcess
process = WorkerProcess()
process.receive()
print(template._template._process.pid, process._process.pid, flush=True)
{code}
"""
    done = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, timeout=PATIENCE)
    for pid in map(int, done.stdout.split()):
        assert wait_until(lambda pid=pid: has_ended(pid))


def test_too_little_address_space_is_a_sentence(template_program, monkeypatch):
    limits = (640 * 2**20, resource.RLIM_INFINITY)
    limited = partial(resource.setrlimit, resource.RLIMIT_AS, limits)
    limited_popen = partial(subprocess.Popen, preexec_fn=limited)
    monkeypatch.setattr("alrun.execute.template.subprocess.Popen", limited_popen)
    monkeypatch.setattr("alrun.execute.isolated._STARTS", 1)
    template_program(template._PROGRAM)
    with IsolatedWorker() as worker, pytest.raises(ResultsError) as raised:
        worker.call(len, "abc")
    assert "workers do not start" in str(raised.value)
    assert "(the limit on address space is 640 MiB, and alrun needs 1,024 MiB;" in str(raised.value)


UNABLE = """
import os

def fork():
    raise BlockingIOError(11, "no more processes")

os.fork = fork
"""


def test_a_system_that_makes_no_more_processes_is_a_sentence(template_program, monkeypatch):
    template_program(UNABLE + template._PROGRAM)
    monkeypatch.setattr("alrun.execute.isolated._STARTS", 2)
    with IsolatedWorker() as worker, pytest.raises(ResultsError, match="no more processes"):
        worker.call(len, "abc")
