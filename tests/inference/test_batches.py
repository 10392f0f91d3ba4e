"""What does not fit into memory goes in smaller pieces; the engine has a limit, and sees single grid cells."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pytest
import torch
from support.limited_engine import AUTO, TREE, WIDE, LimitedEngine, picture

from hypsegcli.errors import is_out_of_memory, setting
from hypsegcli.images.decode import DecodedImage
from hypsegcli.inference.batches import Batches, Loaded, Segmented, Trouble, Unsegmented
from hypsegcli.inference.lanes import ONE, Lanes
from hypsegcli.inference.request import Request
from hypsegcli.inference.segmenter import Segmenter
from hypsegcli.inference.windows import Tiling

ERRORS: list[Callable[[], BaseException]] = [
    lambda: torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    MemoryError,
    lambda: RuntimeError("[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory"),
    lambda: RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes."),  # on Windows
    lambda: RuntimeError("MPS backend out of memory (MPS allocated: 9.00 GB)"),
]


def loaded(*sizes: tuple[int, int]) -> list[Loaded[int]]:
    return [Loaded(number, DecodedImage(picture(*size, seed=number), ())) for number, size in enumerate(sizes)]


def run(
    engine: LimitedEngine,
    images: Sequence[Loaded[int] | str],
    *,
    size: int = 1,
    tiling: Tiling | None = AUTO,
    longest_side: int | None = None,
    lanes: Lanes = ONE,
) -> list[Segmented[int] | Unsegmented[int] | str]:
    request = Request(measures=("distance", "margin"), longest_side=longest_side)
    stages = Batches(Segmenter(engine, TREE, request=request, tiling=tiling), batch_size=size, lanes=lanes)
    results: Iterator[Segmented[int] | Unsegmented[int] | str] = stages.segment(images)
    return list(results)


def same(found: Segmented[int] | Unsegmented[int] | str, image: Loaded[int]) -> None:
    """As without a limit, whole: the engine sees nothing beyond a cell, so that windows change but rounding."""
    assert isinstance(found, Segmented), found
    assert found.loaded is image
    (whole,) = run(LimitedEngine(10**9), [image])
    assert isinstance(whole, Segmented)
    sure = whole.prediction.confidence["margin"].values > 1e-3
    assert sure.mean() > 0.5
    np.testing.assert_array_equal(found.prediction.labels[sure], whole.prediction.labels[sure])
    for name, plane in whole.prediction.confidence.items():
        np.testing.assert_allclose(found.prediction.confidence[name].values, plane.values, atol=1e-5)


@pytest.mark.parametrize("error", ERRORS)
def test_a_batch_that_does_not_fit_goes_one_by_one_and_so_does_the_rest(error: Callable[[], BaseException]) -> None:
    engine, images = LimitedEngine(48 * 64, error), loaded(*[(48, 64)] * 7)
    found = run(engine, images, size=3)
    assert engine.sizes == [(3, 48, 64), *[(1, 48, 64)] * 7]
    for one, image in zip(found, images, strict=True):
        same(one, image)
    notes = [one.notes for one in found if isinstance(one, Segmented)]
    assert notes[:3] == [("did not fit into memory in a batch of 3; segmented alone",)] * 3
    assert notes[3:] == [()] * 4


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize(("limit", "tile"), [(545_000, 1024), (300_000, 512)])
def test_an_image_that_does_not_fit_goes_in_windows(error: Callable[[], BaseException], limit: int, tile: int) -> None:
    engine, images = LimitedEngine(limit, error), loaded(WIDE, (64, 64))
    found, small = run(engine, images)
    same(found, images[0])
    assert isinstance(found, Segmented)
    assert found.notes == (f"did not fit into memory whole; segmented in windows of {tile} pixels",)
    assert max(engine.sizes[-2][1:]) <= tile
    same(small, images[1])
    assert isinstance(small, Segmented)
    assert small.notes == ()


def test_both_steps_are_noted() -> None:
    found = run(LimitedEngine(545_000), loaded(WIDE, WIDE), size=2)
    assert [one.notes for one in found if isinstance(one, Segmented)] == [
        (
            "did not fit into memory in a batch of 2; segmented alone",
            "did not fit into memory whole; segmented in windows of 1024 pixels",
        )
    ] * 2


@pytest.mark.parametrize(
    ("tiling", "longest_side", "tries"),
    [
        (None, None, 1),  # --tile off
        (AUTO, 1024, 1),  # shrunk: its windows would show things at another size
        (AUTO, 1040, 3),  # not shrunk
        (Tiling(tile=768, overlap=192, above=768 * 768), None, 2),  # whole, then 512: 1024 is more than it would take
        (Tiling(tile=512, overlap=128, above=512 * 512), None, 1),  # in windows of 512 from the beginning
    ],
)
def test_no_step_is_taken_that_is_forbidden_or_no_smaller(
    tiling: Tiling | None, longest_side: int | None, tries: int
) -> None:
    engine, images = LimitedEngine(1), loaded(WIDE)
    (found,) = run(engine, images, tiling=tiling, longest_side=longest_side)
    assert len(engine.sizes) == tries
    advice = (
        f"; use {setting('tile', 512)} or {setting('longest_side')}"
        if tries == 1
        else f", not even in windows of 512 pixels; use {setting('longest_side')}"
    )
    assert found == Unsegmented(0, Trouble("out_of_memory", f"1040 x 528 pixels do not fit into memory{advice}"))


def test_what_is_to_be_refined_goes_whole_or_not_at_all() -> None:
    request, (image,) = Request(refine="edges"), loaded(WIDE)
    for tiling, limit in ((AUTO, 10_000), (Tiling(tile=512, overlap=128, above=512**2), 10**9)):
        engine = LimitedEngine(limit)
        found = Batches(Segmenter(engine, TREE, request=request, tiling=tiling)).segment_one(image)
        assert isinstance(found, Unsegmented)
        assert found.trouble.code == "out_of_memory"
        advice = f"; use {setting('longest_side')}"
        assert advice in found.trouble.reason
        is_cut = tiling != AUTO
        assert ("known to fit into memory whole" in found.trouble.reason) is is_cut
        assert (setting("tile", "off") in found.trouble.reason) is is_cut


def test_another_error_changes_nothing_for_the_others() -> None:
    engine, images = (
        LimitedEngine(48 * 64, lambda: RuntimeError("weights are broken\nat line 3")),
        loaded(*[(48, 64)] * 4),
    )
    found = run(engine, images, size=2)
    assert [size[0] for size in engine.sizes] == [2, 1, 1, 2, 1, 1]
    assert [one.notes for one in found if isinstance(one, Segmented)] == [()] * 4
    engine.sizes.clear()
    images = loaded(WIDE)
    reason = "the network failed on this 1040 x 528 image: weights are broken"
    assert run(engine, images) == [Unsegmented(0, Trouble("network", reason))]
    assert len(engine.sizes) == 1


def test_neighbours_of_one_size_go_together_and_failures_keep_their_place() -> None:
    images = loaded((48, 64), (48, 64), (32, 32), (48, 64), (48, 64), (48, 64), (48, 64))
    failed = "not a picture"
    engine = LimitedEngine(10**9)
    found = run(engine, [*images[:5], failed, *images[5:]], size=3)
    assert [size[0] for size in engine.sizes] == [2, 1, 2, 2]
    assert found.pop(5) is failed
    for one, image in zip(found, images, strict=True):
        same(one, image)


def test_what_is_out_of_memory() -> None:
    assert all(is_out_of_memory(error()) for error in ERRORS)
    assert not is_out_of_memory(RuntimeError("size mismatch"))
    assert not is_out_of_memory(FloatingPointError("out of memory"))


def test_lanes_change_neither_results_nor_their_order() -> None:
    """A large one that does not fit goes in windows, alone, and whatever else comes keeps its place."""
    engine, images = LimitedEngine(300_000), loaded((48, 64), (48, 64), WIDE, (32, 64), (48, 64), (64, 64))
    found = run(engine, [*images[:2], "damaged", *images[2:]], lanes=Lanes(2, 64 * 64))
    assert found.pop(2) == "damaged"
    for one, image in zip(found, images, strict=True):
        same(one, image)
    notes = [one.notes for one in found if isinstance(one, Segmented)]
    assert notes == [(), (), ("did not fit into memory whole; segmented in windows of 512 pixels",), (), (), ()]
