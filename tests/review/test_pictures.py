"""What is shown of a place."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from support import photograph
from support.clips import film
from support.reviewed import COLORS, HEIGHT, NAMES, WIDTH, digest, line_of, reviewed

from hypsegcli.errors import ImageError
from hypsegcli.images.decode import decode_image, decode_mask
from hypsegcli.review.pictures import LAYERS, ZOOMS, Pictures, Window, window_around
from hypsegcli.review.places import Mark

MARK = Mark("a", 30, 20, 20, 10)
WHOLE = ZOOMS - 1


def lines_of(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "manifest.jsonl").read_text().splitlines()]


def decoded(png: bytes) -> NDArray[Any]:
    return np.asarray(Image.open(io.BytesIO(png)))


@given(st.integers(1, 3000), st.integers(1, 3000), st.integers(0, WHOLE), st.tuples(*[st.floats(0, 1)] * 4).map(sorted))
def test_a_window_lies_in_its_image_and_holds_what_of_the_box_does(
    height: int, width: int, zoom: int, shares: list[float]
) -> None:
    x, y = int(shares[0] * (width - 1)), int(shares[1] * (height - 1))
    mark = Mark("a", x, y, max(1, int(shares[2] * (width - x))), max(1, int(shares[3] * (height - y))))
    window = window_around(mark, height, width, zoom)
    assert window.width > 0 < window.height
    assert window.x >= 0 <= window.y
    assert window.x + window.width <= width
    assert window.y + window.height <= height
    assert window.x <= mark.x
    assert window.y <= mark.y
    assert window.x + window.width >= mark.x + mark.width
    assert window.y + window.height >= mark.y + mark.height


def test_windows_grow_to_the_whole_image() -> None:
    sizes = [window_around(MARK, 900, 1200, zoom).width for zoom in range(ZOOMS)]
    assert sizes == sorted(set(sizes))
    assert window_around(MARK, 900, 1200, WHOLE) == Window(0, 0, 1200, 900)


def test_a_box_that_reaches_out_of_its_image_is_shown_as_far_as_that_goes() -> None:
    assert window_around(Mark("a", 5000, 5000, 10, 10), 90, 120, 0).of(np.zeros((90, 120))).size


def test_layers_are_those_of_the_files_pixel_for_pixel(tmp_path: Path) -> None:
    out = reviewed(tmp_path)
    line, pictures = lines_of(out)[0], Pictures(out)
    window = window_around(MARK, HEIGHT, WIDTH, 0)
    shown = {layer: decoded(pictures.encode(line, MARK, layer, 0)[0]) for layer in LAYERS}
    assert (shown["photograph"] == window.of(decode_image(tmp_path / "photos/a.png").pixels)).all()
    ids = decode_mask(out / "labels/a.png")
    assert (shown["classes"] == COLORS[window.of(ids)]).all()
    stored = np.asarray(Image.open(out / "uncertainty/a.png"))
    assert (shown["doubt"] == window.of(stored) >> 8).all()
    assert shown["whole"].shape == (HEIGHT, WIDTH, 3)
    assert pictures.labels(line).names == NAMES


def test_a_place_is_its_own_pixels_where_they_are_known_and_its_box_elsewhere(tmp_path: Path) -> None:
    out = reviewed(tmp_path)
    line = lines_of(out)[0]
    levels = np.zeros((HEIGHT, WIDTH), np.uint16)
    levels[20:30, 30] = levels[20, 30:50] = 40000
    Image.fromarray(levels).save(out / "uncertainty/a.png")
    window = window_around(MARK, HEIGHT, WIDTH, 0)
    box = np.zeros((HEIGHT, WIDTH), bool)
    box[20:30, 30:50] = True
    for below, area, found in ((0.7, 29, levels > 0), (0.7, 40, box), (0.2, 29, box), (None, 29, box)):
        shown = decoded(Pictures(out, below=below).encode(line, MARK, "place", 0, area=area)[0])
        assert (shown == window.of(found) * 255).all()
    (out / "uncertainty/a.png").write_bytes(b"")
    assert decoded(Pictures(out, below=0.7).encode(line, MARK, "place", 0, area=29)[0]).sum() == 200 * 255


def test_the_photograph_is_turned_as_a_prediction_turns_it(tmp_path: Path) -> None:
    out, source = tmp_path / "out", photograph(tmp_path / "a.jpg", size=(HEIGHT, WIDTH))
    exif = Image.Exif()
    exif[274] = 6
    Image.open(source).save(source, exif=exif)
    shown, note = Pictures(out).encode(line_of(out, "a", source, 0), MARK, "photograph", WHOLE)
    assert (decoded(shown) == decode_image(source).pixels).all()
    assert (decoded(shown).shape, note) == ((HEIGHT, WIDTH, 3), "")


def test_large_pictures_are_sent_small(tmp_path: Path) -> None:
    out, source = tmp_path / "out", photograph(tmp_path / "a.png", size=(3000, 30))
    line = line_of(out, "a", source, 0) | {"height": 30, "width": 3000}
    assert decoded(Pictures(out).encode(line, MARK, "photograph", WHOLE)[0]).shape == (13, 1280, 3)
    assert decoded(Pictures(out).encode(line, MARK, "photograph", WHOLE, fine=True)[0]).shape == (30, 3000, 3)
    thin = Mark("a", 0, 4, 3000, 1)
    assert (decoded(Pictures(out).encode(line, thin, "place", WHOLE)[0]) > 0).any(axis=0).all()
    assert decoded(Pictures(out).encode(line, MARK, "whole", 0)[0]).shape == (4, 360, 3)


def test_a_photograph_that_is_another_by_now_is_told(tmp_path: Path) -> None:
    out = reviewed(tmp_path)
    line = lines_of(out)[0]
    photograph(tmp_path / "photos/a.png", size=(WIDTH, HEIGHT), seed=9)
    assert "has changed since it was segmented" in Pictures(out).encode(line, MARK, "photograph", 0)[1]
    photograph(tmp_path / "photos/a.png", size=(20, 10))
    with pytest.raises(ImageError, match=r"is 20 x 10 pixels, and was 160 x 120 .* another photograph by now"):
        Pictures(out).encode(line, MARK, "photograph", 0)


def test_one_that_is_gone_or_damaged_is_told_and_the_rest_is_shown(tmp_path: Path) -> None:
    out = reviewed(tmp_path)
    line, pictures = lines_of(out)[0], Pictures(out)
    (tmp_path / "photos/a.png").write_bytes((tmp_path / "photos/a.png").read_bytes()[:200])
    with pytest.raises(ImageError, match=r"a.png: "):
        pictures.encode(line, MARK, "photograph", 0)
    (tmp_path / "photos/a.png").unlink()
    with pytest.raises(ImageError, match="the photograph is not where it was; put it back"):
        pictures.encode(line, MARK, "whole", 0)
    assert decoded(pictures.encode(line, MARK, "classes", 0)[0]).size
    photograph(tmp_path / "photos/a.png", size=(WIDTH, HEIGHT))
    assert decoded(pictures.encode(line, MARK, "photograph", 0)[0]).size  # once it is back, it is seen


def test_maps_that_do_not_fit_are_told(tmp_path: Path) -> None:
    out = reviewed(tmp_path)
    line, pictures = lines_of(out)[0], Pictures(out)
    with pytest.raises(ImageError, match=r"labels/a.png: is 160 x 120 pixels, where the run has written 160 x 121"):
        pictures.labels(line | {"height": 121})
    (out / "uncertainty/a.png").write_bytes(b"")
    with pytest.raises(ImageError, match="the file is empty"):
        pictures.encode(line, MARK, "doubt", 0)
    del line["outputs"]["labels"]
    with pytest.raises(ImageError, match="the run has made no labels of this image"):
        Pictures(out).encode(line, MARK, "classes", 0)


def test_an_id_that_is_no_class_has_no_name_and_is_grey(tmp_path: Path) -> None:
    out = reviewed(tmp_path)
    Image.fromarray(np.full((HEIGHT, WIDTH), 200, np.uint8)).save(out / "labels/a.png")
    line = lines_of(out)[0]
    size, sha256 = digest(out / "labels/a.png")
    line = {**line, "bytes": {**line["bytes"], "labels": size}, "sha256": {**line["sha256"], "labels": sha256}}
    labels = Pictures(out).labels(line)
    assert labels.name(200) == "no class"
    assert labels.palette[200].tolist() == [128, 128, 128]


def test_a_frame_of_a_video_is_fetched_unless_it_lies_far_in(tmp_path: Path) -> None:
    clip = film(tmp_path / "clip.mp4")
    out = tmp_path / "out"
    line = line_of(out, "clip/000002", clip, 0) | {"frame": 2, "source": digest(clip)._asdict()}
    with Image.open(io.BytesIO(frame_of(clip))) as first:
        width, height = first.size
    line |= {"height": height, "width": width}
    shown, note = Pictures(out).encode(line, MARK, "whole", 0)
    assert (decoded(shown).shape, note) == ((height, width, 3), "")
    with pytest.raises(ImageError, match=r"frame 999999 of .* is not fetched for a look"):
        Pictures(out).encode(line | {"frame": 999999}, MARK, "whole", 0)


def test_each_page_of_a_stack_is_its_own_picture(tmp_path: Path) -> None:
    grey = [Image.new("RGB", (WIDTH, HEIGHT), (level, level, level)) for level in (10, 200)]
    stack, out = tmp_path / "stack.tif", tmp_path / "out"
    grey[0].save(stack, save_all=True, append_images=grey[1:])
    pictures, whole = Pictures(out), (WIDTH, HEIGHT)
    for page, level in ((1, 10), (2, 200)):
        line = line_of(out, f"stack/{page:04}", stack, 0) | {"page": page, "source": digest(stack)._asdict()}
        line |= {"width": whole[0], "height": whole[1]}
        shown, note = pictures.encode(line, MARK, "whole", 0)
        assert (set(decoded(shown).ravel().tolist()), note) == ({level}, "")


def frame_of(clip: Path) -> bytes:
    from hypsegcli.images.png import encode_rgb_png
    from hypsegcli.images.video import Video

    video = Video(clip)
    try:
        return encode_rgb_png(video.frame(0).pixels)
    finally:
        video.close()
