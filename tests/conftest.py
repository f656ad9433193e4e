"""Fixtures that the tests share."""

import gc
import os
import signal
import sys
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from small_experiments import SMALL, TINY
from threadpoolctl import threadpool_limits

from alrun.execute import template
from alrun.util.user_code import forget

# The same examples in every run, and no limit on their time: the machine may be busy.
settings.register_profile("steady", deadline=None, derandomize=True)
settings.load_profile("steady")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep the garbage collector from looking through the thousands of tests again and again.

    Later it collects as seldom as in the program.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.set_threshold(100_000, 50, 100)
        gc.enable()


@pytest.fixture(scope="session", autouse=True)
def interrupts_are_heeded() -> None:
    """Let programs that tests start heed an interrupt: in the background a shell ignores it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Compute with one thread, as a sweep does: threads take turns at matrices this small.

    Programs that tests start have threads, which sleep while they wait: to spin takes the time of
    other tests.
    """
    os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")  # a power of two in cycles
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="session", autouse=True)
def no_waiting_for_the_disk() -> Iterator[None]:
    """Sync no file: those of tests need not outlive the system, and thousands are written."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield


@pytest.fixture(scope="session", autouse=True)
def templates_stay() -> Iterator[None]:
    """Keep the process that workers are copied from, however long the next test with some is off.

    It takes two seconds of a core to start.
    """
    longer = "from alrun.execute import template_process as it; it._IDLE = 3600.0\n"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(template, "_PROGRAM", longer + template._PROGRAM)
        yield


@pytest.fixture(autouse=True)
def modules_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Forget the modules that a test has written: the next may have others of the same names."""
    before = set(sys.modules)
    yield
    forget()
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
