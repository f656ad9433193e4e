"""The house has one direction: a package imports only from lines above its own."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

HOUSE = Path(__file__).parent.parent / "alrun"
# From the bottom to the top: a package imports only from itself and from lines above its own.
ORDER = [
    "arrays",
    "errors",
    "util",
    "spec_parts",
    "spec",
    "records",
    "metrics",
    "targets",
    "stats",
    "data",
    "models",
    "strategies",
    "run",
    "stopping",
    "experiment",
    "results",
    "execute",
    "sweep",
    "report",
    "labelling",
    "sequential",
    "class_mix",
    "queried",
    "progress",
    "api",
    "",
    "cli",
    "__main__",
]
FILES = sorted(HOUSE.rglob("*.py"))


def name_of(path: Path) -> str:
    parts = path.relative_to(HOUSE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path) for path in FILES}


def imports_of(path: Path) -> set[str]:
    """Return the modules of the house that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.module:
            below = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= (below & MODULES) or {node.module}
    return {name for name in found if name.split(".")[0] == "alrun"}


def package_of(name: str) -> str:
    """Return the part of the house that a module lies in, "" for the house itself."""
    return [*name.split("."), ""][1]


def imported_by(*statements: str) -> list[set[str]]:
    """Return the modules loaded after each of several statements in a fresh interpreter."""
    code = "".join(f"{statement}\nimport sys; print(*sys.modules)\n" for statement in statements)
    lines = subprocess.check_output([sys.executable, "-c", code], text=True).splitlines()
    return [set(line.split()) for line in lines]


def test_every_package_has_its_place():
    packages = {package_of(name) for name in MODULES}
    assert packages - set(ORDER) == set(), "a new package takes its place in ORDER"
    assert set(ORDER) - packages == set(), "a package that is gone leaves ORDER"


def test_contributing_shows_the_packages_in_this_order():
    """Who adds a package reads the order there; so the tree must be right, and whole."""
    text = (HOUSE.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")
    (tree,) = re.findall(r"^alrun/\n((?:  .+\n)+)", text, re.MULTILINE)
    shown = re.findall(r"^  (\w+)(?:/|\.py) ", tree, re.MULTILINE)
    assert shown == [name for name in ORDER if name and not name.startswith("__")]


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_imports_come_from_above(path):
    allowed = {*ORDER[: ORDER.index(package_of(name_of(path))) + 1]}
    assert {package_of(name) for name in imports_of(path)} - allowed == set()


def test_no_modules_import_each_other():
    """A cycle would make the order in which modules are imported matter."""
    graph = {name_of(path): imports_of(path) & MODULES for path in FILES}
    while graph:
        leaves = {name for name, needed in graph.items() if not (needed - {name}) & graph.keys()}
        assert leaves, f"a cycle among {sorted(graph)}"
        graph = {name: needed for name, needed in graph.items() if name not in leaves}


def test_a_report_loads_no_loop_model_or_strategy():
    (loaded,) = imported_by("import alrun.report.render")
    left_wing = {
        "alrun.run.loop",
        "alrun.models",
        "alrun.strategies",
        "alrun.data.dataset",
        "sklearn",
    }
    assert loaded & left_wing == set()


def test_a_worker_starts_without_k_means_and_without_pandas_of_ours():
    theirs, loaded = imported_by("import sklearn", "import alrun.execute.worker")
    assert {"sklearn.cluster", "sklearn.impute"} & loaded == set()
    assert "pandas" not in loaded - theirs


def test_the_command_line_starts_without_numpy():
    (loaded,) = imported_by("import alrun.cli.app")
    assert "numpy" not in loaded


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_only_the_command_line_and_the_progress_know_a_screen(path):
    if name_of(path) in ("alrun.cli.app", "alrun.progress"):
        return
    calls = [
        node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)
    ]
    assert "print" not in {call.id for call in calls if isinstance(call, ast.Name)}


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_randomness_comes_from_a_generator_that_was_passed_in(path):
    """Global random state and the clock have no way into a number."""
    names = {
        node.attr
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute)
    }
    assert names & {"default_rng", "RandomState", "urandom", "time_ns"} == set()
