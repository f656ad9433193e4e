"""The progress of a sweep: runs done, rate, time left, on a terminal, in a notebook or in a log."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn
from rich.text import Text

from alrun.errors import printable
from alrun.execute.worker import Outcome
from alrun.spec import ReferenceSpec, RunSpec, TaskSpec
from alrun.sweep.plan import n_rounds


class _RateAndTimeLeft(ProgressColumn):
    """Runs or references per second, and the time left at the speed of the rounds so far.

    The time left is estimated from rounds: long runs come first, so that an estimate from runs
    would be too long.
    """

    def render(self, task: Task) -> Text:
        elapsed, rounds = task.elapsed or 0.0, task.fields["rounds"]
        if not rounds or not elapsed:
            return Text("starting")
        left = (task.fields["all_rounds"] - rounds) * elapsed / rounds
        rate = f"{task.completed / elapsed:.1f} {task.description}/s"
        return Text(f"{rate}, {_clock(left)} left")


@contextmanager
def shown(
    specs: list[RunSpec], n_references: int = 0, with_output: bool = False
) -> Iterator[Callable[[TaskSpec, Outcome], None]]:
    """Show the progress of runs and references; yield the function to call after each of them.

    A terminal gets bars, and so does a notebook with ipywidgets. Other output gets a line for each
    tenth of the runs, so that a log stays short. What a run has printed is shown too, if
    `with_output`.
    """
    screen = Console(stderr=True)
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _RateAndTimeLeft(),
        console=screen,
        disable=not (screen.is_terminal or (screen.is_jupyter and find_spec("ipywidgets"))),
    )
    all_rounds = sum(map(n_rounds, specs))
    bar.add_task("runs", total=len(specs), rounds=0, all_rounds=all_rounds)
    (task,) = bar.tasks
    reasons: set[str] = set()  # each is shown once: a faulty strategy fails in all of its runs
    if n_references:
        bar.add_task("references", total=n_references, rounds=0, all_rounds=n_references)

    def advance(spec: TaskSpec, outcome: Outcome) -> None:
        if isinstance(spec, ReferenceSpec):
            other = bar.tasks[-1]
            bar.update(other.id, advance=1, rounds=other.fields["rounds"] + 1)
            return
        if task.remaining == 0:  # a run is computed again, since its file was damaged
            more = task.fields["all_rounds"] + n_rounds(spec)
            bar.update(task.id, total=task.completed + 1, all_rounds=more)
        before = int(task.percentage / 10)
        bar.update(task.id, advance=1, rounds=task.fields["rounds"] + n_rounds(spec))
        if with_output and outcome.printed:
            lines = [f"{spec} printed:", *outcome.printed.decode(errors="replace").splitlines()]
            bar.console.print(Text("\n  ".join(map(printable, lines))), soft_wrap=True)
        failure = outcome.failure
        if failure is not None and failure.reason not in reasons:
            reasons.add(failure.reason)
            line = f"{failure.status}: {spec}: {failure.reason}"
            bar.console.print(Text(printable(line)), soft_wrap=True)  # a log is searched by line
        if bar.disable and int(task.percentage / 10) > before:
            done = f"{task.completed:.0f}/{task.total:.0f} runs"
            time_left = _RateAndTimeLeft().render(task)
            screen.print(Text(f"{done}, {time_left}"))

    with bar:
        yield advance


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
