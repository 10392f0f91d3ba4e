"""The front door: `hypseg` and `python -m hypsegcli`."""

import atexit
import contextlib
import io
import os
import signal
import sys
import threading
import time
from pathlib import Path
from types import FrameType

from hypsegcli.cli.console import error, unheard, write_nowhere
from hypsegcli.cli.exit_codes import INTERRUPTED

_ONE_CALL = 0.25  # seconds within which a terminal and whoever started us may both pass on the same Ctrl-C
_STOPPING = (signal.SIGINT, signal.SIGTERM)


def run() -> None:
    """Run the command line and leave with its exit code; being told to stop is as good as Ctrl-C.

    Whoever says so a second time has no patience: the process ends at once, as if it were killed.
    """
    ear = _Ear()
    try:
        _prepare_streams()
        ear.listen()
        from hypsegcli.cli.app import main  # takes a moment, in which one may be told already

        ear.code = main(sys.argv[1:])
    except KeyboardInterrupt:
        error("interrupted before anything was done")
        ear.code = INTERRUPTED
    sys.exit(ear.code)


class _Ear:
    """Hears Ctrl-C and being told to stop: the first time a KeyboardInterrupt, later the end.

    The interrupt comes when the main thread runs Python again, the end from a thread beside it: one call of a library
    may take minutes.
    """

    def __init__(self) -> None:
        self.code: int | None = None  # all is done, and taking the rest apart is not to be interrupted
        self._told_before = False

    def listen(self) -> None:
        """To both, unless whoever started us wants us deaf."""
        told, tell = os.pipe()
        if os.name != "nt":
            os.set_blocking(tell, False)
        signal.set_wakeup_fd(tell, warn_on_full_buffer=False)
        if hasattr(os, "register_at_fork"):  # a forked process would tell us what it is told
            os.register_at_fork(after_in_child=_leave_telling_to_parent)
        threading.Thread(target=self._end_the_second_time, args=(told,), daemon=True).start()
        for number in _STOPPING:
            if signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, self._told)

    def _told(self, _number: int, _frame: FrameType | None) -> None:
        if self.code is not None:
            os._exit(self.code)
        if not self._told_before:
            self._told_before = True
            raise KeyboardInterrupt

    def _end_the_second_time(self, told: int) -> None:
        if hasattr(signal, "pthread_sigmask"):  # or the main thread could not put off hearing of them
            signal.pthread_sigmask(signal.SIG_BLOCK, _STOPPING)
        first: float | None = None
        while number := os.read(told, 1):
            if number[0] not in _STOPPING:
                continue
            now = time.monotonic()
            if first is None:
                first = now
            elif now - first > _ONE_CALL:
                if self.code is None:
                    with contextlib.suppress(OSError):
                        os.write(2, b"hypseg: ended at once; what is finished is whole\n")
                os._exit(INTERRUPTED if self.code is None else self.code)


def _leave_telling_to_parent() -> None:
    signal.set_wakeup_fd(-1)


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
