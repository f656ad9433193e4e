"""Fixtures for tests of workers."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sessions import wait_until

from alrun.execute import isolated, template
from alrun.execute.worker_process import WorkerProcess


@pytest.fixture
def template_program(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Return how to set the program of templates; afterwards it is as before."""

    def use(program: str) -> None:
        monkeypatch.setattr(template, "_PROGRAM", program)
        template._end()

    yield use
    template._end()


@pytest.fixture
def time_to_begin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Count the time of a run from when it makes the file "begun": there may be no core free."""
    has_answer = isolated._has_answer

    def once_it_has_begun(process: WorkerProcess, timeout: float) -> bool:
        if process.is_ready:
            assert wait_until(lambda: (tmp_path / "begun").exists() or process.has_answer(0))
        return has_answer(process, timeout)

    monkeypatch.setattr(isolated, "_has_answer", once_it_has_begun)
