"""The front door: `hypseg` and `python -m hypsegcli`."""

import atexit
import os
import signal
import sys
from typing import NoReturn

from hypsegcli.cli.app import main


def run() -> NoReturn:
    """Run the command line and leave with its exit code; being told to stop is as good as Ctrl-C."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    _leave(main(sys.argv[1:]))


def _leave(code: int) -> NoReturn:
    """End the process here: taking PyTorch apart, module by module, would take most of a second."""
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:  # nobody reads to the end, which is no news to them
        code = code or 1
    os._exit(code)


if __name__ == "__main__":
    run()
