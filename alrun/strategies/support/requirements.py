"""Requirements of a strategy on the model, the data set and the memory."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import psutil

from alrun.errors import StrategyError

Function = TypeVar("Function", bound=Callable[..., Any])
_METHODS = ("predict_proba", "decision_function")


@dataclass(frozen=True)
class DataTraits:
    """The traits of a data set and its split relevant to the requirements."""

    display_name: str
    is_sparse: bool
    n_classes: int
    n_training: int


@dataclass(frozen=True)
class Requirements:
    """Requirements of a strategy, declared by attributes of its function with the same names.

    Attributes
    ----------
    strategy
        Name of the strategy.
    requires
        Methods of the model, one of which is enough; empty if it needs none.
    dense_only
        Whether it rejects sparse features.
    binary_only
        Whether it rejects more than two classes.
    bytes_per_pair
        Memory for each pair of examples of the training part, if it holds all pairs at once.
    instead
        A strategy of alrun with the same aim that holds no pairs.
    """

    strategy: str
    requires: tuple[str, ...] = ()
    dense_only: bool = False
    binary_only: bool = False
    bytes_per_pair: int = 0
    instead: str | None = None

    def unmet_requirements(self, traits: DataTraits) -> Iterator[str]:
        """Yield a sentence for each requirement that a data set does not meet."""
        if self.dense_only and traits.is_sparse:
            yield (
                f"{self.strategy} takes no sparse features, and those of {traits.display_name} are"
                " sparse; choose another strategy"
            )
        if self.binary_only and traits.n_classes > 2:
            yield (
                f"{self.strategy} is for two classes, and {traits.display_name} has"
                f" {traits.n_classes}; choose another strategy"
            )
        needed = self.bytes_per_pair * traits.n_training**2
        available = psutil.virtual_memory().total
        if needed > available:
            advice = f"; {self.instead} needs no pairs" if self.instead else ""
            yield (
                f"{self.strategy} holds all pairs of the {traits.n_training} examples of"
                f" {traits.display_name} in {needed / 1e9:.0f} GB of memory, and this machine has"
                f" {available / 1e9:.0f}{advice}"
            )


def requires(*methods: str) -> Callable[[Function], Function]:
    """Declare the needed methods of the model, any one of them, by a decorator."""

    def declare(function: Function) -> Function:
        function.requires = methods  # type: ignore[attr-defined]
        return function

    return declare


def read_requirements(name: str, function: Callable[..., Any]) -> Requirements:
    """Read the requirements of a strategy from its function; raises StrategyError."""
    methods = getattr(function, "requires", ())
    if not (isinstance(methods, tuple) and all(method in _METHODS for method in methods)):
        raise StrategyError(
            f'requires of {name} must be ("predict_proba",), ("decision_function",) or both, if one'
            f" of them is enough, not {methods!r}"
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
