"""The next batch of a project: what is open, or else what the strategy asks for now."""

import warnings
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import sklearn

from alrun.arrays import IntArray
from alrun.data.splits import split_of
from alrun.errors import AlrunError, ModelError, first_line
from alrun.labelling.facts import (
    facts_of_model,
    facts_of_signals,
    suggested,
)
from alrun.labelling.history import History
from alrun.labelling.learning import audit_rows, resumed, stream_of, streams_of
from alrun.labelling.opened import Data, OpenedProject, file_hash, given_labels, open_project
from alrun.labelling.phrasing import counted
from alrun.labelling.project import Project, read_project, state_folder
from alrun.labelling.records import Layout, Task
from alrun.labelling.state import Asked, Batch, State
from alrun.run.learner import Learner
from alrun.run.provenance import of_run
from alrun.util.digest import digest
from alrun.util.process_state import seeded
from alrun.util.random_streams import generator


@dataclass(frozen=True)
class NextBatch:
    """What to label next.

    Attributes
    ----------
    tasks
        The tasks of the batches, by batch and rank; none if the project has ended.
    layout
        What they hold, for their files.
    is_new
        Whether a batch was chosen now.
    ended
        Why there is no batch: a sentence, empty if there is one.
    """

    tasks: tuple[Task, ...]
    layout: Layout
    is_new: bool = False
    ended: str = ""


def next_batch(
    path: Path,
    n: int | None = None,
    more: int | None = None,
    on_message: Callable[[str], object] = lambda sentence: None,
) -> NextBatch:
    """Return the open batches of the project at `path`, or choose one if none is open.

    `n` takes the place of the batch size. With `more`, a batch of so many is chosen while others
    are open, and it alone is returned. The lock of the project is held while its state is read and
    written, and not in between: answers that come meanwhile are for the batch after. Raises
    AlrunError where the project, its state or its data are wrong; nothing is written then.
    """
    project = read_project(path)
    State(state_folder(path)).make()
    while True:
        opened = open_project(path, project, on_message)
        if more is None and opened.history.open_batches:
            return NextBatch(tuple(opened.tasks(opened.history.open_batches)), opened.layout)
        if opened.history.batches and (ended := _budget_spent(project, opened.history)):
            return NextBatch((), opened.layout, ended=ended)
        if not _rows_are_known(opened):
            continue
        facts, examples = _chosen(opened, more or n)
        if not examples:
            return NextBatch((), opened.layout, ended="No example of the pool is left to label.")
        batch = _written(opened, facts, examples)
        if batch is not None:
            return NextBatch(tuple(opened.tasks([batch])), opened.layout, is_new=True)


def _budget_spent(project: Project, history: History) -> str:
    """Return a sentence if the budget has no room for another example, else an empty one."""
    if history.n_labels + history.n_open < project.budget:
        return ""
    waits = f", {history.n_open:,} of them still open" if history.n_open else ""
    return (
        f"The budget of {counted(project.budget, 'label')} is spent{waits}; raise it to go on, or"
        " see alrun status."
    )


def _rows_are_known(opened: OpenedProject) -> bool:
    """Write the rows that are not known yet; the first time also what is fixed from now on.

    Return False, and write nothing, if another command has written since the project was opened.
    """
    data, n_known = opened.data, len(opened.known.ids)
    if n_known == len(data.rows.ids):
        return True
    labels = given_labels(data.dataset, data.rows)
    with opened.state.locked():
        if opened.is_outdated():
            return False
        opened.state.add_rows(
            data.rows.ids[n_known:].tolist(),
            data.rows.hashes[n_known:],
            labels[n_known:],
            {} if n_known else opened.fixed_now(data),
        )
        opened.read_again()
    return True


def _chosen(opened: OpenedProject, n: int | None) -> tuple[Mapping[str, Any], list[Asked]]:
    """Return facts and examples of a batch; no examples if none is left."""
    data, history = opened.data, opened.history
    spec = data.spec
    streams = generator(spec.seed, "global", spec.stream_key(), len(history.batches) + 1)
    with seeded(streams), _quietly(), sklearn.config_context(assume_finite=True):
        try:
            if not history.batches and not history.given:
                return _initial(data)
            return _queried(opened, data, n or opened.project.batch_size)
        except (AlrunError, MemoryError, OSError):
            raise
        except Exception as error:  # a model or a strategy can raise anything
            raise ModelError(
                f"{opened.path}: {spec.model.name} or {spec.strategy.name} failed on"
                f" {history.n_labels} labels ({type(error).__name__}: {first_line(error)}); take"
                " another, or see how it does in a sweep"
            ) from error


def _written(
    opened: OpenedProject, facts: Mapping[str, Any], examples: list[Asked]
) -> Batch | None:
    """Write a batch; None if another command has chosen one since the project was opened."""
    history, spec = opened.history, opened.data.spec
    of_all = {
        "n_deliveries": len(history.deliveries),
        "n_labels": history.n_labels,
        "data": list(opened.known.digests),
        "file": file_hash(opened.source),
        "model": spec.model.identity(),
        "strategy": spec.strategy.identity(),
        "seed": spec.seed,
        "versions": of_run(spec),
    }
    ranked = [replace(example, rank=rank) for rank, example in enumerate(examples, start=1)]
    with opened.state.locked():
        if opened.is_outdated():
            return None
        return opened.state.add_batch({**of_all, **facts}, ranked)


def _initial(data: Data) -> tuple[Mapping[str, Any], list[Asked]]:
    """Return facts and examples of the batch that the project starts with: the initial set."""
    rows = split_of(data.spec, data.dataset).initial
    return {"is_initial": True}, [Asked(id, 0) for id in data.rows.ids[rows].tolist()]


def _queried(opened: OpenedProject, data: Data, size: int) -> tuple[Mapping[str, Any], list[Asked]]:
    """Return facts and examples of the batch that the strategy asks for now, with its audit."""
    history, project = opened.history, opened.project
    budget_left = project.budget - history.n_labels - history.n_open
    first = _n_first(history)
    n_audit = int(project.audit * max(project.budget - first, 0))
    reserved = audit_rows(data, opened.known, history, n_audit)
    learner = resumed(data, opened.known, history, reserved)
    size = min(size, budget_left)
    audit = _audit_of_batch(data, history, reserved, project.audit, size)
    n = min(size - len(audit), len(learner.unlabelled))
    facts: dict[str, Any] = {}
    if len(learner.labelled) == 0:
        queried = _at_random(data, learner, n, len(history.batches))
    elif n > 0:
        facts, queried = _by_strategy(opened, data, learner, n, reserved)
    else:
        queried = []
    rng = generator(data.spec.seed, "audit ranks", len(history.batches))
    audited = [Asked(id, 0, True) for id in data.rows.ids[audit].tolist()]
    return {"is_initial": False, **facts}, _mixed(queried, audited, rng)


def _n_first(history: History) -> int:
    """Return how many labels the project starts from."""
    if history.given:
        return len(history.given)
    return len(history.batches[0].examples) if history.batches else 0


def _audit_of_batch(
    data: Data, history: History, reserved: IntArray, share: float, size: int
) -> IntArray:
    """Return the rows of the audit in a batch: such that they have their share of all queries."""
    asked = [example for batch in history.batches for example in batch.examples]
    audited = [example.id for example in asked if example.is_audit]
    is_first = bool(history.batches) and history.batches[0].facts["is_initial"]
    n_before = len(asked) - (len(history.batches[0].examples) if is_first else 0)
    waiting = reserved[~np.isin(reserved, data.rows.places(audited))]
    return waiting[: max(int(share * (n_before + size)) - len(audited), 0)]


def _at_random(data: Data, learner: Learner, n: int, number: int) -> list[Asked]:
    """Return a random batch: where everything was skipped so far there is nothing to fit."""
    rng = generator(data.spec.seed, "unlabelled", data.spec.stream_key(), number)
    rows = learner.rows[rng.permutation(learner.unlabelled)[:n]]
    return [Asked(id, 0) for id in data.rows.ids[rows].tolist()]


def _by_strategy(
    opened: OpenedProject, data: Data, learner: Learner, n: int, reserved: IntArray
) -> tuple[dict[str, Any], list[Asked]]:
    """Return facts about the strategy's batch, and its examples, the best first."""
    saw = digest([learner.rows[learner.labelled].tolist(), learner.labels.tolist()])
    predictions = learner.fit()
    unlabelled = learner.unlabelled
    batch = learner.ask(predictions, n)
    facts: dict[str, Any] = {
        "stream": stream_of(data.spec),
        "streams": streams_of(learner),
        "saw": saw,
        "n_trained": len(learner.labelled),
    }
    # The signals come before what else is predicted: they are those of a sweep.
    facts |= facts_of_signals(opened, data, learner, predictions, unlabelled, batch, saw)
    audit = np.searchsorted(learner.rows, reserved)
    facts |= facts_of_model(data, learner, predictions, unlabelled, audit)
    return facts, suggested(data, learner, predictions, batch)


def _mixed(queried: list[Asked], audited: list[Asked], rng: np.random.Generator) -> list[Asked]:
    """Return a batch with its audit at random ranks, and the queried ones in their order."""
    places = set(rng.permutation(len(queried) + len(audited))[: len(audited)].tolist())
    left, audits = iter(queried), iter(audited)
    return [
        next(audits) if place in places else next(left)
        for place in range(len(queried) + len(audited))
    ]


def _quietly() -> AbstractContextManager[Any]:
    """Return a context in which models and strategies give no warnings."""
    return warnings.catch_warnings(action="ignore")
