"""Any number together, one alone, and whoever wants to be alone is not kept waiting by those who come later."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from hypsegcli.inference.engines.tracing_lock import Gate

SOON = 0.05  # seconds, in which a thread that may go in would have gone in
PATIENCE = 30.0  # seconds, after which a thread that should have gone in never will


def test_together_is_together() -> None:
    gate, both = Gate(), threading.Barrier(2)

    def enter() -> None:
        with gate.together():
            both.wait(PATIENCE)

    with ThreadPoolExecutor(2) as pool:
        for one in [pool.submit(enter), pool.submit(enter)]:
            one.result()


def test_alone_waits_until_all_have_left_and_keeps_later_ones_out() -> None:
    gate, leave = Gate(), threading.Event()
    first_in, alone, later_in, done = (threading.Event() for _ in range(4))

    def first() -> None:
        with gate.together():
            first_in.set()
            leave.wait(PATIENCE)

    def single() -> None:
        with gate.alone():
            alone.set()
            done.wait(PATIENCE)

    def later() -> None:
        with gate.together():
            later_in.set()

    with ThreadPoolExecutor(3) as pool:
        pool.submit(first)
        assert first_in.wait(PATIENCE)
        pool.submit(single)
        assert not alone.wait(SOON)
        pool.submit(later)
        assert not later_in.wait(SOON)
        leave.set()
        assert alone.wait(PATIENCE)
        assert not later_in.wait(SOON)
        done.set()
        assert later_in.wait(PATIENCE)


def test_an_error_inside_leaves_the_gate_open() -> None:
    gate = Gate()
    for enter in (gate.together, gate.alone, gate.together):
        try:
            with enter():
                raise KeyError
        except KeyError:
            pass
    with gate.alone():
        pass
