"""`alrun sweep`: run what is missing of an experiment."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from alrun.cli import interrupts
from alrun.cli.options import SOME_FAILED, Overrides, Results, say
from alrun.sweep.default_results import default_results

if TYPE_CHECKING:
    from alrun.execute import Executor
    from alrun.sweep.plan import SweepPlan


def sweep(
    experiment: Annotated[Path, typer.Argument(help="An experiment file.")],
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Workers.", show_default="one per core")
    ] = None,
    results: Results = None,
    overrides: Overrides = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be run, and stop.")
    ] = False,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Run again what failed before.")
    ] = False,
    max_failures: Annotated[
        int | None, typer.Option(min=1, help="Stop after so many failures.", show_default="none")
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", help="End a run that takes longer.", show_default="none"),
    ] = None,
    dask: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS", help="Run on a Dask cluster, as tcp://host:8786.", show_default="no"
        ),
    ] = None,
    until_halfwidth: Annotated[
        float | None,
        typer.Option(
            metavar="SHARE", help="Add seeds until every saving's interval is that narrow, as 0.08."
        ),
    ] = None,
    max_seeds: Annotated[
        int | None, typer.Option(min=1, help="Add no seeds beyond.", show_default="100")
    ] = None,
) -> None:
    """Run what is missing of an experiment, and make its tables."""
    from alrun.execute import executor

    keys = {"until_halfwidth": until_halfwidth, "max_seeds": max_seeds}
    given = [f"{key}={value}" for key, value in keys.items() if value is not None]
    with executor(jobs, timeout, dask, say) as workers:
        runs = (results or default_results(experiment)) / "runs"
        if not dry_run and not runs.exists():  # else there may be nothing to do
            workers.start()
        from alrun.cli.plan_text import describe_failures
        from alrun.sequential import run_experiment

        step = partial(
            _step,
            workers=workers,
            dry_run=dry_run,
            retry_failed=retry_failed,
            max_failures=max_failures,
        )
        plan = run_experiment(experiment, step, results, [*(overrides or []), *given], say)
    if dry_run:
        return
    left = len(plan.missing())
    stopped = f"; stopped after {max_failures} failures, {left} are left" if left else ""
    typer.echo(f"{len(plan.finished)} of {len(plan.specs)} runs are done{stopped}.")
    for sentence in describe_failures(plan):
        say(sentence)
    typer.echo(f"Next: alrun report {plan.store.path}")
    if plan.failures:
        raise typer.Exit(SOME_FAILED)


def _step(
    plan: "SweepPlan",
    workers: "Executor",
    dry_run: bool,
    retry_failed: bool,
    max_failures: int | None,
) -> "SweepPlan":
    """Run what is missing of a plan, or say what that would be; return the plan as it then is."""
    from alrun.cli.plan_text import announcement, count_cells
    from alrun.cli.progress import shown
    from alrun.sweep.run import run_missing

    todo = plan.missing(retry_failed)
    if not dry_run:  # a directory that cannot be used is said before anything else is
        plan.store.prepare()
    for line in announcement(plan, todo):
        say(line)
    if dry_run:
        for cell, n in count_cells(todo).items():
            typer.echo(f"{n:6} to do: {cell}")
        return plan
    with interrupts.raised(), shown(todo) as on_progress:
        return run_missing(plan, workers, retry_failed, max_failures, on_progress, say)
