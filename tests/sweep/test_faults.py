"""No run is lost: kills, full disks, damaged files, and two sweeps at once."""

import os
import resource
import shutil
import signal
from contextlib import nullcontext

import pytest
from commands import alrun_here, has_stored, long_sweep, started
from preloaded import anew
from sessions import PATIENCE
from small_experiments import TABLES, TINY, tables
from typer.testing import CliRunner

from alrun.api import report, run_sweep
from alrun.cli.app import app
from alrun.cli.plan_text import describe
from alrun.errors import ResultsError
from alrun.execute.local import Workers
from alrun.results.store import Store
from alrun.sweep.plan import plan_of, plan_sweep
from alrun.sweep.run import run_missing


def run_files(results):
    """Return when each run file was written, by its name."""
    return {path.name: path.stat().st_mtime_ns for path in (results / "runs").glob("*.parquet")}


def temporary_files(results):
    return [path for path in results.rglob(".*") if path.is_file()]


def test_a_killed_sweep_goes_on_where_it_was(small, small_results, tmp_path):
    """The command and its workers are killed; one left half a file, and died.

    What is killed has more runs than that, so that it is not over before.
    """
    results = tmp_path / "results" / "long"
    process = long_sweep(tmp_path)
    assert has_stored(process, tmp_path, 3)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    kept = run_files(results)
    shared = kept.keys() & run_files(small_results).keys()
    assert 0 < len(shared) < 16
    (results / "runs" / f".{min(kept)}.0123456789abcdef").write_bytes(b"half")
    (results / ".curves.parquet.0123456789abcdef").write_bytes(b"half")
    again = alrun_here("sweep", small, "--results", results, "--jobs", 1, cwd=tmp_path)
    assert again.returncode == 0
    assert f"{len(shared)} done" in again.stderr
    assert tables(results) == tables(small_results)
    assert temporary_files(results) == []
    assert kept.items() <= run_files(results).items()


def test_two_sweeps_at_once_both_finish_and_the_tables_are_right(small, small_results, tmp_path):
    results = tmp_path / "results"
    sweep = ("sweep", small, "--results", results, "--backend", "sequential")
    both = [started(tmp_path, *sweep) for _ in range(2)]
    said = [process.communicate(timeout=PATIENCE) for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert [out.splitlines()[0] for out, _ in said] == ["16 of 16 runs are done."] * 2
    assert all("Traceback" not in errors for _, errors in said)
    assert tables(results) == tables(small_results)
    assert temporary_files(results) == []
    assert sorted(os.listdir(results / "runs")) == sorted(os.listdir(small_results / "runs"))


@pytest.fixture(scope="module")
def pristine(tmp_path_factory):
    """Return the results of the tiny experiment, which no test changes."""
    folder = tmp_path_factory.mktemp("pristine")
    (folder / "tiny.toml").write_text(TINY)
    return run_sweep(folder / "tiny.toml", folder / "results", jobs=0)


@pytest.fixture
def done(pristine, tmp_path):
    """Return results of the tiny experiment that a test may damage."""
    return shutil.copytree(pristine, tmp_path / "done")


def test_damaged_run_files_are_set_aside_and_computed_anew_by_the_same_sweep(tiny, done):
    before = tables(done)
    one, other, third, *_ = sorted((done / "runs").iterdir())
    kept = run_files(done)
    one.write_bytes(one.read_bytes()[:-9])
    other.write_bytes(third.read_bytes())
    said = CliRunner().invoke(app, ["sweep", str(tiny), "--results", str(done), "--jobs", "1"])
    assert said.exit_code == 0
    assert said.stdout.startswith("6 of 6 runs are done.")
    damaged = [line.partition(" is damaged (")[0] for line in said.stderr.splitlines()[1:3]]
    assert sorted(damaged) == [str(one), str(other)]
    assert "it holds another run" in said.stderr
    assert "2/2 runs" in said.stderr
    assert tables(done) == before
    aside = {path.name for path in (done / "runs").glob("*.damaged")}
    assert aside == {f"{one.name}.damaged", f"{other.name}.damaged"}
    now = run_files(done)
    assert now.keys() == kept.keys()
    assert {name for name in now if now[name] != kept[name]} == {one.name, other.name}


def test_a_disk_that_keeps_no_file_sound_is_no_endless_loop(tiny, tmp_path, monkeypatch):
    write_run = Store.write_run

    def rotten(store, spec, *others):
        write_run(store, spec, *others)
        for path in (tmp_path / "results" / "runs").glob("*.parquet"):
            path.write_bytes(b"rotten")

    monkeypatch.setattr(Store, "write_run", rotten)
    told = []
    plan = plan_sweep(tiny, tmp_path / "results")
    with pytest.raises(ResultsError, match=r"6 runs have no intact file .* check the disk"):
        run_missing(plan, Workers(0), on_message=told.append)
    assert len(told) == 12


def test_what_stops_a_sweep_is_not_hidden_by_what_stops_its_tables(tiny, tmp_path, monkeypatch):
    def no_tables(*_):
        raise ResultsError("no tables")

    def stop(spec, outcome):
        raise KeyboardInterrupt

    monkeypatch.setattr(Store, "rebuild_tables", no_tables)
    with pytest.raises(KeyboardInterrupt):
        run_missing(plan_sweep(tiny, tmp_path / "results"), Workers(0), on_progress=stop)
    with pytest.raises(ResultsError, match="no tables"):
        run_missing(plan_sweep(tiny, tmp_path / "results"), Workers(0))


def smallest_run_file(results):
    return min(path.stat().st_size for path in (results / "runs").iterdir())


def test_a_full_disk_is_a_line_and_no_failure_of_a_run(tiny, done, tmp_path):
    """The limit on the size of files stands for it: the experiment fits, and no run does.

    Half of the smallest run file is room enough: sizes differ, since seconds compress differently.
    """
    limit = smallest_run_file(done) // 2
    results = tmp_path / "results"
    shutil.copytree(done, results)
    for path in sorted((results / "runs").iterdir())[:2]:
        path.unlink()
    kept = run_files(results)
    assert (results / "experiment.toml").stat().st_size < limit
    process = started(
        tmp_path, "sweep", tiny, "--results", results, "--jobs", 1, process=anew,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )  # fmt: skip
    out, errors = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out) == (2, "")
    line = errors.splitlines()[-1]
    assert line.startswith(str(results / "runs"))
    assert "what is finished is kept" in line
    assert "Traceback" not in errors
    assert os.listdir(results / "failed") == []
    assert temporary_files(results) == []
    assert run_files(results) == kept
    assert tables(results) == tables(done)


def test_results_that_are_removed_while_sweeping_are_a_line(tmp_path):
    process = long_sweep(tmp_path, jobs=1, backend="sequential")
    assert has_stored(process, tmp_path, 1)
    (tmp_path / "results").rename(tmp_path / "elsewhere")
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 2
    assert "Traceback" not in errors
    assert "its directory is gone" in errors.splitlines()[-1]
    assert len(list(tmp_path.glob("elsewhere/long/runs/*.parquet"))) >= 1


@pytest.mark.parametrize("interrupted", [False, True])
def test_an_experiment_file_that_is_removed_while_sweeping_is_written_again(
    tiny, done, tmp_path, interrupted
):
    results = tmp_path / "results"

    def remove(spec, outcome):
        (results / "experiment.toml").unlink(missing_ok=True)
        if interrupted:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) if interrupted else nullcontext():
        run_missing(plan_sweep(tiny, results), Workers(0), on_progress=remove)
    found, expected = (
        (folder / "experiment.toml").read_text().replace(str(folder), "")
        for folder in (results, done)
    )
    assert found == expected
    assert len(plan_of(results).specs) == 6


@pytest.mark.parametrize("command", ["sweep", "status", "report"])
def test_names_that_are_too_long_are_a_line(tiny, tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    name = "x" * 300
    arguments = [str(tiny), "--jobs", "1", "--results", name] if command == "sweep" else [name]
    said = CliRunner().invoke(app, [command, *arguments])
    assert said.exit_code == 2
    (line,) = said.stderr.splitlines()
    assert line.endswith("File name too long; choose a shorter name")


def test_a_directory_that_cannot_be_written_is_refused_before_anything_is_run(
    tiny, tmp_path, monkeypatch
):
    results = tmp_path / "results"
    monkeypatch.setattr(os, "access", lambda path, mode: not str(path).endswith("failed"))
    with pytest.raises(ResultsError, match="failed cannot be written to: it is read-only"):
        run_missing(plan_sweep(tiny, results), Workers(1))
    assert list((results / "runs").iterdir()) == []


def test_tables_that_are_older_than_the_runs_are_told_of(tiny, done, tmp_path):
    newer = run_sweep(tiny, tmp_path / "newer", jobs=0, overrides=["seeds=4"])
    assert not any("not in the tables" in note for note in report(newer, [0.9]).notes)
    assert not any("not in the tables" in line for line in describe(plan_of(newer)))
    for name in TABLES:  # as they are where the second sweep was killed at its end
        shutil.copy(done / name, newer / name)
    command = f"`alrun sweep {newer}/experiment.toml --results {newer}`"
    said = f"2 finished runs are not in the tables, which are older; {command} adds them."
    notes = report(newer, [0.9]).notes
    assert f"Warning: {said}" in notes
    assert said in list(describe(plan_of(newer)))
    run_sweep(newer / "experiment.toml", newer, jobs=0)
    assert not any("not in the tables" in note for note in report(newer, [0.9]).notes)


def test_runs_that_an_experiment_leaves_out_are_not_told_of(tiny, done):
    run_sweep(tiny, done, jobs=0, overrides=["seeds=2"])
    assert len(run_files(done)) == 6
    assert not any("not in the tables" in note for note in report(done, [0.9]).notes)
    shutil.rmtree(done / "runs")  # a clone has the tables alone
    assert not any("not in the tables" in note for note in report(done, [0.9]).notes)


def test_a_first_sweep_that_was_killed_before_its_tables_is_told_of(tiny, done):
    for name in (*TABLES, "runs.parquet"):
        (done / name).unlink()
    assert any(line.startswith("6 finished runs are not in") for line in describe(plan_of(done)))
