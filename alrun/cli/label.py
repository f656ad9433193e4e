"""The command `alrun label`."""

from pathlib import Path
from typing import Annotated

import typer

from alrun.cli.options import ProjectFile
from alrun.cli.output import show, show_next


def label(
    project: ProjectFile,
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="Files with answers; their format is recognised."),
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check the answers, and take none.")
    ] = False,
) -> None:
    """Take the answers of annotators: all that are in the files, or none."""
    from alrun.labelling.take import take_files

    taken = take_files(project, files, dry_run)
    parts = {
        "labels": taken.n_labels,
        "skips": taken.n_skips,
        "answers that were known": taken.n_known,
    }
    shown = [f"{n:,} {name}" for name, n in parts.items() if n or name == "labels"]
    corrected = (
        f"; {taken.n_corrections:,} replace an earlier answer" if taken.n_corrections else ""
    )
    show(f"{'Would take' if dry_run else 'Took'} {', '.join(shown)}{corrected}.")
    if taken.n_open:
        show(f"{taken.n_open:,} examples wait for an answer.")
    elif not dry_run:
        show_next("alrun", "next", project)
