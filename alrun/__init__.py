"""Parallel, multi-seed experiments on active learning, with paired statistics.

>>> import alrun
>>> curves = alrun.load_curves("results/digits")  # doctest: +SKIP
>>> alrun.report("results/digits", targets=[0.9]).rows  # doctest: +SKIP
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

# The packages `alrun.report` and `alrun.stopping` are imported first: the functions of the same
# names then replace them.
import alrun.report
import alrun.stopping  # noqa: F401
from alrun.api import plot, report, run_sweep, stopping
from alrun.errors import AlrunError

if TYPE_CHECKING:
    from alrun.report.build import Report
    from alrun.results.load import load_curves, load_queries, load_runs, load_signals

__all__ = [
    "load_curves",
    "load_runs",
    "load_queries",
    "load_signals",
    "plot",
    "report",
    "Report",
    "run_sweep",
    "stopping",
    "AlrunError",
]

# These are loaded on first use, so that the command line starts at once.
_MODULES = {
    "load_curves": "alrun.results.load",
    "load_runs": "alrun.results.load",
    "load_queries": "alrun.results.load",
    "load_signals": "alrun.results.load",
    "Report": "alrun.report.build",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'alrun' has no attribute '{name}'")
    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_MODULES])
