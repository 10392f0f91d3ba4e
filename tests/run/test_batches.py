"""What does not fit into memory goes in smaller pieces; the engine has a limit, and sees single grid cells."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from hypsegcli.hierarchy.tree import flat_tree
from hypsegcli.images.decode import DecodedImage
from hypsegcli.inference.device import Device
from hypsegcli.inference.prediction import RGB
from hypsegcli.inference.request import Request
from hypsegcli.inference.segmenter import Segmenter
from hypsegcli.inference.tiling import Tiling
from hypsegcli.network.config import ModelConfig
from hypsegcli.network.model import NetworkOutput
from hypsegcli.run.batches import Batches, Loaded, Segmented, is_out_of_memory
from hypsegcli.run.plan import PlannedImage
from hypsegcli.run.results import Failed

TREE = flat_tree(["red", "green", "blue"])
AUTO = Tiling(tile=1024, overlap=208, above=2048 * 2048)
WIDE = (528, 1040)  # 549,120 pixels; its windows of 1024 have 540,672, those of 512 have 262,144

ERRORS: list[Callable[[], BaseException]] = [
    lambda: torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    MemoryError,
    lambda: RuntimeError("[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory"),
    lambda: RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes."),  # on Windows
    lambda: RuntimeError("MPS backend out of memory (MPS allocated: 9.00 GB)"),
]


class LimitedEngine:
    """Answers the class of a cell's strongest colour, up to some number of pixels at once."""

    label, device = "limited", Device(torch.device("cpu"), bf16=False)
    config = ModelConfig(embedding_size=3, nodes=3, softmax="flat")

    def __init__(self, limit: int, error: Callable[[], BaseException] = MemoryError) -> None:
        self.limit, self.error = limit, error
        self.sizes: list[tuple[int, ...]] = []
        self.held: list[weakref.ref[Any]] = []

    def features(self, images: RGB) -> Tensor:
        return torch.zeros(len(images), 3, images.shape[1] // 16, images.shape[2] // 16)

    def __call__(self, images: RGB, mean: Tensor | None = None) -> NetworkOutput:
        assert [held() for held in self.held if held() is not None] == [], "a failed try keeps its memory"
        self.sizes.append(images.shape[:3])
        colors = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
        if images[..., 0].size > self.limit:
            self.held.append(weakref.ref(colors))
            raise self.error()
        v = torch.nn.functional.avg_pool2d(colors, 4)
        return NetworkOutput(v, 8 * v, v.norm(dim=1))


def picture(height: int, width: int, seed: int = 0) -> RGB:
    rng = np.random.default_rng(seed)
    return (
        rng.integers(0, 256, (-(-height // 16), -(-width // 16), 3), np.uint8)
        .repeat(16, 0)
        .repeat(16, 1)[:height, :width]
    )


def loaded(*sizes: tuple[int, int]) -> list[Loaded]:
    return [
        Loaded(
            PlannedImage(Path(f"{number}.png"), PurePosixPath(f"{number}"), {}),
            DecodedImage(picture(*size, seed=number), ()),
            {},
        )
        for number, size in enumerate(sizes)
    ]


def run(
    engine: LimitedEngine,
    images: Sequence[Loaded | Failed],
    *,
    size: int = 1,
    tiling: Tiling | None = AUTO,
    longest_side: int | None = None,
) -> list[Segmented | Failed]:
    request = Request(measures=("distance", "margin"), longest_side=longest_side)
    return list(Batches(Segmenter(engine, TREE, request=request, tiling=tiling), size=size).segment(images))


def same(found: Segmented | Failed, image: Loaded) -> None:
    """As without a limit, whole: the engine sees nothing beyond a cell, so that windows change but rounding."""
    assert isinstance(found, Segmented), found
    assert found.loaded is image
    (whole,) = run(LimitedEngine(10**9), [image])
    assert isinstance(whole, Segmented)
    sure = whole.prediction.confidence["margin"] > 1e-3
    assert sure.mean() > 0.5
    np.testing.assert_array_equal(found.prediction.labels[sure], whole.prediction.labels[sure])
    for name, plane in whole.prediction.confidence.items():
        np.testing.assert_allclose(found.prediction.confidence[name], plane, atol=1e-5)


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
        "; use --tile 512 or --longest-side"
        if tries == 1
        else ", not even in windows of 512 pixels; use --longest-side"
    )
    assert found == Failed(images[0].planned, f"0.png: 1040 x 528 pixels do not fit into memory{advice}")


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
    assert run(engine, images) == [
        Failed(images[0].planned, "0.png: the network failed on this 1040 x 528 image: weights are broken")
    ]
    assert len(engine.sizes) == 1


def test_neighbours_of_one_size_go_together_and_failures_keep_their_place() -> None:
    images = loaded((48, 64), (48, 64), (32, 32), (48, 64), (48, 64), (48, 64), (48, 64))
    failed = Failed(images[0].planned, "not a picture")
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
