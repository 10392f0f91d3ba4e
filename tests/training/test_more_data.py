"""Folders of other people's classes: which node of the class tree each of them teaches."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.labelled_runs import annotate, blobs, make_run
from support.layouts import make_cityscapes

from hypsegcli.errors import DataError
from hypsegcli.hierarchy.tree import ClassTree
from hypsegcli.training.more_data import read_more_data
from hypsegcli.training.targets import of_node

TREE = ClassTree(names=("sky", "car", "bus", "house", "vehicle"), parents=(-1, 4, 4, -1, -1), classes=4)
VOID = 11


def folder(path: Path, names: str) -> str:
    """Two images whose masks hold every id, and 255."""
    for kind in ("images", "masks"):
        (path / "train" / kind).mkdir(parents=True)
    for key in ("a", "b"):
        Image.new("RGB", (8, 6)).save(path / "train" / "images" / f"{key}.png")
        ids = np.full((6, 8), 255, np.uint8)
        ids[0, : len(names.split())] = range(len(names.split()))
        Image.fromarray(ids).save(path / "train" / "masks" / f"{key}.png")
    (path / "classes.txt").write_text("".join(f"{k}:{name}\n" for k, name in enumerate(names.split())))
    return str(path)


def lines(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_names_decide_and_lines_override_them(tmp_path: Path) -> None:
    one = folder(tmp_path / "one", "vehicle window sky person")
    other = folder(tmp_path / "other", "house bus")
    names = lines(tmp_path / "names.txt", "# theirs: ours\nwindow: house\nbus:\n")
    pairs = read_more_data([one, other], names, TREE, ignore_index=VOID).pairs
    assert [pair.pair.key for pair in pairs] == ["a", "b", "a", "b"]
    vehicle = of_node(4, 4)
    assert pairs[0].targets[:4].tolist() == [vehicle, 3, 0, VOID]
    assert pairs[2].targets[:2].tolist() == [3, VOID]
    assert all(set(pair.targets[4:].tolist()) == {VOID} for pair in pairs)


def test_a_known_set_teaches_by_what_its_masks_mean(tmp_path: Path) -> None:
    make_cityscapes(tmp_path, (26, 23, 7, 255), (7,))
    pairs = read_more_data([str(tmp_path)], None, TREE, ignore_index=VOID).pairs
    assert [pair.pair.key for pair in pairs] == ["aachen/aachen_000000_000019", "bochum/bochum_000000_000019"]
    assert pairs[0].targets[[26, 28, 23, 7, 0, 10, 13, 255]].tolist() == [1, 2, 0, *[VOID] * 5]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("window house", "line 1: expected 'theirs: ours', found 'window house'"),
        ("window: tree", "line 1: no class or node is called 'tree'"),
        ("window: house\nwindow: sky", "line 2: 'window' is given a second time"),
        ("door: house", "no folder has a class called door"),
    ],
)
def test_lines_that_say_nothing(tmp_path: Path, text: str, sentence: str) -> None:
    one = folder(tmp_path / "one", "sky window")
    with pytest.raises(DataError, match=sentence):
        read_more_data([one], lines(tmp_path / "names.txt", text), TREE, ignore_index=VOID)


def test_a_folder_that_teaches_nothing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none of its classes \(cat, dog\) is a node of the class tree"):
        read_more_data([folder(tmp_path / "one", "cat dog")], None, TREE, ignore_index=VOID)


def test_what_is_left_out_of_an_export_is_said_as_of_the_own_data(tmp_path: Path) -> None:
    out = make_run(tmp_path / "run", ("background", "sky", "tree"), {"a": blobs(3), "b": blobs(3, seed=1)})
    one = tmp_path / "one"
    (one / "train").mkdir(parents=True)
    (tmp_path / "run/photos").rename(one / "train/images")
    annotate(out, "coco", "a", file=one / "train/masks.json")
    (one / "classes.txt").write_text("0:background\n1:sky\n")
    told: list[str] = []
    (pair,) = read_more_data([str(one)], None, TREE, ignore_index=VOID, tell=told.append).pairs
    assert pair.pair.key == "a"
    masks = one / "train/masks.json"
    assert f"left out: 1 of 2 images, of which {masks} has no labels" in told
    assert f"{masks}: tree: no class is called so, so that it is void" in told
