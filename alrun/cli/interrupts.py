"""The handlers of Ctrl-C."""

import atexit
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

EXIT_CODE = 130
MESSAGE = "interrupted; finished runs are kept"


def leave_when_interrupted() -> None:
    """Let an interrupt end this process at once, at any point.

    Nothing is lost: files appear whole, and workers end with this process. An exception would be
    worse, since a library that is being imported may catch it. If interrupts are ignored, they
    stay ignored.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _leave)
        # When Python ends, it restores the system's handler. An interrupt would then kill the
        # process, with another exit code, so it is ignored from there on. The function is
        # registered first in order to be called last.
        atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)


@contextmanager
def raised() -> Iterator[None]:
    """Raise KeyboardInterrupt at the first interrupt in the context, so that it can end in order.

    The second one prints a warning, and the third ends the process at once. It changes nothing in a
    program without `leave_when_interrupted`, where an interrupt is raised anyway.
    """
    before = signal.getsignal(signal.SIGINT)
    if before is not _leave:
        yield
        return
    signal.signal(signal.SIGINT, _raise)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _raise(number: int, frame: FrameType | None) -> None:
    signal.signal(signal.SIGINT, _warn)
    raise KeyboardInterrupt


def _warn(number: int, frame: FrameType | None) -> None:
    signal.signal(signal.SIGINT, _leave)
    os.write(2, b"the tables are being made; press Ctrl-C once more to leave without them\n")


def _leave(number: int, frame: FrameType | None) -> None:
    if os.isatty(2):
        os.write(2, b"\x1b[?25h")  # show the cursor, which the progress bar hides
    os.write(2, f"{MESSAGE}\n".encode())
    os._exit(EXIT_CODE)
