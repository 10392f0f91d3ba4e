"""Upsampling by bands is F.interpolate, and a band stays within its budget."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from hypsegcli.inference.upsample import Cells, bands, lay_cells, upsample_best, upsample_rows
from hypsegcli.network.config import Kind

BUDGET = 16 * 2**20  # bytes, as the module says
side = st.integers(1, 7)


@settings(max_examples=60, deadline=None)
@given(h=side, w=side, cut=st.integers(0, 3), data=st.data())
def test_any_band_is_the_interpolation_of_the_whole(h: int, w: int, cut: int, data: st.DataObject) -> None:
    grid = torch.randn(2, 3, h, w, generator=torch.Generator().manual_seed(h * 10 + w))
    whole = F.interpolate(grid, scale_factor=4, mode="bilinear", align_corners=False)
    start = data.draw(st.integers(0, 4 * h - 1))
    stop = data.draw(st.integers(start + 1, 4 * h))
    width = 4 * w - cut
    band = upsample_rows(grid, cell=Cells(4, 4), start=start, stop=stop, width=width)
    torch.testing.assert_close(band, whole[:, :, start:stop, :width], rtol=1e-5, atol=1e-6)


@settings(max_examples=60, deadline=None)
@given(h=side, w=side, height=st.integers(1, 40), width=st.integers(1, 40))
def test_any_size_is_reached_as_interpolation_reaches_it(h: int, w: int, height: int, width: int) -> None:
    grid = torch.randn(1, 2, h, w, generator=torch.Generator().manual_seed(h * 10 + w))
    whole = F.interpolate(grid, size=(height, width), mode="bilinear", align_corners=False)
    rows = upsample_rows(grid, cell=Cells(height / h, width / w), start=0, stop=height, width=width)
    torch.testing.assert_close(rows, whole, rtol=1e-4, atol=1e-4)


@settings(max_examples=200, deadline=None)
@given(
    h=side,
    w=side,
    channels=st.integers(1, 5),
    height=st.integers(1, 60),
    width=st.integers(1, 60),
    whole_cells=st.booleans(),
    rough=st.booleans(),
)
def test_the_best_channel_is_that_of_the_interpolation(
    h: int, w: int, channels: int, height: int, width: int, whole_cells: bool, rough: bool
) -> None:
    """For cells of any size, whole numbers of pixels or not, higher than wide or not."""
    grid = torch.randn(2, channels, h, w, generator=torch.Generator().manual_seed(h * 10 + w), dtype=torch.float64)
    if not rough:  # most neighbours agree
        grid[:, :1] += 2.0
    if whole_cells:
        height, width = h * (1 + height % 7), w * (1 + width % 7)
    cell = Cells(height / h, width / w)
    whole = F.interpolate(grid, size=(height, width), mode="bilinear", align_corners=False)
    found = upsample_best(grid, cell=cell, height=height, width=width)
    assert found.shape == (2, height, width)
    best, second = whole.topk(min(2, channels), 1).values.unbind(1) if channels > 1 else (whole[:, 0], whole[:, 0] - 1)
    sure = best - second > 1e-6
    assert torch.equal(found.long()[sure], whole.argmax(1)[sure])


def test_the_best_channel_in_parts() -> None:
    grid = torch.randn(1, 7, 20, 30, generator=torch.Generator().manual_seed(0))
    at_once = upsample_best(grid, cell=Cells(4, 4), height=80, width=120)
    in_parts = upsample_best(grid, cell=Cells(4, 4), height=80, width=120, budget=4 * 16 * 7 * 3)
    assert torch.equal(in_parts, at_once)


def test_what_pads_the_grid_is_cut_off() -> None:
    grid = torch.randn(1, 3, 8, 12, generator=torch.Generator().manual_seed(0))
    whole = F.interpolate(grid, scale_factor=5, mode="bilinear", align_corners=False)
    assert torch.equal(upsample_best(grid, cell=Cells(5, 5), height=31, width=47).long(), whole.argmax(1)[:, :31, :47])
    rows = upsample_rows(grid, cell=Cells(5, 5), start=3, stop=31, width=47)
    torch.testing.assert_close(rows, whole[:, :, 3:31, :47], rtol=1e-4, atol=1e-5)


def test_a_constant_stays_exactly_constant() -> None:
    grid = torch.full((1, 1, 5, 3), 0.1)
    band = upsample_rows(grid, cell=Cells(4, 4), start=3, stop=18, width=11)
    assert band.shape == (1, 1, 15, 11)
    assert (band == torch.tensor(0.1)).all()


@settings(max_examples=100, deadline=None)
@given(height=st.integers(1, 5000), width=st.integers(1, 20000), channels=st.integers(1, 3000))
def test_bands_cover_every_row_once_within_the_budget(height: int, width: int, channels: int) -> None:
    found = list(bands(height, width, channels=channels))
    assert [row for start, stop in found for row in range(start, stop)] == list(range(height))
    row = 4 * channels * width
    assert max(stop - start for start, stop in found) * row <= max(BUDGET, row)


@pytest.mark.parametrize(("height", "width", "channels"), [(1024, 2048, 171), (480, 640, 11), (1, 1, 2)])
def test_bands_are_not_needlessly_thin(height: int, width: int, channels: int) -> None:
    first, *_ = bands(height, width, channels=channels)
    rows = first[1] - first[0]
    assert rows == height or 4 * channels * width * (rows + 1) > BUDGET


KINDS = {
    "centres": Kind("", ()),
    "corners": Kind("", (), upsampling="corners"),
    "first corners": Kind("", (), upsampling="first corners"),
}


def points_of(kind: str, points: int, pixels: int) -> torch.Tensor:
    """Where pixels lie between points, by each way's own definition."""
    at = torch.arange(pixels, dtype=torch.float64)
    match kind:
        case "centres":
            return ((at + 0.5) * points / pixels - 0.5).clamp(0, points - 1)
        case "corners":
            return at * (points - 1) / max(1, pixels - 1)
        case _:
            return (at * points / pixels).clamp(0, points - 1)


@settings(max_examples=100, deadline=None)
@given(kind=st.sampled_from(sorted(KINDS)), h=side, w=side, height=st.integers(1, 40), width=st.integers(1, 40))
def test_points_lie_where_the_project_has_them(kind: str, h: int, w: int, height: int, width: int) -> None:
    """On grids that say where they are, so that a blend of them says where a pixel is."""
    cell = lay_cells(KINDS[kind], (h, w), (height, width), (height, width), (height, width))
    down, across = torch.arange(h, dtype=torch.float64), torch.arange(w, dtype=torch.float64)
    grid = torch.stack(torch.meshgrid(down, across, indexing="ij"))[None]
    found = upsample_rows(grid, cell=cell, start=0, stop=height, width=width)[0]
    wanted = torch.meshgrid(points_of(kind, h, height), points_of(kind, w, width), indexing="ij")
    torch.testing.assert_close(found, torch.stack(wanted), rtol=1e-5, atol=2e-5)


@pytest.mark.parametrize("aligned", [False, True])
def test_they_are_torch_s_two_ways(aligned: bool) -> None:
    grid = torch.randn(1, 3, 5, 7, generator=torch.Generator().manual_seed(0))
    size = (23, 31)
    cell = lay_cells(KINDS["corners" if aligned else "centres"], (5, 7), size, size, size)
    whole = F.interpolate(grid, size=size, mode="bilinear", align_corners=aligned)
    found = upsample_rows(grid, cell=cell, start=0, stop=23, width=31)
    torch.testing.assert_close(found, whole, rtol=1e-5, atol=1e-5)
    assert torch.equal(upsample_best(grid, cell=cell, height=23, width=31).long(), whole.argmax(1))


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_an_image_that_was_shrunk_and_padded_keeps_its_places(kind: str) -> None:
    """Of a picture of 60 pixels that went in with 30, padded to 32, the pixel between its halves lies where it did."""
    grid = torch.arange(8.0)[None, None, :, None].expand(1, 1, 8, 8).contiguous()
    small = lay_cells(KINDS[kind], (8, 8), (32, 32), (30, 30), (30, 30))
    large = lay_cells(KINDS[kind], (8, 8), (32, 32), (30, 30), (60, 60))
    of_small, of_large = (
        upsample_rows(grid, cell=cell, start=0, stop=size, width=size)[0, 0, :, 0]
        for cell, size in ((small, 30), (large, 60))
    )
    between = (of_large[0::2] + of_large[1::2]) / 2
    torch.testing.assert_close(between[2:-2], of_small[2:-2], rtol=1e-5, atol=1e-5)
