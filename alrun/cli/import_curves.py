"""`alrun import-curves`: take over curves of another tool."""

from pathlib import Path
from typing import Annotated

import typer

from alrun.cli.options import say


def import_curves(
    curves: Annotated[Path, typer.Argument(help="A .csv or .parquet, a row per round.")],
    results: Annotated[Path, typer.Option(help="The results directory to make.")],
) -> None:
    """Take over curves of another tool, so that they can be reported."""
    from alrun.results.import_curves import import_curves as import_them

    n_runs, told = import_them(curves, results)
    for sentence in told:
        say(sentence)
    typer.echo(f"{n_runs} runs are in {results}.\nNext: alrun report {results} --target 0.9")
