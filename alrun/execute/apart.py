"""Questions whose answer may end the process that looks for it."""

from collections.abc import Callable
from multiprocessing.connection import wait
from typing import Any, Self

from alrun.execute.child import Child, Died


class Apart:
    """A process for questions, started for the first; as a context manager it is ended.

    Parameters
    ----------
    patience
        Seconds that an answer may take.
    """

    def __init__(self, patience: float = 30.0) -> None:
        self._patience = patience
        self._child: Child | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._end()

    def ask(self, question: Callable[..., Any], *arguments: Any) -> Any:
        """Return what a function of a module returns; None where its process dies, or too late."""
        if self._child is None:
            self._child = Child()
            self._child.receive()
        self._child.ask(question, arguments)
        answer = self._child.receive() if wait([self._child.fileno()], self._patience) else None
        if answer is None or isinstance(answer, Died):
            self._end()
            return None
        return answer

    def _end(self) -> None:
        if self._child is not None:
            self._child.end()
            self._child = None
