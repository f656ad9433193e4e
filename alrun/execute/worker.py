"""One run, caught and stored."""

import platform
import traceback
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from time import perf_counter

from threadpoolctl import ThreadpoolController

from alrun.datasets import Source
from alrun.errors import ResultsError
from alrun.loop import run_active_learning
from alrun.spec import RunSpec, run_id
from alrun.store import Store


@dataclass(frozen=True)
class Outcome:
    """What became of a run, and how long it took to compute; `error` is None where it finished."""

    run_id: str
    error: str | None
    seconds: float


def compute(spec: RunSpec, source: Source, results: Path) -> Outcome:
    """Compute one run on one BLAS thread and write its file, or a record of why it failed."""
    store = Store(results)
    try:
        with _thread_pools().limit(limits=1):
            dataset = source.at(spec.seed)
            started = perf_counter()
            result = run_active_learning(spec, dataset)
            seconds = perf_counter() - started
        store.write_run(spec, result, dataset.classes, dataset.y, provenance())
    except ResultsError:  # a full disk is no failure of the run
        raise
    except (Exception, SystemExit) as error:
        message = f"{type(error).__name__}: {error}"
        store.write_failure(spec, "failed", message, traceback.format_exc())
        return Outcome(run_id(spec), message, 0.0)
    return Outcome(run_id(spec), None, seconds)


@cache
def provenance() -> dict[str, str]:
    """Return what the numbers of this process were computed with."""
    packages = ("alrun", "numpy", "scipy", "scikit-learn", "pyarrow")
    return {
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
        **{package: version(package) for package in packages},
    }


@cache
def _thread_pools() -> ThreadpoolController:
    """Return a handle on the libraries' threads; looking for them takes milliseconds."""
    return ThreadpoolController()
