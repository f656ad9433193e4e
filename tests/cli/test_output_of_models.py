"""What models print: it is never among the results of a command, and is kept where a run fails."""

import io
import json

import pandas as pd
import pytest
from commands import alrun, alrun_here
from small_experiments import TINY

from alrun.execute.output_pipe import MOST_KEPT

# A model whose file, class and methods print at every level.
NOISY = """
import atexit, ctypes, os

from sklearn.naive_bayes import GaussianNB

C = ctypes.CDLL(None)


def chatter(where):
    print("chatter of Python's", where)
    os.write(1, b"chatter to a number\\n")
    C.printf(b"chatter of C's\\n")
    C.fflush(None)
    os.system("echo chatter of a child")


class Noisy(GaussianNB):
    def __init__(self):
        chatter("when it is made")
        super().__init__()

    def fit(self, X, y, sample_weight=None):
        chatter("in a fit")
        return super().fit(X, y)


chatter("when it is imported")
atexit.register(chatter, "at the exit")
"""
FAILING = """
import os


def mine(pool, n, rng):
    print("from Python", "\\x1b[31m" + 200 * "=")
    os.write(1, b"from below\\n")
    raise ValueError("no")
"""


def with_model(name, **keys):
    """Return the tiny experiment with a model."""
    lines = [f"{key} = {json.dumps(value)}" for key, value in {"name": name, **keys}.items()]
    return "\n".join([TINY, "[model]", *lines])


LIGHTGBM = ("lightgbm", "lightgbm:LGBMClassifier", {"min_child_samples": 1})
XGBOOST = ("xgboost", "xgboost:XGBClassifier", {"verbosity": 3})


@pytest.mark.parametrize(
    ("package", "model", "keys", "jobs"),
    [
        pytest.param(*LIGHTGBM, 1, id="lightgbm-1"),
        pytest.param(*LIGHTGBM, 2, id="lightgbm-2", marks=pytest.mark.slow),
        pytest.param(*XGBOOST, 1, id="xgboost-1", marks=pytest.mark.slow),
    ],
)
def test_a_library_that_prints_by_itself_is_not_heard(tmp_path, package, model, keys, jobs):
    pytest.importorskip(package)
    (tmp_path / "e.toml").write_text(with_model(model, n_estimators=3, **keys))
    swept = alrun("sweep", "e.toml", "--jobs", jobs, cwd=tmp_path)
    assert swept.returncode == 0, swept.stderr
    assert swept.stdout.splitlines() == ["6 of 6 runs are done.", "Next: alrun report results/e"]
    words = [line.split()[0] for line in swept.stderr.splitlines()]
    counts, others = [word for word in words if "/" in word], {*words}
    assert counts == [f"{n}/6" for n in range(1, 7)]
    assert others - {*counts} <= {"6", "Warning:"}  # runs and references to do, and too few seeds
    assert list((tmp_path / "results/e/failed").iterdir()) == []
    for command, read in {("queries", "csv"): pd.read_csv, ("report", "json"): json.load}.items():
        done = alrun(command[0], "results/e", "--format", command[1], cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
        assert len(read(io.StringIO(done.stdout))) > 1
    more = ("--show-output", "--set", "seeds=4")
    shown = alrun_here("sweep", "e.toml", "--jobs", jobs, *more, cwd=tmp_path)
    assert shown.stdout.splitlines()[0] == "8 of 8 runs are done."
    assert shown.stderr.count(" printed:\n  [") == 2


@pytest.fixture(scope="module")
def noisy(tmp_path_factory):
    """Return a folder with the results of a model that prints at every level."""
    folder = tmp_path_factory.mktemp("noisy")
    (folder / "noisy.py").write_text(NOISY)
    (folder / "e.toml").write_text(with_model("noisy:Noisy"))
    done = alrun("sweep", "e.toml", "--jobs", 2, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["6 of 6 runs are done.", "Next: alrun report results/e"]
    assert "in a fit" not in done.stderr
    return folder


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(["status", "results/e"], marks=pytest.mark.slow),
        ["queries", "results/e", "--format", "csv"],
        ["report", "results/e"],
        pytest.param(["plot", "results/e", "--output", "curves.svg"], marks=pytest.mark.slow),
        ["sweep", "e.toml", "--dry-run", "--set", "seeds=4"],
        pytest.param(["sweep", "e.toml"], marks=pytest.mark.slow),
    ],
    ids=" ".join,
)
def test_what_user_code_prints_while_a_command_is_at_work_is_no_result(noisy, command):
    done = alrun(*command, cwd=noisy)
    assert done.returncode == 0
    assert "chatter" not in done.stdout
    if command[0] not in ("report", "plot"):  # these import nothing of the experiment's
        for level in ("of Python's when it is imported", "to a number", "of C's", "of a child"):
            assert f"chatter {level}" in done.stderr
        assert "chatter of Python's at the exit" in done.stderr
        assert done.stdout


@pytest.mark.parametrize(
    "backend",
    [
        pytest.param("loky", marks=pytest.mark.slow),
        pytest.param("multiprocessing", marks=pytest.mark.slow),
        "threading",
        pytest.param("sequential", marks=pytest.mark.slow),
    ],
)
def test_no_backend_lets_a_model_print_to_stdout(noisy, backend):
    options = ("--backend", backend, "--jobs", 2, "--results", f"results/{backend}")
    done = alrun("sweep", "e.toml", *options, "--set", "seeds=1", cwd=noisy)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 2
    assert "chatter of Python's in a fit" in done.stderr


@pytest.mark.parametrize("jobs", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_what_a_failed_run_printed_is_kept_until_it_finishes(tmp_path, jobs):
    (tmp_path / "mine.py").write_text(FAILING)
    (tmp_path / "e.toml").write_text(TINY.replace("margin", "mine.py:mine"))
    sweep = ("sweep", "e.toml", "--jobs", jobs)
    done = alrun_here(*sweep, cwd=tmp_path)
    assert done.returncode == 1
    assert "from below" not in done.stdout + done.stderr
    where = "What failed runs printed is in results/e/failed, a .log for each run."
    assert where in done.stderr.splitlines()
    logs = list((tmp_path / "results/e/failed").glob("*.log"))
    assert len(logs) == 3
    for log in logs:
        assert log.read_text() == f"from Python \x1b[31m{200 * '='}\nfrom below\n"
        assert log.with_suffix(".json").exists()
    assert where in alrun_here("status", "results/e", cwd=tmp_path).stdout.splitlines()
    again = alrun_here(*sweep, "--retry-failed", "--show-output", cwd=tmp_path)
    shown = "iris / logistic / mine:mine / batch size 5 / seed 0 printed:\n  from Python"
    assert f"{shown} \\x1b[31m{200 * '='}\n  from below\n" in again.stderr
    assert "from below" not in again.stdout
    (tmp_path / "mine.py").write_text(
        FAILING.replace('raise ValueError("no")', "return pool.X[:, 0]")
    )
    assert alrun_here(*sweep, "--retry-failed", cwd=tmp_path).returncode == 0
    assert list((tmp_path / "results/e/failed").iterdir()) == []


def test_a_log_is_bounded(tmp_path):
    (tmp_path / "mine.py").write_text(FAILING.replace("200", str(3 * MOST_KEPT)))
    (tmp_path / "e.toml").write_text(TINY.replace("margin", "mine.py:mine").replace("= 3", "= 1"))
    done = alrun_here("sweep", "e.toml", cwd=tmp_path)
    (log,) = (tmp_path / "results/e/failed").glob("*.log")
    assert f"What failed runs printed is in {log.relative_to(tmp_path)}." in done.stderr
    assert log.stat().st_size == MOST_KEPT
    assert log.read_text().endswith("==\nfrom below\n")
