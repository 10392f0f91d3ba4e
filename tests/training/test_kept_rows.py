"""What is said of rows of a classifier that are kept, new and left behind."""

from __future__ import annotations

import pytest

from hypsegcli.training.kept_rows import KeptRows

LOST = "by another name: then give it the old one, or what was learned of it is lost"


def test_what_is_kept_new_and_left_behind_is_said() -> None:
    assert KeptRows("streets", ("road", "sky"), ("mud",), ("bicycle", "pole")).told() == [
        "kept of streets, by name: 2 of 3 rows of the classifier (road, sky)",
        "new to it, from chance: mud",
        "not taken over, for nothing here is called so: bicycle, pole",
    ]
    assert KeptRows("streets", (), ("mud", "snow"), ("sky",)).told() == [
        "streets knows none of these names: mud, snow; it knows sky; all 2 rows of the classifier begin anew"
    ]


@pytest.mark.parametrize(
    ("kept", "new", "dropped", "which"),
    [
        (("sky",), ("Nuclei",), ("nucleus", "cell"), "Nuclei may be nucleus"),
        (("sky",), ("street", "mud"), ("roads", "streets"), "street may be streets"),
        (("sky",), ("street",), ("road",), "street may be road"),  # nothing else is left of either list
        ((), ("road 1", "car 1"), ("road", "car"), "road 1 may be road, car 1 may be car"),
    ],
)
def test_a_name_that_was_changed_is_suspected(
    kept: tuple[str, ...], new: tuple[str, ...], dropped: tuple[str, ...], which: str
) -> None:
    assert KeptRows("one/best.safetensors", kept, new, dropped).told()[-1] == f"{which} {LOST}"
