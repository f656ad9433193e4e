"""Fixtures for tests of workers."""

from collections.abc import Callable, Iterator

import pytest

from alrun.execute import template


@pytest.fixture
def template_program(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Return how to set the program of templates; afterwards it is as before."""

    def use(program: str) -> None:
        monkeypatch.setattr(template, "_PROGRAM", program)
        template._end()

    yield use
    template._end()
