"""The monitoring of a project: what its batches, its annotators and its model are like."""

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pandas as pd

from alrun.labelling.agreement import agreement_of
from alrun.labelling.facts import bins_of
from alrun.labelling.history import History
from alrun.labelling.now import now_of
from alrun.labelling.opened import OpenedProject, open_project
from alrun.labelling.promise import expected_scores
from alrun.labelling.rules import rules_of
from alrun.labelling.state import Batch
from alrun.stats import share_interval

Numbers = dict[str, Any]


def monitor(
    path: Path,
    fit: bool = False,
    on_message: Callable[[str], object] = lambda sentence: None,
) -> Numbers:
    """Return the numbers of the project at `path`, as JSON takes them; null is what is not known.

    With `fit` the data are read and the model is fitted on all labels so far, for its score now and
    for labels that it disputes. Accuracy is that on the test part or on the audit: that on examples
    which a strategy chose is biased, and not among the numbers.
    """
    opened = open_project(path, on_message=on_message)
    project, history = opened.project, opened.history
    hashes = _hashes_of_asked(opened)
    batches = [_of_batch(history, batch, hashes, project.cost) for batch in history.batches]
    promise = _promise(opened)
    for batch in batches:
        batch["expected"] = _expected(promise, batch["n_trained"])
    return {
        "project": path.stem,
        "classes": [*(opened.classes if opened.known.fixed else project.listed)],
        "n_labels": history.n_labels,
        "budget": project.budget,
        "scored_on": "test" if project.dataset.test else "audit" if project.audit else None,
        "n_given": len(history.given),
        "n_skipped": sum(label is None for label in history.labels.values()),
        "n_open": history.n_open,
        "n_answers": history.n_answers,
        "cost": project.cost * history.n_answers,
        "cost_per_point": _cost_per_point(batches, project.cost),
        "promise": promise,
        "batches": batches,
        "agreement": agreement_of(history, opened.classes) if history.batches else None,
        "stopping": rules_of(opened),
        "now": _now(opened) if fit else None,
    }


def _now(opened: OpenedProject) -> Numbers | None:
    """Return what the model on all labels so far is like."""
    now = now_of(opened)
    if now is None:
        return None
    score = _score_of(now["n_correct"], now["n"], now["on"]) if now["n"] else None
    return {"n_trained": now["n_trained"], "score": score, "disputed": now["disputed"]}


def _score_of(n_correct: int, n: int, on: str) -> Numbers:
    """Return an accuracy with Wilson's interval; null where there is nothing to measure it on."""
    interval = share_interval(n_correct, n) if n else None
    return {
        "on": on,
        "n": n,
        "accuracy": n_correct / n if n else None,
        "accuracy_low": None if interval is None else interval.low,
        "accuracy_high": None if interval is None else interval.high,
    }


def _hashes_of_asked(opened: OpenedProject) -> dict[str, int]:
    """Return the hash of the row of each example that was asked for, by id."""
    ids = list(opened.history.asked) if opened.known.ids else []
    places = pd.Index(opened.known.ids, dtype=object).get_indexer(pd.Index(ids, dtype=object))
    return dict(zip(ids, opened.known.hashes[places].tolist(), strict=True))


def _of_batch(history: History, batch: Batch, hashes: Mapping[str, int], cost: float) -> Numbers:
    """Return the numbers of a batch; its score is that of the model that chose it."""
    labels = [history.labels.get(one.id) for one in batch.examples if one.id in history.labels]
    answers = [one for each in batch.examples for one in history.answers.get(each.id, {}).values()]
    seconds = [answer.seconds for answer in answers if answer.seconds is not None]
    return {
        "batch": batch.number,
        "strategy": batch.facts["strategy"]["name"],
        "n_labels": batch.facts["n_labels"],
        "n_trained": batch.facts.get("n_trained"),
        "n": len(batch.examples),
        "n_audit": sum(one.is_audit for one in batch.examples),
        "n_answered": len(labels),
        "n_skipped": labels.count(None),
        "cost": cost * len(answers),
        "n_duplicates": _n_duplicates(history, batch, hashes),
        "seconds_per_label": median(seconds) if seconds else None,
        "classes": dict(sorted(pd.Series(labels, dtype=object).value_counts().to_dict().items())),
        **_against_pool(batch),
        "score": _score(history, batch),
    }


def _n_duplicates(history: History, batch: Batch, hashes: Mapping[str, int]) -> int:
    """Return how many examples have the same content as one that was asked for before."""
    seen = {
        hashes[one.id]
        for earlier in history.batches[: batch.number - 1]
        for one in earlier.examples
    }
    n = 0
    for one in batch.examples:
        n += hashes[one.id] in seen
        seen.add(hashes[one.id])
    return n


def _against_pool(batch: Batch) -> Numbers:
    """Return what was queried beside the pool, and how far they differ; null without a model.

    Both are the numbers of examples by predicted class, and by uncertainty in ten bins. The
    distances are total variation distances.
    """
    queried = [one for one in batch.examples if not one.is_audit and one.suggestion is not None]
    pool = batch.facts.get("pool")
    if pool is None or not queried:
        return dict.fromkeys(("selected", "pool", "class_distance", "uncertainty_distance"))
    named = Counter(one.suggestion for one in queried)
    uncertainty = None
    if pool["uncertainty"] is not None:
        uncertainty = bins_of(np.array([1 - (one.confidence or 0.0) for one in queried]))
    counts = [named[name] for name in pool["names"]]
    return {
        "selected": _mix(pool["names"], counts, uncertainty),
        "pool": _mix(pool["names"], pool["classes"], pool["uncertainty"]),
        "class_distance": _distance(counts, pool["classes"]),
        "uncertainty_distance": (
            None if uncertainty is None else _distance(uncertainty, pool["uncertainty"])
        ),
    }


def _mix(names: list[str], counts: list[int], uncertainty: list[int] | None) -> Numbers:
    classes = dict(zip(names, counts, strict=True))
    return {"n": sum(counts), "classes": classes, "uncertainty": uncertainty}


def _distance(one: list[int], other: list[int]) -> float:
    """Return the total variation distance of two distributions given as counts."""
    shares = [np.asarray(counts) / max(sum(counts), 1) for counts in (one, other)]
    return float(np.abs(shares[0] - shares[1]).sum() / 2)


def _score(history: History, batch: Batch) -> Numbers | None:
    """Return the accuracy of the model that chose a batch; null where it can only be biased."""
    if (test := batch.facts.get("test")) is not None:
        return {**_score_of(test["n_correct"], test["n_test"], "test"), "scores": test}
    said: Mapping[str, str] = batch.facts.get("audit", {})
    known = {id: history.labels[id] for id in said if history.labels.get(id) is not None}
    if not known:
        return None
    return _score_of(sum(said[id] == label for id, label in known.items()), len(known), "audit")


def _promise(opened: OpenedProject) -> Numbers | None:
    """Return the mean accuracy of the sweep by number of labels; null without one."""
    promise = opened.project.promise
    if promise is None:
        return None
    curve = expected_scores(opened.path.parent / promise["from"], promise["cell"])
    if curve is None:
        return None
    n_labels, accuracy = (values.tolist() for values in curve)
    return {"from": promise["from"], "n_labels": n_labels, "accuracy": accuracy}


def _expected(promise: Numbers | None, n: int | None) -> float | None:
    """Return the mean accuracy that a sweep had at as many labels; null where it had none."""
    if promise is None or n is None:
        return None
    n_labels = promise["n_labels"]
    if not n_labels[0] <= n <= n_labels[-1]:
        return None
    return float(np.interp(n, n_labels, promise["accuracy"]))


def _cost_per_point(batches: list[Numbers], cost: float) -> float | None:
    """Return what a further point of accuracy, a hundredth, has cost so far; null if none came."""
    scored = [
        (batch["n_labels"], batch["score"]["accuracy"])
        for batch in batches
        if batch["score"] is not None
    ]
    if not scored:
        return None
    (n_first, first), (n_last, last) = scored[0], scored[-1]
    return cost * (n_last - n_first) / (100 * (last - first)) if last > first else None
