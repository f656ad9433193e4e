"""Names that stand in data, experiments and paths: shown as they are, obeyed by nothing."""

import shlex

import pandas as pd
import pytest
from commands import alrun_here
from curves_factory import reaching

ESCAPE = "\x1b[2J\x1b]0;owned\x07"
STRATEGY = """
def broken(pool, n, random):
    raise ValueError("[/b] :smile: \\x1b[31m")
"""
EXPERIMENT = """
strategies  = ["random", {name = "broken.py:broken", label = "[/b]=1"}]
batch_sizes = [5]
seeds       = 2
targets     = [0.9]
budget      = 20
dataset     = {name = "data.csv", label = "[spam]", target = "class", test_size = 30}
initial     = {per_class = 2}
"""


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """Return a folder of hostile names, its results, and what the sweep of it said."""
    folder = tmp_path_factory.mktemp("swept")
    rows = range(90)
    classes = [("[/a]", "[spam]", f"=1{ESCAPE}")[row % 3] for row in rows]
    columns = {"x": rows, f"{ESCAPE}[/c]": [f"v{row % 2}{ESCAPE}" for row in rows]}
    pd.DataFrame({**columns, "class": classes}).to_csv(folder / "data.csv", index=False)
    (folder / "broken.py").write_text(STRATEGY)
    (folder / "hostile.toml").write_text(EXPERIMENT)
    results = f"a b$(id){ESCAPE}"
    done = alrun_here("sweep", "hostile.toml", "--jobs", 1, "--results", results, cwd=folder)
    return folder, results, done


def test_a_sweep_shows_names_as_they_are_and_obeys_none(swept):
    _, results, done = swept
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    for text in (done.stdout, done.stderr):
        assert text.replace("\n", "").isprintable()
    failed = [line for line in done.stderr.splitlines() if line.startswith("failed: ")]
    assert len(failed) == 1  # both runs fail for one reason
    assert all("[/b] :smile: \\x1b[31m" in line for line in failed)
    assert "\\x1b[2J\\x1b]0;owned\\x07[/c]" in done.stderr  # in a note on the column
    shown = shlex.quote(results).encode("unicode_escape").decode()
    assert done.stdout.splitlines()[-1] == f"Next: alrun report {shown}"


@pytest.mark.parametrize(
    "arguments",
    [
        ("status",),
        ("queries",),
        ("queries", "--format", "csv"),
        ("report",),
        ("report", "--format", "csv"),
        ("report", "--format", "json"),
        ("report", "--format", "markdown"),
        ("report", "--format", "latex"),
    ],
)
def test_no_command_obeys_a_name(swept, arguments):
    folder, results, _ = swept
    command, *options = arguments
    done = alrun_here(command, results, *options, cwd=folder)
    assert done.returncode == (1 if command == "status" else 0)
    assert (done.stdout + done.stderr).replace("\n", "").isprintable()
    assert "spam" in done.stdout


def test_classes_that_look_like_markup_are_columns_of_the_class_mix(swept):
    folder, results, _ = swept
    done = alrun_here("queries", results, cwd=folder)
    assert "[/a]" in done.stdout
    assert "[spam]" in done.stdout
    assert "\\x1b[2J" in "".join(done.stdout.split())


def test_a_class_that_looks_like_a_formula_is_a_text_in_csv(swept):
    folder, results, _ = swept
    done = alrun_here("queries", results, "--format", "csv", cwd=folder)
    assert "'=1\\x1b[2J" in done.stdout
    assert ",=" not in done.stdout


def test_an_import_obeys_no_name_and_quotes_the_next_command(tmp_path):
    frame = reaching([20, 30], "random", **{f"{ESCAPE}[/c]": 1})
    frame.drop(columns="run_id").to_csv(tmp_path / "curves.csv", index=False)
    done = alrun_here("import-curves", tmp_path / "curves.csv", "--results", "a b;id", cwd=tmp_path)
    assert done.returncode == 0
    assert "the column '\\x1b[2J\\x1b]0;owned\\x07[/c]' is not known" in done.stderr
    assert done.stdout.endswith("Next: alrun report 'a b;id' --target 0.9\n")
    bad = alrun_here("import-curves", f"{ESCAPE}.csv", "--results", "b", cwd=tmp_path)
    assert bad.returncode == 2
    assert bad.stderr.replace("\n", "").isprintable()
