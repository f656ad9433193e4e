"""A results directory in which a stranger has put links and code, and the rights of new files."""

import os
import shutil
import stat

import pytest
from commands import alrun, alrun_here
from small_experiments import TINY, tables

from alrun.api import run_sweep

MORE_SEEDS = ("sweep", "tiny.toml", "--results", "results", "--jobs", 1, "--set", "seeds=4")


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """Return a folder with a tiny experiment and its results."""
    folder = tmp_path_factory.mktemp("swept")
    (folder / "tiny.toml").write_text(TINY)
    run_sweep(folder / "tiny.toml", folder / "results", jobs=0)
    return folder


@pytest.fixture
def folder(swept, tmp_path):
    """Return a copy of it, with a folder `outside` beside the results."""
    shutil.copytree(swept, tmp_path, dirs_exist_ok=True)
    (tmp_path / "outside").mkdir()
    return tmp_path


def symbolic(path, outside):
    shutil.move(path, outside)
    path.symlink_to(outside)


def hard(path, outside):
    os.link(path, outside)


@pytest.mark.parametrize("link", [symbolic, hard])
def test_nothing_is_written_through_a_link(folder, link):
    results, outside = folder / "results", folder / "outside"
    run_file = next((results / "runs").iterdir())
    files = [run_file, *(path for path in results.iterdir() if path.is_file())]
    for path in files:
        link(path, outside / path.name)
    before = {path.name: path.read_bytes() for path in outside.iterdir()}
    assert alrun_here(*MORE_SEEDS, cwd=folder).returncode == 0
    assert {path.name: path.read_bytes() for path in outside.iterdir()} == before
    again = run_sweep(folder / "tiny.toml", folder / "again", jobs=0, overrides=["seeds=4"])
    assert tables(results) == tables(again)


@pytest.mark.parametrize("name", ["runs", "failed"])
def test_a_folder_that_is_a_link_to_elsewhere_is_refused(folder, name):
    shutil.rmtree(folder / "results" / name)
    (folder / "results" / name).symlink_to(folder / "outside")
    done = alrun_here(*MORE_SEEDS, cwd=folder)
    assert done.returncode == 2
    assert "is a link to a place outside" in done.stderr
    assert list((folder / "outside").iterdir()) == []


def test_a_report_runs_no_code_that_the_experiment_names(folder):
    results = folder / "results"
    code = f"open({str(folder / 'ran')!r}, 'w')\ndef f(pool, n, rng): return []\n"
    (results / "mine.py").write_text(code)
    text = (results / "experiment.toml").read_text()
    (results / "experiment.toml").write_text(text.replace('name = "margin"', 'name = "mine.py:f"'))
    for command in (["report"], ["plot", "--output", folder / "curves.svg"], ["sample-size"]):
        assert alrun_here(command[0], results, *command[1:]).returncode == 0
    assert not (folder / "ran").exists()
    alrun_here("status", results)
    assert (folder / "ran").exists()


def test_what_is_written_has_the_rights_that_the_umask_leaves(folder):
    mask = 0o027
    shutil.rmtree(folder / "results")
    done = alrun(
        *("sweep", "tiny.toml", "--results", "results", "--jobs", 1), cwd=folder, umask=mask
    )
    assert done.returncode == 0
    written = [folder / "results", *(folder / "results").rglob("*")]
    assert len(written) == 6 + 9 + 2 + 6  # runs, tables and folders, references
    for path in written:
        full = 0o777 if path.is_dir() else 0o666
        assert stat.S_IMODE(path.stat().st_mode) == full & ~mask, path


def test_a_command_needs_no_directory_for_temporary_files_or_says_so(folder, monkeypatch):
    def unusable(*_, **__):
        raise FileNotFoundError(2, "No usable temporary directory found in ['/tmp']")

    monkeypatch.setattr("tempfile._get_default_tempdir", unusable)
    monkeypatch.setattr("tempfile.tempdir", None)
    for command in ("status", "report", "queries"):
        assert alrun_here(command, "results", cwd=folder).returncode == 0
    sweep = ("sweep", "tiny.toml", "--jobs", 1, "--results")
    assert alrun_here(*sweep, "new", cwd=folder).returncode == 0
    monkeypatch.delattr("os.memfd_create")
    for results in ("newer", "new"):
        more = alrun_here(*sweep, results, "--set", "seeds=4", cwd=folder)
        assert more.returncode == 2
        assert more.stderr.splitlines()[-1] == (
            "workers do not start: No usable temporary directory found in ['/tmp']; set TMPDIR to a"
            " directory that can be written to"
        )
