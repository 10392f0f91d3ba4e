"""Every kind of mask file to class ids, and nothing that is no class let through."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from hypsegcli.errors import DataError, ImageError
from hypsegcli.truth.mask_colors import read_mask_colors
from hypsegcli.truth.masks import IdMap, count_ids, decode_ids, read_id_map, read_mask

DTYPES = (np.uint8, np.uint16, np.int32)


def put(folder: Path, values: object, dtype: type = np.uint8, name: str = "mask") -> Path:
    path = folder / f"{name}{'.tif' if dtype is np.int32 else '.png'}"
    Image.fromarray(np.asarray(values, dtype)).save(path)
    return path


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("ignore_index", [0, 3, 5, 6, 200, 255, 65535, -1])
@pytest.mark.parametrize("id_map", [None, IdMap(((4, 0), (0, 4), (90, None), (91, 2)))])
def test_against_a_loop(tmp_path: Path, dtype: type[np.integer], ignore_index: int, id_map: IdMap | None) -> None:
    known = [value for value in (*range(6), ignore_index) if 0 <= value <= np.iinfo(dtype).max]
    if dtype is np.int32:
        known.append(ignore_index)
    known += [90, 91] if id_map else []
    values = np.random.default_rng(0).choice(known, (7, 5)).astype(dtype)
    found = read_mask(put(tmp_path, values, dtype), classes=6, ignore_index=ignore_index, id_map=id_map)
    table = dict(id_map.changes) if id_map else {}
    for value, label in zip(values.ravel().tolist(), found.ravel().tolist(), strict=True):
        target = table.get(value, value)
        assert label == (6 if target is None or target == ignore_index else target)
    assert found.dtype == np.uint8
    assert found.shape == (7, 5)


@pytest.mark.parametrize(("classes", "dtype"), [(255, np.uint8), (256, np.uint16), (65535, np.uint16)])
def test_the_type_holds_void(tmp_path: Path, classes: int, dtype: type) -> None:
    values = np.array([[0, classes - 1, classes]])
    found = read_mask(put(tmp_path, values, np.uint16), classes=classes, ignore_index=classes)
    assert found.dtype == dtype
    assert found.tolist() == [[0, classes - 1, classes]]


@pytest.mark.parametrize("dtype", DTYPES)
def test_strange_ids_are_named_with_the_file(tmp_path: Path, dtype: type) -> None:
    path = put(tmp_path, [[0, 10, 11], [77, 255, 12]], dtype)
    said = "holds the ids 11, 12, 77, which are no class; allowed are 0 to 10 and 255 for void; name another void"
    with pytest.raises(DataError, match=re.escape(f"{path}: {said}")):
        read_mask(path, classes=11, ignore_index=255)


def test_many_strange_ids_are_shortened(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds the ids 3, 4, 5, 6, 7, 8, 9, 10 and 1 more, which"):
        read_mask(put(tmp_path, [range(12)]), classes=3, ignore_index=255)
    with pytest.raises(DataError, match="holds the ids 3, 4, 5, 6, 7, 8, 9, 10, which"):
        read_mask(put(tmp_path, [range(11)]), classes=3, ignore_index=255)


def test_negative_ids_are_strange(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"holds the ids -2, -1, which"):
        read_mask(put(tmp_path, [[0, -1, -2]], np.int32), classes=3, ignore_index=255)


def test_the_value_that_will_mean_void_is_no_id(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds the ids 3, which"):
        read_mask(put(tmp_path, [[0, 3]]), classes=3, ignore_index=255)


def test_a_map_may_lead_outside(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds the ids 1, which"):
        read_mask(put(tmp_path, [[0, 1]]), classes=3, ignore_index=255, id_map=IdMap(((1, 9),)))


def test_palette_indices_count_and_not_colours(tmp_path: Path) -> None:
    image = Image.fromarray(np.array([[0, 2, 1]], np.uint8), "L").convert("P")
    image.putdata([0, 2, 1])
    image.putpalette([9, 9, 9, 200, 0, 0, 0, 200, 0])
    image.save(tmp_path / "mask.png")
    assert read_mask(tmp_path / "mask.png", classes=3, ignore_index=255).tolist() == [[0, 2, 1]]


def test_other_damage_is_not_about_colour(tmp_path: Path) -> None:
    (tmp_path / "mask.png").write_bytes(b"")
    with pytest.raises(ImageError, match=r"0 bytes\). replace it$"):
        read_mask(tmp_path / "mask.png", classes=3, ignore_index=255)


def test_the_tables_are_not_shared_with_the_caller(tmp_path: Path) -> None:
    path = put(tmp_path, [[0, 1]])
    first = read_mask(path, classes=3, ignore_index=255)
    first[:] = 2
    assert read_mask(path, classes=3, ignore_index=255).tolist() == [[0, 1]]


def test_a_map_file(tmp_path: Path) -> None:
    path = tmp_path / "ids.txt"
    path.write_bytes("\ufeff# labelIds\r\n7:0\r\n\r\n  8 : 1  # sidewalk\r\n-1:void\r\n0:255\r\n".encode())
    found = read_id_map(path)
    assert found == IdMap(((7, 0), (8, 1), (-1, None), (0, 255)))
    assert found.apply(np.array([[-1, 0, 7], [8, 1, 255]], np.int32), 99).tolist() == [[99, 255, 0], [1, 1, 255]]


@pytest.mark.parametrize("line", ["7", "7:", ":7", "a:1", "1:none", "1:2:3", "1.0:2", "1 2", "void:1", "1:" + "9" * 10])
def test_map_lines_that_are_refused(tmp_path: Path, line: str) -> None:
    path = tmp_path / "ids.txt"
    path.write_text(f"# head\n0:0\n{line}\n")
    with pytest.raises(DataError, match=re.escape(f"{path}, line 3: found '{line}', expected 'from:to'")):
        read_id_map(path)


def test_an_id_given_twice(tmp_path: Path) -> None:
    (tmp_path / "ids.txt").write_text("7:0\n8:0\n7:void\n")
    with pytest.raises(DataError, match=r"ids\.txt, line 3: the id 7 is given a second time"):
        read_id_map(tmp_path / "ids.txt")


@pytest.mark.parametrize(("data", "said"), [(b"# nothing\n", "has no line"), (b"\xff\xfe7", "cannot be read")])
def test_map_files_without_a_map(tmp_path: Path, data: bytes, said: str) -> None:
    (tmp_path / "ids.txt").write_bytes(data)
    with pytest.raises(DataError, match=rf"ids\.txt: the map of ids {said}"):
        read_id_map(tmp_path / "ids.txt")
    with pytest.raises(DataError, match=r"nowhere: the map of ids cannot be read"):
        read_id_map(tmp_path / "nowhere")


IDS = st.integers(-3, 12)


@settings(max_examples=60, deadline=None)
@given(
    values=arrays(np.int32, (3, 4), elements=IDS),
    changes=st.dictionaries(IDS, st.none() | IDS),
    void=st.sampled_from([-1, 5, 255]),
)
def test_maps_change_all_ids_at_once(values: np.ndarray, changes: dict[int, int | None], void: int) -> None:
    id_map = IdMap(tuple(changes.items()))
    before = values.copy()
    mapped = id_map.apply(values, void)
    expected = [void if (to := changes.get(value, value)) is None else to for value in values.ravel().tolist()]
    assert mapped.ravel().tolist() == expected
    np.testing.assert_array_equal(values, before)
    counts = count_ids(values, id_map, void)
    assert counts == {value: expected.count(value) for value in expected}
    unsigned = np.abs(values).astype(np.uint16)
    assert count_ids(unsigned, None, void) == {value: int((unsigned == value).sum()) for value in unsigned.ravel()}


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32])
def test_a_map_is_the_same_of_many_pixels_as_of_few(dtype: type[np.integer]) -> None:
    ids = np.random.default_rng(0).permutation(np.iinfo(np.uint8).max + 1).astype(dtype)
    id_map = IdMap(((0, 255), (255, 0), (7, None)))
    few = [int(id_map.apply(ids[k : k + 1], 70_000)[0]) for k in range(len(ids))]
    many = id_map.apply(np.tile(ids, 300), 70_000)
    assert many.dtype == np.int64
    assert many.tolist() == few * 300


HOLE = np.zeros((20, 30), np.bool_)
HOLE[5:12, 3:20] = True


def holed(path: Path, ids: np.ndarray, *, nodata: int | None) -> Path:
    """A TIFF without data in HOLE: by a value, or else by a mask in it."""
    tags = [(42113, "s", 0, str(nodata), True)] if nodata is not None else []
    with tifffile.TiffWriter(path) as writer:
        writer.write(ids, photometric="minisblack" if ids.ndim == 2 else "rgb", extratags=tags)
        if nodata is None:
            writer.write(~HOLE, photometric="mask", subfiletype=4)
    return path


@pytest.mark.parametrize("nodata", [None, 0, 2, 255, 7])
@pytest.mark.parametrize("ignore_index", [255, 2])
@pytest.mark.parametrize("id_map", [None, IdMap(((0, 1), (1, 0), (255, 1)))])
def test_what_has_no_data_is_void(tmp_path: Path, nodata: int | None, ignore_index: int, id_map: IdMap | None) -> None:
    """Whatever id it has: a class's, void's, or none that there is, which no map of ids leads anywhere."""
    ids = np.random.default_rng(0).integers(0, 5, HOLE.shape).astype(np.uint8)
    hole = HOLE if nodata is None else HOLE | (ids == nodata)
    ids[HOLE] = 9 if nodata is None else nodata
    found = read_mask(
        holed(tmp_path / "m.tif", ids, nodata=nodata), classes=5, ignore_index=ignore_index, id_map=id_map
    )
    plain = read_mask(put(tmp_path, np.where(hole, 0, ids)), classes=5, ignore_index=ignore_index, id_map=id_map)
    np.testing.assert_array_equal(found, np.where(hole, 5, plain))


def test_of_label_maps_every_pixel_is_an_answer(tmp_path: Path) -> None:
    """A tool that copies the tags of a photograph to what it predicts has said nothing of its answers."""
    ids = np.random.default_rng(0).integers(0, 5, HOLE.shape).astype(np.uint8)
    path = holed(tmp_path / "m.tif", ids, nodata=0)
    np.testing.assert_array_equal(read_mask(path, classes=5, ignore_index=255, id_map=IdMap((), by_data=False)), ids)
    np.testing.assert_array_equal(decode_ids(path), ids)


@pytest.mark.parametrize("known", [True, False])
def test_masks_in_colour_without_data(tmp_path: Path, known: bool) -> None:
    (tmp_path / "c.txt").write_text("road:#010203\ntree:#040506\n" + ("sky:#000000\n" if known else ""))
    colors = read_mask_colors(tmp_path / "c.txt", ["road", "tree", "sky"])
    ids = np.random.default_rng(0).integers(0, 2, HOLE.shape).astype(np.uint8)
    rgb = np.array([(1, 2, 3), (4, 5, 6)], np.uint8)[ids]
    rgb[HOLE] = 0
    found = read_mask(
        holed(tmp_path / "m.tif", rgb, nodata=0), classes=3, ignore_index=255, id_map=IdMap(((65535, None),), colors)
    )
    np.testing.assert_array_equal(found, np.where(HOLE, 3, ids))
