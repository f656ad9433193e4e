"""Calls functions in a subprocess that may crash."""

from collections.abc import Callable
from typing import Any, Self

from alrun.execute.isolated import IsolatedWorker, can_isolate


class Sandbox:
    """A process for calls, started for the first one; as a context manager it is ended.

    On a system that cannot isolate processes, functions are called in this one.

    Parameters
    ----------
    answer_timeout
        Seconds that a call may take.
    """

    def __init__(self, answer_timeout: float = 30.0) -> None:
        self._worker = IsolatedWorker(answer_timeout) if can_isolate() else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._worker is not None:
            self._worker.end()

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call a function of a module; return None if it raises, crashes or is late."""
        if self._worker is not None:
            return self._worker.call(function, *arguments)
        try:
            return function(*arguments)
        except (Exception, SystemExit):
            return None
