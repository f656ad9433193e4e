"""The command `alrun status`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from alrun.cli.options import SOME_FAILED
from alrun.cli.output import format_of, say, show, write_to
from alrun.errors import AlrunError, printable


class StatusFormat(StrEnum):
    """The formats of the monitoring of a labelling project."""

    text = "text"
    json = "json"
    html = "html"


_ENDINGS = {".txt": StatusFormat.text, ".json": StatusFormat.json, ".html": StatusFormat.html}


def status(
    results: Annotated[
        Path,
        typer.Argument(
            metavar="RESULTS", help="A results directory, or the file of a labelling project."
        ),
    ],
    format: Annotated[
        StatusFormat | None,
        typer.Option(
            help="Write the monitoring of a project in this form.",
            show_default="by the ending of the file, or text",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(help="Write it to this .txt, .json or .html.", show_default="the screen"),
    ] = None,
    fit: Annotated[
        bool,
        typer.Option(
            "--fit", help="Fit the model of a project on all labels: its score, disputed labels."
        ),
    ] = False,
) -> None:
    """Show what runs are done, missing and failed; or how labelling goes on."""
    if results.suffix == ".toml":
        _monitor(results, format or format_of(output, _ENDINGS, StatusFormat.text), output, fit)
        return
    if fit or format is not None or output is not None:
        raise AlrunError(
            "--fit, --format and --output are for labelling projects; name the file of one, such as"
            " mails.toml"
        )
    from alrun.cli.plan_text import describe
    from alrun.sweep.plan import plan_of

    plan = plan_of(results)
    for line in describe(plan):
        show(line)
    if plan.failures:
        raise typer.Exit(SOME_FAILED)


def _monitor(project: Path, format: StatusFormat, output: Path | None, fit: bool) -> None:
    import json

    from alrun.labelling.monitoring import monitor

    numbers = monitor(project, fit, say)
    if format is StatusFormat.json:
        text = json.dumps(numbers, indent=1) + "\n"
    elif format is StatusFormat.html:
        from alrun.labelling.monitoring_page import as_page

        text = as_page(numbers)
    else:
        from alrun.labelling.monitoring_text import lines_of

        text = "".join(f"{printable(line)}\n" for line in lines_of(numbers))
    write_to(output, text)
