"""Parameters of strategies that must make sense."""

import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, NoReturn

from alrun.errors import StrategyError
from alrun.util.numbers import is_number, is_whole


def whole_number(strategy: str, key: str, value: object, low: int) -> int:
    """Return the value of a parameter that must be a whole number of at least `low`.

    Raises StrategyError.
    """
    if not is_whole(value) or value < low:
        raise StrategyError(
            f"{key} of {strategy} must be a whole number of at least {low}, not {value!r}"
        )
    return value


def number(
    strategy: str, key: str, value: object, low: float, high: float = sys.float_info.max
) -> float:
    """Return the value of a parameter that must be a number from `low` to `high`, both allowed.

    Raises StrategyError.
    """
    if not (is_number(value) and low <= value <= high):
        limits = f"from {low:g} on" if high == sys.float_info.max else f"from {low:g} to {high:g}"
        raise StrategyError(f"{key} of {strategy} must be a number {limits}, not {value!r}")
    return float(value)


def validate_parameters(strategy: Callable[..., Any], parameters: Mapping[str, Any]) -> None:
    """Raise StrategyError where a strategy of alrun's makes no sense of its parameters.

    Each looks at all of them before it looks at anything else; so it is asked with a pool that
    stops it there.
    """
    with suppress(_SeenError):
        strategy(_Unseen(), 1, _Unseen(), **parameters)


class _SeenError(Exception):
    """A strategy has found its parameters in order, and goes on to look at the pool."""


class _Unseen:
    """A pool, or a generator, that ends whoever looks at it."""

    def __getattr__(self, name: str) -> NoReturn:
        raise _SeenError

    def __len__(self) -> int:
        raise _SeenError
