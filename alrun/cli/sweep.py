"""The command `alrun sweep`."""

from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from alrun.cli import interrupts
from alrun.cli.options import SOME_FAILED, Overrides, Results
from alrun.cli.output import drop_lost_results, say, share_shown, show, show_next
from alrun.sweep.default_results import default_results

if TYPE_CHECKING:
    from alrun.execute import Executor
    from alrun.sweep.plan import SweepPlan


def sweep(
    experiment: Annotated[Path, typer.Argument(help="The experiment file to run.")],
    jobs: Annotated[
        int | None,
        typer.Option(min=1, help="How many runs to compute at once.", show_default="one per core"),
    ] = None,
    results: Results = None,
    overrides: Overrides = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List the runs to do, and stop.")
    ] = False,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Compute failed runs again.")
    ] = False,
    rerun: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE",
            help="Compute finished runs again that used other code of this file or module.",
        ),
    ] = None,
    max_failures: Annotated[
        int | None,
        typer.Option(min=1, help="Stop after this many failures.", show_default="no limit"),
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            help="End a run that takes longer, and count it as failed.",
            show_default="no limit",
        ),
    ] = None,
    show_output: Annotated[
        bool, typer.Option("--show-output", help="Show what each run prints, when it ends.")
    ] = False,
    dask: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Compute on the Dask cluster at this address, such as tcp://host:8786.",
            show_default="this machine",
        ),
    ] = None,
    backend: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="joblib backend: isolated, loky, threading, sequential, or another.",
            show_default="isolated",
        ),
    ] = None,
    until_halfwidth: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE",
            help="Add seeds until the half-width of every saving's interval is at most this share,"
            " such as 0.08.",
        ),
    ] = None,
    max_seeds: Annotated[
        int | None,
        typer.Option(min=1, help="With --until-halfwidth: stop at this many.", show_default="100"),
    ] = None,
) -> None:
    """Compute the missing runs of an experiment, and make its tables."""
    from alrun.execute import executor

    keys = {"until_halfwidth": until_halfwidth, "max_seeds": max_seeds}
    more_overrides = [f"{key}={value}" for key, value in keys.items() if value is not None]
    if not dry_run:  # its result is a directory
        drop_lost_results()
    with executor(jobs, timeout, dask, say, backend, show_output) as workers:
        runs = (results or default_results(experiment)) / "runs"
        if not dry_run and not runs.exists():  # otherwise there may be nothing to do
            workers.start()
        from alrun.cli.plan_text import (
            describe_failures,
            describe_logs,
            describe_unknown_references,
        )
        from alrun.sequential import run_experiment

        step = partial(
            _step,
            workers=workers,
            dry_run=dry_run,
            retry_failed=retry_failed,
            max_failures=max_failures,
            show_output=show_output,
        )
        changes = [*(overrides or []), *more_overrides]
        plan = run_experiment(
            experiment, step, results, changes, say, rerun or [], on_share=share_shown()
        )
    if dry_run:
        return
    left = len(plan.missing())
    stopped = f"; stopped after {max_failures} failures, {left} still to do" if left else ""
    show(f"{len(plan.finished)} of {len(plan.specs)} runs are done{stopped}.")
    for sentence in chain(describe_failures(plan), describe_logs(plan)):
        say(sentence)
    for sentence in describe_unknown_references(plan):
        say(sentence)
    show_next("alrun", "report", plan.store.path)
    if plan.failures:
        raise typer.Exit(SOME_FAILED)


def _step(
    plan: "SweepPlan",
    workers: "Executor",
    dry_run: bool,
    retry_failed: bool,
    max_failures: int | None,
    show_output: bool,
) -> "SweepPlan":
    """Compute the missing runs of a plan, or list them if `dry_run`; return the updated plan."""
    from alrun.cli.plan_text import announcement, count_by_combination
    from alrun.cli.power_text import describe_power
    from alrun.progress import shown
    from alrun.sweep.run import run_missing

    todo = plan.missing(retry_failed)
    if not dry_run:  # first, so that an unusable directory is the only message
        plan.store.prepare()
    for line in announcement(plan, todo):
        say(line)
    if todo:
        for line in describe_power(plan):
            say(line)
    if dry_run:
        for name, n in count_by_combination(todo).items():
            show(f"{n:6} to do: {name}")
        return plan
    n_references = len(plan.missing_references(retry_failed))
    with interrupts.raised(), shown(todo, n_references, show_output) as on_progress:
        return run_missing(plan, workers, retry_failed, max_failures, on_progress, say)
