"""What Ctrl-C does."""

import atexit
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

EXIT_CODE = 130
SAID = "interrupted; what is finished is kept"


def leave_when_interrupted() -> None:
    """Let an interrupt end this process at once, wherever it strikes.

    Nothing is lost by that: files appear whole, and workers end when this process does. An
    exception would be worse, since libraries that are being imported may catch it. Where interrupts
    are ignored, they remain so.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _leave)
        # Python gives the signal back to the system before it ends, which would then kill instead
        # of leaving with the program's exit code. What is registered first is called last.
        atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)


@contextmanager
def raised() -> Iterator[None]:
    """Let an interrupt be raised, so that the caller can end in order; a third one still leaves.

    This is for programs that leave when interrupted; in others they are raised anyway.
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
    os.write(2, b"the tables are being made; once more leaves them as they are\n")


def _leave(number: int, frame: FrameType | None) -> None:
    if os.isatty(2):
        os.write(2, b"\x1b[?25h")  # the bar hides the cursor
    os.write(2, f"{SAID}\n".encode())
    os._exit(EXIT_CODE)
