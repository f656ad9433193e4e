"""What each annotator has still to answer, and answers that are written one by one."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from threading import Lock

from alrun.errors import LabellingError
from alrun.labelling.formats.answers import answer_of
from alrun.labelling.history import History, replaces
from alrun.labelling.opened import OpenedProject
from alrun.labelling.records import Answer, Layout, Task
from alrun.labelling.state import Batch
from alrun.labelling.take import Source, Taken, take_into

# Batch and rank, which name an example in addresses: an id can hold anything.
Place = tuple[int, int]


@dataclass(frozen=True)
class Shown:
    """What an annotator sees now.

    Attributes
    ----------
    task
        The example; None where he has answered all.
    answer
        What he said of it before.
    back
        The place of what he answered before it.
    is_second
        Whether somebody else has answered it.
    batch
        The batch it belongs to, or else the last one.
    n_mine, n_all
        Of the examples in that batch, those that he has answered, and all.
    n_open
        Examples of all batches that nobody has answered.
    """

    task: Task | None
    answer: Answer | None
    back: Place | None
    is_second: bool
    batch: int
    n_mine: int
    n_all: int
    n_open: int


class Session:
    """The open batches of a project and the last one, shown to annotators by name.

    It holds the lock of the project for each request alone, so that other commands go on meanwhile.
    Raises AlrunError where the project or its state are wrong, or nothing can be shown.
    """

    def __init__(self, path: Path) -> None:
        self._opened = OpenedProject(path)
        self._one_at_a_time = Lock()
        self._tasks: dict[int, list[Task]] = {}
        self._on_screen: dict[str, Place] = {}
        self._taken = Taken(0, 0, 0, 0, 0)
        self._numbers = count(1)
        with self._history() as history:
            if not history.batches:
                raise LabellingError(
                    f"{path}: nothing was asked yet; alrun next {path} gives the first batch"
                )
            self.layout: Layout = self._opened.layout
            if not any(task.fields for task in self._asked(history)):
                raise LabellingError(
                    f"{path}: the data have no columns that a page could show; name a table as"
                    " [dataset], or the columns with show"
                )

    @property
    def source(self) -> Path:
        """The path of the data."""
        return self._opened.source

    @property
    def taken(self) -> Taken:
        """What became of the answers so far."""
        with self._history() as history:
            return replace(self._taken, n_open=history.n_open)

    def annotators(self) -> list[str]:
        """Return the names of those who have answered, in alphabetical order."""
        with self._history() as history:
            named = {name for answers in history.answers.values() for name in answers}
        return sorted((named | self._on_screen.keys()) - {""})

    def task(self, place: Place) -> Task:
        """Return the example at a place; raises LabellingError if no batch of the page has it."""
        batch, rank = place
        tasks = self._tasks.get(batch, [])
        if not 1 <= rank <= len(tasks):
            raise LabellingError("this page has no such example; go back to the beginning")
        return tasks[rank - 1]

    def show(self, annotator: str, place: Place | None = None) -> Shown:
        """Return what an annotator sees: the example at a place, or else the first one left."""
        with self._history() as history:
            asked = self._asked(history)
            task = (
                self._first_left(annotator, asked, history) if place is None else self.task(place)
            )
            if task is None:
                self._on_screen.pop(annotator, None)
            else:
                self._on_screen[annotator] = _place_of(task)
            answers = {} if task is None else history.answers.get(task.id, {})
            batch = history.batches[-1 if task is None else task.batch - 1]
            mine = [one for one in batch.examples if annotator in history.answers.get(one.id, ())]
            return Shown(
                task,
                answers.get(annotator),
                self._before(annotator, task, history),
                bool(answers.keys() - {annotator}),
                batch.number,
                len(mine),
                len(batch.examples),
                history.n_open,
            )

    def answer(
        self, annotator: str, place: Place, label: str | None, seconds: str | None = None
    ) -> None:
        """Write an answer, the skip if the label is None; it is on the disk at the return.

        Raises AlrunError if it cannot be taken; then nothing is written.
        """
        with self._history() as history:
            task = self.task(place)
            now = datetime.now(UTC).isoformat(timespec="seconds")
            answer = answer_of("the page", task.id, label, annotator, now, seconds)
            before = history.answers.get(task.id, {}).get(annotator)
            if before is not None and not replaces(answer, before):
                # The clock was set back, or another machine's is ahead.
                answer = replace(answer, time=before.time)
            sent = repr((next(self._numbers), answer)).encode(errors="surrogatepass")
            source = Source("the page", hashlib.sha256(sent).hexdigest())
            new, so_far = take_into(self._opened, [answer], source), self._taken
            self._taken = Taken(
                so_far.n_labels + new.n_labels,
                so_far.n_skips + new.n_skips,
                so_far.n_corrections + new.n_corrections,
                so_far.n_known + new.n_known,
                new.n_open,
            )

    @contextmanager
    def _history(self) -> Iterator[History]:
        """Hold the locks, and yield what was asked and heard until now, by other commands too."""
        with self._one_at_a_time, self._opened.state.locked():
            self._opened.changed()
            yield self._opened.history

    def _asked(self, history: History) -> list[Task]:
        """Return the tasks of the open batches and of the last one, by batch and rank."""
        batches: dict[int, Batch] = {batch.number: batch for batch in history.open_batches}
        batches |= {batch.number: batch for batch in history.batches[-1:]}
        for number, batch in batches.items():
            if number not in self._tasks:
                self._tasks[number] = self._opened.tasks([batch])
        return [task for number in sorted(batches) for task in self._tasks[number]]

    def _first_left(self, annotator: str, asked: list[Task], history: History) -> Task | None:
        """Return what an annotator has to answer next.

        What nobody has answered comes first, and of it what no other annotator sees just now.
        """
        left = [task for task in asked if annotator not in history.answers.get(task.id, ())]
        others = {place for name, place in self._on_screen.items() if name != annotator}
        return min(
            left,
            key=lambda task: (task.id in history.answers, _place_of(task) in others),
            default=None,
        )

    def _before(self, annotator: str, task: Task | None, history: History) -> Place | None:
        """Return the place of what an annotator answered before a task, or last of all."""
        order: dict[str, None] = {}
        for delivery in history.deliveries:
            for answer in delivery.answers:
                if answer.annotator == annotator:
                    order.pop(answer.id, None)
                    order[answer.id] = None
        ids = [id for id in order if history.asked[id][0].number in self._tasks]
        if task is not None and task.id in ids:
            ids = ids[: ids.index(task.id)]
        if not ids:
            return None
        batch, example = history.asked[ids[-1]]
        return batch.number, example.rank


def _place_of(task: Task) -> Place:
    return task.batch, task.rank
