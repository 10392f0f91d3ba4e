"""The class tree: the reference's node order, its readers, and a sentence for everything that is not a tree."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from support import SHARED
from support.golden import TREES, golden_tree, golden_values

from hypsegcli.errors import TreeError
from hypsegcli.hierarchy.tree import (
    ROOT,
    ClassTree,
    background_of,
    build_tree,
    flat_tree,
    read_class_names,
    read_tree,
)

# Leaves a, b, c, d (0..3); breadth first the inner nodes are left (4), right (5), deep (6).
NAMES = ("a", "b", "c", "d")
DOCUMENT = {"root": {"left": {"b": {}, "deep": {"a": {}, "d": {}}}, "right": {"c": {}}}}
TREE = ClassTree(names=(*NAMES, "left", "right", "deep"), parents=(6, 4, 5, 6, -1, -1, 4), classes=4)


def put(folder: Path, content: str | bytes, name: str = "file") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def tree_of(folder: Path, document: Any, names: tuple[str, ...] = NAMES) -> ClassTree:
    return read_tree(put(folder, json.dumps(document)), names)


def test_nodes_are_numbered_as_the_reference_numbers_them(tmp_path: Path) -> None:
    assert tree_of(tmp_path, DOCUMENT) == TREE


def test_inner_nodes_follow_the_order_of_the_keys_level_by_level(tmp_path: Path) -> None:
    tree = tree_of(tmp_path, {"root": {"z": {"c": {}, "v": {"d": {}}}, "y": {"x": {"a": {}}, "w": {"b": {}}}}})
    assert tree.names[4:] == ("z", "y", "v", "x", "w")


FILES = {
    "camvid": ("camvid/classes.txt", "camvid/hierarchy.json"),
    "camvid_flat": ("camvid/classes.txt", None),
    "pascal": ("golden/pascal/PASCAL_i2c.txt", "golden/pascal/PASCAL_hierarchy.json"),
}


@pytest.mark.parametrize("name", TREES)
def test_relations_are_those_of_the_reference(name: str) -> None:
    values, tree = golden_values(name), golden_tree(name)
    assert np.array_equal(tree.ancestors(), values["hmat"])
    assert np.array_equal(np.equal.outer(tree.parents, tree.parents), values["sibmat"])


@pytest.mark.skipif(not SHARED.exists(), reason=f"the files of the reference's trees are not at {SHARED}")
@pytest.mark.parametrize("name", TREES)
def test_nodes_of_files_are_numbered_as_the_reference_numbers_them(name: str) -> None:
    classes, hierarchy = FILES[name]
    names = read_class_names(SHARED / classes)
    tree = read_tree(SHARED / hierarchy, names) if hierarchy else flat_tree(names)
    assert tree.parents == golden_tree(name).parents
    assert tree.classes == golden_tree(name).classes


def test_relations_of_a_small_tree() -> None:
    assert (TREE.nodes, TREE.classes, TREE.max_depth, TREE.is_flat) == (7, 4, 3, False)
    assert [TREE.path(node) for node in range(7)] == [(4, 6, 0), (4, 1), (5, 2), (4, 6, 3), (4,), (5,), (4, 6)]
    assert [TREE.depth(node) for node in range(7)] == [3, 2, 2, 3, 1, 1, 2]
    assert TREE.sibling_groups() == ((4, 5), (1, 6), (2,), (0, 3))
    assert [np.flatnonzero(row).tolist() for row in TREE.leaves_below()] == [
        [0], [1], [2], [3], [0, 1, 3], [2], [0, 3],
    ]  # fmt: skip
    assert [TREE.at_level(level).tolist() for level in (1, 2, 3)] == [[4, 4, 5, 4], [6, 1, 2, 6], [0, 1, 2, 3]]


def test_families_tell_trees_apart_by_their_shape_alone() -> None:
    assert TREE.families() == ((0, 1, 3), (0, 3), (2,))
    renamed = TREE.model_copy(update={"names": (*TREE.names[:4], "x", "y", "z")})
    assert renamed.families() == TREE.families()
    assert flat_tree(NAMES).families() == ()
    longer = ClassTree(names=(*TREE.names, "more"), parents=(*TREE.parents[:2], 7, *TREE.parents[3:], 5), classes=4)
    assert longer.families() != TREE.families(), "an inner node with a single child is a step of the way"


def test_matrices_say_the_same_as_paths() -> None:
    ancestors = TREE.ancestors()
    for node in range(TREE.nodes):
        assert set(np.flatnonzero(ancestors[node])) == set(TREE.path(node))
    assert np.array_equal(TREE.leaves_below(), ancestors[:4].T)


def test_a_flat_tree_has_one_group_of_classes() -> None:
    tree = flat_tree(NAMES)
    assert tree.is_flat
    assert tree.sibling_groups() == ((0, 1, 2, 3),)
    assert tree.max_depth == 1
    assert set(tree.parents) == {ROOT}


def test_json_round_trip_and_nothing_can_be_changed() -> None:
    assert ClassTree.model_validate_json(TREE.model_dump_json()) == TREE
    with pytest.raises(ValidationError, match="frozen"):
        TREE.classes = 3  # type: ignore[misc]  # what must not work
    with pytest.raises(ValidationError, match="Extra inputs"):
        ClassTree.model_validate({**TREE.model_dump(), "colour": "red"})


@pytest.mark.parametrize("level", [0, -1, 4])
def test_a_level_that_does_not_exist(level: int) -> None:
    with pytest.raises(TreeError, match=rf"level {level} does not exist: this class tree has levels 1 to 3"):
        TREE.at_level(level)


def test_level_of_a_name() -> None:
    assert [TREE.level_of(name) for name in TREE.names] == [3, 2, 2, 3, 1, 1, 2]
    with pytest.raises(TreeError, match="called 'top'; inner nodes are: left, right, deep"):
        TREE.level_of("top")
    with pytest.raises(TreeError, match=r"inner nodes are: none \(the tree is flat\)"):
        flat_tree(NAMES).level_of("top")


# What the constructor is given, and the sentence that refuses it; it also guards checkpoint headers.
NOT_TREES = {
    "too few parents": (("a", "b"), (-1,), 2, "2 names, 1 parents and 2 classes do not make a tree"),
    "no classes": ((), (), 0, "0 names, 0 parents and 0 classes do not make a tree"),
    "more classes than nodes": (("a",), (-1,), 2, "1 names, 1 parents and 2 classes do not make a tree"),
    "a name twice": (("a", "b", "a"), (-1, -1, -1), 3, "these occur twice: a"),
    "a class as parent": (("a", "b"), (-1, 0), 2, "the parent of 'b' is not an inner node"),
    "a parent beyond the last": (("a", "x"), (2, -1), 1, "the parent of 'a' is not an inner node"),
    "a parent before the first": (("a", "x"), (-2, -1), 1, "the parent of 'a' is not an inner node"),
    "its own parent": (("a", "x"), (-1, 1), 1, "'x' is its own ancestor"),
    "a ring of three": (("a", "x", "y", "z"), (1, 2, 3, 1), 1, "is its own ancestor"),
    "an inner node without children": (("a", "x"), (-1, -1), 1, "the inner node 'x' has no children"),
    "more nodes than can be compared": (("a",) * 10**6, (-1,) * 10**6, 10**6, "has at most 10,000"),
    "more levels than anybody has": (
        tuple(map(str, range(8_001))),
        (*range(1, 8_001), -1),
        1,
        "8,001 levels; a class tree has at most 500",
    ),
}


@pytest.mark.parametrize("case", NOT_TREES)
def test_the_constructor_refuses_what_is_not_a_tree(case: str) -> None:
    names, parents, classes, sentence = NOT_TREES[case]
    with pytest.raises(ValidationError, match=sentence):
        ClassTree(names=names, parents=parents, classes=classes)


CLASS_LISTS = {
    "plain": "0:sky\n1:road\n",
    "no newline at the end": "0:sky\n1:road",
    "any order": "1:road\n0:sky\n",
    "blank lines": "\n0:sky\n  \n\n1:road\n\n",
    "Windows line ends": "0:sky\r\n1:road\r\n",
    "byte order mark": "\ufeff0:sky\n1:road\n",
    "spaces": "  0 :  sky \n 1:\troad\n",
}


@pytest.mark.parametrize("case", CLASS_LISTS)
def test_class_lists_that_say_the_same(tmp_path: Path, case: str) -> None:
    assert read_class_names(put(tmp_path, CLASS_LISTS[case])) == ("sky", "road")


def test_a_name_may_contain_colons_and_letters_of_any_language(tmp_path: Path) -> None:
    assert read_class_names(put(tmp_path, "0:road: left\n1:Straße\n2:道路\n")) == ("road: left", "Straße", "道路")


BAD_CLASS_LISTS: dict[str, tuple[str | bytes, str]] = {
    "no colon": ("0:sky\n1 road\n", "line 2: found '1 road', expected 'id:name', such as '0:sky'"),
    "no name": ("0:sky\n1:  \n", "line 2: found '1:', expected 'id:name'"),
    "no id": ("0:sky\n:road\n", "line 2: found ':road', expected 'id:name'"),
    "a word as id": ("0:sky\none:road\n", "line 2: found 'one:road', expected 'id:name'"),
    "a negative id": ("-1:void\n0:sky\n", "line 1: found '-1:void', expected 'id:name'"),
    "a digit that is no number": ("\u00b2:sky\n", "line 1: found '\u00b2:sky', expected 'id:name'"),
    "thousands of digits": (f"{'9' * 5000}:sky\n", "line 1: found '9999"),
    "an id twice": ("0:sky\n1:road\n\n1:car\n", "line 4: the id 1 is given a second time"),
    "an id twice, spelt differently": ("0:sky\n00:road\n", "line 2: the id 0 is given a second time"),
    "a name twice": ("0:sky\n1:road\n2: sky\n", "line 3: the name 'sky' is given a second time"),
    "a gap": ("0:sky\n3:road\n", "ids must run from 0 without gaps, but ids 1, 2 are missing"),
    "a huge gap": ("0:sky\n999999999:void\n", "but ids 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 are missing"),
    "counted from one": ("1:sky\n2:road\n", "ids must run from 0 without gaps, but ids 0 are missing"),
    "empty": ("", "it has no classes"),
    "nothing but space": ("\n \n", "it has no classes"),
    "not text": (b"0:sk\xff\n", "cannot read the class list"),
}


@pytest.mark.parametrize("case", BAD_CLASS_LISTS)
def test_class_lists_that_are_refused(tmp_path: Path, case: str) -> None:
    content, sentence = BAD_CLASS_LISTS[case]
    path = put(tmp_path, content)
    with pytest.raises(TreeError) as refusal:
        read_class_names(path)
    assert sentence in str(refusal.value)
    assert str(refusal.value).startswith(str(path))
    assert len(str(refusal.value)) < len(str(path)) + 300


def test_files_that_cannot_be_opened(tmp_path: Path) -> None:
    for path in (tmp_path / "missing", tmp_path):
        with pytest.raises(TreeError, match="cannot read the class list"):
            read_class_names(path)
        with pytest.raises(TreeError, match="cannot read the class tree"):
            read_tree(path, NAMES)


def test_the_tree_file_may_start_with_a_byte_order_mark_and_name_its_root_freely(tmp_path: Path) -> None:
    text = json.dumps({"everything": DOCUMENT["root"]}, indent=2).replace("\n", "\r\n")
    assert read_tree(put(tmp_path, "\ufeff" + text), NAMES) == TREE


def test_an_inner_node_may_be_called_like_the_root(tmp_path: Path) -> None:
    tree = tree_of(tmp_path, {"root": {"root": {"a": {}}, "b": {}, "c": {}, "d": {}}})
    assert tree.names == (*NAMES, "root")


BELOW: dict[str, Any] = {"b": {}, "c": {}, "d": {}}  # what the documents below have in common
BAD_TREES: dict[str, tuple[Any, str]] = {
    "not JSON": ('{"root": ', "cannot read the class tree"),
    "not text": (b'{"root": {"a\xff": {}}}', "cannot read the class tree"),
    "nested too deeply": ('{"a":' * 100_000, "cannot read the class tree"),
    "a number of thousands of digits": ("9" * 5000, "cannot read the class tree"),
    "a list": (["a"], "expected one root key"),
    "a word": ("root", "expected one root key"),
    "nothing": ({}, "expected one root key"),
    "two roots": ({"root": {"a": {}}, "other": BELOW}, "expected one root key"),
    "a root that is a list": ({"root": ["a", "b"]}, "expected one root key"),
    "a root that is null": ({"root": None}, "expected one root key"),
    "an empty root": ({"root": {}}, "these classes are not in the tree: a, b, c, d"),
    "a missing class": ({"root": {"b": {}, "x": {"c": {}}}}, "these classes are not in the tree: a, d"),
    "an unknown leaf": ({"root": {"a": {}, "e": {}, **BELOW}}, "the leaf 'e' is not in the class list"),
    "an inner node without children": (
        {"root": {"x": {}, "a": {}, **BELOW}},
        "the leaf 'x' is not in the class list",
    ),
    "a class with children": (
        {"root": {"a": {"d": {}}, "b": {}, "c": {}}},
        "the class 'a' has children; a class must be a leaf '{}'",
    ),
    "a class twice": ({"root": {"a": {}, "x": {"a": {}}, **BELOW}}, "the name 'a' occurs twice in the tree"),
    "an inner node twice": (
        {"root": {"x": {"a": {}}, "y": {"x": {"b": {}}}, "c": {}, "d": {}}},
        "the name 'x' occurs twice in the tree",
    ),
    "twins": (
        '{"root": {"x": {"a": {}}, "x": {"b": {}}, "c": {}, "d": {}}}',
        "these names occur twice under one parent: x",
    ),
    "twins deep down": (
        '{"root": {"x": {"a": {}, "a": {}}, "b": {}, "c": {}, "d": {}}}',
        "these names occur twice under one parent: a",
    ),
    **{
        f"a class that is {json.dumps(value)[:20]}": (
            {"root": {"a": value, **BELOW}},
            f"every node must be an object, '{{}}' for a class; found {repr(value)[:60]} at 'a'",
        )
        for value in (None, 0, 1, False, True, "", "x", [], ["x"], 0.5, "long" * 1000)
    },
    "an inner node that is a list": (
        {"root": {"x": ["a"], **BELOW}},
        "every node must be an object, '{}' for a class; found ['a'] at 'x'",
    ),
}


@pytest.mark.parametrize("case", BAD_TREES)
def test_trees_that_are_refused(tmp_path: Path, case: str) -> None:
    document, sentence = BAD_TREES[case]
    raw = isinstance(document, bytes) or (isinstance(document, str) and document != "root")
    path = put(tmp_path, document if raw else json.dumps(document))
    with pytest.raises(TreeError) as refusal:
        read_tree(path, NAMES)
    assert sentence in str(refusal.value)
    assert str(refusal.value).startswith(str(path))
    assert len(str(refusal.value)) < len(str(path)) + 300


def test_how_unicode_composes_an_accent_does_not_count(tmp_path: Path) -> None:
    one, two = "caf\u00e9", "cafe\u0301"
    for spelled in (one, two):
        assert read_class_names(put(tmp_path, f"0:{spelled}\n1:bar\n")) == (one, "bar")
        for other in (one, two):
            tree = tree_of(tmp_path, {"root": {"town": {other: {}, "bar": {}}}}, names=(spelled, "bar"))
            assert tree.names == (spelled, "bar", "town"), "as the checkpoint has it"
    with pytest.raises(TreeError, match="the name 'caf\u00e9' is given a second time"):
        read_class_names(put(tmp_path, f"0:{one}\n1:{two}\n"))
    with pytest.raises(TreeError, match="the name 'caf\u00e9' occurs twice in the tree"):
        tree_of(tmp_path, {"root": {one: {}, two: {}}}, names=(one, "bar"))


def test_a_class_list_with_twins_cannot_have_a_tree(tmp_path: Path) -> None:
    with pytest.raises(TreeError, match="two classes of the class list have the same name"):
        tree_of(tmp_path, DOCUMENT, ("a", "a"))


def test_a_chain_of_hundreds_of_nodes_is_a_tree(tmp_path: Path) -> None:
    document: dict[str, Any] = {"a": {}}
    for depth in range(300):
        document = {f"n{depth}": document}
    tree = tree_of(tmp_path, {"root": document}, ("a",))
    assert (tree.nodes, tree.max_depth) == (301, 301)


def test_long_lists_and_trees_are_refused_soon_and_in_a_sentence(tmp_path: Path) -> None:
    long = "x" * 30_000
    many = [f"class {index}" for index in range(100_000)]
    lists = {
        "twins": "".join(f"{index}:{long}\n" for index in range(2)),
        "many, and a twin": "".join(f"{index}:{name}\n" for index, name in enumerate([*many, many[7]])),
    }
    for text in lists.values():
        with pytest.raises(TreeError, match="is given a second time") as error:
            read_class_names(put(tmp_path, text))
        assert len(str(error.value)) < 500
    with pytest.raises(TreeError, match="100,000 nodes; a class tree has at most 10,000"):
        flat_tree(read_class_names(put(tmp_path, "".join(f"{index}:{name}\n" for index, name in enumerate(many)))))
    flat: dict[str, object] = {name: {} for name in many}
    for document, names in (
        ({"root": flat}, tuple(many)),
        ({"root": {long: 1}}, NAMES),
        ({"root": {long: {}}}, NAMES),
        ({"root": {long: {name: {} for name in NAMES}, "other": {long: {}}}}, NAMES),
        ({"root": {}}, (long, *many)),
    ):
        with pytest.raises(TreeError) as error:
            tree_of(tmp_path, document, names)
        assert len(str(error.value)) < 1_000
    wide = build_tree(
        {name: {"a" + name: {}, "b" + name: {}} for name in many[:3_000]},
        [kind + name for name in many[:3_000] for kind in "ab"],
        origin="x",
    )
    with pytest.raises(TreeError, match="and 2950 more") as error:
        wide.level_of("nothing")
    assert len(str(error.value)) < 5_000


@pytest.mark.parametrize(
    ("names", "background"),
    [
        (("a", "background"), 1),
        (("Background", "background"), 1),
        (("Background", "b"), 0),
        (("a", "BACKGROUND"), None),
    ],
)
def test_the_background_is_the_class_that_is_called_so(names: tuple[str, ...], background: int | None) -> None:
    assert background_of(flat_tree(names)) == background


def test_an_inner_node_is_no_background() -> None:
    assert background_of(ClassTree(names=("a", "b", "background"), parents=(2, 2, -1), classes=2)) is None
