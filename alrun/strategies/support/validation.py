"""Checks of strategy parameters."""

import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, NoReturn

from alrun.errors import StrategyError
from alrun.util.numbers import is_number, is_whole


def whole_number(strategy: str, key: str, value: object, low: int) -> int:
    """Return the value of a parameter if it is a whole number of at least `low`.

    Raises StrategyError otherwise.
    """
    if not is_whole(value) or value < low:
        raise StrategyError(
            f"{key} of {strategy} must be a whole number of at least {low}, not {value!r}"
        )
    return value


def number(
    strategy: str, key: str, value: object, low: float, high: float = sys.float_info.max
) -> float:
    """Return the value of a parameter if it is a number from `low` to `high`, both allowed.

    Raises StrategyError otherwise.
    """
    if not (is_number(value) and low <= value <= high):
        limits = f"from {low:g} on" if high == sys.float_info.max else f"from {low:g} to {high:g}"
        raise StrategyError(f"{key} of {strategy} must be a number {limits}, not {value!r}")
    return float(value)


def validate_parameters(strategy: Callable[..., Any], parameters: Mapping[str, Any]) -> None:
    """Raise StrategyError if a built-in strategy rejects its parameters.

    Each strategy checks all its parameters before it uses the pool. So it is called with a pool
    that stops it at the first use.
    """
    with suppress(_SeenError):
        strategy(_Unseen(), 1, _Unseen(), **parameters)


class _SeenError(Exception):
    """Raised on the first use of an `_Unseen`: the parameters have passed the checks."""


class _Unseen:
    """A stand-in for a pool or a generator, raising _SeenError on any use."""

    def __getattr__(self, name: str) -> NoReturn:
        raise _SeenError

    def __len__(self) -> int:
        raise _SeenError
