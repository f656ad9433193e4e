"""The command `alrun label`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from alrun.cli.interrupts import raised
from alrun.cli.options import ProjectFile
from alrun.cli.output import say, show, show_next
from alrun.errors import AlrunError
from alrun.labelling.phrasing import counted

if TYPE_CHECKING:
    from alrun.labelling.take import Taken


def label(
    project: ProjectFile,
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[FILE...]", help="Files with answers; their format is recognised."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check the answers, and take none.")
    ] = False,
    serve: Annotated[
        bool, typer.Option("--serve", help="Label on a page in a browser of this machine.")
    ] = False,
    port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help="Serve the page there.", show_default="a free one"),
    ] = None,
    images: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PLACE",
            help="Show images from this folder or web address on the page. Repeatable.",
            show_default="the folder of the data",
        ),
    ] = None,
) -> None:
    """Take the answers of annotators: all that are in the files, or none."""
    from alrun.labelling.take import take_files

    if serve:
        if files or dry_run:
            raise AlrunError("--serve takes the answers of a page; leave out files and --dry-run")
        taken = _serve(project, port, images or [])
    else:
        if not files or port is not None or images:
            raise AlrunError("name files with answers, or label on a page with --serve")
        taken = take_files(project, files, dry_run)
    _show(taken, dry_run)
    if not taken.n_open and not dry_run:
        show_next("alrun", "next", project)
    elif serve:
        show_next("alrun", "label", project, "--serve")


def _serve(project: Path, port: int | None, images: list[str]) -> "Taken":
    """Serve the page of a project until an interrupt, and return what it took."""
    try:
        from alrun.labelling.page.server import serve
    except ImportError as error:
        from alrun.util.install_hint import install_hint

        raise AlrunError(
            f"--serve wants starlette, uvicorn and jinja2: {install_hint('label')}"
        ) from error

    def on_ready(address: str) -> None:
        say(f"Label at {address} and end with Ctrl-C.")

    with raised():
        return serve(project, port, images, on_ready)


def _show(taken: "Taken", dry_run: bool) -> None:
    """Print what became of answers."""
    parts = [
        counted(taken.n_labels, "label"),
        counted(taken.n_skips, "skip") if taken.n_skips else "",
        f"{counted(taken.n_known, 'answer')} known before" if taken.n_known else "",
    ]
    n = taken.n_corrections
    corrected = f"; {n:,} {'replaces' if n == 1 else 'replace'} an earlier answer" if n else ""
    show(f"{'Would take' if dry_run else 'Took'} {', '.join(filter(None, parts))}{corrected}.")
    if n := taken.n_open:
        show(f"{counted(n, 'example')} {'waits' if n == 1 else 'wait'} for an answer.")
