"""`alrun status`: say what is done, missing and failed."""

import typer

from alrun.cli.options import SOME_FAILED, ResultsDirectory


def status(results: ResultsDirectory) -> None:
    """Say what is done, missing and failed, and for which cells."""
    from alrun.cli.plan_text import describe
    from alrun.sweep.plan import plan_of

    plan = plan_of(results)
    for line in describe(plan):
        typer.echo(line)
    if plan.failures:
        raise typer.Exit(SOME_FAILED)
