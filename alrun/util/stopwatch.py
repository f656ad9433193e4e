"""Wall and CPU seconds of this process, by phase."""

from collections.abc import Iterable
from time import perf_counter, process_time


class Stopwatch:
    """Adds up the time spent in each phase; at most one phase is active at a time.

    CPU seconds are those of all threads. If they exceed the wall seconds, a model has started
    threads of its own, even if it was told not to.

    Attributes
    ----------
    seconds, cpu_seconds
        Time by phase, without the active phase.
    """

    def __init__(self, phases: Iterable[str]) -> None:
        self.seconds = dict.fromkeys(phases, 0.0)
        self.cpu_seconds = dict(self.seconds)
        self._phase: str | None = None
        self._since = self._cpu_since = 0.0

    def enter(self, phase: str | None) -> str | None:
        """Begin a phase, or none with None, and return the previous phase."""
        now, cpu_now = perf_counter(), process_time()
        ended = self._phase
        if ended is not None:
            self.seconds[ended] += now - self._since
            self.cpu_seconds[ended] += cpu_now - self._cpu_since
        self._phase, self._since, self._cpu_since = phase, now, cpu_now
        return ended
