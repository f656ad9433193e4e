"""The model on all labels so far: its score now, and the labels that it disputes."""

import warnings
from functools import partial
from typing import Any

import numpy as np
import sklearn

from alrun.arrays import IntArray
from alrun.labelling.learning import audit_rows, resumed
from alrun.labelling.opened import Data, OpenedProject
from alrun.models.predictions import Predictions
from alrun.run.disputed import most_disputed, out_of_fold_confidence
from alrun.run.learner import Learner
from alrun.run.setting import new_classifier, score_test_part
from alrun.util.process_state import seeded
from alrun.util.random_streams import generator

# Labels that are listed, and how unlikely the model finds them at most.
_MOST_DISPUTED, _UNLIKELY = 20, 0.5


def now_of(opened: OpenedProject) -> dict[str, Any] | None:
    """Return score and disputed labels of the model on all labels; None without any label."""
    if opened.history.n_labels == 0:
        return None
    data, history = opened.data, opened.history
    audit = audit_rows(data, opened.known, history, len(data.rows.ids) if _has_audit(opened) else 0)
    asked = data.rows.places([id for id, (_, one) in history.asked.items() if one.is_audit])
    audit = audit[np.isin(audit, asked)]
    rng = generator(data.spec.seed, "now", data.spec.stream_key(), history.n_labels)
    quietly = warnings.catch_warnings(action="ignore")
    with seeded(rng), quietly, sklearn.config_context(assume_finite=True):
        learner = resumed(data, opened.known, history, audit)
        predictions = learner.fit()
        return {
            "n_trained": len(learner.labelled),
            **_hits(opened, data, learner, predictions, audit),
            "disputed": _disputed(data, learner, rng),
        }


def _has_audit(opened: OpenedProject) -> bool:
    return any(one.is_audit for batch in opened.history.batches for one in batch.examples)


def _hits(
    opened: OpenedProject, data: Data, learner: Learner, predictions: Predictions, audit: IntArray
) -> dict[str, Any]:
    """Return on what the accuracy is measured, how many examples, and how many are right."""
    test, y = learner.split.test, data.dataset.y[learner.rows]
    if len(test):
        scores = score_test_part(predictions, test, y[test])
        return {"on": "test", "n": scores.n_test, "n_correct": scores.n_correct}
    labels = opened.history.labels
    rows = [row for row in audit.tolist() if labels.get(data.rows.ids[row]) is not None]
    if not rows:
        return {"on": None, "n": 0, "n_correct": 0}
    places = np.searchsorted(learner.rows, np.array(rows))
    classes = predictions.classes_of(places, _probabilities(predictions, places))
    said = [data.dataset.labels[code] for code in classes.tolist()]
    right = sum(labels[data.rows.ids[row]] == name for row, name in zip(rows, said, strict=True))
    return {"on": "audit", "n": len(rows), "n_correct": right}


def _probabilities(predictions: Predictions, rows: IntArray) -> Any:
    has_any = predictions.classifier.has_probabilities
    return predictions.probabilities_of(rows) if has_any else None


def _disputed(data: Data, learner: Learner, rng: np.random.Generator) -> list[dict[str, Any]]:
    """Return the labels that a model fitted on the others finds unlikely, the worst first."""
    if len(np.unique(learner.labels)) < 2:
        return []
    confidence = out_of_fold_confidence(
        learner, partial(new_classifier, data.spec, data.dataset), rng
    )
    worst = most_disputed(confidence, _MOST_DISPUTED)
    return [
        {
            "id": data.rows.ids[learner.rows[learner.labelled[place]]],
            "label": data.dataset.labels[learner.labels[place]],
            "probability": float(confidence[place]),
        }
        for place in worst.tolist()
        if confidence[place] < _UNLIKELY
    ]
