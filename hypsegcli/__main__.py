"""The front door: `hypseg` and `python -m hypsegcli`."""

import sys

from hypsegcli.cli.app import main


def run() -> None:
    """Run the command line and leave with its exit code."""
    sys.exit(main(sys.argv[1:]))


if __name__ == "__main__":
    run()
