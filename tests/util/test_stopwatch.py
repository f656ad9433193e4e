"""Seconds by phase, against made-up clocks and against real work."""

import hashlib
import threading
import time

import pyarrow.parquet as pq
import pytest

import alrun
from alrun.records import PHASES
from alrun.util import stopwatch as module
from alrun.util.stopwatch import Stopwatch


@pytest.fixture
def clocks(monkeypatch):
    """Return made-up clocks, wall and CPU, that stand where a test sets them."""
    now = {"wall": 100.0, "cpu": 7.0}
    monkeypatch.setattr(module, "perf_counter", lambda: now["wall"])
    monkeypatch.setattr(module, "process_time", lambda: now["cpu"])
    return now


def test_each_phase_gets_the_time_until_the_next_and_none_gets_none(clocks):
    stopwatch = Stopwatch(["fit", "query"])
    for phase, wall, cpu in [
        (None, 101, 8),
        ("fit", 103, 9),
        ("query", 106, 9.5),
        ("fit", 110, 10),
        (None, 120, 11),
        (None, 200, 50),
    ]:
        clocks["wall"], clocks["cpu"] = wall, cpu
        stopwatch.enter(phase)
    assert stopwatch.seconds == {"fit": 3 + 10, "query": 4}
    assert stopwatch.cpu_seconds == {"fit": 0.5 + 1, "query": 0.5}


def test_a_phase_within_another_is_taken_from_it(clocks):
    stopwatch = Stopwatch(["query", "prepare"])
    stopwatch.enter("query")
    clocks["wall"] += 1
    outer = stopwatch.enter("prepare")
    clocks["wall"] += 10
    stopwatch.enter(outer)
    clocks["wall"] += 100
    stopwatch.enter(None)
    assert stopwatch.seconds == {"query": 101, "prepare": 10}


def test_sleep_is_no_cpu_time_and_that_of_other_threads_is():
    stopwatch = Stopwatch(["sleep", "threads"])
    before = time.process_time()  # of threads, too, that other tests have left here
    stopwatch.enter("sleep")
    time.sleep(0.1)
    stopwatch.enter("threads")
    spent = time.process_time() - before
    before, worked = time.thread_time(), []

    def work():
        hashlib.pbkdf2_hmac("sha256", b"a", b"b", 300_000)
        worked.append(time.thread_time())

    worker = threading.Thread(target=work)
    worker.start()
    worker.join()
    own = time.thread_time() - before
    stopwatch.enter(None)
    assert stopwatch.seconds["sleep"] >= 0.1
    assert stopwatch.cpu_seconds["sleep"] <= spent
    assert stopwatch.cpu_seconds["threads"] > 0.9 * worked[0] > own


def test_run_files_of_an_earlier_alrun_have_no_cpu_seconds(tiny, tmp_path):
    """Their footer lacks them; the sweep that adds a seed reads them all the same."""
    results = alrun.run_sweep(tiny, tmp_path / "results", jobs=0)
    for path in (results / "runs").glob("*.parquet"):
        table = pq.read_table(path)
        metadata = {k: v for k, v in table.schema.metadata.items() if k != b"cpu_seconds"}
        pq.write_table(table.replace_schema_metadata(metadata), path)
    alrun.run_sweep(tiny, results, jobs=0, overrides=["seeds=4"])
    runs = alrun.load_runs(results)
    assert runs.loc[runs["cpu_seconds_fit"].notna(), "seed"].tolist() == [3, 3]
    assert runs["seconds_fit"].notna().all()


def test_runs_have_both_for_every_phase(small_results):
    runs = alrun.load_runs(small_results)
    for kind in ("seconds", "cpu_seconds"):
        spent = runs[[f"{kind}_{phase}" for phase in PHASES]]
        assert (spent[[f"{kind}_fit", f"{kind}_query", f"{kind}_evaluate"]] > 0).all().all()
        assert (spent[f"{kind}_prepare"] == 0).all()  # none of these strategies prepares
    wall, cpu = (runs[f"{kind}_fit"].sum() for kind in ("seconds", "cpu_seconds"))
    assert 0.01 * wall < cpu < 1.1 * wall  # one thread computes; others may take the core
