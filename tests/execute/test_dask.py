"""A Dask cluster computes the same tables, whatever becomes of its processes."""

import asyncio
import signal
import socket
import subprocess
import threading
from types import SimpleNamespace

import numpy as np
import pytest
from clusters import cluster
from commands import alrun, n_stored
from distributed.comm import CommClosedError
from preloaded import PreloadedCommand, anew
from sessions import PATIENCE, Session, wait_until
from small_experiments import tables

from alrun.api import run_sweep
from alrun.data.dataset import Dataset
from alrun.data.memory_map import mapped
from alrun.errors import AlrunError, ResultsError
from alrun.execute import executor
from alrun.execute.dask import Cluster, _limit_tries
from alrun.execute.dask_plugin import Computing
from alrun.execute.worker import Task
from alrun.spec import RunSpec
from alrun.sweep.plan import plan_sweep
from alrun.sweep.run import run_missing

MINE = """
import os, signal, time
from pathlib import Path

import psutil


def noted(pool, n, rng):
    with open({folder!r} + "/noted", "a") as file:
        file.write(f"{{os.getpid()}}\\n")
    return list(range(n))


def dying(pool, n, rng):
    print("last words")
    os._exit(3)


def speaking(pool, n, rng):
    print("a word")
    return list(range(n))


def murderous(pool, n, rng):
    dask_worker = psutil.Process().parent().ppid()  # the parent is a template
    with open({folder!r} + "/murders", "a") as file:
        file.write(f"{{dask_worker}}\\n")
    os.kill(dask_worker, signal.SIGKILL)
    time.sleep(60)


def slow(pool, n, rng):
    time.sleep(0.2)
    return list(range(n))


def endless(pool, n, rng):
    time.sleep(600)
"""
N_WORKERS = 2


@pytest.fixture(scope="module")
def started():
    with cluster(N_WORKERS) as started:
        yield started


@pytest.fixture
def dask(started):
    """Return a cluster that has a scheduler, whatever the test before has done to it."""
    if not started.has_scheduler:
        started.replace_scheduler()
    return started


@pytest.fixture
def mine(tiny):
    (tiny.parent / "mine.py").write_text(MINE.format(folder=str(tiny.parent)))
    return tiny


def errors(plan):
    return {
        plan.specs[key].strategy.display_name: failure for key, failure in plan.failures.items()
    }


def test_a_cluster_gives_the_same_bytes_and_nothing_of_the_sweep_stays_on_it(
    small, small_results, tmp_path, dask
):
    assert tables(run_sweep(small, tmp_path / "dask", dask=dask.address)) == tables(small_results)
    assert wait_until(lambda: dask.computing() == [])


@pytest.mark.slow
def test_a_cluster_behind_certificates_gives_the_same_bytes(
    small, small_results, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    openssl = "openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=mine -keyout key.pem -out ca.pem"
    subprocess.run(openssl.split(), check=True, capture_output=True)
    settings = "DASK_DISTRIBUTED__COMM__TLS__"
    monkeypatch.setenv(f"{settings}CA_FILE", str(tmp_path / "ca.pem"))
    for role in ("SCHEDULER", "WORKER", "CLIENT"):
        monkeypatch.setenv(f"{settings}{role}__CERT", str(tmp_path / "ca.pem"))
        monkeypatch.setenv(f"{settings}{role}__KEY", str(tmp_path / "key.pem"))
    with cluster(1, "tls") as behind:
        assert behind.address.startswith("tls://")
        options = ("--results", tmp_path / "results", "--dask", behind.address)
        done = alrun("sweep", small, *options, process=anew)
    assert done.returncode == 0, done.stderr
    assert tables(tmp_path / "results") == tables(small_results)


def test_mapped_features_are_sent_whole_and_shared_there(tmp_path, monkeypatch):
    monkeypatch.setattr("alrun.data.memory_map._LARGE", 0)
    X = np.arange(12.0).reshape(4, 3)
    source = mapped(Dataset(X, np.arange(4) % 2, (0, 1), "made up"))
    assert isinstance(source.X, np.memmap)
    plugin = Computing("nobody", {"made up": source}, {}, None)
    assert not isinstance(plugin._sources["made up"].X, np.memmap)
    plugin.setup(None)
    assert isinstance(plugin._sources["made up"].X, np.memmap)
    np.testing.assert_array_equal(plugin._sources["made up"].X, X)


def test_a_strategy_in_a_file_needs_no_disk_that_is_shared(mine, tmp_path, dask):
    overrides = ['strategies=["mine.py:noted"]']
    plan = plan_sweep(mine, tmp_path / "there", overrides)
    (tmp_path / "mine.py").rename(tmp_path / "away")
    assert len(run_missing(plan, Cluster(dask.address)).finished) == 3
    pids = (tmp_path / "noted").read_text().split()
    assert 0 < len(set(pids)) <= N_WORKERS  # one after the other in each process
    (tmp_path / "away").rename(tmp_path / "mine.py")
    here = run_sweep(mine, tmp_path / "here", jobs=0, overrides=overrides)
    assert tables(here) == tables(tmp_path / "there")


def test_a_run_that_kills_its_process_costs_no_worker(mine, tmp_path, dask):
    assert wait_until(lambda: len(dask.workers()) == N_WORKERS)
    before = {process.pid for process in dask.workers()}
    overrides = ['strategies=["random", "mine.py:dying", "mine.py:endless"]', "seeds=1"]
    plan = plan_sweep(mine, tmp_path / "results", overrides)
    plan = run_missing(plan, Cluster(dask.address, timeout=2))  # ample for the other run
    failures = errors(plan)
    logs = {plan.specs[run].strategy.display_name: plan.store.log_of(run) for run in plan.failures}
    assert logs["mine:dying"].read_text() == "last words\n"
    assert not logs["mine:endless"].exists()
    assert failures["mine:dying"].status == "crashed"
    assert failures["mine:dying"].attempts == 3
    assert failures["mine:dying"].error.endswith("exit code 3")
    assert failures["mine:endless"].error == "TimeoutError: it took more than 2 s"
    assert len(plan.finished) == 1
    assert {process.pid for process in dask.workers()} == before
    assert wait_until(lambda: dask.computing() == [])


@pytest.mark.parametrize("with_output", [False, True])
def test_what_finished_runs_print_is_sent_back_on_demand(mine, tmp_path, dask, with_output):
    plan = plan_sweep(mine, tmp_path / "results", ['strategies=["mine.py:speaking"]', "seeds=1"])
    printed = []
    run_missing(
        plan,
        Cluster(dask.address, with_output=with_output),
        on_progress=lambda spec, outcome: printed.append(outcome.printed),
    )
    assert b"".join(printed).count(b"a word\n") == (3 if with_output else 0)


def test_a_run_that_kills_workers_is_given_up(mine, tmp_path, dask):
    overrides = ['strategies=["random", "mine.py:murderous"]', "seeds=1"]
    plan = run_missing(plan_sweep(mine, tmp_path / "results", overrides), Cluster(dask.address))
    failure = errors(plan)["mine:murderous"]
    assert failure.status == "crashed"
    assert failure.attempts == len(set((tmp_path / "murders").read_text().split())) == 3
    assert len(plan.finished) == 1


def test_a_scheduler_that_comes_back_is_given_what_is_left(mine, tmp_path, dask):
    overrides = ['strategies=["mine.py:slow"]', "seeds=5"]
    plan = plan_sweep(mine, tmp_path / "results", overrides)
    computed = []

    def replace(spec, outcome):
        if isinstance(spec, RunSpec):
            computed.append(spec)
            if len(computed) == 3:
                dask.replace_scheduler()

    told = []
    plan = run_missing(plan, Cluster(dask.address, on_message=told.append), on_progress=replace)
    assert len(plan.finished) == len(computed) == 5
    # On a cluster that has just started, that there is no worker yet is told before.
    assert f"The Dask scheduler at {dask.address} was lost; waiting for it." in told
    here = run_sweep(mine, tmp_path / "here", jobs=0, overrides=overrides)
    assert tables(here) == tables(tmp_path / "results")


def test_where_there_is_no_scheduler_it_is_said(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr("alrun.execute.dask._ANSWER_TIMEOUT", 0.5)
    with pytest.raises(ResultsError, match="no Dask scheduler at tcp://127"):
        run_sweep(tiny, tmp_path / "results", dask="tcp://127.0.0.1:1")


def test_where_nothing_is_answered_it_is_said(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr("alrun.execute.dask._ANSWER_TIMEOUT", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(ResultsError, match=f"no Dask scheduler at {address}"):
            run_sweep(tiny, tmp_path / "results", dask=address)


@pytest.mark.parametrize("kind", ["tls", "tcp"])
def test_where_something_else_answers_it_is_said(tiny, tmp_path, kind):
    """As with the port of the dashboard, or where Dask has no certificate."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        answer = threading.Thread(target=lambda: server.accept()[0].sendall(b"HTTP/1.0 200 OK" * 9))
        answer.daemon = True
        answer.start()
        address = f"{kind}://127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(AlrunError, match=f"--dask {address} is not where a scheduler"):
            run_sweep(tiny, tmp_path / "results", dask=address)


class Refusing:
    """A client whose workers, if there are any, cannot take what they are sent."""

    status, id = "running", "refusing"

    def __init__(self, error, nthreads=None):
        self._error = error
        self._nthreads = nthreads or {}

    def nthreads(self):
        return self._nthreads

    def run_on_scheduler(self, function):
        return []

    def register_plugin(self, plugin):
        raise self._error

    def unregister_worker_plugin(self, name):
        raise KeyError(name)


@pytest.fixture
def tasks(tiny, tmp_path):
    plan = plan_sweep(tiny, tmp_path / "none")
    return [Task(spec, plan.sources["iris"], {}) for spec in plan.specs.values()]


@pytest.mark.parametrize(
    "error",
    [OSError(28, "No space left on device"), ModuleNotFoundError("No module named 'alrun'")],
)
def test_workers_that_cannot_take_what_they_are_sent_are_not_sent_it_for_ever(tasks, error):
    outcomes = Cluster("tcp://127.0.0.1:1")._outcomes(Refusing(error), tasks)
    with pytest.raises(ResultsError, match=r"No (space|module).*the versions of alrun"):
        next(outcomes)


@pytest.mark.parametrize(
    ("nthreads", "told"),
    [({}, ["No worker is at tcp://127.0.0.1:1 yet; runs begin when one comes."]), ({"tcp": 1}, [])],
)
def test_that_there_is_no_worker_yet_is_told(tasks, nthreads, told):
    heard = []
    cluster = Cluster("tcp://127.0.0.1:1", on_message=heard.append)
    assert list(cluster._outcomes(Refusing(CommClosedError("gone"), nthreads), tasks)) == []
    assert heard == told


@pytest.mark.parametrize("error", [CommClosedError("gone"), ConnectionResetError(104, "reset")])
def test_a_connection_that_is_lost_is_no_fault_of_the_workers(tasks, error):
    assert list(Cluster("tcp://127.0.0.1:1")._outcomes(Refusing(error), tasks)) == []


def test_runs_that_do_not_come_to_the_scheduler_are_not_waited_for_for_ever(monkeypatch):
    monkeypatch.setattr("alrun.execute.dask._RECONNECT_TIMEOUT", 0.05)
    there = SimpleNamespace(suspicious=0)
    scheduler = SimpleNamespace(allowed_failures=3, tasks={"there": there})
    asyncio.run(_limit_tries(scheduler, ["there"]))
    assert there.suspicious == 1
    with pytest.raises(TimeoutError):
        asyncio.run(_limit_tries(scheduler, ["there", "lost"]))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"dask": "here"}, "as tcp://host:8786"),
        ({"dask": "tcp://127.0.0.1"}, "as tcp://host:8786"),
        ({"dask": "tcp://127.0.0.1:1", "jobs": 2}, "--jobs"),
        ({"dask": "tcp://127.0.0.1:1", "timeout": 0}, "--timeout"),
    ],
)
def test_what_a_cluster_cannot_be_asked_is_refused(options, said):
    with pytest.raises(AlrunError, match=said):
        executor(**options)


def test_without_distributed_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "alrun.execute.dask", None)
    with pytest.raises(AlrunError, match="--dask wants distributed: pip install"):
        executor(dask="tcp://127.0.0.1:1")


def long_sweep(tiny, folder, dask):
    """Start a sweep on the cluster, and wait until it has computed some runs."""
    options = ["--results", str(folder / "results/long"), "--set", "seeds=300"]
    command = ["alrun", "sweep", str(tiny), *options, "--dask", dask.address]
    session = Session(command, folder / "said", PreloadedCommand)
    assert wait_until(lambda: n_stored(folder) > 2), session.said
    return session


def test_what_a_killed_command_has_left_there_is_taken_away_by_the_next(tiny, tmp_path, dask):
    with long_sweep(tiny, tmp_path, dask) as session:
        session.process.kill()
    assert dask.computing() != []
    run_sweep(tiny, tmp_path / "other", dask=dask.address)
    assert wait_until(lambda: dask.computing() == [])


def test_an_interrupt_is_heard_while_there_is_no_scheduler(tiny, tmp_path, dask):
    with long_sweep(tiny, tmp_path, dask) as session:
        dask.lose_scheduler()
        assert wait_until(lambda: "was lost; waiting for it" in session.said)
        session.process.send_signal(signal.SIGINT)
        assert session.process.wait(PATIENCE) == 130
        assert "Traceback" not in session.said
