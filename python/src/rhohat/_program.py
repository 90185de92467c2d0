"""The command ``rhohat``, as pip installs it: the program of the Rust library, in this process."""

import sys

from ._rhohat import main as _main


def main() -> int:
    """Runs the command with the arguments of the process and returns its exit code."""
    return _main(["rhohat", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
