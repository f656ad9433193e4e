"""The progress of a sweep on the screen: runs done, rate, time left."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn
from rich.text import Text

from alrun.errors import printable
from alrun.execute.worker import Outcome
from alrun.spec import RunSpec
from alrun.sweep.plan import n_rounds


class _RateAndTimeLeft(ProgressColumn):
    """Runs per second, and the time left at the speed of the rounds so far.

    The time left is estimated from rounds: long runs come first, so that an estimate from runs
    would be too long.
    """

    def render(self, task: Task) -> Text:
        elapsed, rounds = task.elapsed or 0.0, task.fields["rounds"]
        if not rounds or not elapsed:
            return Text("starting")
        left = (task.fields["all_rounds"] - rounds) * elapsed / rounds
        return Text(f"{task.completed / elapsed:.1f} runs/s, {_clock(left)} left")


@contextmanager
def shown(
    specs: list[RunSpec], with_output: bool = False
) -> Iterator[Callable[[RunSpec, Outcome], None]]:
    """Show the progress of runs; yield the function to call after each run.

    A terminal gets a bar. Other output gets a line for each tenth of the runs, so that a log stays
    short. What a run has printed is shown too, if `with_output`.
    """
    screen = Console(stderr=True)
    bar = Progress(
        TextColumn("runs"),
        BarColumn(),
        MofNCompleteColumn(),
        _RateAndTimeLeft(),
        console=screen,
        disable=not screen.is_terminal,
    )
    all_rounds = sum(map(n_rounds, specs))
    bar.add_task("runs", total=len(specs), rounds=0, all_rounds=all_rounds)
    (task,) = bar.tasks

    def advance(spec: RunSpec, outcome: Outcome) -> None:
        if task.remaining == 0:  # a run is computed again, since its file was damaged
            more = task.fields["all_rounds"] + n_rounds(spec)
            bar.update(task.id, total=task.completed + 1, all_rounds=more)
        before = int(task.percentage / 10)
        bar.update(task.id, advance=1, rounds=task.fields["rounds"] + n_rounds(spec))
        if with_output and outcome.printed:
            lines = [f"{spec} printed:", *outcome.printed.decode(errors="replace").splitlines()]
            bar.console.print(Text("\n  ".join(map(printable, lines))), soft_wrap=True)
        if outcome.failure is not None:
            line = f"{outcome.failure.status}: {spec}: {outcome.failure.reason}"
            bar.console.print(Text(printable(line)))
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
