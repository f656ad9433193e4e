"""Targets as they are written: scores, shares of the ceiling, and where the baseline ends."""

import re
from dataclasses import dataclass
from typing import Any

from alrun.errors import quoted
from alrun.metrics import Metric
from alrun.util.numbers import is_number

# A target as it is written, in an experiment or a report.
Written = float | str

# What a share is of.
_FULL, _BETWEEN = "of full", "between floor and full"
_SHARE = re.compile(rf"(\d+(?:\.\d+)?) ?% ({_FULL}|{_BETWEEN})")
_END = "random@end"


@dataclass(frozen=True)
class Target:
    """A score to reach, possibly one for each seed.

    Attributes
    ----------
    written
        Its text, or its number.
    share
        Of the ceiling, or of the way from the floor to the ceiling; None for other targets.
    is_between
        Whether the share is of the way from the floor to the ceiling.
    """

    written: Written
    share: float | None = None
    is_between: bool = False

    @property
    def is_end(self) -> bool:
        """Whether it is the mean score of the baseline at the budget."""
        return self.written == _END

    def check(self, metric_name: str, metric: Metric) -> None:
        """Raise ValueError for a target that no score can be at, or that the metric cannot have."""
        if isinstance(self.written, float):
            metric.check_target(self.written)
        elif self.share is not None and not metric.greater_is_better:
            raise ValueError(
                f"the target '{self.written}' is a share of a score that falls as models improve,"
                f" and more of {metric_name} is worse; give a number, or 'random@end'"
            )


def read_target(value: Any) -> Target:
    """Return a target from a number, or a text such as "0.9", "95% of full" or "random@end".

    Raises ValueError for anything else.
    """
    if isinstance(value, str):
        text = " ".join(value.split())
        if text == _END:
            return Target(_END)
        share = _SHARE.fullmatch(text)
        if share is not None and 0 < float(share[1]) <= 100:
            per_cent, of = float(share[1]), share[2]
            return Target(f"{per_cent:g}% {of}", per_cent / 100, of == _BETWEEN)
        try:
            return Target(float(text))
        except ValueError:
            pass
    elif is_number(value):
        return Target(float(value))
    raise ValueError(
        'should be a score such as 0.9, a share of the ceiling such as "95% of full", or'
        f' "random@end", not {quoted(value)}'
    )


def in_order(targets: "set[Written] | tuple[Written, ...]") -> tuple[Written, ...]:
    """Return targets in ascending order: numbers, shares of the ceiling, and the others."""

    def key(written: Written) -> tuple[int, float, str]:
        target = read_target(written)
        if isinstance(written, float):
            return (0, written, "")
        return (2 if target.share is None else 1, target.share or 0.0, written)

    return tuple(sorted(targets, key=key))


def between(written: Written) -> Written:
    """Return a share of the ceiling as the same share of the way from the floor to it."""
    return str(written).replace(_FULL, _BETWEEN)
