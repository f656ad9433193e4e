"""Output that cannot be written: a sweep goes on, a report says so, no encoding is a traceback."""

import os
import subprocess
import sys
from shlex import join, quote

import pandas as pd
import pytest
from commands import ALRUN
from sessions import PATIENCE
from small_experiments import TINY

PRINTING = """
import sys

def printing(pool, n, rng):
    print("a word", flush=True)
    print("a word", file=sys.stderr, flush=True)
    return pool.X[:, 0]

def failing(pool, n, rng):
    printing(pool, n, rng)
    1 / 0
"""
REPORT = "report . --target 0.9"


def shell(line, folder, **env):
    return subprocess.run(
        ["bash", "-c", line.replace("ALRUN", join(ALRUN))],
        cwd=folder,
        env={**os.environ, **env},
        capture_output=True,
        timeout=PATIENCE,
        check=False,
    )


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Return results with a name that Latin-1 does not have."""
    from alrun.results.import_curves import import_curves

    folder = tmp_path_factory.mktemp("streams")
    rows = [("iris", "logistic", "猫", 5, seed, n, 0.9) for seed in (0, 1) for n in (5, 10)]
    rows += [("iris", "logistic", "random", *row[3:]) for row in rows]
    columns = ["dataset", "model", "strategy", "batch_size", "seed", "n_labels", "accuracy"]
    pd.DataFrame(rows, columns=columns).to_csv(folder / "curves.csv", index=False)
    import_curves(folder / "curves.csv", folder / "results")
    return folder / "results"


@pytest.mark.parametrize(
    ("strategy", "redirection", "code"),
    [
        pytest.param("printing", ">/dev/full 2>&1", 0, marks=pytest.mark.slow),
        ("printing", "2>&1 | head -1", 0),
        pytest.param("printing", ">&- 2>&-", 0, marks=pytest.mark.slow),
        ("failing", ">/dev/full 2>&1", 1),
    ],
)
def test_a_sweep_whose_log_cannot_be_written_goes_on(tmp_path, strategy, redirection, code):
    (tmp_path / "mine.py").write_text(PRINTING)
    (tmp_path / "e.toml").write_text(TINY.replace("margin", f"mine.py:{strategy}"))
    line = f"ALRUN sweep e.toml --jobs 1 {redirection}; exit ${{PIPESTATUS[0]}}"
    assert shell(line, tmp_path).returncode == code
    n_finished = 6 if strategy == "printing" else 3
    assert len(list((tmp_path / "results/e/runs").glob("*.parquet"))) == n_finished
    assert (tmp_path / "results/e/curves.parquet").exists()


@pytest.mark.parametrize(
    ("command", "redirection", "reason"),
    [
        ("list metrics", ">&-", "Bad file descriptor"),
        pytest.param(REPORT, ">&-", "Bad file descriptor", marks=pytest.mark.slow),
        (REPORT, ">/dev/full", "No space left on device"),
    ],
)
def test_a_report_that_cannot_be_written_is_a_line_and_exit_code_two(
    results, command, redirection, reason
):
    done = shell(f"ALRUN {command} {redirection}", results)
    assert done.stderr.decode() == f"the output cannot be written: {reason}\n"
    assert done.returncode == 2


def test_a_reader_that_has_enough_is_no_error(tmp_path):
    done = shell("ALRUN list metrics | true; exit ${PIPESTATUS[0]}", tmp_path)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(
    ("env", "cat"),
    [
        ({"PYTHONIOENCODING": "latin-1"}, "?"),
        # Typer takes ASCII for a locale that was forgotten, and writes UTF-8.
        ({"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, "猫"),
    ],
    ids=["latin-1", "C"],
)
def test_characters_that_an_encoding_lacks_are_replaced(results, env, cat):
    done = shell(f"ALRUN report {quote(str(results))} --target 0.9", results, **env)
    assert (done.returncode, done.stderr) == (0, b"")
    assert f" {cat} ".encode() in done.stdout


def test_no_file_gets_the_number_of_a_stream_that_is_closed(tmp_path):
    code = (
        "from alrun.util.streams import open_missing; open_missing();"
        " file = open('file', 'w'); assert file.fileno() > 2, file.fileno()"
    )
    line = f"{sys.executable} -c {quote(code)} <&- >&-"
    assert shell(line, tmp_path).stderr == b""
