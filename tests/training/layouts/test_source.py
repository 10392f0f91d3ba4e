"""What several layouts are read with."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import grow

from hypsegcli.errors import DataError, PlanError, TreeError
from hypsegcli.training.layouts.source import (
    find_part,
    group_classes,
    list_files,
    pair_listed,
    read_list,
    shift_ids,
)
from hypsegcli.truth.pairs import Pair


def test_classes_are_grouped_below_nodes_of_any_depth() -> None:
    tree = group_classes(["a", "b", "c", "d"], {"x/y": ["c", "a"], "": ["b"], "x": ["d"]})
    assert tree.names == ("a", "b", "c", "d", "x", "y")
    assert [tree.depth(k) for k in range(4)] == [3, 1, 3, 2]
    with pytest.raises(TreeError, match="the class tree: these classes are not in the tree: d"):
        group_classes(["a", "d"], {"x": ["a"]})


def test_ids_from_1() -> None:
    assert shift_ids(2).changes == ((0, None), (1, 0), (2, 1))


def test_the_first_part_that_is_there(tmp_path: Path) -> None:
    grow(tmp_path, "b/x", "c/x")
    assert find_part(tmp_path, "a", "b", "c", get="") == tmp_path / "b"
    with pytest.raises(DataError, match=r"/d: is missing \(nor e, f\); buy it$"):
        find_part(tmp_path, "d", "e", "f", get="buy it")


def test_files_by_their_ending(tmp_path: Path) -> None:
    grow(tmp_path, "a_gt.png", "b_gt.png", "._a_gt.png", "a.png", "b_gt.jpg")
    assert list_files(tmp_path, "_gt.png", get="") == {n: tmp_path / f"{n}_gt.png" for n in ("a", "b")}
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(DataError, match=r"holds no \*\.gif; draw it$"):
            list_files(folder, ".gif", get="draw it")


def test_the_forms_of_a_list(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_bytes(b"\xef\xbb\xbf2007_1\r\n\r\n 2007_2  1\n/JPEGImages/2007_3.jpg /Masks/x.png\n")
    assert read_list(path) == ["2007_1", "2007_2", "2007_3"]
    path.write_text("\n \n")
    with pytest.raises(DataError, match="the list names no image"):
        read_list(path)
    path.write_bytes(b"\xff")
    for broken in (path, tmp_path / "none.txt"):
        with pytest.raises(DataError, match="the list cannot be read"):
            read_list(broken)


def test_listed_pairs_are_in_the_order_of_their_names(tmp_path: Path) -> None:
    grow(tmp_path, "images/10.jpg", "images/9.jpg", "masks/10.png", "masks/9.png")
    masks = {name: tmp_path / f"masks/{name}.png" for name in ("9", "10")}
    assert pair_listed(masks, tmp_path / "images", get="") == tuple(
        Pair(name, masks[name], tmp_path / f"images/{name}.jpg", None) for name in ("10", "9")
    )
    (tmp_path / "images/9.jpg").unlink()
    with pytest.raises(PlanError, match=r"^1 of 4 listed files are missing: \S*/images/9\.jpg; find it$"):
        pair_listed(masks, tmp_path / "images", get="find it")
