"""Labels of classes: what is background, what is void, and which colour is whose."""

from __future__ import annotations

import numpy as np

from hypsegcli.annotation.labels import plan_labels

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


def test_without_a_background_every_class_has_a_label_and_void_has_none() -> None:
    labels = plan_labels(["sky", "road"], [RED, GREEN])
    assert labels.of(np.array([[0, 1, 2]])).tolist() == [[1, 2, 0]]
    assert labels.listed(holds_void=True) == [(1, "sky", RED), (2, "road", GREEN)]


def test_background_is_nothing_and_void_has_a_label_where_it_occurs() -> None:
    labels = plan_labels(["cell", "Background", "dirt"], [RED, GREEN, BLUE])
    assert labels.of(np.array([[0, 1, 2, 3]])).tolist() == [[1, 0, 2, 3]]
    assert [name for _, name, _ in labels.listed(holds_void=False)] == ["cell", "dirt"]
    assert [name for _, name, _ in labels.listed(holds_void=True)] == ["cell", "dirt", "void"]


def test_void_is_called_as_no_class_is() -> None:
    labels = plan_labels(["background", "Void", "unlabelled"], [RED, GREEN, BLUE])
    assert labels.names == ("Void", "unlabelled", "ignored")


def test_no_two_labels_have_one_colour_and_none_is_black() -> None:
    labels = plan_labels([f"class {number}" for number in range(400)], [(0, 0, 0)] * 400)
    assert len({*labels.colors}) == 400
    assert (0, 0, 0) not in labels.colors
    assert all(0 <= channel < 256 for color in labels.colors for channel in color)
