"""Threads that work ahead: order, bounds, errors, and that none of them stays behind."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator

import pytest
from support.hearing import hearing_interrupts

from hypsegcli.files.threads import ahead, beside, default_workers

PATIENCE = 20  # seconds, until a wait counts as one that never ends


@pytest.fixture(autouse=True)
def no_thread_stays() -> Iterator[None]:
    before = threading.active_count()
    yield
    assert threading.active_count() == before


class Items:
    """Whole numbers, and how many of them were taken."""

    def __init__(self, count: int) -> None:
        self.count, self.taken = count, 0
        self.threads: set[int] = set()

    def __iter__(self) -> Iterator[int]:
        for number in range(self.count):
            self.taken += 1
            self.threads.add(threading.get_ident())
            yield number


@pytest.mark.parametrize("prompt", [False, True])
@pytest.mark.parametrize("workers", [0, 1, 3])
def test_the_order_is_that_of_the_items(workers: int, prompt: bool) -> None:
    def slow_at_first(number: int) -> int:
        time.sleep(0.02 if number % 4 == 0 else 0.0)
        return number * number

    assert list(ahead(slow_at_first, range(20), workers=workers, prompt=prompt)) == [n * n for n in range(20)]
    assert list(ahead(slow_at_first, [], workers=workers)) == []


def test_what_is_finished_after_an_early_end_is_not_lost() -> None:
    begun, release = threading.Semaphore(0), threading.Event()

    def work(number: int) -> int:
        if number:
            begun.release()
            release.wait(PATIENCE)
        if number == 2:
            raise ValueError("no result")
        return number

    found: list[int] = []
    results = ahead(work, range(20), workers=3, late=found.append)
    assert next(results) == 0
    for _ in range(3):
        begun.acquire(timeout=PATIENCE)
    release.set()
    results.close()
    assert found[:2] == [1, 3]
    assert found == sorted(found)


@pytest.mark.parametrize("workers", [0, 2])
def test_what_is_read_to_its_end_is_never_late(workers: int) -> None:
    late: list[int] = []
    assert list(ahead(abs, range(9), workers=workers, late=late.append)) == list(range(9))
    assert late == []


@pytest.mark.skipif(os.name == "nt", reason="a thread cannot be sent a signal there")
def test_a_result_that_is_waited_for_when_an_interrupt_comes_is_late() -> None:
    main, late = threading.main_thread().ident, list[int]()
    assert main is not None

    def work(number: int) -> int:
        if number == 1:
            signal.pthread_kill(main, signal.SIGINT)
            time.sleep(0.2)
        return number

    results = ahead(work, range(2), workers=1, late=late.append)
    with hearing_interrupts(), pytest.raises(KeyboardInterrupt):
        list(results)
    assert late[-1] == 1


def test_workers_work_at_once_and_beside_the_caller() -> None:
    meeting = threading.Barrier(3, timeout=PATIENCE)  # two workers and the caller

    def meet(number: int) -> int:
        if number:
            meeting.wait()
        return number

    results = ahead(meet, range(3), workers=2)
    assert next(results) == 0
    meeting.wait()
    assert list(results) == [1, 2]


def test_without_workers_everything_happens_here_and_in_turn() -> None:
    items = Items(5)
    for number, thread in enumerate(ahead(lambda _: threading.get_ident(), items, workers=0)):
        assert thread == threading.get_ident()
        assert items.taken == number + 1


@pytest.mark.parametrize(("workers", "depth", "inside"), [(1, 0, 2), (3, 0, 4), (2, 7, 7), (3, 2, 4)])
def test_items_are_taken_in_the_calling_thread_and_not_many_at_a_time(workers: int, depth: int, inside: int) -> None:
    items = Items(30)
    for number, _ in enumerate(ahead(str, items, workers=workers, depth=depth)):
        assert items.taken == min(30, number + inside)
    assert items.threads == {threading.get_ident()}


def test_a_prompt_one_gives_out_what_is_done_first() -> None:
    finished = [threading.Event() for _ in range(10)]
    items = Items(10)

    def slow_to_come() -> Iterator[int]:
        for number in items:
            if number:
                assert finished[number - 1].wait(PATIENCE)
                time.sleep(0.02)  # until its future knows
            yield number

    def work(number: int) -> int:
        finished[number].set()
        return number

    for number in ahead(work, slow_to_come(), workers=3, prompt=True):
        assert items.taken <= min(10, number + 2)


@pytest.mark.parametrize(("pixels", "inside"), [(1, 5), (30, 3), (50, 2), (51, 1), (1000, 1)])
def test_fewer_large_ones_are_inside(pixels: int, inside: int) -> None:
    items = Items(12)
    for number, _ in enumerate(ahead(str, items, workers=4, pixels=lambda _: pixels, budget=100)):
        # Of the first one nothing is known before it is done.
        assert items.taken == (min(12, number + inside) if number else 1)


def test_the_largest_one_so_far_decides() -> None:
    items = Items(9)
    sizes = [0, 10, 60, 10, 10, 10, 10, 10, 10]  # 0: nothing is known of it, so that the next is alone as well
    taken = []
    for _ in ahead(lambda number: sizes[number], items, workers=3, pixels=lambda size: size, budget=100):
        taken.append(items.taken)
    assert taken == [1, 2, 6, 6, 6, 6, 7, 8, 9]


@pytest.mark.parametrize("workers", [0, 3])
def test_an_error_comes_in_its_turn(workers: int) -> None:
    def fail(number: int) -> int:
        if number == 4:
            raise ValueError("four")
        return number

    results = ahead(fail, range(20), workers=workers)
    assert [next(results) for _ in range(4)] == [0, 1, 2, 3]
    with pytest.raises(ValueError, match="four"):
        next(results)
    assert list(results) == []


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_of_the_items_ends_it(error: type[BaseException]) -> None:
    def items() -> Iterator[int]:
        yield 0
        yield 1
        raise error("no more")

    with pytest.raises(error, match="no more"):
        list(ahead(str, items(), workers=2))


def test_closed_early_it_finishes_what_has_begun_and_drops_the_rest() -> None:
    begun, ended = threading.Semaphore(0), []
    hold = threading.Event()

    def work(number: int) -> int:
        if number:
            begun.release()
            hold.wait(PATIENCE)
            ended.append(number)
        return number

    results = ahead(work, range(50), workers=2, depth=10)
    assert next(results) == 0
    assert begun.acquire(timeout=PATIENCE)
    assert begun.acquire(timeout=PATIENCE)
    timer = threading.Timer(0.1, hold.set)
    timer.start()
    results.close()
    timer.join()
    assert sorted(ended) == [1, 2]


def test_there_is_a_worker_for_every_cpu_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    for cpus, workers in ((1, 1), (6, 6), (16, 16), (64, 16)):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _, cpus=cpus: set(range(cpus)), raising=False)
        assert default_workers() == workers
    monkeypatch.delattr(os, "sched_getaffinity")
    counts: tuple[tuple[int | None, int], ...] = ((None, 1), (3, 3))
    for count, workers in counts:
        monkeypatch.setattr(os, "cpu_count", lambda count=count: count)
        assert default_workers() == workers


def test_what_is_worked_out_beside_comes_back_or_is_raised() -> None:
    assert beside(threading.get_ident) != threading.get_ident()
    with pytest.raises(ZeroDivisionError):
        beside(lambda: 1 // 0)


@pytest.mark.skipif(os.name != "posix", reason="no process is told to stop by a signal")
def test_an_interrupt_comes_to_whoever_waits_for_what_is_worked_out_beside() -> None:
    ended = []

    def work() -> None:
        time.sleep(0.1)  # until it is waited for
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.1)
        ended.append(True)

    with hearing_interrupts(), pytest.raises(KeyboardInterrupt):
        beside(work)
    assert ended
