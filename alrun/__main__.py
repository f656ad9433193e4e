"""The program `alrun`: what an interrupt does is settled before anything large is imported."""

from alrun.cli.interrupts import leave_when_interrupted


def main() -> None:
    """Run the command line."""
    leave_when_interrupted()
    from alrun.cli.app import main as run

    run()


if __name__ == "__main__":
    main()
