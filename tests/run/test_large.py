"""A TIFF by strips: the files are those of the picture taken whole, or none."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image
from support import REPOSITORY
from support.stores import Store

from hypsegcli.budget import MAX_PIXELS, Budget
from hypsegcli.checkpoint.bundled import bundled_checkpoint
from hypsegcli.checkpoint.store import load_checkpoint
from hypsegcli.files.kinds import Format
from hypsegcli.files.place import locate
from hypsegcli.files.stores.reader import FIRST
from hypsegcli.images.discover import find_inputs
from hypsegcli.images.metadata import read_metadata
from hypsegcli.images.tiff_write import TiffWriter
from hypsegcli.inference.build import make_segmenter
from hypsegcli.inference.request import Request, Tile
from hypsegcli.products.confidence import mean_confidence
from hypsegcli.products.outputs import make_outputs
from hypsegcli.products.product import Context, find_product, with_beside
from hypsegcli.run.occupied import plan_run
from hypsegcli.run.results import Failed, FileResult, Written
from hypsegcli.run.run import Job, Run
from hypsegcli.run.source import Here, Work


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """What counts as a large picture here: 280 x 200 pixels."""
    coarse = np.random.default_rng(0).integers(0, 256, (18, 13, 3), dtype=np.uint8)
    pixels = np.asarray(Image.fromarray(coarse).resize((200, 280), Image.Resampling.BICUBIC))
    path = tmp_path / "in" / "large.tif"
    path.parent.mkdir()
    tifffile.imwrite(path, pixels, photometric="rgb", tile=(64, 64), compression="zlib")
    return path


def predict(
    source: Path,
    out: Path,
    *,
    save: Sequence[str] = ("labels", "confidence"),
    measures: tuple[str, ...] = ("distance",),
    format_: Format = "tif",
    tile: Tile = 128,
    longest_side: int | None = None,
    whole_pixels: int = 280 * 200 - 1,
) -> list[FileResult]:
    """Segment a file or a folder in windows, with the bundled checkpoint; `large` is too large to be taken whole."""
    checkpoint = load_checkpoint(bundled_checkpoint())
    products = [find_product(kind) for kind in save]
    products += [added for product in products for added in product.further(measures[1:])]
    products = with_beside(products, format_)
    suffixes = {product.kind: product.suffix(format_) for product in products}
    context = Context.of(checkpoint.header, checkpoint.sha256, format=format_)
    job = Job(
        command="predict",
        share=plan_run(find_inputs([str(source)]), out, suffixes, overwrite=True),
        out=out,
    )
    work = Work(
        outputs=make_outputs(products, context, mean_confidence),
        max_pixels=MAX_PIXELS,
        budget=Budget(whole_pixels=whole_pixels),
    )
    request = Request(measures=measures, main=measures[0], longest_side=longest_side)
    segmenter = make_segmenter(checkpoint, request, engine="torch", tile=tile)
    return list(Run(job, checkpoint, Here(segmenter, work)).results())


def was_streamed(result: FileResult) -> bool:
    assert isinstance(result, Written), result
    return list(result.seconds) == ["stream"]


def test_strips_leave_no_trace_in_the_files(large: Path, tmp_path: Path) -> None:
    measures = ("distance", "entropy")
    (png,) = predict(large, tmp_path / "png", measures=measures, format_="png")
    (whole,) = predict(large, tmp_path / "whole", measures=measures, whole_pixels=280 * 200)
    (strips,) = predict(large, tmp_path / "strips", measures=measures)
    assert [was_streamed(result) for result in (png, whole, strips)] == [False, False, True]
    assert isinstance(whole, Written)
    assert isinstance(strips, Written)
    assert (strips.height, strips.width) == (whole.height, whole.width) == (280, 200)
    assert strips.summary == pytest.approx(whole.summary, abs=2e-6)
    for kind in ("labels", "confidence", "confidence-entropy"):
        one, two = (tmp_path / name / kind / "large.tif" for name in ("whole", "strips"))
        assert one.read_bytes() == two.read_bytes()
        picture = tmp_path / "png" / kind / "large.png"
        assert read_metadata(two) == read_metadata(picture) is not None
        with Image.open(two) as found, Image.open(picture) as wanted:
            assert found.mode == wanted.mode
            np.testing.assert_array_equal(np.asarray(found), np.asarray(wanted))
            if found.mode == "P":
                assert len(np.unique(np.asarray(found))) > 1, "too uniform a network to test anything"
                np.testing.assert_array_equal(np.asarray(found.convert("RGB")), np.asarray(wanted.convert("RGB")))


def test_one_of_a_store_is_read_in_pieces_of_which_each_is_fetched_once(store: Store, tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (1800, 400, 3), dtype=np.uint8)
    (tmp_path / "in").mkdir()
    tifffile.imwrite(tmp_path / "in/large.tif", pixels, photometric="rgb", tile=(64, 64))
    data = (tmp_path / "in/large.tif").read_bytes()
    store["in/large.tif"] = data
    (here,) = predict(tmp_path / "in/large.tif", tmp_path / "here", tile=512)
    (there,) = predict(locate(store.at("in/large.tif")), locate(store.at("there")), tile=512)
    assert [was_streamed(result) for result in (here, there)] == [True, True]
    assert store.files("there")["labels/large.tif"] == (tmp_path / "here/labels/large.tif").read_bytes()
    assert store.files("there")["confidence/large.tif"] == (tmp_path / "here/confidence/large.tif").read_bytes()
    fetched = [asked.bytes for asked in store.asked if asked.method == "GET" and asked.path.endswith("in/large.tif")]
    assert max(fetched) < len(data)
    assert sum(fetched) == FIRST + len(data)  # what it is, is looked at before


@pytest.mark.parametrize("options", [{"tile": "off"}, {"longest_side": 64}, {"format_": "png"}])
def test_only_windows_into_tiffs_are_streamed(large: Path, tmp_path: Path, options: dict[str, Any]) -> None:
    (result,) = predict(large, tmp_path / "out", **options)
    assert not was_streamed(result)


def test_what_needs_the_whole_picture_is_refused(large: Path, tmp_path: Path) -> None:
    (result,) = predict(large, tmp_path / "out", save=("labels", "confidence", "boundary", "embeddings"))
    assert isinstance(result, Failed)
    assert "which boundary, embeddings cannot be; take save=labels,confidence" in result.reason
    assert not list((tmp_path / "out").rglob("*.tif"))


def test_a_damaged_tile_leaves_nothing_behind_and_costs_nothing_else(large: Path, tmp_path: Path) -> None:
    with tifffile.TiffFile(large) as file:
        offset = file.pages.first.dataoffsets[-1]
    (large.parent / "other.tif").write_bytes(large.read_bytes())
    out = tmp_path / "out"
    assert [was_streamed(result) for result in predict(large.parent, out)] == [True, True]
    data = bytearray(large.read_bytes())
    data[offset : offset + 8] = bytes(8)
    large.write_bytes(data)
    damaged, other = predict(large.parent, out)
    assert isinstance(damaged, Failed)
    assert "damaged" in damaged.reason
    assert was_streamed(other)
    left = sorted(path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file())
    assert left == ["confidence/other.tif", "labels/other.qml", "labels/other.tif", "manifest.jsonl", "run.json"]


def test_a_full_disk_is_told(large: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(TiffWriter, "close", full)
    (result,) = predict(large, tmp_path / "out")
    assert isinstance(result, Failed)
    assert "cannot be written (No space left on device)" in result.reason
    assert sorted(path.name for path in (tmp_path / "out").rglob("*") if path.is_file()) == [
        "manifest.jsonl",
        "run.json",
    ]


def test_a_full_disk_costs_no_earlier_maps(large: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They may have taken hours; of maps one of which is replaced already, none stays."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    out = tmp_path / "out"
    predict(large, out)
    earlier = {path: path.read_bytes() for path in out.rglob("*.tif")}
    with monkeypatch.context() as patch:
        patch.setattr(TiffWriter, "close", full)
        (result,) = predict(large, out)
    assert isinstance(result, Failed)
    assert {path: path.read_bytes() for path in out.rglob("*.tif")} == earlier
    (out / "labels/large.tif").unlink()
    (out / "labels/large.tif").mkdir()
    (result,) = predict(large, out)
    assert isinstance(result, Failed)
    assert not (out / "confidence/large.tif").exists()


def test_memory_does_not_grow_with_the_picture() -> None:
    """8,000 x 8,000 pixels take 192 MB as RGB, and 320 MB as labels and confidence; none of it is there at once."""
    if not Path("/proc/self/status").is_file():
        pytest.skip("only Linux tells the peak of a process")
    command = [sys.executable, "benchmarks/memory.py", "--width", "8000", "--height", "8000", "--tile", "512"]
    said = subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True, text=True).stdout
    found = re.search(r"peak (\d+) MB, of which (\d+) MB were there before", said)
    assert found is not None, said
    after, before = map(int, found.groups())
    assert after - before < 250


@pytest.mark.parametrize("how", ["value", "alpha", "mask"])
def test_what_has_no_data_is_void_in_strips_as_in_the_whole(tmp_path: Path, how: str) -> None:
    """Rows without any among them, and a style file beside."""
    coarse = np.random.default_rng(0).integers(1, 256, (18, 13, 3), dtype=np.uint8)
    pixels = np.maximum(np.asarray(Image.fromarray(coarse).resize((200, 280), Image.Resampling.BICUBIC)), 1)
    valid = np.ones((280, 200), np.bool_)
    valid[:150] = valid[:, 170:] = valid[200:230, 20:60] = False
    path = tmp_path / "large.tif"
    options: dict[str, Any] = {"photometric": "rgb", "tile": (64, 64), "compression": "zlib"}
    tags: list[Any] = [(33550, "d", 3, (0.5, 0.5, 0.0), True)]
    if how == "value":
        tags.append((42113, "s", 0, "0", True))
        pixels = np.where(valid[..., None], pixels, 0).astype(np.uint8)
    if how == "alpha":
        pixels = np.dstack([pixels, np.where(valid, 255, 0).astype(np.uint8)])
        options["extrasamples"] = ("unassalpha",)
    with tifffile.TiffWriter(path) as writer:
        writer.write(pixels, extratags=tags, **options)
        if how == "mask":
            writer.write(valid, photometric="mask", subfiletype=4, compression="zlib", rowsperstrip=32)
    (whole,) = predict(path, tmp_path / "whole", whole_pixels=280 * 200)
    (strips,) = predict(path, tmp_path / "strips")
    assert [was_streamed(result) for result in (whole, strips)] == [False, True]
    assert isinstance(whole, Written)
    assert isinstance(strips, Written)
    assert sorted(strips.notes) == sorted(whole.notes)
    assert "pixels without data are void in its maps" in strips.notes
    assert strips.summary == pytest.approx(whole.summary, abs=2e-6)
    for kind, void in (("labels", 255), ("confidence", 0)):
        one, two = (tmp_path / name / kind / "large.tif" for name in ("whole", "strips"))
        assert one.read_bytes() == two.read_bytes()
        with tifffile.TiffFile(two) as file:
            np.testing.assert_array_equal(file.asarray() == void, ~valid)
            assert file.pages.first.tags.valueof(42113) == str(void)
            assert 33550 in file.pages.first.tags
    assert (tmp_path / "strips/labels/large.qml").read_bytes() == (tmp_path / "whole/labels/large.qml").read_bytes()
