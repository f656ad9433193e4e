"""Standard streams of which a failure costs no work."""

import errno
import io
import os
import sys
from typing import Any

_WRONG_OUTPUT = 2


class _Guarded(io.RawIOBase):
    """The raw stream below a standard stream.

    What cannot be written is dropped, if `drops`. Else the process exits: with a line and code 2,
    or with code 0 if the reader has closed the stream, as `head` does.
    """

    def __init__(self, stream: Any, drops: bool) -> None:
        self._stream = stream  # kept, since it closes what is below when it is forgotten
        self._raw = getattr(stream.buffer, "raw", stream.buffer)
        self.drops = drops

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return int(self._raw.fileno())

    def isatty(self) -> bool:
        return bool(self._raw.isatty())

    def write(self, data: Any) -> int:
        try:
            return self._raw.write(data) or len(data)
        except OSError as error:
            if self.drops:
                return len(data)
            self.drops = True  # what is left in buffers is flushed at the exit
            if error.errno == errno.EPIPE:
                raise SystemExit(0) from None
            sys.stderr.write(f"the output cannot be written: {error.strerror}\n")
            raise SystemExit(_WRONG_OUTPUT) from None


def open_missing() -> None:
    """Open the standard descriptors that are closed, so that no other file gets their numbers.

    They are open for reading: to write to them is an error, as to closed ones.
    """
    while (descriptor := os.open(os.devnull, os.O_RDONLY)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    for name, number in (("stdout", 1), ("stderr", 2)):
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, "w", closefd=False))  # noqa: SIM115 -- for good


def own_descriptor(stream: Any) -> Any:
    """Return a text stream to the standard output, and lead descriptor 1 to standard error.

    Compiled code and child processes write to that number what is no result. `stream` is the
    standard output of Python.
    """
    buffering = 1 if stream.line_buffering else -1
    own = open(os.dup(1), "w", buffering, stream.encoding, stream.errors)  # noqa: SIM115 -- for good
    os.dup2(2, 1)
    return own


def guard(stream: Any, drops: bool) -> Any:
    """Return a text stream that writes to the same place as another one.

    Characters that its encoding lacks are replaced. What cannot be written is dropped if `drops`,
    else it ends the process. A stream that is None, or has no bytes below, is returned unchanged.
    """
    if not hasattr(stream, "buffer"):
        return stream
    guarded: Any = _Guarded(stream, drops)
    if hasattr(stream.buffer, "raw"):
        guarded = io.BufferedWriter(guarded)
    return io.TextIOWrapper(
        guarded,
        stream.encoding,
        "replace",
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )


def drop_lost_output(stream: Any) -> None:
    """Drop from now on what cannot be written to a stream, if it is guarded."""
    buffer = getattr(stream, "buffer", None)
    raw = getattr(buffer, "raw", buffer)  # without a buffer, as under PYTHONUNBUFFERED
    if isinstance(raw, _Guarded):
        raw.drops = True
