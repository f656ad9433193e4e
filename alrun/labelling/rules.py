"""The stopping rules of a project: which have fired, and how near the others are."""

from collections.abc import Sequence
from math import isnan
from typing import Any

import numpy as np

from alrun.arrays import FloatArray
from alrun.labelling.facts import round_signals
from alrun.labelling.opened import OpenedProject
from alrun.stopping.criterion import Criterion
from alrun.stopping.registry import Rule, rule_of
from alrun.stopping.signals import NAMES, Curve, Signals

_NO_CURVE = Curve(np.zeros(0), np.zeros(0))


def rules_of(opened: OpenedProject) -> list[dict[str, Any]]:
    """Return what each rule of the project says, as JSON takes it; null is what is not known.

    It is the number of labels and the batch at which it has `stopped`, and of a built-in rule the
    value that it compares, now and a batch before, with its threshold. Rules that see test scores
    never stop a project.
    """
    batches, rounds = round_signals(opened.history)
    n_labels = [batch.facts["n_trained"] for batch in batches]
    values = {name: np.array([_number(one.get(name)) for one in rounds]) for name in NAMES}
    signals = Signals(np.array(n_labels, dtype=np.float64), **values)
    numbers = [batch.number for batch in batches]
    return [
        _said(
            rule_of({"name": entry.name, **entry.parameters}, opened.path.parent), signals, numbers
        )
        for entry in opened.project.stopping or ()
    ]


def _said(rule: Rule, signals: Signals, batches: Sequence[int]) -> dict[str, Any]:
    """Return what a rule says, with what its parts say."""
    stop = None if rule.is_hindsight else rule.stop(signals, _NO_CURVE)
    criterion = rule.criterion(signals)
    return {
        "rule": rule.display_name,
        "stopped_at": None if stop is None else int(signals.n_labels[stop]),
        "batch": None if stop is None else batches[stop],
        "criterion": None if criterion is None else _compared(criterion),
        "parts": [_said(part, signals, batches) for part in rule.parts],
    }


def _compared(criterion: Criterion) -> dict[str, Any]:
    """Return the value of the last round, and what it is compared with."""
    value = criterion.value
    return {
        "subject": criterion.subject,
        "value": _at(value, -1),
        "before": _at(value, -2),
        "comparison": criterion.comparison,
        "threshold": _at(np.broadcast_to(criterion.threshold, value.shape), -1),
    }


def _at(values: FloatArray, place: int) -> float | None:
    """Return the value at a place from the end; None for NaN, or where there is none."""
    found = float(values[place]) if len(values) >= -place else float("nan")
    return None if isnan(found) else found


def _number(value: float | None) -> float:
    return float("nan") if value is None else value
