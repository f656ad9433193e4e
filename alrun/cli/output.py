"""Output of the commands: lines that no terminal obeys, whatever is quoted in them."""

import os
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout, suppress
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

import typer

from alrun.errors import AlrunError, printable
from alrun.util.streams import drop_lost_output

NO_SCREEN = 100
_Format = TypeVar("_Format", bound=StrEnum)
# Where results go while `sys.stdout` leads elsewhere.
_results: Any = None


@contextmanager
def results_apart() -> Iterator[None]:
    """Let `show` and `write` alone reach stdout; what others print to it goes to stderr.

    Models and libraries print what they like, also while a command plans.
    """
    global _results
    before, _results = _results, sys.stdout
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        _results = before


def write(text: str) -> None:
    """Write a text to stdout as it is."""
    with redirect_stdout(_results or sys.stdout):  # echo looks there for what the terminal can show
        typer.echo(text, nl=False)


def screen() -> tuple[int, bool]:
    """Return the width of the screen that results go to, and whether it is a terminal.

    COLUMNS is the width wherever it is set; without it files and pipes are `NO_SCREEN` wide.
    """
    stream = _results or sys.stdout
    is_terminal = stream.isatty()
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal() and int(columns) > 0:
        return int(columns), is_terminal
    if is_terminal:
        with suppress(OSError, ValueError):  # a terminal that tells no size, or 0
            return os.get_terminal_size(stream.fileno()).columns or NO_SCREEN, is_terminal
    return NO_SCREEN, is_terminal


def write_to(output: Path | None, text: str) -> None:
    """Write a text to a file, or to stdout without one."""
    if output is None:
        write(text)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise AlrunError(f"{output} cannot be written: {error.strerror}") from error


def format_of(output: Path | None, endings: Mapping[str, _Format], usual: _Format) -> _Format:
    """Return the format that the ending of a file names, or the usual one without an ending.

    Raises AlrunError for another ending.
    """
    ending = output.suffix.lower() if output else ""
    if ending and ending not in endings:
        raise AlrunError(
            f"{output}: no format ends in '{ending}'; end it in {', '.join(endings)}, or name one"
            " with --format"
        )
    return endings.get(ending, usual)


def show(line: str) -> None:
    """Print a line of results to stdout, control characters as escapes."""
    write(f"{printable(line)}\n")


def drop_lost_results() -> None:
    """Drop from now on the lines that cannot be written; the result of the command is elsewhere."""
    drop_lost_output(_results or sys.stdout)


def say(line: str) -> None:
    """Print a message to stderr, control characters as escapes; stdout is for results."""
    typer.echo(printable(line), err=True)


def share_shown() -> Callable[[float | None], None] | None:
    """Return a function that shows a share in the last line of a terminal; None without one.

    Given None it removes the line, which no log and no file should hold.
    """
    if not sys.stderr.isatty():
        return None

    def show_share(share: float | None) -> None:
        text = "" if share is None else f"{share:.0%} of the file"
        typer.echo(f"\r{text}\x1b[K\r", nl=False, err=True)  # what comes next begins the line

    return show_share


def show_next(*command: str | Path) -> None:
    """Print the command to give next, quoted for a shell."""
    show(f"Next: {shlex.join(map(str, command))}")
