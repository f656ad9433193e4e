"""Does active learning save labels? Parallel, multi-seed experiments with paired statistics.

>>> import alrun
>>> curves = alrun.load_curves("results/digits")  # doctest: +SKIP
>>> alrun.report("results/digits", targets=[0.9]).rows  # doctest: +SKIP
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from alrun.errors import AlrunError
from alrun.report import report

if TYPE_CHECKING:
    from alrun.frames import load_curves, load_queries, load_runs
    from alrun.planning import run_sweep
    from alrun.report.build import Report

__all__ = [
    "load_curves",
    "load_runs",
    "load_queries",
    "report",
    "Report",
    "run_sweep",
    "AlrunError",
]

# Loaded on first use, so that the command line starts at once.
_HOMES = {
    "load_curves": "alrun.frames",
    "load_runs": "alrun.frames",
    "load_queries": "alrun.frames",
    "Report": "alrun.report.build",
    "run_sweep": "alrun.planning",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'alrun' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
