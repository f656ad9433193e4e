"""Code of the user's own that was edited, and the places in it where errors arise."""

import math
import os

import pandas as pd
import pytest
from commands import alrun_here

import alrun
from alrun.api import run_sweep
from alrun.cli.plan_text import describe, describe_edited, describe_failures
from alrun.errors import ExperimentError, ResultsError
from alrun.execute.local import Workers
from alrun.experiment.toml import read_experiment
from alrun.spec import ReferenceSpec
from alrun.sweep.plan import plan_experiment, plan_sweep
from alrun.sweep.run import run_missing

TEXT = """
strategies = ["random", "mine.py:first"]
batch_sizes = [5]
seeds = 2
targets = [0.9]
budget = 16

[dataset]
name = "iris"
test_size = 50
"""
FIRST = "def first(pool, n, rng):\n    return list(range(n))\n"
LAST = "def first(pool, n, rng):\n    return list(range(len(pool) - n, len(pool)))\n"
HELPED = "from helper import rows\ndef first(pool, n, rng):\n    return rows(pool, n)\n"
HELPER = "def rows(pool, n):\n    return list(range(n))\n"


@pytest.fixture
def experiment(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(FIRST)
    path = tmp_path / "own.toml"
    path.write_text(TEXT)
    return path


def curves(results, strategy="mine.py:first"):
    frame = alrun.load_curves(results)
    return frame[frame["strategy"].str.endswith(strategy)]["n_correct"].tolist()


def test_an_edit_is_said_in_sweep_status_and_report_and_old_runs_stay(experiment, tmp_path):
    results = run_sweep(experiment, tmp_path / "results", jobs=0)
    before = curves(results)
    assert not list(describe_edited(plan_sweep(experiment, results)))
    (tmp_path / "mine.py").write_text(LAST)
    plan = plan_sweep(experiment, results)
    assert not plan.missing()
    (line,) = describe_edited(plan)
    assert line.startswith("Warning: mine.py was edited since 2 runs of mine:first finished")
    assert "`alrun sweep --rerun mine.py`" in line
    assert line in list(describe(plan))
    assert line in alrun_here("sweep", experiment, "--results", results).stderr.splitlines()
    assert [
        note for note in alrun.report(results).notes if "mine.py was edited since 2 runs" in note
    ]
    assert curves(results) == before


def test_rerun_computes_exactly_the_runs_of_other_code(experiment, tmp_path):
    results = run_sweep(experiment, tmp_path / "results", jobs=0)
    files = {path.name: path.stat().st_ino for path in (results / "runs").iterdir()}
    (tmp_path / "mine.py").write_text(LAST)
    plan = plan_sweep(experiment, results)
    own = {f"{run}.parquet" for run, spec in plan.specs.items() if spec.user_code}
    run_sweep(experiment, results, jobs=0, rerun=["mine.py"])
    now = {path.name: path.stat().st_ino for path in (results / "runs").iterdir()}
    assert {name for name in files if files[name] != now[name]} == own
    fresh = run_sweep(experiment, tmp_path / "fresh", jobs=0)
    assert curves(results) == curves(fresh)
    assert curves(results, "random") == curves(fresh, "random")
    assert not list(describe_edited(plan_sweep(experiment, results)))
    assert not [note for note in alrun.report(results).notes if "edited" in note]
    run_sweep(experiment, results, jobs=0, rerun=["mine.py"])  # nothing is left to do
    assert {path.name: path.stat().st_ino for path in (results / "runs").iterdir()} == now


def test_a_module_that_the_file_imports_counts_too(experiment, tmp_path):
    (tmp_path / "mine.py").write_text(HELPED)
    (tmp_path / "helper.py").write_text(HELPER)
    results = run_sweep(experiment, tmp_path / "results", jobs=0)
    (tmp_path / "helper.py").write_text(HELPER + "# a remark\n")
    (line,) = describe_edited(plan_sweep(experiment, results))
    assert line.startswith("Warning: helper was edited since 2 runs")
    run_sweep(experiment, results, jobs=0, rerun=["helper"])
    assert not list(describe_edited(plan_sweep(experiment, results)))


def test_rerun_computes_the_ceilings_of_an_edited_model_anew(experiment, tmp_path):
    results = swept_with_stumps(experiment, tmp_path)
    before = ceilings(results)
    (tmp_path / "trees.py").write_text(WHOLE)
    run_sweep(experiment, results, jobs=0, overrides=OF_TREES, rerun=["trees"])
    fresh = run_sweep(experiment, tmp_path / "fresh", jobs=0, overrides=OF_TREES)
    assert ceilings(results) == ceilings(fresh) != before


TREES = "from sklearn.tree import DecisionTreeClassifier\ndef tree():\n    return {}\n"
STUMP, WHOLE = (TREES.format(f"DecisionTreeClassifier({how})") for how in ("max_depth=1", ""))
OF_TREES = ['strategies=["random"]', 'model.name="trees:tree"']


def ceilings(results):
    table = pd.read_parquet(results / "references.parquet")
    return table.loc[table["reference"] == "ceiling", "n_correct"].tolist()


@pytest.fixture
def no_trials(monkeypatch):
    """Try no model before a sweep: each trial starts a process."""
    monkeypatch.setattr("alrun.sweep.plan.find_impossible", lambda *_: [])


def swept_with_stumps(experiment, tmp_path):
    (tmp_path / "trees.py").write_text(STUMP)
    return run_sweep(experiment, tmp_path / "results", jobs=0, overrides=OF_TREES)


@pytest.mark.usefixtures("no_trials")
def test_a_rerun_that_ends_before_the_ceilings_leaves_them_missing(experiment, tmp_path):
    results = swept_with_stumps(experiment, tmp_path)
    before = ceilings(results)
    (tmp_path / "trees.py").write_text(WHOLE)

    def interrupt(spec, outcome):
        if isinstance(spec, ReferenceSpec):
            raise KeyboardInterrupt

    read = read_experiment(experiment, OF_TREES, check=True)
    plan = plan_experiment(experiment, read, results, rerun=["trees"])
    with pytest.raises(KeyboardInterrupt):
        run_missing(plan, Workers(0), on_progress=interrupt)
    # One of two is computed, and the other is no longer that of the old code.
    assert [math.isnan(n) for n in ceilings(results)] in ([True, False], [False, True])
    plan = plan_sweep(experiment, results, OF_TREES)
    assert not plan.missing()
    assert [spec.kind for spec in plan.missing_references()] == ["ceiling"]
    run_sweep(experiment, results, jobs=0, overrides=OF_TREES)
    fresh = run_sweep(experiment, tmp_path / "fresh", jobs=0, overrides=OF_TREES)
    assert ceilings(results) == ceilings(fresh) != before


@pytest.mark.usefixtures("no_trials")
def test_ceilings_stay_while_the_runs_are_of_the_same_old_code(experiment, tmp_path):
    results = swept_with_stumps(experiment, tmp_path)
    before = ceilings(results)
    (tmp_path / "trees.py").write_text(WHOLE)
    more = [*OF_TREES, "seeds=3"]
    run_sweep(experiment, results, jobs=0, overrides=more)
    assert ceilings(results)[:2] == before
    fresh = run_sweep(experiment, tmp_path / "fresh", jobs=0, overrides=more)
    assert ceilings(results)[2] == ceilings(fresh)[2]


@pytest.mark.usefixtures("no_trials")
def test_the_ceilings_of_a_table_alone_are_of_unknown_code(experiment, tmp_path):
    results = swept_with_stumps(experiment, tmp_path)
    for file in [*(results / "references").iterdir(), *(results / "runs").iterdir()]:
        file.unlink()
    kinds = [spec.kind for spec in plan_sweep(experiment, results, OF_TREES).missing_references()]
    assert kinds == ["ceiling"] * 2


@pytest.mark.usefixtures("no_trials")
def test_a_ceiling_that_new_code_cannot_compute_is_not_that_of_the_old(experiment, tmp_path):
    results = swept_with_stumps(experiment, tmp_path)
    (tmp_path / "trees.py").write_text(FRAGILE)
    run_sweep(experiment, results, jobs=0, overrides=OF_TREES, rerun=["trees"])
    assert all(map(math.isnan, ceilings(results)))
    plan = plan_sweep(experiment, results, OF_TREES)
    assert not plan.missing()
    assert not plan.missing_references()
    assert len(plan.reference_failures) == 2


FRAGILE = """
from sklearn.tree import DecisionTreeClassifier

class Fragile(DecisionTreeClassifier):
    def fit(self, X, y):
        assert not 50 < len(y) <= 100, "so many labels are the ceiling's"
        return super().fit(X, y)

def tree():
    return Fragile()
"""


def test_rerun_of_what_is_not_used_is_refused(experiment, tmp_path):
    with pytest.raises(ExperimentError, match=r"--rerun mien.py: .*'mine.py'"):
        run_sweep(experiment, tmp_path / "results", jobs=0, rerun=["mien.py"])
    done = alrun_here("sweep", experiment, "--results", tmp_path / "r", "--rerun", "gone.py")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1


def test_a_report_without_the_file_says_nothing_of_it(experiment, tmp_path):
    results = run_sweep(experiment, tmp_path / "results", jobs=0)
    (tmp_path / "mine.py").unlink()
    assert not [note for note in alrun.report(results).notes if "edited" in note]


# Where an error arose


FAULTY = "import numpy as np\n\ndef first(pool, n, rng):\n    return np.ones((2, 3)) @ np.ones(2)\n"


@pytest.mark.parametrize("jobs", [0, 1])
def test_a_failure_names_file_line_and_text_of_the_users_frame_once(experiment, tmp_path, jobs):
    (tmp_path / "mine.py").write_text(FAULTY)
    results = tmp_path / "results"
    with pytest.raises(ResultsError):
        run_sweep(experiment, results, jobs=jobs)
    (tmp_path / "mine.py").write_text("# edited since\n" * 9)
    lines = list(describe_failures(plan_of(experiment, results)))
    place = "(mine.py, line 4: return np.ones((2, 3)) @ np.ones(2))"
    assert [line.count(place) for line in lines] == [0, 1, 0]
    assert "seed 0; iris / logistic / mine:first" in lines[1]
    assert lines[1].count("ValueError: matmul") == 1
    assert lines[2] == f"Errors in full are in {results / 'failed'}."


def plan_of(experiment, results):
    (experiment.parent / "mine.py").write_text(FAULTY)
    return plan_sweep(experiment, results)


def test_an_error_in_the_users_helper_is_placed_there(experiment, tmp_path):
    (tmp_path / "mine.py").write_text(HELPED)
    (tmp_path / "helper.py").write_text("def rows(pool, n):\n    return 1 / 0\n")
    with pytest.raises(ResultsError, match=r"\(helper.py, line 2: return 1 / 0\)"):
        run_sweep(experiment, tmp_path / "results", jobs=0)


def test_the_screen_shows_each_reason_once(experiment, tmp_path):
    (tmp_path / "mine.py").write_text(FAULTY)
    done = alrun_here("sweep", experiment, "--results", tmp_path / "results", "--jobs", "1")
    assert done.returncode == 1
    shown = [line for line in done.stderr.splitlines() if line.startswith("failed: ")]
    assert len(shown) == 1
    assert os.fspath(tmp_path / "results" / "failed") in done.stderr
