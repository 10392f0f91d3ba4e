"""The confusion matrix: where its cells stand, and what a large one leaves out."""

from __future__ import annotations

import pytest
from support.charts import HOSTILE_NAMES, at, check_name, check_room, of_class, parse, printable, tooltip, words
from support.reports import class_names, fake_report

from hypsegcli.report.page.confusion import confusion_matrix


def matrix(C: int, off: int = 0) -> list[list[int]]:
    return [[10_000 if i == j else off if j == (i + 1) % C else 0 for j in range(C)] + [0] for i in range(C)]


def test_cells_stand_in_the_row_of_truth_and_the_column_of_the_answer() -> None:
    root = parse(confusion_matrix([[75, 25, 0], [0, 1_000, 0]], ["sky", "road"]))
    cells = of_class(root, "rect", "cell")
    assert len(cells) == 3
    (x0, y0, size), (x1, y1, _), (x2, y2, _) = (at(cell, "x", "y", "width") for cell in cells)
    assert (x1 - x0, y1 - y0) == (size, 0)
    assert (x2 - x1, y2 - y1) == (0, size)
    assert [at(cell, "fill-opacity")[0] for cell in cells] == pytest.approx([0.75**0.5, 0.5, 1], abs=0.006)
    assert [tooltip(cell) for cell in cells] == [
        "sky answered as sky: 75.00 %, 75 pixels",
        "sky answered as road: 25.00 %, 25 pixels",
        "road answered as road: 100.00 %, 1,000 pixels",
    ]
    printed = [(each.text, *at(each, "x")) for each in root.iter("text") if each.get("class") in ("part", "full")]
    assert printed == [("75.0", x0 + size / 2), ("25.0", x1 + size / 2), ("100", x2 + size / 2)]
    assert [each.text for each in of_class(root, "text", "full")] == ["75.0", "100"]
    assert "none" not in words(root)
    frame = of_class(root, "rect", "frame")[0]
    assert at(frame, "x", "y", "width", "height") == (x0, y0, 2 * size, 2 * size)


def test_the_column_of_pixels_without_a_class_appears_when_it_is_used() -> None:
    root = parse(confusion_matrix([[6, 0, 2], [0, 0, 0]], ["sky", "road"]))
    assert words(root).count("none") == 1
    assert tooltip(of_class(root, "rect", "cell")[-1]) == "sky answered as none: 25.00 %, 2 pixels"
    _, _, width, height = at(of_class(root, "rect", "frame")[0], "x", "y", "width", "height")
    assert width == 1.5 * height


@pytest.mark.parametrize(("C", "numbers", "names"), [(25, 25, 50), (26, 0, 52), (40, 0, 80), (41, 0, 0)])
def test_large_matrices_leave_out_text(C: int, numbers: int, names: int) -> None:
    root = parse(confusion_matrix(matrix(C), [f"c{i}" for i in range(C)]))
    assert len(of_class(root, "rect", "cell")) == C
    assert sum(each.get("class") in ("part", "full") for each in root.iter("text")) == numbers
    assert sum(word.startswith("c") for word in words(root)) == names


def test_only_large_matrices_leave_out_faint_cells() -> None:
    def cells(C: int, off: int) -> int:
        return len(of_class(parse(confusion_matrix(matrix(C, off), [str(i) for i in range(C)])), "rect", "cell"))

    assert cells(40, 1) == 80
    assert cells(41, 10) == 41
    assert cells(41, 11) == 82


def test_shares_that_round_to_nothing_are_not_printed() -> None:
    for C, last, one in ((12, 4, "0.1"), (13, 49, "1")):
        counts = [[0] * (C + 1) for _ in range(C)]
        counts[0][0], counts[0][1] = 10_000 - last, last
        counts[1][1], counts[1][0] = 10_000 - last - 2, last + 2
        shown = words(parse(confusion_matrix(counts, ["n"] * C)))
        assert not {"0", "0.0"} & set(shown)
        assert shown.count(one) == 1


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_any_name_can_be_drawn(name: str) -> None:
    svg = confusion_matrix([[1, 1]], [name])
    check_name(svg, name)
    first, _ = of_class(parse(svg), "rect", "cell")
    assert tooltip(first) == f"{printable(name)} answered as {printable(name)}: 50.00 %, 1 pixels"


@pytest.mark.parametrize("C", [1, 2, 11, 40, 150])
def test_no_text_leaves_the_drawing(C: int) -> None:
    names = class_names(C)
    check_room(confusion_matrix(fake_report(names).segmentation.confusion, names))
