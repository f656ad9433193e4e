"""The learner of a project, in the state after all labels that came."""

import numpy as np

from alrun.arrays import BoolArray, IntArray
from alrun.labelling.history import History
from alrun.labelling.opened import Data
from alrun.labelling.state import Batch, KnownRows
from alrun.records import Split
from alrun.run.learner import Learner
from alrun.spec import RunSpec
from alrun.util.digest import digest
from alrun.util.random_streams import generator


def resumed(data: Data, known: KnownRows, history: History, audit: IntArray) -> Learner:
    """Return the learner with the labels so far, ordered by batch and rank.

    Its random streams stand where the last batch left them. Examples that were asked for are out of
    the pool, and so are the rows of the `audit`.
    """
    first = _first_rows(data, history)
    rest = np.setdiff1d(data.drawable, first)
    assert data.dataset.test is not None
    learner = Learner.start(data.spec, data.dataset, Split(data.dataset.test, first, rest))
    learner.unlabelled = _in_random_order(learner, data.spec, known.sizes)
    code_of = {name: code for code, name in enumerate(data.dataset.labels)}
    labels = {**history.given, **history.labels}
    for ids in _ids_in_order(data, history):
        given = [labels.get(id) for id in ids]
        codes = np.array([-1 if label is None else code_of[label] for label in given], np.int64)
        batch = np.searchsorted(learner.rows, data.rows.places(ids))
        learner.receive(batch, codes, codes >= 0)
    nothing: BoolArray = np.zeros(len(audit), dtype=bool)
    reserved = np.searchsorted(learner.rows, audit)
    learner.receive(reserved, np.full(len(audit), -1, dtype=np.int64), nothing)
    _restore_streams(learner, history)
    return learner


def stream_of(spec: RunSpec) -> str:
    """Return the digest of the key that the random streams of a run are drawn from."""
    return digest(spec.stream_key())


def streams_of(learner: Learner) -> dict[str, object]:
    """Return the states of the random streams that go on from batch to batch."""
    return {
        "strategy": learner.strategy_rng.bit_generator.state,
        "model": learner.classifier.rng.bit_generator.state,
    }


def audit_rows(data: Data, known: KnownRows, history: History, n: int) -> IntArray:
    """Return the first n rows of the audit: drawn before any query, so that none depends on one.

    They come from the rows that were known at the first batch and did not start the project. Rows
    that a batch has queried already are passed over, if a larger budget asks for more.
    """
    if n == 0:
        return np.empty(0, dtype=np.int64)
    size = known.sizes[0] if known.sizes else len(data.rows.ids)
    rows = np.setdiff1d(data.drawable[data.drawable < size], _first_rows(data, history))
    rng = generator(data.spec.seed, "audit", data.spec.dataset.fingerprint)
    queried = [id for batch in history.batches for id in batch.queried]
    rows = rng.permutation(rows)
    return rows[~np.isin(rows, data.rows.places(queried))][:n]


def _first_rows(data: Data, history: History) -> IntArray:
    """Return the rows that the project starts from, in ascending order."""
    ids = list(history.given)
    if not ids and history.batches and history.batches[0].facts["is_initial"]:
        ids = history.batches[0].queried
    return np.sort(data.rows.places(ids))


def _ids_in_order(data: Data, history: History) -> list[list[str]]:
    """Return the ids of the file's labels, then those of each batch."""
    given = data.rows.ids[np.sort(data.rows.places(list(history.given)))].tolist()
    return [given, *(batch.queried for batch in history.batches)]


def _in_random_order(learner: Learner, spec: RunSpec, sizes: tuple[int, ...]) -> IntArray:
    """Return the pool in the order that breaks ties, shape (n_pool,).

    Rows that were added later come behind the others, in a random order of their own.
    """
    pool, key = learner.split.pool, spec.stream_key()
    rows, parts, start = learner.rows[pool], [], 0
    for number, size in enumerate((*sizes, len(learner.rows))):
        part = pool[(rows >= start) & (rows < start + size)]
        added = () if number == 0 else ("added", number)
        parts.append(part[generator(spec.seed, "order", key, *added).permutation(len(part))])
        start += size
    return np.concatenate(parts)


def _restore_streams(learner: Learner, history: History) -> None:
    last = _last_of_stream(history, stream_of(learner.spec))
    if last is not None:
        streams = last.facts["streams"]
        learner.strategy_rng.bit_generator.state = streams["strategy"]
        learner.classifier.rng.bit_generator.state = streams["model"]


def _last_of_stream(history: History, stream: str) -> Batch | None:
    """Return the last batch that the same strategy and model chose, None without one."""
    same = (batch for batch in reversed(history.batches) if batch.facts.get("stream") == stream)
    return next(same, None)
