"""The end of what a process prints, through a pipe."""

import os
from contextlib import suppress

# How many bytes are kept, from the end. No pipe holds more at a time.
MOST_KEPT = 2**20


class OutputPipe:
    """A pipe for the standard output and error of a process, however that writes to them.

    Whoever holds it must drain it: a process that prints waits while the pipe is full.

    Attributes
    ----------
    write_end
        The descriptor for the process. It stays open here too: so the pipe does not end when the
        process closes its own.
    """

    def __init__(self) -> None:
        self._read_end, self.write_end = os.pipe()
        os.set_blocking(self._read_end, False)
        self._kept = bytearray()

    def fileno(self) -> int:
        """Return the descriptor that is readable when something was printed."""
        return self._read_end

    def drain(self) -> None:
        """Take what is in the pipe by now."""
        with suppress(BlockingIOError):
            self._kept += os.read(self._read_end, MOST_KEPT)
            del self._kept[:-MOST_KEPT]

    def take(self) -> bytes:
        """Return the end of what was printed since the last call, at most MOST_KEPT bytes."""
        self.drain()
        kept, self._kept = bytes(self._kept), bytearray()
        return kept

    def close(self) -> None:
        """Close both ends."""
        os.close(self._read_end)
        os.close(self.write_end)
