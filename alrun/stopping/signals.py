"""What a stopping rule reads of a run: label-free signals, or for hindsight rules the curve."""

from dataclasses import dataclass, fields, replace

import numpy as np

from alrun.arrays import FloatArray

# Rules compare signals rounded to so many decimals, so that rounding noise decides on no machine.
DECIMALS = 6
# What is known of a round only after the labels of its batch have been paid for.
OF_BOUGHT_LABELS = ("batch_accuracy", "contradiction")


@dataclass(frozen=True)
class Signals:
    """The signals of one run up to a round, each of shape (n_rounds,); NaN where there is none.

    `batch_*` and `contradiction` are about the batch chosen after the round. docs/stopping.md says
    what each is.
    """

    n_labels: FloatArray
    kappa: FloatArray
    changed: FloatArray
    kappa_2: FloatArray
    mean_uncertainty: FloatArray
    max_uncertainty: FloatArray
    var_uncertainty: FloatArray
    mean_entropy: FloatArray
    max_entropy: FloatArray
    batch_uncertainty_min: FloatArray
    batch_uncertainty_median: FloatArray
    batch_uncertainty_max: FloatArray
    batch_entropy_max: FloatArray
    batch_accuracy: FloatArray
    contradiction: FloatArray
    expected_f1: FloatArray

    def __post_init__(self) -> None:
        for field in fields(self):
            values = np.asarray(getattr(self, field.name), dtype=np.float64)
            object.__setattr__(self, field.name, np.round(values, DECIMALS))

    def __len__(self) -> int:
        return len(self.n_labels)

    def known_in(self, round: int) -> "Signals":
        """Return what is known in a round, before the labels of its batch are bought."""
        end = round + 1
        known = {field.name: getattr(self, field.name)[:end] for field in fields(self)}
        for name in OF_BOUGHT_LABELS:
            known[name] = np.append(known[name][:-1], np.nan)
        return replace(self, **known)


NAMES = tuple(field.name for field in fields(Signals) if field.name != "n_labels")


@dataclass(frozen=True)
class Curve:
    """The curve of one run, each of shape (n_rounds,): labels, and test scores, more is better."""

    n_labels: FloatArray
    score: FloatArray
