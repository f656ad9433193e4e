"""The program `alrun`."""

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
