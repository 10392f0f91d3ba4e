"""From a run's folder to a file for a labelling tool: whole or not at all, and refused before anything is written."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.labelled_runs import STREETS, annotate, blobs, ids_in, make_run, refused, stored

from hypsegcli.run.annotate import Tool, choose_maps

MAPS = {"s/a": blobs(3, seed=1), "b": blobs(3, seed=2), "c": blobs(3, seed=3)}
TOOLS: tuple[Tool, ...] = ("cvat", "coco", "label-studio")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return make_run(tmp_path, STREETS, MAPS)


def edit(out: Path, which: str, /, **changes: object) -> None:
    """Change the manifest's line of an image."""
    lines = [json.loads(line) for line in (out / "manifest.jsonl").read_text().splitlines()]
    lines = [line | changes if line["key"] == which else line for line in lines]
    (out / "manifest.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))


def left(out: Path) -> set[str]:
    """What lies beside a run's folder."""
    return {path.name for path in out.parent.iterdir()} - {"out", "photos"}


def test_only_what_is_wanted_goes_out_in_its_order(out: Path) -> None:
    assert [*ids_in(annotate(out, "coco", "c", "s/a"), STREETS)] == ["c", "s/a"]


@pytest.mark.parametrize("tool", TOOLS)
def test_the_same_maps_are_the_same_bytes(out: Path, tool: Tool) -> None:
    first = annotate(out, tool).read_bytes()
    assert annotate(out, tool).read_bytes() == first


@pytest.mark.parametrize("tool", TOOLS)
def test_a_map_that_is_damaged_leaves_nothing_and_what_was_there_stays(out: Path, tool: Tool) -> None:
    path = annotate(out, tool)
    before, beside = path.read_bytes(), left(out)
    (out / "labels/b.png").write_bytes((out / "labels/b.png").read_bytes()[:-30])
    assert "labels/b.png" in refused(lambda: annotate(out, tool))
    assert path.read_bytes() == before
    assert left(out) == beside
    refused(lambda: annotate(out, tool, file=out.parent / f"new{path.suffix}"))
    assert left(out) == beside


def test_maps_of_other_classes_are_refused(out: Path, tmp_path: Path) -> None:
    other = make_run(tmp_path / "other", ("sky", "road", "bus"), {"c": MAPS["c"]})
    (out / "labels/c.png").write_bytes((other / "labels/c.png").read_bytes())
    assert "2 is car and bus" in refused(lambda: annotate(out, "coco"))


def test_a_map_of_another_size_is_refused(out: Path) -> None:
    edit(out, "b", height=25)
    assert "is 32 x 24 pixels, its image 32 x 25" in refused(lambda: annotate(out, "coco"))


def test_ids_of_no_class_are_refused(out: Path) -> None:
    with Image.open(out / "labels/b.png") as image:
        palette, text = image.getpalette() or [], image.text["hypseg"]  # type: ignore[attr-defined]
    from PIL.PngImagePlugin import PngInfo

    info, changed = PngInfo(), Image.fromarray(np.full((24, 32), 7, np.uint8))
    info.add_text("hypseg", text)
    changed.putpalette(palette)
    changed.save(out / "labels/b.png", pnginfo=info)
    assert "holds the ids 7" in refused(lambda: annotate(out, "cvat"))


def test_images_that_failed_are_left_out_and_told(out: Path) -> None:
    edit(out, "b", status="failed", reason="no picture")
    chosen = choose_maps(out, ())
    assert chosen.failed == {"b": "no picture"}
    assert [line["key"] for line in chosen.lines] == ["s/a", "c"]
    assert "none of these images is done" in refused(lambda: choose_maps(out, ["b"]))


def test_a_run_without_label_maps_is_refused(out: Path) -> None:
    nothing: dict[str, object] = {"outputs": {}, "bytes": {}, "sha256": {}}
    edit(out, "b", **nothing)
    sentence = refused(lambda: choose_maps(out, ()))
    assert sentence.startswith(f"{out}: 1 of 3 images have no label map, such as b")


def test_a_map_that_is_gone_is_named(out: Path) -> None:
    (out / "labels/b.png").unlink()
    assert "1 of 3 label maps are missing" in refused(lambda: choose_maps(out, ()))


def test_a_map_that_says_nothing_of_itself_is_refused(out: Path) -> None:
    Image.fromarray(np.zeros((24, 32), np.uint8)).save(out / "labels/s/a.png")
    assert "does not say what its ids mean" in refused(lambda: choose_maps(out, ()))


def test_what_is_no_run_is_refused(tmp_path: Path, out: Path) -> None:
    assert "holds no manifest.jsonl" in refused(lambda: choose_maps(tmp_path, ()))
    assert "holds no manifest.jsonl" in refused(lambda: choose_maps(tmp_path / "nowhere", ()))
    for name in ("run", "manifest"):
        suffix = "jsonl" if name == "manifest" else "json"
        (out / f"{name}.0-of-2.{suffix}").write_text("")
    assert "is in shards" in refused(lambda: choose_maps(out, ()))


@pytest.mark.parametrize("key", ["a\nb", "a\x1bb", "a\udc80"])
def test_names_that_no_tool_can_hold_are_refused(out: Path, key: str) -> None:
    edit(out, "b", key=key)
    assert "cannot hold this name" in refused(lambda: annotate(out, "coco"))
    assert left(out) == set()


def test_photographs_that_moved_or_changed_are_named(out: Path) -> None:
    photo = out.parent / "photos/b.png"
    data = photo.read_bytes()
    photo.write_bytes(data + b" ")
    assert "b.png: has changed since" in refused(lambda: annotate(out, "cvat", with_images=True))
    photo.unlink()
    assert "1 of 3 photographs are not where they were" in refused(lambda: annotate(out, "cvat", with_images=True))
    assert left(out) == set()
    annotate(out, "cvat")


@pytest.mark.parametrize("part", ["frame", "page"])
def test_frames_and_pages_cannot_go_along(out: Path, part: str) -> None:
    edit(out, "b", **{part: 7})
    assert "b: frames of a video" in refused(lambda: annotate(out, "cvat", with_images=True))
    assert [*ids_in(annotate(out, "coco", "b"), STREETS)] == ["b"]


def test_an_id_of_void_that_a_class_has_is_that_class(tmp_path: Path) -> None:
    out = make_run(tmp_path, STREETS, {"a": MAPS["b"]}, void=0)
    np.testing.assert_array_equal(ids_in(annotate(out, "coco"), STREETS)["a"], stored(out, "a"))


@pytest.mark.parametrize("tool", TOOLS)
def test_memory_does_not_grow_with_the_images(tmp_path: Path, tool: Tool) -> None:
    """Ten times as many take less than three times as much: keys and sizes."""
    ids = np.random.default_rng(0).integers(0, 3, (60, 80))
    peaks = []
    for count in (4, 40):
        out = make_run(tmp_path / str(count), STREETS, {str(number): ids for number in range(count)})
        tracemalloc.start()
        annotate(out, tool)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 3 * peaks[0]
