"""Work done in threads ahead of whoever waits for it, or behind whoever hands it over, in bounded memory.

Decoding, encoding and writing spend their time in libraries that release Python's lock (Pillow, OpenCV, zlib, the
operating system), so threads are enough for them to run beside the network. OpenCV's own threads are left as they
are: `cv2.setNumThreads` counts for the whole process and not for one thread, and its pool takes one job at a time (a
call that finds it busy works in its own thread), so that many workers do not multiply it.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from hypsegcli.budget import BUDGET

Item = TypeVar("Item")
Result = TypeVar("Result")

_MOST = 16  # threads, beyond which they wait for Python's lock and for each other's memory


def default_workers() -> int:
    """One thread for every CPU that this process may use, at most 16."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(allowed, _MOST)


def beside(function: Callable[[], Result]) -> Result:
    """What `function` gives, worked out in another thread, and waited for here.

    An interrupt is raised in the main thread, wherever that is, and libraries in C that call Python may lose it and say
    something else is wrong. So it comes here instead; `function` goes on to its end before it is passed on.
    """
    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(function).result()


def ahead(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    workers: int,
    depth: int = 0,
    prompt: bool = False,
    pixels: Callable[[Result], int] | None = None,
    budget: int = BUDGET.stage_pixels,
    late: Callable[[Result], None] | None = None,
    enter: Callable[[], None] = lambda: None,
) -> Generator[Result, None, None]:
    """Yield `function` of every item, in order, worked out in `workers` threads; 0: one after the other, in this one.

    Items are taken in the calling thread, one more whenever fewer than `depth` are inside, at least workers + 1.
    `prompt` gives out what is done before it takes another item: for items that take long to come by. `pixels` of a
    result tell its size; of large ones fewer are inside, `budget` pixels in sum or a single one,
    and the first one is alone, since nothing is known before it. Every thread calls `enter` before its first item.

    What `function` raises is raised in its item's turn. However the generator ends, no thread outlives it: what has
    begun is finished, the rest is dropped; results of what is finished after the end go to `late`, in order. Close it
    where it may not be read to its end.
    """
    if not workers:
        yield from map(function, items)
        return
    depth = max(depth, workers + 1)
    room = depth if pixels is None else 1
    largest = 0
    waiting: deque[Future[Result]] = deque()
    source = iter(items)
    pool = ThreadPoolExecutor(workers, initializer=enter)
    try:
        exhausted = False
        while True:
            while not exhausted and len(waiting) < room and not (prompt and waiting and waiting[0].done()):
                try:
                    waiting.append(pool.submit(function, next(source)))
                except StopIteration:
                    exhausted = True
            if not waiting:
                return
            result = waiting[0].result()  # a wait that may be interrupted: it is still among those that wait then
            waiting.popleft()
            if pixels is not None:
                largest = max(largest, pixels(result))
                room = max(1, min(depth, budget // largest)) if largest else 1
            yield result
            del result  # it belongs to the caller alone
    finally:
        pool.shutdown(cancel_futures=True)
        for future in waiting:
            if late is not None and not future.cancelled() and future.exception() is None:
                late(future.result())
