"""Masks in colour, by the files that say which colour is which class."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hypsegcli.errors import ColorError, ImageError, TreeError, UsageError
from hypsegcli.truth.mask_colors import VOID, decode_by_color, read_color_lines, read_mask_colors
from hypsegcli.truth.masks import read_mask, read_translation

NAMES = ("background", "road", "traffic light: red")
COLORS = np.array([(0, 0, 0), (128, 64, 128), (250, 170, 30)], np.uint8)

FILES = {
    "ours": "background:#000000\nroad: #804080\n\ntraffic light: red:FAAA1E\nego:#0a0b0c\n",
    "numbers": "background: 0 0 0\nroad: 128\t64 128\ntraffic light: red:250 170 30\nego: 10 11 12\n",
    "CVAT": "# label:color_rgb:parts:actions\nbackground:0,0,0::\nRoad:128,64,128:a,b:c\n"
    "traffic light: red:250,170,30::\nego:10,11,12::\n",
    "CamVid": "0 0 0\tBackground\n128 64 128\t\tRoad\n250 170 30 Traffic light: red\n10 11 12 ego\n",
}


def put(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("kind", FILES)
def test_every_kind_of_file(tmp_path: Path, kind: str) -> None:
    colors = read_mask_colors(put(tmp_path / "colors.txt", FILES[kind]), NAMES)
    assert dict(zip(colors.colors, colors.ids, strict=True)) == {0: 0, 0x804080: 1, 0xFAAA1E: 2, 0x0A0B0C: VOID}
    assert colors.notes == (f"{tmp_path / 'colors.txt'}: ego: no class is called so, so that its colour is void",)


@pytest.mark.parametrize("space", ["\u00a0", "\u2009", "\u3000", "\t", " ,\u00a0", "\u00a0 "])
def test_whatever_space_a_page_has_between_numbers(tmp_path: Path, space: str) -> None:
    numbers = space.join(("128", "64", "129"))
    for line in (f"road:{numbers}", f"road\u00a0:\u00a0{numbers}\u00a0", f"{numbers}\u00a0road"):
        path = put(tmp_path / "colors.txt", f"{line}\n")
        assert read_color_lines(path) == [(1, "road", (128, 64, 129))]


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
def test_a_mask_in_colour_is_that_of_its_ids(tmp_path: Path, mode: str) -> None:
    ids = np.random.default_rng(0).integers(0, 4, (7, 9))
    pixels = np.concatenate([COLORS, [(10, 11, 12)]]).astype(np.uint8)[ids]
    image = Image.fromarray(pixels)
    (image.quantize(4) if mode == "P" else image.convert(mode)).save(tmp_path / "mask.png")
    for kind, text in FILES.items():
        id_map = read_translation(None, put(tmp_path / f"{kind}.txt", text), NAMES)
        for void in (255, 1):
            found = read_mask(tmp_path / "mask.png", classes=3, ignore_index=void, id_map=id_map)
            assert (found == np.where(ids == void, 3, ids)).all()


def test_black_and_white_is_two_colours(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 255]], np.uint8)).save(tmp_path / "mask.png")
    colors = read_mask_colors(put(tmp_path / "c.txt", "background:#000000\nroad:#ffffff\n"), NAMES[:2])
    assert decode_by_color(tmp_path / "mask.png", colors)[0].tolist() == [[0, 1]]


def test_unknown_colours_are_named_with_their_pixels(tmp_path: Path) -> None:
    pixels = np.full((4, 5, 3), 255, np.uint8)
    pixels[0] = 0
    pixels[1, 0] = (1, 2, 3)
    Image.fromarray(pixels).save(tmp_path / "mask.png")
    colors = read_mask_colors(put(tmp_path / "c.txt", FILES["ours"]), NAMES)
    with pytest.raises(ColorError, match=r"c\.txt has not: #ffffff \(14 pixels\), #010203 \(1 pixels\); add them"):
        decode_by_color(tmp_path / "mask.png", colors)


def test_what_cannot_tell_colours_exactly(tmp_path: Path) -> None:
    colors = read_mask_colors(put(tmp_path / "c.txt", FILES["ours"]), NAMES)
    Image.new("RGB", (8, 8)).save(tmp_path / "a.jpg")
    Image.new("RGBA", (8, 8)).save(tmp_path / "b.png")
    Image.new("I;16", (8, 8)).save(tmp_path / "c.png")
    Image.new("RGB", (8, 8)).save(tmp_path / "d.tif", save_all=True, append_images=[Image.new("RGB", (8, 8))])
    for name, said in (
        ("a.jpg", "JPEG does not keep exact values, so the colours are not certain"),
        ("b.png", "transparent"),
        ("c.png", "of 8 bits a sample"),
        ("d.tif", "2 frames"),
    ):
        with pytest.raises(ImageError, match=said):
            decode_by_color(tmp_path / name, colors)


def test_classes_without_a_colour_and_case(tmp_path: Path) -> None:
    colors = read_mask_colors(put(tmp_path / "c.txt", "Road:#000002\nroad:#000003\n"), ("road", "Road"))
    assert colors.ids == (1, 0), "case counts where names differ by nothing else"
    assert colors.notes == ()
    lacking = read_mask_colors(put(tmp_path / "c.txt", "road:#000001\n"), NAMES)
    assert lacking.notes == (f"{tmp_path / 'c.txt'}: has no colour for background, traffic light: red",)


def test_how_unicode_composes_an_accent_does_not_count(tmp_path: Path) -> None:
    one, two = "caf\u00e9", "cafe\u0301"
    for written in (one, two, "CAFE\u0301"):
        for known in (one, two):
            colors = read_mask_colors(put(tmp_path / "c.txt", f"{written}:#000001\n"), (known,))
            assert colors.ids == (0,)
            assert colors.notes == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("road:#000001\nsky:#000001\n", "line 2: 'sky' has the colour #000001 that 'road' has already"),
        ("sky:#000001\n", r"no name in it \(sky\) is a class; classes are background, road"),
        ("", r"no name in it \(none\) is a class"),
        ("road\n", "line 1: expected 'name:#rrggbb' or 'name: r g b', found 'road'"),
        ("road:1,2,256\n", "line 1: expected"),
        ("road:1,2\n", "line 1: expected"),
    ],
)
def test_files_that_mean_nothing(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(TreeError, match=said):
        read_mask_colors(put(tmp_path / "c.txt", text), NAMES)


def test_ids_and_colours_are_not_both_translated(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="give one of them"):
        read_translation(tmp_path / "a", tmp_path / "b", NAMES)
    assert read_translation(None, None, NAMES) is None


@pytest.mark.parametrize("alpha", [False, True])
def test_equal_channels_are_one(tmp_path: Path, alpha: bool) -> None:
    ids = np.random.default_rng(0).integers(0, 3, (7, 9), dtype=np.uint8)
    Image.fromarray(np.dstack([ids] * 3)).convert("RGBA" if alpha else "RGB").save(tmp_path / "mask.png")
    assert (read_mask(tmp_path / "mask.png", classes=3, ignore_index=255) == ids).all()
    other = np.dstack([ids] * 3)
    other[3, 4, 2] += 1
    Image.fromarray(other).save(tmp_path / "other.png")
    with pytest.raises(ColorError):
        read_mask(tmp_path / "other.png", classes=3, ignore_index=255)
