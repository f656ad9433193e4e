"""The program `alrun`: what an interrupt does is settled before anything else is imported."""

import os
import signal
import sys
from types import FrameType

INTERRUPTED = 130


def main() -> None:
    """Run the command line. An interrupt ends it in order; whoever insists leaves at once."""
    is_interruptible = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    try:
        if is_interruptible:
            signal.signal(signal.SIGINT, _interrupted)
        from alrun.cli import main as run

        run()
    except KeyboardInterrupt:  # before a command has begun
        sys.exit(INTERRUPTED)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # all is done and said


def _interrupted(number: int, frame: FrameType | None) -> None:
    signal.signal(signal.SIGINT, _insisted)
    raise KeyboardInterrupt


def _insisted(number: int, frame: FrameType | None) -> None:
    signal.signal(signal.SIGINT, _leave)
    os.write(2, b"interrupted already; once more leaves the tables as they are\n")


def _leave(number: int, frame: FrameType | None) -> None:
    """End at once: what is finished is stored, and workers end when this process does."""
    if os.isatty(2):
        os.write(2, b"\x1b[?25h")  # the bar hides the cursor
    os._exit(INTERRUPTED)


if __name__ == "__main__":
    main()
