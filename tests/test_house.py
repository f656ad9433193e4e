"""The house has one direction: a file imports only from lines above its own."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

HOUSE = Path(__file__).parent.parent / "alrun"
ORDER = [
    "alrun.errors",
    "alrun.interrupts",
    "alrun.files",
    "alrun.seeds",
    "alrun.kept",
    "alrun.stopwatch",
    "alrun.spec",
    "alrun.named",
    "alrun.experiment",
    "alrun.lookup",
    "alrun.experiment_file",
    "alrun.features",
    "alrun.readers.contents",
    "alrun.readers.arrays",
    "alrun.readers.idx",
    "alrun.readers.texts",
    "alrun.readers.columns",
    "alrun.readers.wide",
    "alrun.readers.tables",
    "alrun.readers.openml",
    "alrun.readers",
    "alrun.scaling",
    "alrun.datasets",
    "alrun.duplicates",
    "alrun.given",
    "alrun.metrics",
    "alrun.kmeans",
    "alrun.splits",
    "alrun.grid",
    "alrun.models.preconditioner",
    "alrun.models.newton",
    "alrun.models.row_space",
    "alrun.models.logistic",
    "alrun.models.weights",
    "alrun.models.estimators",
    "alrun.models",
    "alrun.models.classifier",
    "alrun.models.refusal",
    "alrun.models.predictions",
    "alrun.strategies.training",
    "alrun.strategies.pool",
    "alrun.strategies.ranking",
    "alrun.strategies.checked",
    "alrun.strategies.needs",
    "alrun.strategies.greedy",
    "alrun.strategies.reference",
    "alrun.strategies.baseline",
    "alrun.strategies.cover",
    "alrun.strategies.spread",
    "alrun.strategies.uncertainty",
    "alrun.strategies.committee",
    "alrun.strategies.activeml",
    "alrun.strategies.gradients",
    "alrun.strategies.mixed",
    "alrun.strategies.partition",
    "alrun.strategies.clusters",
    "alrun.strategies.density",
    "alrun.strategies",
    "alrun.catalogue",
    "alrun.loop",
    "alrun.schema",
    "alrun.agreement",
    "alrun.frames",
    "alrun.run_file",
    "alrun.compaction",
    "alrun.store",
    "alrun.provenance",
    "alrun.execute.mapped",
    "alrun.execute.worker",
    "alrun.execute.child",
    "alrun.execute.apart",
    "alrun.execute.local",
    "alrun.execute.dask_worker",
    "alrun.execute.dask",
    "alrun.execute",
    "alrun.sources",
    "alrun.impossible",
    "alrun.sweep",
    "alrun.status",
    "alrun.stats.estimates",
    "alrun.stats.paired",
    "alrun.stats.families",
    "alrun.stats.bands",
    "alrun.stats.power",
    "alrun.stats",
    "alrun.curves",
    "alrun.foreign",
    "alrun.report.cells",
    "alrun.report.adjust",
    "alrun.report.tables",
    "alrun.report.across",
    "alrun.report.words",
    "alrun.report.notes",
    "alrun.report.degeneracy",
    "alrun.report.origins",
    "alrun.report.build",
    "alrun.report",
    "alrun.report.sections",
    "alrun.report.seeds",
    "alrun.report.render",
    "alrun.report.plots.styles",
    "alrun.report.plots.lines",
    "alrun.report.plots.panels",
    "alrun.report.plots.kinds",
    "alrun.report.plots",
    "alrun.planning",
    "alrun.queries",
    "alrun.progress",
    "alrun",
    "alrun.cli",
    "alrun.__main__",
]
FILES = sorted(HOUSE.rglob("*.py"))


def name_of(path: Path) -> str:
    parts = path.relative_to(HOUSE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(path: Path) -> set[str]:
    """Return the modules of the house that a file imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.module:
            below = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= (below & set(ORDER)) or {node.module}
    return {name for name in found if name.split(".")[0] == "alrun"}


def imported_by(statement: str) -> set[str]:
    """Return the modules loaded after a statement in a fresh interpreter."""
    code = f"{statement}\nimport sys; print(*sys.modules)"
    return set(subprocess.check_output([sys.executable, "-c", code], text=True).split())


def test_every_file_has_its_place():
    assert {name_of(path) for path in FILES} == set(ORDER)


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_imports_come_from_above(path):
    place = ORDER.index(name_of(path))
    assert {name for name in imports_of(path) if ORDER.index(name) >= place} == set()


def test_a_report_loads_no_loop_model_or_strategy():
    loaded = imported_by("import alrun.report.render")
    left_wing = {"alrun.loop", "alrun.models", "alrun.strategies", "alrun.datasets", "sklearn"}
    assert loaded & left_wing == set()


def test_a_run_loads_no_pandas_of_ours():
    assert "pandas" not in imported_by("import alrun.execute.worker") - imported_by(
        "import sklearn"
    )


def test_the_command_line_starts_without_numpy():
    assert "numpy" not in imported_by("import alrun.cli")


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_only_the_command_line_and_the_progress_know_a_screen(path):
    if name_of(path) in ("alrun.cli", "alrun.progress"):
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
