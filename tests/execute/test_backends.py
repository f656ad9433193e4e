"""joblib backends: the same tables under each, and what each can promise."""

import sys
import warnings
from contextlib import closing

import joblib
import pandas as pd
import pytest
from commands import alrun_here
from joblib.parallel import BACKENDS, ThreadingBackend
from small_experiments import TINY, tables

from alrun.api import run_sweep
from alrun.data import memory_map
from alrun.errors import AlrunError
from alrun.execute.local import Workers
from alrun.execute.worker import Task
from alrun.sweep.plan import plan_sweep
from alrun.sweep.run import run_missing

BUILT_IN = ("isolated", "loky", "multiprocessing", "threading", "sequential")
MINE = """
import os, signal, time, warnings
from pathlib import Path

FOLDER = Path(__file__).parent


def note(word):
    with open(FOLDER / "notes", "a") as file:
        file.write(f"{word}\\n")


def noted(pool, n, rng):
    note("in")
    time.sleep(0.01)
    warnings.warn("a word of the strategy's")
    note("out")
    return list(range(n))


def once(pool, n, rng):
    if not (FOLDER / "notes").exists():
        note("once")
        os.kill(os.getpid(), signal.SIGKILL)
    return list(range(n))
"""


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """Return the tables of the tiny experiment, computed in this process."""
    folder = tmp_path_factory.mktemp("expected")
    (folder / "tiny.toml").write_text(TINY)
    return tables(run_sweep(folder / "tiny.toml", folder / "results", jobs=0))


@pytest.mark.parametrize("backend", BUILT_IN)
def test_tables_are_the_same_bytes_under_every_backend(tiny, tmp_path, expected, backend):
    results = run_sweep(tiny, tmp_path / "results", jobs=2, backend=backend)
    assert tables(results) == expected


ORACLES = [
    """oracle=[{noise=0.3, relabel="disagreement", share=0.3}, {kind="boundary", noise=0.2},
    {kind="instance", noise=0.2, abstain=0.2}, {annotators=[{noise=0.1}, {cost=2.5}], votes=3}]""",
    "budget_cost=14.0",
    "seeds=1",
]


@pytest.fixture(scope="module")
def noisy(tmp_path_factory):
    """Return the tables of the tiny experiment with annotators that err, computed here."""
    folder = tmp_path_factory.mktemp("noisy")
    (folder / "tiny.toml").write_text(TINY)
    return tables(run_sweep(folder / "tiny.toml", folder / "results", jobs=0, overrides=ORACLES))


@pytest.mark.parametrize("backend", ["isolated", "threading"])
def test_wrong_answers_are_the_same_bytes_under_every_backend(tiny, tmp_path, noisy, backend):
    results = run_sweep(tiny, tmp_path / "results", jobs=2, backend=backend, overrides=ORACLES)
    assert tables(results) == noisy


def test_features_in_a_file_without_a_name_reach_the_processes_of_loky(
    tiny, tmp_path, expected, monkeypatch
):
    monkeypatch.setattr(memory_map, "_LARGE", 0)
    plan = plan_sweep(tiny, tmp_path / "results")
    assert memory_map.is_mapped(plan.sources["iris"])
    run_missing(plan, Workers(2, backend="loky"))
    assert tables(tmp_path / "results") == expected


def test_under_threading_runs_take_turns_and_their_warnings_stay_apart(tiny, tmp_path):
    (tmp_path / "mine.py").write_text(MINE)
    strategies = ['strategies=["random", "mine.py:noted"]']
    run_sweep(tiny, tmp_path / "results", jobs=4, overrides=strategies, backend="threading")
    words = (tmp_path / "notes").read_text().split()
    assert words == ["in", "out"] * (len(words) // 2)
    assert len(words) >= 18
    alone = run_sweep(tiny, tmp_path / "alone", jobs=0, overrides=strategies)
    counts = [
        pd.read_parquet(folder / "runs.parquet").set_index("run_id")["warnings"].sort_index()
        for folder in (tmp_path / "results", alone)
    ]
    assert counts[0].astype(str).equals(counts[1].astype(str))
    assert counts[0].astype(str).str.contains("a word of the strategy's").any()


def test_a_worker_killed_under_loky_is_a_line_that_names_the_runs_and_the_command_goes_on(
    tiny, tmp_path
):
    (tmp_path / "mine.py").write_text(MINE)
    overrides = ("--set", 'strategies=["random", "mine.py:once"]', "--results", "results")
    command = ("sweep", "tiny.toml", "--backend", "loky", "--jobs", "2", *overrides)
    done = alrun_here(*command, cwd=tmp_path)
    assert done.returncode == 2
    promise, *_, line = done.stderr.splitlines()
    assert promise == (
        "Backend loky: a run that kills its process ends the sweep; what is finished is kept, and"
        " there is no --timeout."
    )
    assert line.startswith("the backend loky gave up (TerminatedWorkerError: A worker process")
    assert "iris / logistic / mine:once / batch size 5 / seed 0" in line
    assert line.count("iris / logistic") <= 4  # no more than were being computed, or just had been
    assert "; the backend isolated finds out which. " in line
    assert line.endswith("What is finished is kept, and the same command goes on")
    files = {path: path.stat().st_mtime_ns for path in (tmp_path / "results/runs").iterdir()}
    again = alrun_here(*command, cwd=tmp_path)
    assert again.returncode == 0
    assert again.stdout.startswith("6 of 6 runs are done.")
    assert f"{len(files)} done" in again.stderr
    assert all(path.stat().st_mtime_ns == when for path, when in files.items())


@pytest.mark.parametrize("backend", ["isolated", "loky", "threading"])
def test_what_stops_early_warns_of_nothing(tiny, tmp_path, backend):
    plan = plan_sweep(tiny, tmp_path / "results", ["seeds=20"])
    tasks = [Task(spec, plan.sources["iris"], {}) for spec in plan.missing()]
    with warnings.catch_warnings(record=True) as caught, Workers(2, backend=backend) as workers:
        warnings.simplefilter("always")
        with closing(workers.run(tasks)) as outcomes:
            assert next(outcomes).content
    assert [str(warning.message) for warning in caught if "task" in str(warning.message)] == []


class Mine(ThreadingBackend):
    """A backend that a user has registered; it counts what it is given."""

    n_submitted = 0

    def submit(self, func, callback=None):
        Mine.n_submitted += 1
        return super().submit(func, callback)


@pytest.fixture
def registry():
    """Forget the backends that a test registers."""
    before = dict(BACKENDS)
    yield
    for name in BACKENDS.keys() - before.keys():
        del BACKENDS[name]


@pytest.mark.usefixtures("registry")
def test_a_backend_that_is_registered_with_joblib_can_be_named(tiny, tmp_path, expected):
    joblib.register_parallel_backend("mine", Mine)
    results = run_sweep(tiny, tmp_path / "results", jobs=2, backend="mine")
    assert tables(results) == expected
    assert Mine.n_submitted == 6 + 6  # runs, and a floor and a ceiling for each seed


@pytest.mark.usefixtures("registry")
def test_a_backend_of_another_package_is_imported_when_it_is_named(
    tiny, tmp_path, expected, monkeypatch
):
    (tmp_path / "joblibspark.py").write_text(
        "import joblib\nfrom joblib.parallel import ThreadingBackend\n"
        "def register_spark():\n"
        "    joblib.register_parallel_backend('spark', ThreadingBackend)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    results = tmp_path / "results"
    done = alrun_here("sweep", tiny, "--backend", "spark", "--results", results)
    assert done.returncode == 0
    assert done.stderr.startswith("Backend spark: what happens when a run kills its process is up")
    assert tables(results) == expected


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            ("--backend", "lokey"),
            "--backend lokey: joblib has no such backend; did you mean 'loky'",
        ),
        (("--backend", "ray"), "--backend ray: ray cannot be imported"),
        (("--backend", "dask"), "--backend dask cannot be used: To use Joblib with Dask first"),
        (("--backend", "loky", "--dask", "tcp://here:1"), "--backend computes on this machine"),
        *(
            (("--backend", name, "--timeout", "9"), f"and the backend {name} cannot do that")
            for name in BUILT_IN[1:]
        ),
    ],
)
def test_a_backend_that_cannot_be_had_is_a_line(tiny, options, said, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    done = alrun_here("sweep", tiny, *options)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert said in line


def test_the_default_promises_nothing_aloud(tiny):
    done = alrun_here("sweep", tiny, "--backend", "isolated", "--dry-run")
    assert done.stderr.startswith("6 runs: 0 done")


def test_where_processes_cannot_be_isolated_loky_is_the_default(tiny, monkeypatch):
    monkeypatch.delattr("os.killpg")
    with pytest.raises(AlrunError, match="cannot isolate processes; use loky"):
        run_sweep(tiny, backend="isolated")
    with pytest.raises(AlrunError, match="the backend loky cannot"):
        run_sweep(tiny, timeout=9)


def test_without_workers_no_other_backend_can_be_named(tiny):
    with pytest.raises(AlrunError, match="jobs=0 computes in this process"):
        run_sweep(tiny, jobs=0, backend="loky")
