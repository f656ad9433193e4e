"""Small experiments that the tests share, and the tables that are made from their runs."""

import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SMALL = """
strategies  = ["random", "least_confidence", "margin", "entropy"]
batch_sizes = [10, 25]
seeds       = 2
targets     = [0.8, 0.9]
budget      = 65

[dataset]
name      = "digits"
scale     = 16
test_size = 540

[initial]
per_class = 2
"""

TINY = """
strategies  = ["random", "margin"]
batch_sizes = [5]
seeds       = 3
targets     = [0.9]
budget      = 20

[dataset]
name      = "iris"
test_size = 50

[initial]
per_class = 2
"""

TABLES = ("curves.parquet", "queries.parquet", "splits.parquet")


@pytest.fixture(scope="session", autouse=True)
def interrupts_are_heeded() -> None:
    """Let programs that tests start heed an interrupt: in the background a shell ignores it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def modules_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Forget the modules that a test has written: the next may have others of the same names."""
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        file = getattr(sys.modules[name], "__file__", None) or ""
        if file.startswith(str(tmp_path_factory.getbasetemp())):
            del sys.modules[name]


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """Return an experiment of 16 runs on digits."""
    path = tmp_path / "small.toml"
    path.write_text(SMALL)
    return path


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """Return an experiment of 6 runs on iris, of milliseconds each."""
    path = tmp_path / "tiny.toml"
    path.write_text(TINY)
    return path


@pytest.fixture(scope="session")
def small_results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the results of the small experiment, computed once."""
    import alrun

    folder = tmp_path_factory.mktemp("small")
    (folder / "small.toml").write_text(SMALL)
    return alrun.run_sweep(folder / "small.toml", folder / "results", jobs=2)
