"""Facts about a batch from the model that chose it: signals, pool, test part and audit."""

from typing import Any

import numpy as np

from alrun.arrays import FloatArray, IntArray
from alrun.labelling.history import History
from alrun.labelling.opened import Data, OpenedProject
from alrun.labelling.state import Asked, Batch
from alrun.models.predictions import Predictions
from alrun.run.learner import Learner
from alrun.run.setting import score_test_part
from alrun.run.signals import SignalMeter

# So many of the pool are looked at, unless the strategy has asked the model for all.
_SAMPLE_SIZE = 5_000
N_BINS = 10


def facts_of_signals(
    opened: OpenedProject,
    data: Data,
    learner: Learner,
    predictions: Predictions,
    unlabelled: IntArray,
    batch: IntArray,
    saw: str,
) -> dict[str, Any]:
    """Return the signals of the batch, and the predicted classes on the stop set.

    Without new labels since the batch before there is no new round, and no signal: two models that
    are the same agree, which would stop every rule of agreement.
    """
    past = [batch for batch in opened.history.batches if "stop_set" in batch.facts]
    if past and past[-1].facts["saw"] == saw:
        return {}
    training = learner.split.training
    known = learner.rows[training] < opened.known.sizes[0]
    meter = SignalMeter(data.spec, training[known], len(learner.rows))
    last, before = (_stop_set(past, place) for place in (1, 2))
    meter.past = (last, before)
    labels = np.zeros(len(batch), dtype=np.int64)  # not known yet; see `round_signals`
    signals = meter.measure(predictions, unlabelled, batch, labels)
    for name in ("batch_accuracy", "contradiction"):
        del signals[name]
    classes = meter.past[0]
    return {"signals": signals, "stop_set": None if classes is None else classes.tolist()}


def facts_of_model(
    data: Data, learner: Learner, predictions: Predictions, unlabelled: IntArray, audit: IntArray
) -> dict[str, Any]:
    """Return what the model says of the pool, of the test part and of the audit."""
    test, y = learner.split.test, data.dataset.y[learner.rows]
    labels, facts = data.dataset.labels, {}
    everything = predictions.has_all_probabilities
    sample = unlabelled if everything else unlabelled[:_SAMPLE_SIZE]
    classes, confidence = _said(predictions, sample)
    facts["pool"] = {
        "n": len(sample),
        "names": list(labels),
        "classes": np.bincount(classes, minlength=len(labels)).tolist(),
        "uncertainty": None if confidence is None else bins_of(1 - confidence),
    }
    if len(test):
        scores = score_test_part(predictions, test, y[test])
        facts["test"] = {
            "n_test": scores.n_test,
            "n_correct": scores.n_correct,
            **dict(scores.values),
        }
    if len(audit):
        classes, _ = _said(predictions, audit)
        ids = data.rows.ids[learner.rows[audit]].tolist()
        names = [labels[code] for code in classes.tolist()]
        facts["audit"] = dict(zip(ids, names, strict=True))
    return facts


def suggested(
    data: Data, learner: Learner, predictions: Predictions, batch: IntArray
) -> list[Asked]:
    """Return a batch with the class that the model names for each example, not ranked yet."""
    classes, confidence = _said(predictions, batch)
    names = [data.dataset.labels[code] for code in classes.tolist()]
    shares = [None] * len(names) if confidence is None else confidence.tolist()
    ids = data.rows.ids[learner.rows[batch]].tolist()
    return [Asked(id, 0, False, *said) for id, *said in zip(ids, names, shares, strict=True)]


def bins_of(uncertainty: FloatArray) -> list[int]:
    """Return how many values from 0 to 1 lie in each of ten equal bins."""
    return np.histogram(uncertainty, bins=N_BINS, range=(0.0, 1.0))[0].tolist()


def round_signals(history: History) -> tuple[list[Batch], list[dict[str, float | None]]]:
    """Return the batches that are rounds of a sweep, and the signals of each, as it has them.

    What depends on the labels of a batch is filled in from those that came since.
    """
    batches = [batch for batch in history.batches if "signals" in batch.facts]
    return batches, [
        {**batch.facts["signals"], **_of_answers(history, batch.number)} for batch in batches
    ]


def _of_answers(history: History, number: int) -> dict[str, float | None]:
    """Return accuracy and contradiction of a batch, from its labels and what the model had said."""
    batch = history.batches[number - 1]
    queried = [example for example in batch.examples if not example.is_audit]
    said = [(example, history.labels.get(example.id)) for example in queried]
    labelled = [(example, label) for example, label in said if label is not None]
    if not labelled:
        return {"batch_accuracy": None, "contradiction": None}
    wrong = [example for example, label in labelled if example.suggestion != label]
    accuracy = (len(labelled) - len(wrong)) / len(labelled)
    if any(example.confidence is None for example, _ in labelled):
        return {"batch_accuracy": accuracy, "contradiction": None}
    mean = sum(1 - (example.confidence or 0) for example, _ in labelled) / len(labelled)
    disputed = sum(1 - (example.confidence or 0) for example in wrong)
    return {"batch_accuracy": accuracy, "contradiction": disputed / mean if mean > 0 else None}


def _stop_set(past: list[Any], place: int) -> IntArray | None:
    classes = past[-place].facts["stop_set"] if len(past) >= place else None
    return None if classes is None else np.array(classes, dtype=np.int64)


def _said(predictions: Predictions, rows: IntArray) -> tuple[IntArray, FloatArray | None]:
    """Return the predicted class of each row, and its probability if the model gives one."""
    p = predictions.probabilities_of(rows) if predictions.classifier.has_probabilities else None
    classes = predictions.classes_of(rows, p)
    return classes, None if p is None else p[np.arange(len(rows)), classes]
