"""What ids mean: options before the checkpoint's header before a label map."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support import make_checkpoint
from support.maps import PHOTOGRAPH, prediction

from hypsegcli.checkpoint.format import Header
from hypsegcli.checkpoint.read_header import read_header
from hypsegcli.cli.class_names import ClassNames, decide_class_names
from hypsegcli.cli.options.scoring import Classes, Scoring
from hypsegcli.errors import TreeError, UsageError
from hypsegcli.hierarchy.tree import ClassTree, flat_tree
from hypsegcli.products.labels import PRODUCT
from hypsegcli.products.product import Context
from hypsegcli.products.prototypes import PRODUCT as PROTOTYPES

TREE = ClassTree(names=("sky", "road", "car", "ground"), parents=(-1, 3, 3, -1), classes=3)


@pytest.fixture
def header(tmp_path: Path) -> Header:
    own = read_header(make_checkpoint(tmp_path / "own.safetensors", TREE))
    return own.model_copy(update={"ignore_index": 77, "colors": ((1, 2, 3), (4, 5, 6), (7, 8, 9))})


def decide(
    header: Header | None,
    *,
    label_map: Path | None = None,
    ignore_index: int | None = None,
    classes: Path | None = None,
    tree: Path | None = None,
    translated: bool = False,
    **scoring: str,
) -> ClassNames:
    return decide_class_names(
        header,
        label_map,
        options=Classes(classes=classes, tree=tree),
        scoring=Scoring(**scoring),  # type: ignore[arg-type]
        ignore_index=ignore_index,
        translated=translated,
    )


def test_the_checkpoint_tells_void_tree_and_colours(header: Header) -> None:
    names = decide(header)
    assert (names.tree, names.ignore_index, names.colors) == (TREE, 77, header.colors)
    assert names.classes == ("sky", "road", "car")
    assert (names.unseen, names.background) == (None, None)
    assert decide(header, ignore_index=5).ignore_index == 5
    assert decide(header, ignore_index=0).ignore_index == 0


def test_a_class_list_alone_is_flat_with_the_usual_void(tmp_path: Path) -> None:
    (tmp_path / "classes.txt").write_text("0:near\n1:far\n")
    names = decide(None, classes=tmp_path / "classes.txt")
    assert names.tree.is_flat
    assert (names.classes, names.ignore_index, len(set(names.colors))) == (("near", "far"), 255, 2)


def test_a_label_map_tells_names_and_void_where_nothing_else_does(header: Header, tmp_path: Path) -> None:
    path = tmp_path / "map.png"
    context = Context.of(header, "ab")
    path.write_bytes(PRODUCT.encode(PHOTOGRAPH, prediction(), context))

    assert decide(None, label_map=path).ignore_index == 77
    assert decide(None, label_map=path, ignore_index=5).ignore_index == 5
    (tmp_path / "classes.txt").write_text("0:sky\n1:road\n2:car\n")
    assert decide(None, label_map=path, classes=tmp_path / "classes.txt", translated=True).ignore_index == 255


def test_a_class_list_calls_the_checkpoint_s_classes_in_its_own_words(header: Header, tmp_path: Path) -> None:
    """They stay what they are: the tree, colours and background are the checkpoint's."""
    (tmp_path / "same.txt").write_text("0:sky\n1:road\n2:car\n")
    same = decide(header, classes=tmp_path / "same.txt")
    assert same == decide(header)
    (tmp_path / "other.txt").write_text("0:Sky\n1:road\n2:tram\n")
    other = decide(header, classes=tmp_path / "other.txt")
    assert other.tree == ClassTree(names=("Sky", "road", "tram", "ground"), parents=TREE.parents, classes=3)
    assert other.colors == header.colors
    assert len(other.doubts) == 1
    assert not same.doubts
    (tmp_path / "inner.txt").write_text("0:sky\n1:road\n2:ground\n")
    with pytest.raises(TreeError, match=r"--classes.*occur twice: ground"):
        decide(header, classes=tmp_path / "inner.txt")
    (tmp_path / "tree.json").write_text('{"root": {"sky": {}, "road": {}, "ground": {}}}')
    own = decide(header, classes=tmp_path / "inner.txt", tree=tmp_path / "tree.json")
    assert own.tree.is_flat


def test_maps_and_the_checkpoint_must_mean_the_same(header: Header, tmp_path: Path) -> None:
    path = tmp_path / "map.png"
    path.write_bytes(PRODUCT.encode(PHOTOGRAPH, prediction(), Context.of(header, "ab")))
    assert decide(header, label_map=path).tree == TREE
    other = header.model_copy(update={"tree": flat_tree(("sky", "car", "road"))})
    with pytest.raises(UsageError, match="ids mean sky, road, car, the checkpoint has sky, car, road"):
        decide(other, label_map=path)
    (tmp_path / "classes.txt").write_text("0:sky\n1:car\n2:road\n")
    with pytest.raises(UsageError, match="--prediction-map, a line each: 1:2, 2:1"):
        decide(None, label_map=path, classes=tmp_path / "classes.txt")
    assert decide(None, label_map=path, classes=tmp_path / "classes.txt", translated=True).classes[1] == "car"


def test_a_map_of_prototypes_has_no_class_ids_unless_they_are_translated(header: Header, tmp_path: Path) -> None:
    path = tmp_path / "map.png"
    numbers = prediction(prototypes=prediction().labels)
    path.write_bytes(PROTOTYPES.encode(PHOTOGRAPH, numbers, Context.of(header, "ab")))
    (tmp_path / "classes.txt").write_text("0:sky\n1:road\n2:car\n")
    for known in (header, None):
        with pytest.raises(UsageError, match=r"holds prototypes, whose values are no class ids.*prediction.map.*match"):
            decide(known, label_map=path)
    decide(None, label_map=path, classes=tmp_path / "classes.txt", translated=True)


def test_names_become_ids(header: Header) -> None:
    names = decide(header, unseen="car, sky", background="road")
    assert (names.unseen, names.background) == ((2, 0), 1)


def test_the_background_is_the_one_named_else_the_checkpoint_s(header: Header, tmp_path: Path) -> None:
    own = header.model_copy(update={"background": 2})
    assert decide(own).background == 2
    assert decide(own, background="sky").background == 0
    (tmp_path / "classes.txt").write_text("0:near\n1:rest\n2:far\n")
    names = decide(None, classes=tmp_path / "classes.txt", background="rest")
    assert names.background == 1
    assert [len(set(color)) == 1 for color in names.colors] == [False, True, False]


@pytest.mark.parametrize(
    ("option", "value", "sentence"),
    [
        ("background", "ground", "no class is called 'ground'"),
        ("unseen", "sky,moon", "no class is called 'moon'"),
        ("unseen", "sky", "at least two"),
        ("unseen", "sky,sky,car", "each once"),
    ],
)
def test_what_is_no_class_is_refused(header: Header, option: str, value: str, sentence: str) -> None:
    options: dict[str, Any] = {option: value}
    with pytest.raises(UsageError, match=f"--{option}.*{sentence}"):
        decide(header, **options)


def test_without_any_names_a_list_is_asked_for() -> None:
    with pytest.raises(UsageError, match="--classes"):
        decide(None)
