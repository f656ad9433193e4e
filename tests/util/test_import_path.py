"""Strategies in files of one's own: found from anywhere, run once, never taken for another."""

import os
import sys
from pathlib import Path

import pytest

import alrun
from alrun.api import run_sweep
from alrun.errors import ExperimentError, StrategyError
from alrun.experiment.toml import read_experiment
from alrun.spec_parts import StrategySpec, without_folder
from alrun.sweep.plan import plan_sweep
from alrun.util.import_path import imported, located

MINE = """
from __future__ import annotations
from dataclasses import dataclass
import pathlib

with open(pathlib.Path(__file__).with_suffix(".runs"), "a") as file:
    file.write("once ")

@dataclass
class Weight:
    value: float

def first(pool, n, rng, weight=1.0):
    return -Weight(weight).value * pool.X[:, 0]

def number(pool, n, rng):
    return [{}] * len(pool)
"""
LEAST = 'seeds = 2\nbudget = 12\nstrategies = ["random", {}]\n[dataset]\nname = "iris"\n'


@pytest.fixture(autouse=True)
def _no_module_stays():
    sys.modules.pop("mine", None)
    yield
    sys.modules.pop("mine", None)


@pytest.fixture
def path(tmp_path):
    """An experiment beside a folder of strategies."""
    (tmp_path / "strategies").mkdir()
    (tmp_path / "strategies" / "mine.py").write_text(MINE.format(1.0))
    path = tmp_path / "question.toml"
    path.write_text(LEAST.format('{ name = "strategies/mine.py:first", weight = 2 }'))
    return path


def problems(path, *strategies):
    path.write_text(LEAST.format(", ".join(f'"{name}"' for name in strategies)))
    with pytest.raises(ExperimentError) as caught:
        read_experiment(path, (), check=True)
    assert not any("\n" in problem for problem in caught.value.problems)
    return [problem.removeprefix(f"{path}: ") for problem in caught.value.problems]


def test_workers_find_it_from_anywhere_and_so_does_who_reads_the_results(
    path, tmp_path, monkeypatch
):
    (tmp_path / "far").mkdir()
    monkeypatch.chdir(tmp_path / "far")
    results = run_sweep(path, jobs=1)
    label = "mine:first(weight=2)"
    assert set(alrun.load_curves(results)["strategy"]) == {"random", label}
    monkeypatch.chdir("/")
    saved = tmp_path / "far" / "results" / "question" / "experiment.toml"
    again = plan_sweep(saved, saved.parent)
    assert again.missing() == []
    assert str(tmp_path) not in saved.read_text()


def test_its_runs_are_those_of_the_module_of_that_name(path, monkeypatch):
    monkeypatch.syspath_prepend(path.parent / "strategies")
    as_module = path.with_name("other.toml")
    as_module.write_text(LEAST.format('{ name = "mine:first", weight = 2.0 }'))
    assert plan_sweep(path, path).specs.keys() == plan_sweep(as_module, path).specs.keys()


def test_no_folder_stands_in_an_identity():
    for name in ("/a/mine.py:f", "mine.py:f", "../b/mine.py:f", "mine:f"):
        assert StrategySpec("label", name, {}, 1).identity()["name"] == "mine:f"
    for name in ("random", "package.module:f", "skactiveml:Badge", "mine.py"):
        assert without_folder(name) == name


def test_it_is_run_once_however_it_is_named_and_shadows_no_module(path):
    folder = path.parent
    (folder / "link").symlink_to(folder / "strategies")
    before = set(sys.modules)
    names = [located(f"{way}/mine.py:first", folder) for way in ("strategies", "link", "./link")]
    functions = {imported(name, ":", StrategyError) for name in names}
    assert len(functions) == 1
    assert (folder / "strategies" / "mine.runs").read_text() == "once "
    left = set(sys.modules) - before - {"dataclasses", "pathlib"}
    assert left == {str(Path(os.path.realpath(folder)) / "strategies" / "mine.py")}


def test_two_files_of_one_stem_are_two_and_not_in_one_experiment(path, monkeypatch):
    (path.parent / "other").mkdir()
    (path.parent / "other" / "mine.py").write_text(MINE.format(2.0))
    numbers = [
        imported(located(f"{folder}/mine.py:number", path.parent), ":", StrategyError)([0], 1, None)
        for folder in ("strategies", "other")
    ]
    assert numbers == [[1.0], [2.0]]
    (line,) = problems(path, "strategies/mine.py:first", "other/mine.py:number")
    assert line.startswith("strategies[3]: ")
    assert "strategies/mine.py and " in line
    assert "other/mine.py have the same name" in line
    monkeypatch.syspath_prepend(path.parent / "other")
    (line,) = problems(path, "mine:first", "strategies/mine.py:number")
    assert "strategies[3]: mine and " in line


@pytest.mark.parametrize(
    ("content", "name", "fragment"),
    [
        (None, "mine.py:f", "there is no file '"),
        ("def f(pool, n, rng): return 1", "mine.py:g", "mine.py has no 'g'"),
        ("def f(pool, n, rng): return 1", "mine.py:", "mine.py has no ''"),
        ("def f(", "mine.py:f", "SyntaxError"),
        ("1 / 0", "mine.py:f", "ZeroDivisionError"),
        ("raise SystemExit(3)", "mine.py:f", "SystemExit: 3"),
        ("import nowhere_to_be_found", "mine.py:f", "nowhere_to_be_found"),
        ("f = 3", "mine.py:f", "is not a function"),
        ("def f(pool): return 1", "mine.py:f", "must take (pool, n, rng)"),
        (None, "\\u0000.py:f", "there is no file '"),
        (None, f"{'a' * 300}.py:f", "there is no file '"),
        (None, "mine.py", "there is no strategy 'mine.py'"),
    ],
)
def test_a_file_that_is_of_no_use_is_a_line_as_the_experiment_is_read(
    path, content, name, fragment
):
    if content is not None:
        path.with_name("mine.py").write_text(content)
    (line,) = problems(path, name)
    assert line.startswith("strategies[2]: ")
    assert fragment in line


def test_of_a_file_that_fails_nothing_is_left_behind(path):
    file = path.with_name("mine.py")
    file.write_text("first = 1\n1 / 0\n")
    before = set(sys.modules)
    with pytest.raises(StrategyError, match="ZeroDivisionError"):
        imported(f"{file}:first", ":", StrategyError)
    assert set(sys.modules) == before


def test_a_file_is_run_by_a_colon_alone(path):
    with pytest.raises(StrategyError, match="names no module"):
        imported(f"{path.parent}/strategies/mine.py.first", ".", StrategyError)
    assert not (path.parent / "strategies" / "mine.runs").exists()


@pytest.mark.parametrize("section", ["strategies", "model"])
def test_code_of_the_running_program_is_refused_before_the_sweep(path, tmp_path, section):
    name = "__main__:mine"
    override = f'strategies=["{name}"]' if section == "strategies" else f'model.name="{name}"'
    with pytest.raises(ExperimentError, match=r"running program or notebook.*save it in a file"):
        plan_sweep(path, tmp_path / "results", [override])
