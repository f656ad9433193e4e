"""Taking answers: checked as a whole, and written as one delivery or not at all."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from alrun.errors import ExperimentError, LabellingError, quoted
from alrun.labelling.classes import match_class
from alrun.labelling.formats import read_answers
from alrun.labelling.formats.answers import last_of_each
from alrun.labelling.history import History, replaces, says_the_same
from alrun.labelling.opened import OpenedProject
from alrun.labelling.project import read_project, state_folder
from alrun.labelling.records import Answer
from alrun.labelling.state import State
from alrun.util.atomic_files import unusable

# Problems that a refusal names.
_MOST_NAMED = 20


@dataclass(frozen=True)
class Taken:
    """What became of answers.

    Attributes
    ----------
    n_labels, n_skips, n_corrections
        Of the answers that are new; corrections are counted as what they are too.
    n_known
        Answers that were there already, or are older than one that is.
    n_open
        Examples that were asked for and that nobody has answered yet.
    """

    n_labels: int
    n_skips: int
    n_corrections: int
    n_known: int
    n_open: int


@dataclass(frozen=True)
class Source:
    """Where answers come from: the name of a file or a page, and a hash of what was sent."""

    name: str
    sha256: str


def take_files(path: Path, files: Sequence[Path], dry_run: bool = False) -> Taken:
    """Take the answers in files, whose format is recognised, into the project at `path`.

    Raises AlrunError with everything that is wrong, by file and line; nothing is taken then. With
    `dry_run` nothing is written.
    """
    contents = []
    for file in files:
        try:
            contents.append(file.read_bytes())
        except FileNotFoundError as error:
            raise LabellingError(f"there is no file '{file}'; name one with answers") from error
        except OSError as error:
            raise unusable(file, "be read", error) from error
    project = read_project(path)
    with State(state_folder(path)).locked():
        opened = OpenedProject(path, project)
        _check_begun(opened)
        answers: list[Answer] = []
        sources = []
        n_known = 0
        for file, content in zip(files, contents, strict=True):
            found = read_answers(content, str(file), opened.layout)
            source = Source(file.name, hashlib.sha256(content).hexdigest())
            _check(opened, found)
            if source.sha256 in opened.history.sources:
                n_known += len(found)
                continue
            answers += found
            sources.append(source)
        n_found = len(answers)
        answers = last_of_each(answers)  # files that are given together contradict as one would
        n_known += n_found - len(answers)
        taken = _taken(opened, answers, sources, dry_run)
        return replace(taken, n_known=taken.n_known + n_known)


def take(path: Path, answers: Sequence[Answer], source: Source) -> Taken:
    """Take answers of a page into the project at `path`, as `take_files` does."""
    project = read_project(path)
    with State(state_folder(path)).locked():
        return take_into(OpenedProject(path, project), answers, source)


def take_into(opened: OpenedProject, answers: Sequence[Answer], source: Source) -> Taken:
    """Take answers of a page into an opened project, while its lock is held."""
    _check_begun(opened)
    _check(opened, answers)
    return _taken(opened, answers, [source], dry_run=False)


def _check_begun(opened: OpenedProject) -> None:
    if not opened.history.batches:
        raise LabellingError(
            f"{opened.path}: nothing was asked yet; alrun next {opened.path} gives the first batch"
        )


def _check(opened: OpenedProject, answers: Sequence[Answer]) -> None:
    """Raise ExperimentError with a sentence for each answer that cannot be taken."""
    problems = []
    for answer in answers:
        if answer.id not in opened.history.asked:
            is_row = answer.id in opened.known.ids
            what = "was in no batch" if is_row else "is no example of this project"
            problems.append(
                f"{answer.place}: {quoted(answer.id)} {what}; is this another project's?"
            )
        elif answer.label is not None:
            try:
                match_class(answer.label, opened.layout.classes, answer.place)
            except LabellingError as error:
                problems.append(str(error))
    problems = problems or _changed_rows(opened, answers)
    if problems:
        more = len(problems) - _MOST_NAMED
        rest = [f"... and {more:,} more; nothing was taken"] if more > 0 else []
        raise ExperimentError([*problems[:_MOST_NAMED], *rest])


def _changed_rows(opened: OpenedProject, answers: Sequence[Answer]) -> list[str]:
    """Return a sentence for each answer to an example that was changed after it was asked."""
    source = opened.source
    if opened.source_hash() in (None, opened.history.batches[-1].facts["file"]):
        return []
    from alrun.labelling.rows import read_rows

    rows = read_rows(opened.path, opened.project)
    if rows is None:
        return []
    hash_of = dict(zip(opened.known.ids, opened.known.hashes.tolist(), strict=True))
    places = rows.places([answer.id for answer in answers])
    now = np.where(places < 0, 0, rows.hashes[places])
    return [
        f"{answer.place}: the row {quoted(answer.id)}"
        f" {'is gone from' if place < 0 else 'was changed in'} {source} since it was asked; put it"
        " back"
        for answer, place, found in zip(answers, places.tolist(), now.tolist(), strict=True)
        if place < 0 or found != hash_of[answer.id]
    ]


def _taken(
    opened: OpenedProject, answers: Sequence[Answer], sources: Sequence[Source], dry_run: bool
) -> Taken:
    """Write what is new among checked answers, and return what became of them."""
    history = opened.history
    new = _new(history, answers)
    if new and not dry_run:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        kept = [replace(answer, place="") for answer in new]
        opened.state.add_delivery([vars(source) for source in sources], now, kept)
        opened.changed()
    answered = {answer.id for answer in new} | history.answers.keys()
    is_correction = [answer.annotator in history.answers.get(answer.id, ()) for answer in new]
    return Taken(
        n_labels=sum(answer.label is not None for answer in new),
        n_skips=sum(answer.label is None for answer in new),
        n_corrections=sum(is_correction),
        n_known=len(answers) - len(new),
        n_open=sum(id not in answered for id in history.asked),
    )


def _new(history: History, answers: Sequence[Answer]) -> list[Answer]:
    """Return the answers that count from now on, one of each annotator to each example."""
    new: dict[tuple[str, str], Answer] = {}
    for answer in answers:
        key = (answer.id, answer.annotator)
        before = new.get(key) or history.answers.get(answer.id, {}).get(answer.annotator)
        if before is None or (replaces(answer, before) and not says_the_same(answer, before)):
            new[key] = answer
    return list(new.values())
