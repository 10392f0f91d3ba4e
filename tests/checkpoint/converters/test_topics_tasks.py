"""Which row of TOPICS' classifier is which node, by its task files."""

from pathlib import Path

import pytest

from hypsegcli.checkpoint.converters.topics_tasks import read_tasks
from hypsegcli.errors import TreeError
from hypsegcli.hierarchy.tree import ROOT

# Shaped as the project's own: nodes before what divides them, a group without classes yet, names that repeat.
TASKS = """,class,gt_id,start,end
0,root--void,{0},1,20
1,root--ground,"{7,8}",1,2
2,root--thing,{},1,20
3,root--later,{},1,20
4,root--thing--car,{26},1,20
5,root--ground--road,{7},2,20
6,root--ground--other,{8},2,20
7,root--later--other,{9},2,20
255,ignore,"{-1, 1}",0,20
"""


def write(folder: Path, text: str = TASKS, name: str = "l24_increment.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_classes_come_first_each_step_with_what_it_knows(tmp_path: Path) -> None:
    tasks = read_tasks(write(tmp_path))
    tree, order, both = tasks.rows([5])
    assert tree.names == ("void", "ground", "car", "thing")  # `later` never wins, and stands above nothing
    assert tree.parents == (ROOT, ROOT, 3, ROOT)
    assert order == (0, 1, 4, 2)
    tree, order, both = tasks.rows([5, 3])
    assert tree.names == ("void", "car", "road", "ground--other", "later--other", "ground", "thing", "later")
    assert tree.parents == (ROOT, 6, 5, 5, 7, ROOT, ROOT, ROOT)
    assert order == (0, 4, 5, 6, 7, 1, 2, 3)
    assert both == ()


def test_a_classifier_without_void_is_known_by_its_rows(tmp_path: Path) -> None:
    tree, order, _ = read_tasks(write(tmp_path)).rows([4, 3])
    assert "void" not in tree.names
    assert order == (3, 4, 5, 6, 0, 1, 2)


def test_a_group_that_the_file_has_as_a_class_too_is_named(tmp_path: Path) -> None:
    longer = TASKS.replace('"{7,8}",1,2', '"{7,8}",1,20')
    assert read_tasks(write(tmp_path, longer)).rows([5, 3]).both == ("ground",)
    # Files of whole classes, l2_ and not l24_, divide none.
    assert read_tasks(write(tmp_path, name="l2_increment.csv")).rows([5, 3]).both == ("ground",)


def test_a_class_that_was_divided_and_has_nothing_below_is_left_out(tmp_path: Path) -> None:
    text = TASKS.replace("root--ground--", "root--")
    assert "ground" not in read_tasks(write(tmp_path, text)).rows([5, 3]).tree.names
    assert "ground" in read_tasks(write(tmp_path, text)).rows([5]).tree.names


@pytest.mark.parametrize("sizes", [[6], [5, 2], [3, 3], [5, 3, 1]])
def test_other_steps_than_those_of_the_file_are_refused(sizes: list[int], tmp_path: Path) -> None:
    with pytest.raises(TreeError, match=r"l24_increment\.csv: has 5.* nodes, but the classifier"):
        read_tasks(write(tmp_path)).rows(sizes)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "expected the columns"),
        ("a,b\n1,2\n", "expected the columns class, end, gt_id, start"),
        (TASKS.replace("{26},1,20", "{26},one,20"), "line 6: expected a class"),
        (TASKS.replace("{26},1,20", "{26}"), "line 6: expected a class"),
        (TASKS.replace("2,root--thing,{},1", "2,root--thing,{},2"), "line 5: starts in step 1, before"),
        (TASKS.replace("root--later,", "root--void,"), "twice"),
    ],
)
def test_what_is_no_task_file_is_refused(text: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(TreeError, match=words):
        read_tasks(write(tmp_path, text))


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TreeError, match="cannot read the task file"):
        read_tasks(tmp_path / "none.csv")
