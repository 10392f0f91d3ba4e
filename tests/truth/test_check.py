"""Mistakes that are made with masks, each from real files, and good masks that must not be refused."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from hypsegcli.errors import DataError, ImageError
from hypsegcli.images.metadata import MapMetadata
from hypsegcli.images.png import encode_indexed_png
from hypsegcli.truth.check import examine_masks
from hypsegcli.truth.diagnose import LABEL_MAPS, MASKS, Wording
from hypsegcli.truth.masks import IdMap


def put(folder: Path, *masks: np.ndarray) -> list[Path]:
    paths = []
    for number, values in enumerate(masks):
        paths.append(folder / f"{number}.{'tif' if values.dtype == np.int32 else 'png'}")
        Image.fromarray(values).save(paths[-1])
    return paths


def areas(*ids: int, dtype: type = np.uint8, side: int = 12) -> np.ndarray:
    """One square for each id, in a row."""
    return np.repeat(np.repeat(np.array([ids], dtype), side, axis=0), side, axis=1)


def examine(paths: Sequence[Path], classes: int, ignore_index: int = 255, id_map: IdMap | None = None) -> None:
    examine_masks(paths, classes=classes, ignore_index=ignore_index, id_map=id_map)


def said(folder: Path, *masks: np.ndarray, classes: int, ignore_index: int = 255, id_map: IdMap | None = None) -> str:
    with pytest.raises(DataError) as caught:
        examine(put(folder, *masks), classes, ignore_index, id_map)
    return str(caught.value)


def test_the_message_says_what_was_found_and_what_is_allowed(tmp_path: Path) -> None:
    rare = areas(0, 1, 2, side=150)
    rare[0, 0] = 9
    paths = put(tmp_path, areas(0, 1, 2, side=10), areas(0, 12, 13, 7, side=10), rare)
    with pytest.raises(DataError) as caught:
        examine_masks(paths, classes=3, ignore_index=255, id_map=None, names=["sky", "road", "car"])
    assert str(caught.value) == (
        f"2 of 3 masks hold ids that are no class, the first is {paths[1]}: 7 (0.15 %), 12 (0.15 %), 13 (0.15 %), "
        "9 (under 0.01 %); the ids in all masks are 0 to 2, 7, 9, 12 to 13; allowed are 0 to 2 (sky to car) and 255 "
        "for void; translate ids with a file for map, one line for each, such as 34:void"
    )


def test_a_path_is_left_as_it_is(tmp_path: Path) -> None:
    """Whatever the files are called in the sentence, and whatever translates their ids."""
    folder = tmp_path / "my_masks_map_v2"
    folder.mkdir()
    for ids in ((0, 1, 40, 50), (255,)):
        paths = put(folder, areas(*ids))
        for translation in ("prediction_map", None):
            with pytest.raises(DataError) as caught:
                examine_masks(
                    paths,
                    classes=3,
                    ignore_index=255,
                    id_map=None,
                    names=["masks"],
                    wording=LABEL_MAPS._replace(translation=translation),
                )
            text = str(caught.value)
            assert f" {paths[0]}" in text
            assert "(masks to masks)" in text
            assert re.search(r"masks\b|\bmap\b", text.replace(str(folder), "").replace("(masks to masks)", "")) is None
            assert "1 label maps" in text


@pytest.mark.parametrize(
    ("ids", "advice"),
    [
        ((0, 1, 40, 41), "give the masks other ids, old:new, such as 34:void"),
        ((1, 2), "ids run from 1 and 0 means void: give the masks other ids, old:new, such as 0:void, 1:0, 2:1"),
        ((0, 255), "give the masks other ids, old:new, such as 255:1"),
        ((0, 127, 254), "give the masks other ids, old:new, such as 0:0, 127:1, 254:2"),
    ],
)
def test_where_no_setting_translates_ids_the_files_have_to_change(
    tmp_path: Path, ids: Sequence[int], advice: str
) -> None:
    with pytest.raises(DataError) as caught:
        examine_masks(
            put(tmp_path, areas(*ids)), classes=2, ignore_index=9, id_map=None, wording=Wording(translation=None)
        )
    assert advice in str(caught.value)
    assert re.search(r"\bmap\b", str(caught.value)) is None


def test_long_lists_are_cut(tmp_path: Path) -> None:
    text = said(tmp_path, areas(*range(11), *range(100, 160, 3)), classes=2)
    assert "10 (3.23 %) and" not in text
    assert "9 (3.23 %) and 21 more; the ids in all masks are 0 to 10, 100, 103, " in text
    assert "142 and more; allowed" in text


@pytest.mark.parametrize(
    ("ids", "ignore_index"), [([1, 2, 3, 4, 5], 255), ([1, 2, 3, 4, 5], 7), (range(6), 0), ([0, 3, 5], 0)]
)
def test_ids_from_one(tmp_path: Path, ids: Sequence[int], ignore_index: int) -> None:
    text = said(tmp_path, areas(*ids), classes=5, ignore_index=ignore_index)
    assert "it looks as if ids run from 1 and 0 means void: " in text
    assert "for map that holds the lines 0:void, 1:0, 2:1 and so on to 5:4; or 5 means void: ignore_index=5" in text


def test_ids_from_one_and_a_void(tmp_path: Path) -> None:
    text = said(tmp_path, areas(1, 2, 3, 4, 5, 255), classes=5, ignore_index=0)
    assert "it looks as if ids run from 1" in text
    assert "so on to 5:4, 255:void" in text
    assert "or 5" not in text
    assert "it looks as if ids run from 1" in said(tmp_path, areas(1, 2, 3, 4, 5, 255), classes=5)


@pytest.mark.parametrize("ids", [range(12), [5, 11], [*range(12), 255]])
def test_a_void_id_behind_the_classes(tmp_path: Path, ids: Sequence[int]) -> None:
    text = said(tmp_path, areas(*ids), classes=11)
    assert "it looks as if 11 means void: ignore_index=11; or ids run from 1 and 0 means void: " in text


def test_white_void_that_was_not_named(tmp_path: Path) -> None:
    text = said(tmp_path, areas(0, 1, 4, 255), classes=5, ignore_index=0)
    assert text.endswith("it looks as if 255 means void: ignore_index=255")


@pytest.mark.parametrize("unknown", [40, -1, 70000])
def test_any_other_single_id(tmp_path: Path, unknown: int) -> None:
    text = said(tmp_path, areas(0, 1, 4, unknown, dtype=np.int32), classes=5)
    assert text.endswith(
        f"if {unknown} means void: ignore_index={unknown}; if not, the masks have classes that the model lacks"
    )


@pytest.mark.parametrize(
    ("classes", "ignore_index", "otherwise"),
    [(2, 255, "map with the line 255:void"), (2, 9, "ignore_index=255"), (11, 11, "ignore_index=255")],
)
def test_black_and_white(tmp_path: Path, classes: int, ignore_index: int, otherwise: str) -> None:
    text = said(tmp_path, areas(0, 255), areas(0), classes=classes, ignore_index=ignore_index)
    assert text.endswith(f"for map that holds the line 255:1; if 255 means void: {otherwise}")
    for target in (1, None):
        examine(put(tmp_path, areas(0, 255)), classes, ignore_index, IdMap(((255, target),)))


def test_cityscapes_ids(tmp_path: Path) -> None:
    text = said(tmp_path, areas(0, 1, 3, 4, 7, 8, 11, 17), areas(20, 21, 23, 24, 26, 33), classes=19)
    assert "these look like the labelIds of Cityscapes where its 19 trainIds are expected;" in text
    assert "7:0, 8:1, 11:2, " in text
    assert "33:18, and N:void for the ids 0 to 6, 9 to 10, 14 to 16, 18, 29 to 30" in text
    masks = areas(-1, 7, 26, 255, dtype=np.int32)
    assert "labelIds of Cityscapes" in said(tmp_path, masks, classes=19)
    for ids, classes in (((7, 26, 40), 19), ((7, 26, 33), 18), ((7, 29, 30), 19)):
        assert "Cityscapes" not in said(tmp_path, areas(*ids), classes=classes)


@pytest.mark.parametrize(
    ("ids", "classes", "ignore_index", "lines"),
    [
        ((0, 23, 46, 69), 11, 255, "0:0, 23:1, 46:2, 69:3"),
        ((0, 40, 80, 255), 5, 255, "0:0, 40:1, 80:2"),  # 255 is void
        ((0, 127, 255), 3, 9, "0:0, 127:1, 255:2"),
        ((0, 128, 255), 3, 255, "0:0, 128:1, 255:2"),
        ((0, 26, 51, 77), 11, 255, "0:0, 26:1, 51:2, 77:3"),  # 25.5 a step, rounded up
        ((25, 76, 178), 11, 255, "25:1, 76:3, 178:7"),  # rounded down
        ((0, 24, 47, 70), 11, 255, "0:0, 24:1, 47:2, 70:3"),  # void behind the classes is 255
    ],
)
def test_stretched_greys(tmp_path: Path, ids: Sequence[int], classes: int, ignore_index: int, lines: str) -> None:
    text = said(tmp_path, areas(*ids), classes=classes, ignore_index=ignore_index)
    assert "these look like labels stretched over the greys" in text
    assert text.endswith(f"one line for each, such as {lines}")


@pytest.mark.parametrize("ids", [(0, 2, 4, 12, 20), (0, 40, 83), (0, 50, 100, 150), (3, 27, 91), (-40, 40, 80)])
def test_not_stretched(tmp_path: Path, ids: Sequence[int]) -> None:
    text = said(tmp_path, areas(*ids, dtype=np.int32), classes=2 if 150 in ids else 11)
    assert "over the greys" not in text
    assert text.endswith("translate ids with a file for map, one line for each, such as 34:void")


def test_many_classes_fit_anything(tmp_path: Path) -> None:
    assert "over the greys" not in said(tmp_path, areas(5, 128, 206), classes=100)


def blobs(*ids: int) -> np.ndarray:
    rng = np.random.default_rng(3)
    plane = cv2.GaussianBlur(rng.normal(size=(90, 120)), (0, 0), 6)
    cuts = np.quantile(plane, np.linspace(0, 1, len(ids) + 1)[1:-1])
    return np.take(np.array(ids, np.uint8), np.digitize(plane, cuts))


@pytest.mark.parametrize("ignore_index", [255, 11])
@pytest.mark.parametrize("method", [cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_AREA])
@pytest.mark.parametrize("size", [(200, 150), (70, 50)])
def test_interpolated_masks(tmp_path: Path, ignore_index: int, method: int, size: tuple[int, int]) -> None:
    whole = blobs(0, 255, 3, 10, 255, 1)
    if size > whole.shape[::-1] and method == cv2.INTER_AREA:
        method = cv2.INTER_LANCZOS4
    text = said(tmp_path, cv2.resize(whole, size, interpolation=method), classes=11, ignore_index=ignore_index)
    assert text.endswith("resize masks with nearest neighbour only")
    nearest = cv2.resize(whole, size, interpolation=cv2.INTER_NEAREST)
    examine(put(tmp_path, nearest), classes=11)


@pytest.mark.parametrize("turn", range(4))
def test_a_ramp_in_any_direction(tmp_path: Path, turn: int) -> None:
    ramp = np.repeat(np.array([[0] * 9 + [64, 128, 191] + [255] * 9], np.uint8), 20, axis=0)
    assert "interpolation" in said(tmp_path, np.rot90(ramp, turn).copy(), classes=11)


def test_masks_that_were_a_jpeg(tmp_path: Path) -> None:
    lossy = cv2.imdecode(cv2.imencode(".jpg", blobs(0, 255, 3, 10))[1], cv2.IMREAD_GRAYSCALE)
    assert lossy is not None
    assert "a lossy format" in said(tmp_path, lossy, classes=11)


def test_interpolation_within_the_list_of_classes(tmp_path: Path) -> None:
    mask = blobs(0, 5, 3, 10)
    small = Image.fromarray(mask)
    size = (small.width * 2, small.height * 2)
    good, bad = (np.array(small.resize(size, how)) for how in (Image.Resampling.NEAREST, Image.Resampling.BILINEAR))
    examine(put(tmp_path, good), 11)
    for id_map in (None, IdMap(((0, None),))):
        text = said(tmp_path, good, bad, bad, classes=11, id_map=id_map)
        assert f"2 of 3 masks look interpolated, the first is {tmp_path / '1.png'}; allowed are 0 to 10" in text
        assert "as after a resize with interpolation or a lossy format; go back to the original masks" in text


def lines_around_areas() -> np.ndarray:
    """Cells with a line of 1 around them, and 1 alone at their sides: drawn so, though it looks interpolated."""
    mask = np.zeros((200, 200), np.uint8)
    for at in range(5, 190, 20):
        mask[at : at + 12, 20:180] = 1
        mask[at + 1 : at + 11, 21:179] = 2
    mask[:, :15] = mask[:, 185:] = 1
    return mask


def test_one_mask_of_many_that_looks_interpolated_is_told(tmp_path: Path) -> None:
    paths = put(tmp_path, *[areas(0, 2, 1, side=60)] * 4, lines_around_areas())
    survey = examine_masks(paths, classes=3, ignore_index=255, id_map=None)
    assert survey.doubts == (survey.interpolated,)
    assert f"1 of the masks looks interpolated, with ids at edges between those of their neighbours ({paths[4]})" in (
        survey.interpolated or ""
    )
    with pytest.raises(DataError, match="1 of 4 masks look interpolated"):
        examine(paths[1:], classes=3)


def test_label_maps_that_hypseg_wrote_are_not_suspected(tmp_path: Path) -> None:
    """Nodes of a tree lie between classes as ids of an interpolation do."""
    path, ids = tmp_path / "a.png", lines_around_areas()
    path.write_bytes(encode_indexed_png(ids, np.eye(3, dtype=np.uint8), MapMetadata(kind="labels").png_text()))
    for wording in (MASKS, LABEL_MAPS):
        survey = examine_masks([path], classes=3, ignore_index=255, id_map=None, wording=wording)
        assert survey.interpolated is None
    path.write_bytes(encode_indexed_png(ids, np.eye(3, dtype=np.uint8), {}))
    with pytest.raises(DataError, match="1 of 1 masks look interpolated"):
        examine([path], classes=3)


def test_areas_of_unknown_classes_are_not_interpolated(tmp_path: Path) -> None:
    text = said(tmp_path, blobs(0, 17, 3, 29, 5, 41), classes=11)
    assert "interpolation" not in text
    for stripes in (np.repeat(areas(0, 17, 29, 41, 3, side=1), 2, axis=1), areas(0, 17, 29, 41, 3, side=2)):
        for turned in (np.repeat(stripes, 12, axis=0), np.repeat(stripes, 12, axis=0).T.copy()):
            assert "interpolation" not in said(tmp_path, turned, classes=11)
    lines = areas(0, 3)
    lines[4], lines[8] = 40, 61  # what is drawn one pixel wide stands alone too
    assert "interpolation" not in said(tmp_path, lines, classes=11)


def test_maps_leave_their_own_advice(tmp_path: Path) -> None:
    id_map = IdMap(((7, 0), (8, 1), (11, 40), (12, 40), (0, None)))
    text = said(tmp_path, areas(0, 7, 8, 11, 12, 26), classes=19, id_map=id_map)
    assert "no class" in text
    assert ": 40 (33.33 %), 26 (16.67 %); the ids in all masks are 0 to 1, 26, 40, 255;" in text
    assert text.endswith("translate ids with a file for map, one line for each, such as 34:void")


@pytest.mark.parametrize("ignore_index", [255, 0])
def test_nothing_but_void(tmp_path: Path, ignore_index: int) -> None:
    text = said(tmp_path, areas(ignore_index), areas(ignore_index), classes=3, ignore_index=ignore_index)
    assert f"the 2 masks, such as {tmp_path / '0.png'}, hold {ignore_index} (100.00 %); allowed" in text
    assert f"no pixel is labelled: all have the void id {ignore_index};" in text
    assert "no pixel is labelled" in said(tmp_path, areas(1), classes=3, id_map=IdMap(((1, None),)))


def test_colours_reach_the_user(tmp_path: Path) -> None:
    Image.new("RGB", (4, 4), "red").save(tmp_path / "mask.png")
    with pytest.raises(ImageError, match=r"this is a colour picture .* which colour is which class"):
        examine([tmp_path / "mask.png"], 3)


@pytest.mark.parametrize(
    ("ids", "classes", "ignore_index"),
    [
        ([0], 11, 255),
        ([4], 11, 255),
        ([1, 2, 3], 11, 255),
        (range(1, 11), 11, 11),  # no sky today
        (range(11), 11, 255),
        ([*range(11), 255], 11, 255),
        ([*range(12)], 11, 11),
        ([1, 2], 2, 2),
        ([0, 255], 11, 255),  # one class only, and void
        ([0, 1, 255], 2, 255),
        ([1, 255], 2, 255),
        ([7, 8, 11, 17], 19, 255),
        ([0, 5, 10, 15], 16, 255),
        ([0, 1, 2], 3, -1),
        ([0, 1, 2], 3, 1),
        ([0, 255], 256, 300),
        ([0, 2], 1, 2),
    ],
)
def test_good_masks_pass(tmp_path: Path, ids: Sequence[int], classes: int, ignore_index: int) -> None:
    examine(put(tmp_path, areas(*ids)), classes, ignore_index)
    examine(put(tmp_path, *(areas(value) for value in ids)), classes, ignore_index)


def test_noise_of_legal_ids_passes(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 11, (40, 50), np.uint8)
    examine(put(tmp_path, noise), 11)


def test_real_masks(camvid: Path) -> None:
    paths = sorted((camvid / "val/masks").iterdir())[::4]
    examine(paths, 11, 11)
    with pytest.raises(DataError, match="it looks as if 11 means void: ignore_index=11"):
        examine(paths, 11)


def test_threads_find_what_one_after_the_other_finds(tmp_path: Path) -> None:
    paths = put(tmp_path, areas(0, 1), areas(255), areas(2, 0, side=30), areas(1))
    one, more = (examine_masks(paths, classes=3, ignore_index=255, id_map=None, workers=workers) for workers in (0, 3))
    assert one == more
    assert one.void == (paths[1],)
    (tmp_path / "refused").mkdir()
    paths += put(tmp_path / "refused", areas(0, 9), areas(8))
    said_by = []
    for workers in (0, 3):
        with pytest.raises(DataError) as caught:
            examine_masks(paths, classes=3, ignore_index=255, id_map=None, workers=workers)
        said_by.append(str(caught.value))
    assert said_by[0] == said_by[1]
    assert f"the first is {paths[4]}" in said_by[0]


@pytest.mark.parametrize(
    ("wording", "ending"),
    [
        (MASKS, "in a file for mask_colors, one line for each, such as road:#804080"),
        (LABEL_MAPS, "in a file for prediction_colors, one line for each, such as road:#804080"),
        (Wording(colors=None), "whose values are the class ids"),
    ],
)
def test_colours_are_refused_with_advice(tmp_path: Path, wording: Wording, ending: str) -> None:
    Image.new("RGB", (4, 4), "red").save(tmp_path / "mask.png")
    with pytest.raises(ImageError, match=rf"mask\.png: this is a colour picture .* {ending}$"):
        examine_masks([tmp_path / "mask.png"], classes=3, ignore_index=255, id_map=None, wording=wording)


def test_one_class_alone_is_doubted_and_scored(tmp_path: Path) -> None:
    for number, (masks, doubts) in enumerate([((0, 255), 1), ((0,), 1), ((0, 1, 255), 0), ((0, 2), 0)]):
        (folder := tmp_path / str(number)).mkdir()
        survey = examine_masks(put(folder, areas(*masks)), classes=3, ignore_index=255, id_map=None)
        assert len(survey.doubts) == doubts
        assert (
            examine_masks(put(folder, areas(*masks)), classes=3, ignore_index=255, id_map=IdMap(((9, 9),))).doubts == ()
        )


@pytest.mark.parametrize(("nodata", "called"), [(9, ""), (255, ""), (0, "0 (sky)")])
def test_what_has_no_data_counts_as_void(tmp_path: Path, nodata: int, called: str) -> None:
    """An id that is no class refuses nothing there, and that of a class is told: a tool may have copied the tag."""
    ids = areas(1, 2, nodata)
    path = tmp_path / "m.tif"
    tags = [(42113, "s", 0, str(nodata), True)]
    tifffile.imwrite(path, ids, photometric="minisblack", extratags=tags)
    tifffile.imwrite(tmp_path / "n.tif", areas(nodata), photometric="minisblack", extratags=tags)
    paths = [path, tmp_path / "n.tif"]
    names = ("sky", "road", "car")
    survey = examine_masks(paths, classes=3, ignore_index=255, id_map=None, names=names, by_data=True)
    assert survey.pixels == {1: 144, 2: 144, 255: 288}
    assert survey.void == (paths[1],)
    assert survey.doubts == (
        (
            f"288 pixels of the masks have the ids {called} and are void, since their files say that they have no "
            "data; if they are labelled, take the nodata value or the mask out of the files",
        )
        if called
        else ()
    )
