"""The screen that results go to: its width, and whether it is a terminal."""

import os

import pytest

from alrun.cli import output


@pytest.fixture
def terminal(monkeypatch):
    """Let results go to a terminal; yield a function that sets its width."""
    import pty
    from fcntl import ioctl
    from struct import pack
    from termios import TIOCSWINSZ

    parent, child = pty.openpty()
    with os.fdopen(parent, "rb"), os.fdopen(child, "w") as stream:
        monkeypatch.setattr(output, "_results", stream)
        monkeypatch.delenv("COLUMNS", raising=False)
        yield lambda width: ioctl(child, TIOCSWINSZ, pack("HHHH", 40, width, 0, 0))


def test_a_terminal_has_its_own_width(terminal):
    for width in (72, 160):
        terminal(width)
        assert output.screen() == (width, True)
    terminal(0)
    assert output.screen() == (100, True)


@pytest.mark.parametrize(("columns", "width"), [("60", 60), ("", 100), ("wide", 100), ("0", 100)])
def test_without_a_terminal_there_are_a_hundred_columns_or_those_of_the_variable(
    tmp_path, monkeypatch, columns, width
):
    monkeypatch.setenv("COLUMNS", columns)
    with (tmp_path / "file").open("w") as stream:
        monkeypatch.setattr(output, "_results", stream)
        assert output.screen() == (width, False)
