"""What a strategy needs of the model, the data set and the pool."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import psutil

from alrun.errors import StrategyError

Function = TypeVar("Function", bound=Callable[..., Any])
_METHODS = ("predict_proba", "decision_function")


@dataclass(frozen=True)
class DataTraits:
    """What of a data set and its split decides whether a strategy can be run on it."""

    label: str
    is_sparse: bool
    n_classes: int
    n_training: int


@dataclass(frozen=True)
class Requirements:
    """What a strategy needs; attributes of its function say it, under the same names.

    Attributes
    ----------
    strategy
        Its name.
    requires
        Methods of the model, one of which is enough; empty where it needs none.
    dense_only
        Whether sparse features are more than it can take.
    binary_only
        Whether more than two classes are.
    bytes_per_pair
        Memory for each pair of examples of the training part, where it holds all pairs at once.
    instead
        A strategy of alrun's with the same aim that holds no pairs.
    """

    strategy: str
    requires: tuple[str, ...] = ()
    dense_only: bool = False
    binary_only: bool = False
    bytes_per_pair: int = 0
    instead: str | None = None

    def unmet_requirements(self, traits: DataTraits) -> Iterator[str]:
        """Say what a data set lacks, a sentence each."""
        if self.dense_only and traits.is_sparse:
            yield f"{self.strategy} takes no sparse features, as those of {traits.label} are"
        if self.binary_only and traits.n_classes > 2:
            yield f"{self.strategy} is for two classes; {traits.label} has {traits.n_classes}"
        needed, there = self.bytes_per_pair * traits.n_training**2, psutil.virtual_memory().total
        if needed > there:
            advice = f"; {self.instead} does without" if self.instead else ""
            yield (
                f"{self.strategy} holds all pairs of the {traits.n_training} examples of"
                f" {traits.label} in {needed / 1e9:.0f} GB of memory, and this machine has"
                f" {there / 1e9:.0f}{advice}"
            )


def requires(*methods: str) -> Callable[[Function], Function]:
    """Note on a strategy that it needs one of these methods of the model."""

    def noted(function: Function) -> Function:
        function.requires = methods  # type: ignore[attr-defined]
        return function

    return noted


def read_requirements(name: str, function: Callable[..., Any]) -> Requirements:
    """Return what a strategy needs, by what its function says; raises StrategyError."""
    methods = getattr(function, "requires", ())
    if not (isinstance(methods, tuple) and all(method in _METHODS for method in methods)):
        raise StrategyError(
            f'requires of {name} must be ("predict_proba",), ("decision_function",) or both, one of'
            f" which is enough, not {methods!r}"
        )
    for key, kind in (("dense_only", bool), ("binary_only", bool), ("bytes_per_pair", int)):
        value = getattr(function, key, kind())
        if not isinstance(value, kind):
            what = "True or False" if kind is bool else "a whole number"
            raise StrategyError(f"{key} of {name} must be {what}, not {value!r}")
    return Requirements(
        name,
        methods,
        getattr(function, "dense_only", False),
        getattr(function, "binary_only", False),
        getattr(function, "bytes_per_pair", 0),
        getattr(function, "instead", None),
    )
