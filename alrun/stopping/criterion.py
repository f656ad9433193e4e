"""What a built-in rule compares, round by round: a value with a threshold."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from alrun.arrays import BoolArray, FloatArray, first_true

_COMPARISONS: Mapping[str, Callable[..., Any]] = MappingProxyType(
    {">=": np.greater_equal, "<=": np.less_equal, "<": np.less}
)


@dataclass(frozen=True)
class Criterion:
    """A rule's comparison in each round of a run; the rule stops in the first where it holds.

    Attributes
    ----------
    subject
        What the value is, in words.
    value
        Of shape (n_rounds,); NaN where there is nothing to compare, which stops nothing.
    comparison
        How it has to compare with the threshold: `>=`, `<=` or `<`.
    threshold
        A number, or one per round of shape (n_rounds,).
    """

    subject: str
    value: FloatArray
    comparison: str
    threshold: float | FloatArray

    @property
    def holds(self) -> BoolArray:
        """A mask of the rounds in which the comparison holds, of shape (n_rounds,)."""
        mask: BoolArray = _COMPARISONS[self.comparison](self.value, self.threshold)
        return mask

    @property
    def first(self) -> int | None:
        """The first round in which it holds, None if there is none."""
        return first_true(self.holds)
