"""The agreement of a project's annotators, on the examples that several of them labelled."""

from collections.abc import Sequence
from math import isfinite
from typing import Any

import numpy as np

from alrun.labelling.history import History
from alrun.stats.agreement import (
    NO_ANSWER,
    class_counts,
    cohen_kappa,
    confusion_with_majority,
    krippendorff_alpha,
)


def agreement_of(history: History, classes: Sequence[str]) -> dict[str, Any] | None:
    """Return the agreement of annotators, as JSON takes it; None without an example of several.

    It is Cohen's kappa of two annotators and Krippendorff's alpha of more. `with_majority` is the
    share of an annotator's answers that agree with what most others said, and `confusion` has a row
    per class of the majority and a column per class given.
    """
    several = [
        {name: one.label for name, one in answers.items() if one.label is not None}
        for answers in history.answers.values()
    ]
    several = [labels for labels in several if len(labels) > 1]
    if not several:
        return None
    names = sorted({name for labels in several for name in labels})
    codes = {name: code for code, name in enumerate(classes)}
    answers = np.full((len(several), len(names)), NO_ANSWER, dtype=np.int64)
    for row, labels in enumerate(several):
        for name, label in labels.items():
            answers[row, names.index(name)] = codes[label]
    confusion = confusion_with_majority(answers, len(classes))
    if len(names) == 2:
        measure, value = "kappa", cohen_kappa(answers[:, 0], answers[:, 1], len(classes))
    else:
        measure, value = "alpha", krippendorff_alpha(class_counts(answers, len(classes)))
    return {
        "n_examples": len(several),
        "measure": measure,
        "value": value if isfinite(value) else None,
        "annotators": [
            _of_annotator(name, (answers[:, place] != NO_ANSWER).sum(), confusion[place])
            for place, name in enumerate(names)
        ],
    }


def _of_annotator(name: str, n: int, confusion: Any) -> dict[str, Any]:
    total = int(confusion.sum())
    return {
        "annotator": name,
        "n": int(n),
        "n_decided": total,
        "with_majority": float(np.trace(confusion)) / total if total else None,
        "confusion": confusion.tolist(),
    }
