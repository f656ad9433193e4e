"""The command line. Heavy imports stand inside the commands, so that --help is instant."""

import sys
from contextlib import suppress
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from alrun import interrupts
from alrun.errors import AlrunError, printable
from alrun.files import unusable

if TYPE_CHECKING:
    from alrun.execute import Executor
    from alrun.report.build import Report
    from alrun.sweep import Plan

# Typer shows its own errors as a box of lines; their kind is named by what it shows of it.
UsageError: Any = typer.BadParameter.__base__

SOME_FAILED, WRONG_INPUT = 1, 2
# What is no result does not go where results are read from.
_tell = partial(typer.echo, err=True)


class _Commands(TyperGroup):
    """The commands; what they raise becomes a line and an exit code here and nowhere else."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except UsageError as error:
            command = error.ctx.command_path if error.ctx else ctx.command_path
            typer.echo(f"{printable(error.format_message())} See {command} --help.", err=True)
            raise typer.Exit(WRONG_INPUT) from error
        except AlrunError as error:
            typer.echo(str(error), err=True)
            raise typer.Exit(WRONG_INPUT) from error
        except BrokenPipeError:  # the reader had enough
            sys.stdout = None
            raise typer.Exit from None
        except OSError as error:
            named = error.filename is not None
            said = str(unusable(error.filename, "be used", error) if named else error)
            typer.echo(printable(said), err=True)
            raise typer.Exit(WRONG_INPUT) from error
        except KeyboardInterrupt:
            typer.echo(interrupts.SAID, err=True)
            raise typer.Exit(interrupts.EXIT_CODE) from None


app = typer.Typer(
    cls=_Commands,
    help="Does active learning save labels? Many seeds, in parallel, with paired statistics.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


class Format(StrEnum):
    """What a report is written as."""

    table = "table"
    markdown = "markdown"
    csv = "csv"
    json = "json"
    latex = "latex"


class QueriesFormat(StrEnum):
    """What a table of the queries is written as."""

    table = "table"
    csv = "csv"


class Adjustment(StrEnum):
    """How p values are adjusted for many tests."""

    holm = "holm"
    maxT = "maxT"  # noqa: N815 -- the name of the field


class Plot(StrEnum):
    """What there is a plot of."""

    curves = "curves"
    difference = "difference"
    savings = "savings"
    reached = "reached"


class Kind(StrEnum):
    """What there is a list of."""

    strategies = "strategies"
    datasets = "datasets"
    models = "models"


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"alrun {version('alrun')}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Take the options that come before a command."""


Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Override a key, as in model.C=0.1. Repeatable."
    ),
]
ResultsDirectory = Annotated[Path, typer.Argument(help="A results directory.")]
Targets = Annotated[
    list[float] | None,
    typer.Option(help="A score to reach. Repeatable.", show_default="the experiment's"),
]
Metric = Annotated[
    str | None,
    typer.Option(help="The score that targets are read on.", show_default="the experiment's"),
]
Baseline = Annotated[str, typer.Option(metavar="LABEL", help="What the others are compared with.")]
Sustain = Annotated[
    int, typer.Option(min=1, help="Rounds in a row that the score must be at the target.")
]
Adjust = Annotated[Adjustment, typer.Option(help="Correction for many tests.")]
Results = Annotated[
    Path | None,
    typer.Option(help="The results directory.", show_default="results/<name of the experiment>"),
]


@app.command()
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
    with executor(jobs, timeout, dask, _tell) as workers:
        runs = (results or Path("results") / experiment.stem) / "runs"
        if not dry_run and not runs.exists():  # else there may be nothing to do
            workers.start()
        from alrun.planning import plan_steps
        from alrun.status import describe_failures

        for plan in plan_steps(experiment, results, [*(overrides or []), *given], _tell):
            plan = _sweep_step(plan, workers, dry_run, retry_failed, max_failures)
            if dry_run or plan.failures or plan.missing():
                break
    if dry_run:
        return
    left = len(plan.missing())
    stopped = f"; stopped after {max_failures} failures, {left} are left" if left else ""
    typer.echo(f"{len(plan.finished)} of {len(plan.specs)} runs are done{stopped}.")
    for sentence in describe_failures(plan):
        typer.echo(sentence, err=True)
    typer.echo(f"Next: alrun report {plan.store.path}")
    if plan.failures:
        raise typer.Exit(SOME_FAILED)


def _sweep_step(
    plan: "Plan", workers: "Executor", dry_run: bool, retry_failed: bool, max_failures: int | None
) -> "Plan":
    """Run what is missing of a plan, or say what that would be; return the plan as it then is."""
    from alrun.progress import shown
    from alrun.status import announcement, count_cells
    from alrun.sweep import sweep as run_missing

    todo = plan.missing(retry_failed)
    if not dry_run:  # a directory that cannot be used is said before anything else is
        plan.store.prepare()
    for line in announcement(plan, todo):
        typer.echo(line, err=True)
    if dry_run:
        for cell, n in count_cells(todo).items():
            typer.echo(f"{n:6} to do: {cell}")
        return plan
    with interrupts.raised(), shown(todo) as on_progress:
        return run_missing(plan, workers, retry_failed, max_failures, on_progress, _tell)


@app.command()
def report(
    results: ResultsDirectory,
    target: Targets = None,
    metric: Metric = None,
    baseline: Baseline = "random",
    sustain: Sustain = 1,
    adjust: Adjust = Adjustment.holm,
    format: Annotated[Format, typer.Option(help="What to write.")] = Format.table,
    output: Annotated[
        Path | None, typer.Option(help="A file to write to.", show_default="the screen")
    ] = None,
) -> None:
    """Print the tables: labels to target, savings, tests, whole curves."""
    from alrun.report.render import render

    found = _report(results, target, metric, baseline, sustain, adjust)
    text = render(found, format.value)
    if format is Format.csv:  # which has no place for them
        for note in found.notes:
            typer.echo(note, err=True)
    if output is None:
        typer.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise AlrunError(f"{output} cannot be written: {error.strerror}") from error


@app.command()
def plot(
    results: ResultsDirectory,
    output: Annotated[Path, typer.Option(help="A .svg, .png or .pdf to write.")],
    kind: Annotated[
        list[Plot] | None, typer.Option(help="What to draw. Repeatable.", show_default="all")
    ] = None,
    batch_size: Annotated[
        list[int] | None, typer.Option(help="Those to draw. Repeatable.", show_default="all")
    ] = None,
    target: Targets = None,
    metric: Metric = None,
    baseline: Baseline = "random",
    sustain: Sustain = 1,
    adjust: Adjust = Adjustment.holm,
) -> None:
    """Draw curves with bands, differences, savings and the share of runs at the target."""
    from alrun.report.plots import write_plot

    found = _report(results, target, metric, baseline, sustain, adjust)
    write_plot(found, output, [entry.value for entry in kind or Plot], batch_size)


@app.command()
def plan(
    results: ResultsDirectory,
    saving: Annotated[float, typer.Option(help="The share of labels to be saved.")] = 0.1,
    power: Annotated[float, typer.Option(help="The chance to see it.")] = 0.8,
    target: Targets = None,
    metric: Metric = None,
    baseline: Baseline = "random",
    sustain: Sustain = 1,
    adjust: Adjust = Adjustment.holm,
) -> None:
    """Say how many seeds it takes to see a saving, with these results as a pilot."""
    from alrun.report.render import as_text
    from alrun.report.seeds import seeds_needed, seeds_notes, seeds_sections

    found = _report(results, target, metric, baseline, sustain, adjust)
    needed = seeds_needed(found, saving, power)
    typer.echo(as_text(seeds_sections(needed), seeds_notes(needed, found, saving, power)), nl=False)


@app.command("import-curves")
def import_curves_(
    curves: Annotated[Path, typer.Argument(help="A .csv or .parquet, a row per round.")],
    results: Annotated[Path, typer.Option(help="The results directory to make.")],
) -> None:
    """Take over curves of another tool, so that they can be reported."""
    from alrun.foreign import import_curves

    n_runs, told = import_curves(curves, results)
    for sentence in told:
        typer.echo(sentence, err=True)
    typer.echo(f"{n_runs} runs are in {results}.\nNext: alrun report {results} --target 0.9")


@app.command()
def queries(
    results: ResultsDirectory,
    format: Annotated[QueriesFormat, typer.Option(help="What to write.")] = QueriesFormat.table,
) -> None:
    """Say which classes the queries are of, beside those that there were to choose from."""
    from alrun.queries import MOST_PARTS, class_mix, mix_notes, mix_sections
    from alrun.report.render import as_text

    if format is QueriesFormat.csv:
        typer.echo(class_mix(results).to_csv(index=False, lineterminator="\n"), nl=False)
        return
    mix = class_mix(results, MOST_PARTS)
    typer.echo(as_text(mix_sections(mix), mix_notes(mix)), nl=False)


def _report(
    results: Path,
    targets: list[float] | None,
    metric: str | None,
    baseline: str,
    sustain: int,
    adjust: Adjustment,
) -> "Report":
    from alrun.report.build import build_report

    return build_report(results, targets, metric, baseline, sustain, adjust.value)


@app.command()
def status(results: ResultsDirectory) -> None:
    """Say what is done, missing and failed, and for which cells."""
    from alrun.status import describe
    from alrun.sweep import plan_of

    plan = plan_of(results)
    for line in describe(plan):
        typer.echo(line)
    if plan.failures:
        raise typer.Exit(SOME_FAILED)


@app.command("list")
def list_(kind: Annotated[Kind, typer.Argument(help="Of what.")]) -> None:
    """List what is built in, with parameters and the paper."""
    from alrun.catalogue import listing

    rows = listing(kind.value)
    width = max(len(name) for name, _ in rows)
    for name, description in rows:
        typer.echo(f"{name:{width}}  {description}")


def main() -> None:
    """Run the command line; what an experiment names may lie in the current directory."""
    with suppress(FileNotFoundError):  # it may be gone
        sys.path.append(str(Path.cwd()))
    app()
