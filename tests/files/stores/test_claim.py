"""Folders of stores that one process at a time writes into."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from datetime import datetime
from typing import Any

import pytest
from support.stores import Store

from hypsegcli.errors import HypsegError, PlanError
from hypsegcli.files.hold import LOCK
from hypsegcli.files.lock import locked
from hypsegcli.files.place import StorePath, locate
from hypsegcli.files.stores.claim import STALE, Claim, claimed
from hypsegcli.files.stores.whereabouts import whereabouts

HOLD = """
import sys, time
from hypsegcli.files.lock import locked
from hypsegcli.files.place import locate
with locked(locate(sys.argv[1]), "predict"):
    print("held", flush=True)
    time.sleep(60)
"""


def folder(store: Store) -> StorePath:
    found = locate(store.at("out"))
    assert isinstance(found, StorePath)
    return found


def left_by(store: Store, **who: Any) -> None:
    """A claim that a process of that description has left."""
    own = {"command": "predict", **whereabouts(), "claim": "c"}
    store[f"out/{LOCK}"] = json.dumps(own | {"pid": 1, "since": "2026-01-01T00:00:00Z"} | who).encode()


def check_for_a_while(claim: Claim) -> None:
    for _ in range(500):
        time.sleep(0.01)
        claim.check()


def dead_process() -> int:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


def test_a_second_one_is_refused_and_told_who_holds_it(store: Store) -> None:
    with locked(folder(store), "predict") as hold:
        hold.check()
        told = rf"hypseg predict, process {os.getpid()} on .* remove s3://.*{LOCK}"
        with pytest.raises(PlanError, match=told), locked(folder(store), "uncertainty"):
            pass
        assert store.keys() == [f"out/{LOCK}"]
        hold.check()
    assert store.keys() == []
    with locked(folder(store), "predict"):
        pass


def test_other_processes_are_refused_until_it_is_killed(store: Store) -> None:
    command = [sys.executable, "-c", HOLD, str(folder(store))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(PlanError, match=f"process {other.pid}"), locked(folder(store), "predict"):
            pass
        other.send_signal(signal.SIGKILL)
    with locked(folder(store), "predict"):  # of a dead process of this machine, at once
        assert json.loads(store[f"out/{LOCK}"])["pid"] == os.getpid()


@pytest.mark.parametrize(
    ("who", "taken"),
    [
        ({"pid": dead_process()}, True),
        ({"pid": os.getpid()}, True),  # numbers come again
        ({"pid": os.getpid(), "processes": "pid:[1]"}, False),  # each container has a first one
        ({"pid": dead_process(), "boot": "another"}, False),
        ({"pid": os.getppid()}, False),
        ({"pid": dead_process(), "host": "elsewhere"}, False),
        ({"pid": dead_process(), "machine": "0" * 12}, False),
        ({"pid": "1"}, False),
        ({"pid": 2**70}, False),
    ],
)
def test_a_dead_process_of_this_machine_holds_nothing(store: Store, who: dict[str, Any], taken: bool) -> None:
    left_by(store, **who)
    if taken:
        with claimed(folder(store) / LOCK, "predict"):
            pass
    else:
        with pytest.raises(PlanError), claimed(folder(store) / LOCK, "predict"):
            pass


@pytest.mark.parametrize("text", [b"", b"[]", b"{}", b"[" * 100_000, b"\xff"])
def test_a_claim_that_says_nothing_is_one(store: Store, text: bytes) -> None:
    store[f"out/{LOCK}"] = text
    with pytest.raises(PlanError, match="does not say"), claimed(folder(store) / LOCK, "predict"):
        pass


def test_a_claim_that_was_not_kept_fresh_is_a_dead_one_s(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the store's clock, whatever this machine's says."""
    left_by(store, host="elsewhere")
    at = store.client.head_object(Bucket=store.name, Key=f"out/{LOCK}")["LastModified"]
    assert isinstance(at, datetime)
    monkeypatch.setattr(time, "time", lambda: at.timestamp() + 10 * STALE)
    with pytest.raises(PlanError), claimed(folder(store) / LOCK, "predict"):
        pass
    monkeypatch.setattr("hypsegcli.files.stores.claim.STALE", -1.0)
    with claimed(folder(store) / LOCK, "predict"):
        pass
    assert store.keys() == []  # nor is what the clock was read by


@pytest.mark.parametrize("alone", [True, False])
def test_what_the_clock_was_read_by_goes_with_the_next_whole_run(store: Store, alone: bool) -> None:
    """Where whoever put it there was killed; others, which no claim excludes, may just be reading the clock."""
    left = sorted(["out/.hypseg.lock-0123abcd", "out/.hypseg.0-of-2.lock-0123abcd"])
    for key in (*left, "out/.hypseg.lock-mine"):
        store[key] = b""
    with claimed(folder(store) / LOCK, "predict", alone=alone):
        pass
    assert store.keys() == sorted(["out/.hypseg.lock-mine", *([] if alone else left)])


def test_who_lost_it_is_told_and_leaves_the_other_s(store: Store) -> None:
    with claimed(folder(store) / LOCK, "predict", every=0.02) as claim:
        claim.check()
        left_by(store, host="elsewhere")  # somebody has removed it, and another run has begun
        with pytest.raises(HypsegError, match="no longer this run's"):
            check_for_a_while(claim)
    assert json.loads(store[f"out/{LOCK}"])["host"] == "elsewhere"


def test_signs_of_life_make_it_fresh(store: Store) -> None:
    with claimed(folder(store) / LOCK, "predict", every=0.01) as claim:
        while store.count("PUT") < 4:
            time.sleep(0.01)
        claim.check()
    assert store.keys() == []


def test_a_store_that_is_away_for_a_while_costs_nothing(store: Store) -> None:
    claim = Claim(folder(store) / LOCK, "predict")
    claim.take()
    store.rule = lambda method, path: (500, b"")
    claim.beat()
    claim.check()
    store.rule = lambda method, path: None
    claim.beat()
    claim.check()
    del store[f"out/{LOCK}"]
    claim.beat()
    with pytest.raises(HypsegError, match="removed"):
        claim.check()


def test_an_answer_that_was_lost_is_no_other_s_claim(store: Store) -> None:
    """A request that is made again finds what the first one made."""
    claim = Claim(folder(store) / LOCK, "predict")
    claim.take()
    claim.take()
    claim.check()
    claim.release()
    assert store.keys() == []
