"""The front door: `hypseg` and `python -m hypsegcli`."""

import atexit
import contextlib
import os
import signal
import sys
import threading

from hypsegcli.cli.app import main


def run() -> None:
    """Run the command line and leave with its exit code; being told to stop is as good as Ctrl-C."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main(sys.argv[1:]))


def run_and_leave() -> None:
    """What `hypseg` does: as `run`, but without taking PyTorch apart module by module, which takes most of a second.

    Where threads still have to finish, and where what was printed cannot be written, it ends as every program does.
    """
    try:
        run()
    except SystemExit as leaving:
        busy = any(not one.daemon for one in threading.enumerate() if one is not threading.main_thread())
        if not busy and isinstance(leaving.code, int):
            atexit._run_exitfuncs()
            with contextlib.suppress(OSError):
                for stream in (sys.stdout, sys.stderr):
                    if stream is not None:  # where it was closed from the start
                        stream.flush()
                os._exit(leaving.code)
        raise


if __name__ == "__main__":
    run()
