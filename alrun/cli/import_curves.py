"""The command `alrun import-curves`."""

from pathlib import Path
from typing import Annotated

import typer

from alrun.cli.output import drop_lost_results, say, show, show_next


def import_curves(
    curves: Annotated[
        list[Path],
        typer.Argument(
            metavar="CURVES...", help=".csv or .parquet files with a row per round of every run."
        ),
    ],
    results: Annotated[Path, typer.Option(help="The results directory to make.")],
) -> None:
    """Import curves of another tool, so that they can be reported."""
    from alrun.results.import_curves import import_curves as import_them

    drop_lost_results()  # the result is a directory
    n_runs, messages = import_them(curves, results)
    for message in messages:
        say(message)
    show(f"{n_runs} runs are in {results}.")
    show_next("alrun", "report", results, "--target", "0.9")
