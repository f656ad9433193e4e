"""The command `alrun status`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from alrun.cli.options import SOME_FAILED
from alrun.cli.output import say, show, write
from alrun.errors import AlrunError


class StatusFormat(StrEnum):
    """The formats of the monitoring of a labelling project."""

    text = "text"
    json = "json"


def status(
    results: Annotated[
        Path,
        typer.Argument(
            metavar="RESULTS", help="A results directory, or the file of a labelling project."
        ),
    ],
    format: Annotated[
        StatusFormat, typer.Option(help="Write the monitoring of a project in this form.")
    ] = StatusFormat.text,
    fit: Annotated[
        bool,
        typer.Option(
            "--fit", help="Fit the model of a project on all labels: its score, disputed labels."
        ),
    ] = False,
) -> None:
    """Show what runs are done, missing and failed; or how labelling goes on."""
    if results.suffix == ".toml":
        _monitor(results, format, fit)
        return
    if fit or format is not StatusFormat.text:
        raise AlrunError(
            "--fit and --format are for labelling projects; name the file of one, such as"
            " mails.toml"
        )
    from alrun.cli.plan_text import describe
    from alrun.sweep.plan import plan_of

    plan = plan_of(results)
    for line in describe(plan):
        show(line)
    if plan.failures:
        raise typer.Exit(SOME_FAILED)


def _monitor(project: Path, format: StatusFormat, fit: bool) -> None:
    import json

    from alrun.labelling.monitoring import monitor
    from alrun.labelling.monitoring_text import lines_of

    numbers = monitor(project, fit, say)
    if format is StatusFormat.json:
        write(json.dumps(numbers, indent=1) + "\n")
        return
    for line in lines_of(numbers):
        show(line)
