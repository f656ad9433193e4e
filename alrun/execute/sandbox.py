"""Questions whose answer may end the process that looks for it."""

from collections.abc import Callable
from multiprocessing.connection import wait
from typing import Any, Self

from alrun.execute.worker_process import ProcessDeath, WorkerProcess


class Sandbox:
    """A process for questions, started for the first; as a context manager it is ended.

    Parameters
    ----------
    answer_timeout
        Seconds that an answer may take.
    """

    def __init__(self, answer_timeout: float = 30.0) -> None:
        self._answer_timeout = answer_timeout
        self._child: WorkerProcess | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._end()

    def call(self, question: Callable[..., Any], *arguments: Any) -> Any:
        """Return what a function of a module returns; None where its process dies, or too late."""
        if self._child is None:
            self._child = WorkerProcess()
            self._child.receive()
        self._child.call(question, arguments)
        answer = (
            self._child.receive() if wait([self._child.fileno()], self._answer_timeout) else None
        )
        if answer is None or isinstance(answer, ProcessDeath):
            self._end()
            return None
        return answer

    def _end(self) -> None:
        if self._child is not None:
            self._child.end()
            self._child = None
