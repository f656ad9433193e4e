"""The command `alrun status`."""

import typer

from alrun.cli.options import SOME_FAILED, ResultsDirectory
from alrun.cli.output import show


def status(results: ResultsDirectory) -> None:
    """Show how many runs are done, missing and failed, and the reasons of failures."""
    from alrun.cli.plan_text import describe
    from alrun.sweep.plan import plan_of

    plan = plan_of(results)
    for line in describe(plan):
        show(line)
    if plan.failures:
        raise typer.Exit(SOME_FAILED)
