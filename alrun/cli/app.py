"""The program: its commands, and the exit codes for errors.

Heavy imports are inside the commands, so that --help is instant.
"""

import gc
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from alrun.cli import interrupts
from alrun.cli.compare import compare
from alrun.cli.export import export
from alrun.cli.import_curves import import_curves
from alrun.cli.init import init
from alrun.cli.label import label
from alrun.cli.list_entries import list_entries
from alrun.cli.merge import merge
from alrun.cli.next_batch import next_batch
from alrun.cli.options import WRONG_INPUT
from alrun.cli.output import results_apart, say
from alrun.cli.plot import plot
from alrun.cli.queries import queries
from alrun.cli.report import report
from alrun.cli.sample_size import sample_size
from alrun.cli.status import status
from alrun.cli.stopping import stopping
from alrun.cli.sweep import sweep
from alrun.errors import AlrunError, printable
from alrun.util.address_space import check_address_space, too_little_memory
from alrun.util.atomic_files import unusable
from alrun.util.streams import guard, open_missing, own_descriptor

# Typer shows usage errors as a box of lines. They are caught to be shown as one line. Their class
# is private, and found as the base of a public one.
UsageError: Any = typer.BadParameter.__base__


class _Commands(TyperGroup):
    """The group of commands; it alone turns errors into one line and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        try:
            check_address_space()
            return super().invoke(ctx)
        except UsageError as error:
            command = error.ctx.command_path if error.ctx else ctx.command_path
            say(f"{_sentence(error.format_message())} See {command} --help.")
            raise typer.Exit(WRONG_INPUT) from error
        except AlrunError as error:
            typer.echo(str(error), err=True)
            raise typer.Exit(WRONG_INPUT) from error
        except OSError as error:
            say(_system_error(error))
            raise typer.Exit(WRONG_INPUT) from error
        except (ImportError, MemoryError) as error:
            sentence = too_little_memory(error)
            if sentence is None:
                raise
            say(sentence)
            raise typer.Exit(WRONG_INPUT) from error
        except KeyboardInterrupt:
            typer.echo(interrupts.MESSAGE, err=True)
            raise typer.Exit(interrupts.EXIT_CODE) from None


class _Command(TyperCommand):
    """A command whose output holds nothing that others print while it is at work."""

    def invoke(self, ctx: Any) -> Any:
        with results_apart():
            return super().invoke(ctx)


def _system_error(error: OSError) -> str:
    """Return an error of the system as a sentence."""
    if error.filename is not None:
        return str(unusable(error.filename, "be used", error))
    reason = error.strerror or str(error)
    if "temporary directory" in reason:
        return f"{reason}; set TMPDIR to a directory that can be written to"
    return reason


def _sentence(message: str) -> str:
    """Return a usage error as one sentence in one line, without the words of the libraries."""
    message = message.replace(": Value error, ", ": ").replace(": Input should", ": it should")
    line = printable(" ".join(message.replace("Value error, ", "").split()))
    return line if line.endswith((".", "?")) else f"{line}."


app = typer.Typer(
    cls=_Commands,
    help="Does active learning save labels? Many seeds, in parallel, with paired statistics.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command(cls=_Command)(init)
app.command(cls=_Command)(sweep)
app.command(cls=_Command)(report)
app.command(cls=_Command)(compare)
app.command(cls=_Command)(plot)
app.command(cls=_Command)(stopping)
app.command("sample-size", cls=_Command)(sample_size)
app.command("plan", cls=_Command, hidden=True, deprecated=True)(sample_size)  # its name until 0.1
app.command("import-curves", cls=_Command)(import_curves)
app.command(cls=_Command)(merge)
app.command(cls=_Command)(queries)
app.command(cls=_Command)(status)
app.command("next", cls=_Command)(next_batch)
app.command(cls=_Command)(label)
app.command(cls=_Command)(export)
app.command("list", cls=_Command)(list_entries)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"alrun {version('alrun')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Handle the options before the command."""


def main() -> None:
    """Run the command line.

    Messages that cannot be written are dropped; results that cannot be written are an error.
    """
    open_missing()
    # A large grid makes a million objects that all stay: collecting garbage more often costs more.
    gc.set_threshold(100_000, 50, 100)
    sys.stderr = guard(sys.stderr, drops=True)
    sys.stdout = guard(own_descriptor(sys.stdout), drops=False)
    try:
        app()
    finally:
        sys.stdout = sys.stderr  # what models print at the exit is no result either
