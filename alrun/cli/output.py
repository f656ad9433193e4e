"""Output of the commands: lines that no terminal obeys, whatever is quoted in them."""

import shlex
from pathlib import Path

import typer

from alrun.errors import printable


def show(line: str) -> None:
    """Print a line of results to stdout, control characters as escapes."""
    typer.echo(printable(line))


def say(line: str) -> None:
    """Print a message to stderr, control characters as escapes; stdout is for results."""
    typer.echo(printable(line), err=True)


def show_next(*command: str | Path) -> None:
    """Print the command to give next, quoted for a shell."""
    show(f"Next: {shlex.join(map(str, command))}")
