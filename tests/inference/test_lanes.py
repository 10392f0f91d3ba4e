"""Images side by side: in order, large ones alone, each lane with its share."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Iterator

import pytest
import torch

from hypsegcli.inference.lanes import Lanes, lanes_here, most_lanes, torch_threads


@pytest.fixture(autouse=True)
def _four_threads() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(threads)


def test_items_come_in_order_small_ones_in_lanes_and_large_ones_alone() -> None:
    sizes = [1, 2, 9, 3, 9, 9, 1, 1, 1]
    own = threading.get_ident()

    def work(size: int) -> tuple[int, bool, int, int]:
        return size, threading.get_ident() == own, lanes_here(), torch.get_num_threads()

    found = list(Lanes(2, 5, 4).run(work, sizes, lambda size: size))
    assert found == [(size, True, 1, 4) if size > 5 else (size, False, 2, 2) for size in sizes]


def test_lanes_run_at_once() -> None:
    """Each waits for the others, which would be for ever in one thread."""
    meeting = threading.Barrier(3, timeout=10)
    assert len(list(Lanes(3, 1, 4).run(lambda _: meeting.wait(), range(9), lambda _: 1))) == 9


def threads_of_a_new_one() -> int:
    found: list[int] = []
    new = threading.Thread(target=lambda: found.append(torch.get_num_threads()))
    new.start()
    new.join()
    return found[0]


def test_other_threads_have_all_of_the_processor_meanwhile_and_later() -> None:
    """Whoever closes it, as a server does that has handed its generator on."""
    begun = threading.Barrier(4, timeout=10)  # by all lanes

    def work(number: int) -> int:
        if number < 4:
            begun.wait()
        return torch.get_num_threads()

    results = Lanes(4, 1, 4).run(work, range(9), lambda _: 1)
    assert next(results) == 1
    assert threads_of_a_new_one() == 4
    last = threading.Thread(target=results.close)
    last.start()
    last.join()
    assert (threads_of_a_new_one(), torch.get_num_threads()) == (4, 4)


def test_an_image_alone_may_have_a_lane_s_threads() -> None:
    with torch_threads(2):
        assert (torch.get_num_threads(), threads_of_a_new_one()) == (2, 4)
    assert (torch.get_num_threads(), threads_of_a_new_one()) == (4, 4)
    with pytest.raises(ValueError, match="x"), torch_threads(1):
        raise ValueError("x")
    assert torch.get_num_threads() == 4


@pytest.mark.parametrize(("lanes", "pixels", "taken"), [(2, 5, True), (2, 6, False), (1, 1, False)])
def test_size_alone_decides(lanes: int, pixels: int, *, taken: bool) -> None:
    assert Lanes(lanes, 5, 4).takes(pixels) is taken


def test_what_is_done_with_is_not_held() -> None:
    """An image is large: those that were given out belong to whoever took them."""

    class Picture:
        pass

    born: list[weakref.ref[Picture]] = []

    def pictures() -> Iterator[Picture]:
        for _ in range(12):
            picture = Picture()
            born.append(weakref.ref(picture))
            yield picture
            del picture

    most = 0
    for result in Lanes(2, 1, 4).run(lambda picture: picture, pictures(), lambda _: 1):
        gc.collect()
        most = max(most, sum(each() is not None for each in born))
        del result
    assert most <= 6  # one given out, three inside, one that waits to go in, and the one before it


def test_an_error_comes_in_its_turn() -> None:
    def work(number: int) -> int:
        if number == 3:
            raise ValueError("number three")
        return number

    results = Lanes(2, 1, 4).run(work, range(9), lambda _: 1)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="number three"):
        next(results)


def test_one_lane_is_the_calling_thread() -> None:
    own = threading.get_ident()
    found = list(Lanes().run(lambda _: (threading.get_ident() == own, lanes_here()), range(3), lambda _: 1))
    assert found == [(True, 1)] * 3


@pytest.mark.parametrize(("threads", "lanes"), [(1, 1), (2, 2), (4, 4), (9, 4)])
def test_how_many_lanes_there_are(threads: int, lanes: int) -> None:
    assert most_lanes(threads) == lanes
