"""A folder in a store that one process at a time writes into, by an object that says who and is kept fresh."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from hypsegcli.errors import HypsegError, PlanError, StoreError, setting
from hypsegcli.files.stores.client import answering, key_of, library, store_of
from hypsegcli.files.stores.listing import look, names_in
from hypsegcli.files.stores.objects import put, remove
from hypsegcli.files.stores.whereabouts import whereabouts

if TYPE_CHECKING:
    from hypsegcli.files.address import Address

BEAT = 60.0  # seconds between two signs of life
STALE = 600.0  # seconds without one, after which a claim is a dead process's

_PROBE = re.compile(r"\.hypseg\.([0-9]+-of-[0-9]+\.)?lock-[0-9a-f]{8}")  # what the store's clock is read by
_PROBES = 5  # one after the other, at most, should others sweep them away

_held: set[str] = set()  # names of the claims of this process


class Claim:
    """The object by which this process holds a folder."""

    def __init__(self, path: Address, command: str) -> None:
        self.path, self._lost = path, False
        self._version: dict[str, Any] = {}  # as its store tells them apart
        self.who: dict[str, Any] = {
            "command": command,
            "pid": os.getpid(),
            **whereabouts(),
            "claim": uuid.uuid4().hex,
            "since": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        }
        self.name: str = self.who["claim"]
        self._ended, self._beaten = threading.Event(), time.monotonic()

    def take(self) -> None:
        """Make the object; PlanError where another process has it, and is not dead for all that can be told."""
        with contextlib.suppress(FileExistsError):
            self._put("create")
            return
        found = _read(self.path)
        if found is None:  # it has just gone
            self._put("create")
            return
        if found.who.get("claim") == self.who["claim"]:  # the first answer was lost, and the request made again
            self._version = found.version
            return
        _refuse_living(self.path, found, self.who)
        try:
            self._put(found.version)
        except OSError as error:
            if error.errno != errno.ESTALE:
                raise
            raise PlanError(f"{self.path.parent}: another run has just begun to write here; wait for its end") from None

    def beat(self) -> None:
        """Say that this process lives; once another has the object, or nobody could be told for long, it is lost."""
        try:
            self._put(self._version)
            self._beaten = time.monotonic()
        except (OSError, StoreError) as error:
            is_taken = isinstance(error, FileNotFoundError) or getattr(error, "errno", None) == errno.ESTALE
            self._lost = is_taken or time.monotonic() - self._beaten > STALE - 2 * BEAT

    def check(self) -> None:
        """HypsegError where the folder is no longer this process's."""
        if self._lost:
            raise HypsegError(
                f"{self.path.parent}: is no longer this run's, for {self.path} has been removed, is another's or could "
                f"not be kept; the run has ended, since another may write here: go on with {setting('resume')}"
            )

    def release(self) -> None:
        """Remove the object, if it is this process's."""
        if not self._lost and (found := _read(self.path)) is not None and found.who.get("claim") == self.who["claim"]:
            remove(self.path)

    def live(self, every: float = BEAT) -> None:
        """Beat until the claim ends: for a thread."""
        while not self._ended.wait(every):
            self.beat()

    def end(self) -> None:
        """Let `live` end."""
        self._ended.set()

    def _put(self, mode: Any) -> None:
        obstore = library()
        with answering(self.path):
            told = obstore.put(
                store_of(self.path), key_of(self.path), json.dumps(self.who).encode(), mode=mode, use_multipart=False
            )
        self._version = _version(told)


@contextlib.contextmanager
def claimed(
    path: Address,
    command: str,
    *,
    excludes: Callable[[str], bool] = lambda name: False,
    alone: bool = False,
    every: float = BEAT,
) -> Iterator[Claim]:
    """Hold a folder by the object `path` as long as the block runs.

    Raises PlanError where another process holds it, or another object of the folder whose name `excludes` this one.
    With `alone`, those of the dead are removed, for nobody takes theirs beside this one, and what processes that were
    killed have left of reading the store's clock.
    """
    claim = Claim(path, command)
    claim.take()
    for name in names_in(path.parent):  # after its own: of two that begin at once, one at least sees the other
        if alone and _PROBE.fullmatch(name):
            remove(path.parent / name)
            continue
        if excludes(name) and (found := _read(other := path.parent / name)) is not None:
            try:
                _refuse_living(other, found, claim.who)
                if alone:
                    remove(other)
            except BaseException:
                claim.release()
                raise
    _held.add(claim.name)
    thread = threading.Thread(target=claim.live, args=(every,), daemon=True)
    thread.start()
    try:
        yield claim
    finally:
        claim.end()
        thread.join()
        _held.discard(claim.name)
        with contextlib.suppress(OSError, StoreError):  # it goes stale
            claim.release()


class _Found(NamedTuple):
    who: dict[str, Any]
    version: dict[str, Any]
    modified: float  # by the store's clock


def _read(path: Address) -> _Found | None:
    """A claim that is there; None where there is none."""
    obstore = library()
    with contextlib.suppress(FileNotFoundError), answering(path):
        found = obstore.get(store_of(path), key_of(path))
        text, meta = bytes(found.bytes()), found.meta
        try:
            who = json.loads(text)
        except (ValueError, RecursionError):
            who = {}
        return _Found(who if isinstance(who, dict) else {}, _version(meta), meta["last_modified"].timestamp())
    return None


def _refuse_living(path: Address, found: _Found, own: dict[str, Any]) -> None:
    """PlanError where a claim is not that of a dead process, for all that can be told."""
    age = _store_time(path) - found.modified
    if age < STALE and not _is_dead(found.who, own):
        raise PlanError(
            f"{path.parent}: another run is writing here ({_told(found.who)}, heard of {max(0, age):.0f} s ago); wait "
            f"for its end, or choose another {setting('out')}; one that was killed gives the folder up after "
            f"{STALE / 60:.0f} minutes, or at once where you remove {path}"
        )


def _version(told: Any) -> dict[str, Any]:
    return {name: told[name] for name in ("e_tag", "version") if told[name] is not None}


def _store_time(path: Address) -> float:
    """What time it is by the clock of the store, which no two machines have alike."""
    probe = path.with_name(f"{path.name}-{uuid.uuid4().hex[:8]}")
    try:
        for _ in range(_PROBES):
            put(probe, b"")
            if (seen := look(probe)) is not None:
                return seen.modified
        return time.time()
    finally:
        remove(probe)


def _is_dead(who: dict[str, Any], own: dict[str, Any]) -> bool:
    """Whether a claim is of a process of this machine that is no more."""
    is_here = os.name != "nt" and all(who.get(name) == own[name] for name in whereabouts())
    if not is_here or type(who.get("pid")) is not int:
        return False
    if who["pid"] == own["pid"]:  # numbers come again
        return who.get("claim") not in _held
    try:
        os.kill(who["pid"], 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    return False


def _told(who: dict[str, Any]) -> str:
    if not {"command", "pid", "host", "since"} <= who.keys():
        return "which, it does not say"
    return f"hypseg {who['command']}, process {who['pid']} on {who['host']}, since {who['since']}"
