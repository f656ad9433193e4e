"""The current directory: user code is found there, and nothing else is run from it."""

import json
import subprocess
import sys

import pytest
from commands import alrun
from preloaded import anew
from small_experiments import TINY

# Optional modules that libraries look for, and one of each kind of ours.
STRANGERS = ("pytz", "lz4", "cython", "Cython", "numba", "distributed", "cupy", "numexpr", "mine")
STRANGER = "open(__file__ + '.was_run', 'w').close()\n"
CURVES = """dataset,model,strategy,batch_size,seed,n_labels,accuracy
iris,logistic,random,10,0,10,0.5
iris,logistic,random,10,0,20,0.9
"""
# The module of a strategy, with one import at its top and one in a function.
MINE = """
import pandas
import first_helper

def named(pool, n, rng):
    import second_helper
    return second_helper.scores(pool)

def model(C=1.0):
    from sklearn.linear_model import LogisticRegression
    return LogisticRegression(C=C)
"""
USER = TINY.replace('"margin"', '"mine:named", "strategies_of_mine.inner:named"')
USER = USER.replace("seeds       = 3", "seeds       = 1") + '[model]\nname = "mine:model"\n'
HELPER = "def scores(pool):\n    return pool.X[:, 0]\n"


@pytest.fixture
def folder(tmp_path):
    """A folder with files that have the names of modules."""
    for name in STRANGERS:
        (tmp_path / f"{name}.py").write_text(STRANGER)
    return tmp_path


def have_run(folder):
    return sorted(path.name for path in folder.glob("*.was_run"))


def with_user_code(folder):
    """Write strategies in a module and in a package without an init, and a model."""
    package = folder / "strategies_of_mine"
    package.mkdir()
    (package / "inner.py").write_text(
        "from strategies_of_mine.other import scores\n"
        "def named(pool, n, rng):\n    import second_helper\n    return scores(pool)\n"
    )
    (package / "other.py").write_text(HELPER)
    (folder / "mine.py").write_text(MINE)
    (folder / "first_helper.py").write_text("")
    (folder / "second_helper.py").write_text(HELPER)
    (folder / "user.toml").write_text(USER)


COMMANDS = [
    ("report", "RESULTS"),
    ("plot", "RESULTS", "--output", "a.svg"),
    ("sample-size", "RESULTS"),
    ("import-curves", "curves.csv", "--results", "imported"),
    ("list", "models"),
    ("status", "RESULTS"),
    ("queries", "RESULTS"),
]
# Runs the program once for each command; as for "python -m alrun", the path begins with where it is
# started.
RUN = """
import json, runpy, sys
path, commands = [*sys.path], json.loads(sys.argv[1])
for words in commands:
    sys.path[:], sys.argv[1:] = path, words
    try:
        runpy.run_module("alrun", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        assert not end.code, words
"""


@pytest.mark.parametrize(
    "commands",
    [COMMANDS, *(pytest.param([words], marks=pytest.mark.slow) for words in COMMANDS)],
    ids=lambda commands: "all" if len(commands) > 1 else commands[0][0],
)
def test_commands_run_no_files_of_the_current_directory(folder, small_results, commands):
    (folder / "curves.csv").write_text(CURVES)
    results = str(small_results)
    words = [[results if word == "RESULTS" else word for word in words] for words in commands]
    command = [sys.executable, "-c", RUN, json.dumps(words)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert have_run(folder) == []


def test_a_python_that_puts_no_directory_on_the_path_keeps_its_first(folder):
    done = alrun("list", "models", cwd=folder, env={"PYTHONSAFEPATH": "1"}, process=anew)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "options",
    [
        ["--jobs", 1],
        pytest.param(["--jobs", 2], marks=pytest.mark.slow),
        pytest.param(["--jobs", 2, "--backend", "loky"], marks=pytest.mark.slow),
        # The test below computes in the process of the command too.
        pytest.param(["--jobs", 2, "--backend", "threading"], marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_user_code_there_works_and_the_libraries_it_imports_find_nothing(folder, options):
    with_user_code(folder)
    done = alrun("sweep", "user.toml", *options, cwd=folder, process=anew)
    assert done.stdout.startswith("3 of 3 runs are done."), done.stderr
    assert have_run(folder) == []


def test_without_workers_it_is_on_no_path_after_the_import(folder):
    with_user_code(folder)
    code = (
        "import sys, alrun; before = [*sys.path]; alrun.run_sweep('user.toml', jobs=0);"
        " assert sys.path == before; import first_helper\n"
        "try:\n    import lz4\nexcept ImportError:\n    print('safe')"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], cwd=folder, capture_output=True, text=True, check=True
    )
    assert done.stdout == "safe\n"
    assert have_run(folder) == []
