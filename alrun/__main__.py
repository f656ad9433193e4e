"""The program `alrun`."""

import sys

if __name__ == "__main__" and not sys.flags.safe_path:
    del sys.path[0]  # the current directory, where files may have names of modules

from alrun.cli.interrupts import leave_when_interrupted


def main() -> None:
    """Run the command line.

    The handler of Ctrl-C is set first, since importing the commands takes a moment.
    """
    leave_when_interrupted()
    from alrun.cli.app import main as run

    run()


if __name__ == "__main__":
    main()
