"""The command `alrun merge`."""

from pathlib import Path
from typing import Annotated

import typer

from alrun.cli.output import drop_lost_results, say, show, show_next


def merge(
    directories: Annotated[
        list[Path], typer.Argument(metavar="RESULTS...", help="The results directories to join.")
    ],
    results: Annotated[Path, typer.Option(help="The results directory to make, or to add to.")],
) -> None:
    """Join results directories of one experiment, as of several machines."""
    from alrun.sweep.merge import merge as join_them

    drop_lost_results()  # the result is a directory
    plan = join_them(directories, results, say)
    n_missing = len(plan.specs) - len(plan.finished)
    show(f"{len(plan.finished)} of {len(plan.specs)} runs are in {results}.")
    if n_missing:
        say("What is missing is in none of the directories; a sweep computes it.")
        show_next("alrun", "sweep", results / "experiment.toml", "--results", results)
    else:
        show_next("alrun", "report", results)
