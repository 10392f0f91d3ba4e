"""The front door: `hypseg` and `python -m hypsegcli`."""

import signal
import sys

from hypsegcli.cli.app import main


def run() -> None:
    """Run the command line and leave with its exit code; being told to stop is as good as Ctrl-C."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main(sys.argv[1:]))


if __name__ == "__main__":
    run()
