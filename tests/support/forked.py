"""`hypseg` in a fork of this process, which something befalls at a change of a file that was chosen beforehand.

To import PyTorch takes longer than a run over tiny images: a process that has imported it forks for every command. It
must be one in which PyTorch has started no threads.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
import time
import traceback
from dataclasses import dataclass
from os import _exit as leave  # without what this process would do at its end
from pathlib import Path
from typing import Any, Literal, NamedTuple, NoReturn

Befalls = Literal["SIGKILL", "SIGTERM", "SIGINT", "full"]

_CHANGES = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "os.truncate"}
_LONGEST = 120.0  # seconds, after which a command hangs
HANGS = "it hangs"


@dataclass
class Fault:
    """What befalls a process just before its `at`-th change of a file below a folder of some name; an audit hook."""

    kind: Befalls  # full: from then on no file there can be made
    at: int
    below: str
    _seen: int = 0

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        """As the interpreter calls it before it does something."""
        makes = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        if not makes and event not in _CHANGES:
            return
        if not isinstance(arguments[0], str | bytes | os.PathLike):
            return  # a descriptor
        path = Path(os.fsdecode(arguments[0]))
        if self.below not in path.parts:
            return
        self._seen += 1
        if self.kind == "full":
            if self._seen >= self.at and (makes or event == "os.mkdir"):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        elif self._seen == self.at:
            os.kill(os.getpid(), getattr(signal, self.kind))
            if self.kind == "SIGKILL":
                time.sleep(_LONGEST)  # which it does not live to see

    def __str__(self) -> str:
        return f"{self.kind} at {self.at}"


class Ended(NamedTuple):
    """How a command did."""

    code: int  # with which it exits, negative for a signal
    text: str  # all that it has printed


def hypseg(arguments: list[str], folder: Path, fault: Fault | None = None) -> Ended:
    """Run it in a folder, until it ends; what takes two minutes is killed, and said to hang."""
    log = folder / ".log"
    child = os.fork()
    if not child:
        _be_hypseg(arguments, folder, log, fault)
    until = time.monotonic() + _LONGEST
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return Ended(os.waitstatus_to_exitcode(status), log.read_text(errors="replace"))
        if time.monotonic() > until:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return Ended(-signal.SIGKILL, f"{HANGS}\n{log.read_text(errors='replace')}")
        time.sleep(0.002)


def _be_hypseg(arguments: list[str], folder: Path, log: Path, fault: Fault | None) -> NoReturn:
    """Let this process, a fork, be that command; it ends here."""
    code = 70
    try:
        os.chdir(folder)
        file = os.open(log, os.O_CREAT | os.O_TRUNC | os.O_WRONLY)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for source, stream in ((nothing, 0), (file, 1), (file, 2)):
            os.dup2(source, stream)
        sys.stdout, sys.stderr = (os.fdopen(stream, "w", buffering=1, closefd=False) for stream in (1, 2))
        sys.argv = ["hypseg", *arguments]
        from hypsegcli.__main__ import run_and_leave

        if fault is not None:
            sys.addaudithook(fault)
        run_and_leave()
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else code
    except BaseException:
        traceback.print_exc()
    finally:
        leave(code)
