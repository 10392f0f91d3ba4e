"""The front door: `hypseg` and `python -m hypsegcli`."""

import atexit
import contextlib
import io
import os
import signal
import sys
import threading
from pathlib import Path

from hypsegcli.cli.app import main
from hypsegcli.cli.console import unheard, write_nowhere


def run() -> None:
    """Run the command line and leave with its exit code; being told to stop is as good as Ctrl-C."""
    _prepare_streams()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main(sys.argv[1:]))


def _prepare_streams() -> None:
    """Streams that take every name of a file, in the letters of their encoding or as escapes; where closed, a void.

    What standard error cannot take is lost without an error, whoever writes there: it is talk, and no result.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            void = Path(os.devnull).open("w", encoding="utf-8", errors="backslashreplace")  # noqa: SIM115
            setattr(sys, name, void)
        elif isinstance(stream, io.TextIOWrapper):
            try:
                stream.reconfigure(errors="backslashreplace")
            except OSError:  # it holds what it cannot write
                write_nowhere(stream)
            if name == "stderr" and os.name != "nt":  # where a console is no file
                sys.stderr = unheard(stream)


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
                    stream.flush()
                os._exit(leaving.code)
        raise


if __name__ == "__main__":
    run()
