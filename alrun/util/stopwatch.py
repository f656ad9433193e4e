"""Wall and CPU seconds of this process, by phase."""

from collections.abc import Iterable
from time import perf_counter, process_time


class Stopwatch:
    """Adds up the time of each phase; at any moment there is one, or none.

    CPU seconds are those of all threads: where they are more than the wall seconds, a model has
    started threads of its own, whatever it was asked.

    Attributes
    ----------
    seconds, cpu_seconds
        By phase, without the phase that has not ended yet.
    """

    def __init__(self, phases: Iterable[str]) -> None:
        self.seconds = dict.fromkeys(phases, 0.0)
        self.cpu_seconds = dict(self.seconds)
        self._phase: str | None = None
        self._since = self._cpu_since = 0.0

    def enter(self, phase: str | None) -> str | None:
        """Begin a phase, None for none, and return the one that ends with that."""
        now, cpu_now = perf_counter(), process_time()
        ended = self._phase
        if ended is not None:
            self.seconds[ended] += now - self._since
            self.cpu_seconds[ended] += cpu_now - self._cpu_since
        self._phase, self._since, self._cpu_since = phase, now, cpu_now
        return ended
