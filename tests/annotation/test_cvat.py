"""CVAT's masks: datumaro, with which CVAT reads and writes them, has the same pixels."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from support.labelled_runs import NUCLEI, STREETS, annotate, blobs, ids_in, make_run, refused, stored

from hypsegcli.annotation.cvat import CvatExport, label_constructor
from hypsegcli.annotation.labels import plan_labels
from hypsegcli.truth.export_pairs import export_at

MAPS = {"day/a b": blobs(3, seed=1), "day/ü": blobs(3, seed=2), "night/a b": blobs(3, size=(17, 45), seed=3)}


def with_void(ids: NDArray[Any], void: int = 255) -> NDArray[Any]:
    ids = ids.copy()
    ids[3:9, 5:14] = void
    return ids


@pytest.fixture
def datumaro() -> Any:
    return pytest.importorskip("datumaro", reason="datumaro is the oracle")


def read_by(datumaro: Any, folder: Path) -> Iterator[tuple[str, NDArray[np.int64], list[str]]]:
    """Key, label of each pixel (0 where there is none), and the labels' names, as CVAT's library has them."""
    data = datumaro.Dataset.import_from(str(folder), "voc_segmentation")
    names = [label.name for label in data.categories()[datumaro.AnnotationType.label].items]
    for item in data:
        found = None
        for annotation in item.annotations:
            inside = np.asarray(annotation.image).astype(bool)
            found = np.zeros(inside.shape, np.int64) if found is None else found
            assert not found[inside].any()
            found[inside] = annotation.label
        assert found is not None
        yield item.id, found, names


@pytest.mark.filterwarnings("ignore")  # of datumaro's own
@pytest.mark.parametrize("names", [STREETS, ("background", "cell", "dirt")])
def test_datumaro_reads_it_pixel_by_pixel_and_hypseg_what_that_writes(
    datumaro: Any, tmp_path: Path, names: tuple[str, ...]
) -> None:
    """There and back, with void, in folders whose files have the same names."""
    out = make_run(tmp_path, names, {key: with_void(ids) for key, ids in MAPS.items()})
    with zipfile.ZipFile(annotate(out, "cvat")) as archive:
        archive.extractall(tmp_path / "theirs")
    found = {key: (labels, listed) for key, labels, listed in read_by(datumaro, tmp_path / "theirs")}
    assert found.keys() == MAPS.keys()
    for key, (labels, listed) in found.items():
        assert listed[0] == "background"
        ids = np.array([names.index(name) if name in names else 255 for name in listed])
        if "background" not in names:
            assert ids[0] == 255
        np.testing.assert_array_equal(ids[labels], stored(out, key))
    data = datumaro.Dataset.import_from(str(tmp_path / "theirs"), "voc_segmentation")
    colors = data.categories()[datumaro.AnnotationType.mask].colormap
    label_map = {name: [tuple(colors[index]), [], []] for index, name in enumerate(found["day/ü"][1])}
    data.export(str(tmp_path / "again"), "voc_segmentation", apply_colormap=True, label_map=label_map)
    back = ids_in(tmp_path / "again", names)
    for key in MAPS:
        np.testing.assert_array_equal(back[key], stored(out, key))


@pytest.mark.parametrize("names", [STREETS, ("background", "cell", "dirt")])
def test_it_comes_back_zipped_or_not(tmp_path: Path, names: tuple[str, ...]) -> None:
    out = make_run(tmp_path, names, {key: with_void(ids) for key, ids in MAPS.items()})
    path = annotate(out, "cvat")
    with zipfile.ZipFile(path) as archive:
        archive.extractall(tmp_path / "unpacked")
        assert archive.read("ImageSets/Segmentation/default.txt").decode() == "day/a b\nday/ü\nnight/a b\n"
        text = archive.read("labelmap.txt").decode()
    assert text.startswith("# label:color_rgb:parts:actions\nbackground:0,0,0::\n")
    assert ("void:" in text) == ("background" in names)
    for found in (ids_in(path, names), ids_in(tmp_path / "unpacked", names)):
        assert list(found) == sorted(MAPS)
        for key, ids in found.items():
            np.testing.assert_array_equal(ids, stored(out, key))


def test_more_labels_than_a_palette_has_come_back(tmp_path: Path) -> None:
    """Maps of 16 bits; CVAT has no palettes of more, so that pixels have their colours themselves."""
    names = [f"class {number}" for number in range(300)]
    ids = np.arange(300, dtype=np.uint16).repeat(4).reshape(30, 40)
    out = make_run(tmp_path, names, {"a": ids}, void=65535)
    path = annotate(out, "cvat")
    with zipfile.ZipFile(path) as archive:
        assert Image.open(io.BytesIO(archive.read("SegmentationClass/a.png"))).mode == "RGB"
    np.testing.assert_array_equal(ids_in(path, names)["a"], ids)


def test_objects_tell_cvat_that_black_is_nobody_s(tmp_path: Path) -> None:
    """Without them it takes black for a label of the whole rest."""
    out = make_run(tmp_path, NUCLEI, {"a": blobs(2)})
    with zipfile.ZipFile(annotate(out, "cvat")) as archive:
        objects = np.asarray(Image.open(io.BytesIO(archive.read("SegmentationObject/a.png"))).convert("RGB"))
    inside = stored(out, "a") == 1
    assert {tuple(color) for color in objects[inside].tolist()} == {(128, 0, 0)}
    assert not objects[~inside].any()


def test_the_same_maps_are_the_same_bytes(tmp_path: Path) -> None:
    out = make_run(tmp_path, STREETS, MAPS)
    first = annotate(out, "cvat").read_bytes()
    assert annotate(out, "cvat", file=tmp_path / "again.zip").read_bytes() == first
    with zipfile.ZipFile(tmp_path / "again.zip") as archive:
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_photographs_go_along(tmp_path: Path) -> None:
    out = make_run(tmp_path, STREETS, MAPS)
    with zipfile.ZipFile(annotate(out, "cvat", with_images=True)) as archive:
        for key in MAPS:
            assert archive.read(f"JPEGImages/{key}.png") == (tmp_path / f"photos/{key}.png").read_bytes()


def test_labels_for_its_constructor() -> None:
    labels = plan_labels(NUCLEI, [(1, 2, 3), (255, 0, 16)])
    rows = json.loads(label_constructor(labels, holds_void=False))
    assert rows == [{"name": "nucleus", "color": "#ff0010", "attributes": []}]


@pytest.mark.parametrize("name", ["a:b", " road", "#1"])
def test_names_that_its_text_cannot_hold_are_refused(tmp_path: Path, name: str) -> None:
    out = make_run(tmp_path, ("sky", name), {"a": blobs(2)})
    sentence = refused(lambda: annotate(out, "cvat"))
    assert "cannot hold labels" in sentence
    assert not (tmp_path / "cvat.zip").exists()
    assert ids_in(annotate(out, "coco"), ("sky", name)).keys() == {"a"}


def test_keys_that_its_list_cannot_hold_are_refused(tmp_path: Path) -> None:
    out = make_run(tmp_path, STREETS, {"#a": blobs(3)})
    assert "cannot hold a name" in refused(lambda: annotate(out, "cvat"))
    assert not (tmp_path / "cvat.zip").exists()


def write(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def png(color: tuple[int, int, int]) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (4, 3), color).save(stream, "PNG")
    return stream.getvalue()


def test_a_colour_of_nobody_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "a.zip", {"labelmap.txt": b"road:1,2,3::", "SegmentationClass/a.png": png((9, 9, 9))})
    assert "#090909" in refused(lambda: CvatExport(path).decode("a"))


def test_black_is_a_label_where_one_has_it(tmp_path: Path) -> None:
    members = {"root/labelmap.txt": b"road:0,0,0::\nsky:1,1,1::", "root/SegmentationClass/s/a.png": png((0, 0, 0))}
    export = export_at(write(tmp_path / "a.zip", members))
    assert export is not None
    assert (export.labels, export.keys) == (("road", "sky"), ("s/a",))
    assert (export.decode("s/a") == 1).all()


@pytest.mark.parametrize(
    ("text", "problem"),
    [(b"a:1,2,3::\nb:1,2,3::", "have one colour"), (b"a:1,2", "line 1"), (b"\xff\xfe\x00\xd8", "cannot be read")],
)
def test_a_label_map_that_cannot_be_is_refused(tmp_path: Path, text: bytes, problem: str) -> None:
    path = write(tmp_path / "a.zip", {"labelmap.txt": text, "SegmentationClass/a.png": png((1, 2, 3))})
    assert problem in refused(lambda: CvatExport(path))


def test_a_damaged_mask_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "a.zip", {"labelmap.txt": b"a:1,2,3::", "SegmentationClass/a.png": png((1, 2, 3))})
    data = bytearray(path.read_bytes())
    data[data.index(b"IDAT") + 8] ^= 255
    path.write_bytes(data)
    assert "a.png: is damaged" in refused(lambda: CvatExport(path).decode("a"))


@pytest.mark.parametrize("unpacked", [False, True])
def test_images_that_are_listed_without_a_mask_are_known(tmp_path: Path, unpacked: bool) -> None:
    """In whatever subset, by the whole line; accents may be spelt in two ways."""
    members = {
        "labelmap.txt": b"road:1,2,3::",
        "SegmentationClass/s/a.png": png((1, 2, 3)),
        "SegmentationClass/u\u0308.png": png((1, 2, 3)),
        "ImageSets/Segmentation/default.txt": "s/a\r\ns/b c\r\n\r\n\u00fc\r\n".encode(),
        "ImageSets/Segmentation/train.txt": b"t/d",
        "ImageSets/Main/default.txt": b"other\n",
    }
    path = write(tmp_path / "a.zip", members)
    if unpacked:
        with zipfile.ZipFile(path) as archive:
            archive.extractall(tmp_path / "a")
        path = tmp_path / "a"
    export = CvatExport(path)
    assert (export.keys, tuple(export.blank)) == (("s/a", "u\u0308"), ("s/b c", "t/d"))
    assert export.empty == ()
    lists = [path / f"ImageSets/Segmentation/{name}.txt" for name in ("default", "train")] if unpacked else [path, path]
    assert [export.file_of(key) for key in export.blank] == lists


@pytest.mark.parametrize("unpacked", [False, True])
@pytest.mark.parametrize("first", ["", "task1/"])
def test_two_exports_in_one_are_refused(tmp_path: Path, first: str, unpacked: bool) -> None:
    """Of which the first alone would be read."""
    members = {f"{first}labelmap.txt": b"a:1,2,3::", f"{first}SegmentationClass/a.png": png((1, 2, 3))}
    members |= {"task2/labelmap.txt": b"a:1,2,3::", "task2/SegmentationClass/b.png": png((1, 2, 3))}
    path = write(tmp_path / "a.zip", members)
    if unpacked:
        with zipfile.ZipFile(path) as archive:
            archive.extractall(tmp_path / "a")
        path = tmp_path / "a"
        if first:
            assert export_at(path) is None  # but a folder of folders
            return
    sentence = refused(lambda: export_at(path))
    assert f"holds 2 exports of CVAT's, of which only one is read at a time: {first[:-1] or 'itself'}" in sentence
    assert "task2; " in sentence
    assert sentence.endswith("name one of them, alone in its folder")
    assert ("unpack it" in sentence) != unpacked


def test_a_label_map_without_masks_is_no_export(tmp_path: Path) -> None:
    members = {"a/labelmap.txt": b"x:9,9,9::", "b/labelmap.txt": b"a:1,2,3::"}
    export = export_at(write(tmp_path / "a.zip", members | {"b/SegmentationClass/a.png": png((1, 2, 3))}))
    assert export is not None
    assert (export.labels, export.keys) == (("a",), ("a",))


def test_masks_of_one_key_are_refused(tmp_path: Path) -> None:
    """As where somebody added the masks of a second export to the zip."""
    members = {"labelmap.txt": b"a:1,2,3::", "SegmentationClass/a.png": png((1, 2, 3))}
    path = write(tmp_path / "a.zip", members | {"SegmentationClass/a.PNG": png((1, 2, 3))})
    assert "SegmentationClass/a.PNG and SegmentationClass/a.png" in refused(lambda: CvatExport(path))
    path = write(tmp_path / "b.zip", members)
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("SegmentationClass/a.png", png((0, 0, 0)))
    assert "are there more than once under one name" in refused(lambda: CvatExport(path))


def test_a_list_that_is_no_text_is_refused(tmp_path: Path) -> None:
    members = {"labelmap.txt": b"a:1,2,3::", "SegmentationClass/a.png": png((1, 2, 3))}
    path = write(tmp_path / "a.zip", members | {"ImageSets/Segmentation/default.txt": b"\xff\xfe\x00\xd8"})
    assert "default.txt: cannot be read" in refused(lambda: CvatExport(path))


@pytest.mark.filterwarnings("ignore")  # of datumaro's own
def test_datumaro_lists_what_was_erased(datumaro: Any, tmp_path: Path) -> None:
    out = make_run(tmp_path, NUCLEI, {"s/a": blobs(2), "s/b": blobs(2, seed=1)})
    with zipfile.ZipFile(annotate(out, "cvat")) as archive:
        archive.extractall(tmp_path / "theirs")
    data = datumaro.Dataset.import_from(str(tmp_path / "theirs"), "voc_segmentation")
    data.put(data.get("s/b", "default").wrap(annotations=[]))
    data.export(str(tmp_path / "again"), "voc_segmentation", apply_colormap=True, label_map="source")
    export = CvatExport(tmp_path / "again")
    assert (export.keys, tuple(export.blank)) == (("s/a",), ("s/b",))
