"""A class list beside the names that are known for its ids: the same, other words, or other ids."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hypsegcli.cli.class_list import check_class_list, check_converted_names
from hypsegcli.errors import UsageError

KNOWN = ("sky", "road", "pavement", "traffic light")


def check(*listed: str, maps: Path | None = None) -> str | None:
    return check_class_list(Path("mine.txt"), listed, KNOWN, maps=maps)


def refusal(*listed: str, maps: Path | None = None) -> str:
    with pytest.raises(UsageError) as caught:
        check(*listed, maps=maps)
    return str(caught.value)


@pytest.mark.parametrize("last", ["traffic light", "Traffic_Light", "traffic-light", "TrafficLight"])
def test_the_same_names_are_fine_however_they_are_spelled(last: str) -> None:
    assert check("Sky", "road", "pavement", last) is None


def test_some_other_words_are_taken_and_told() -> None:
    sentence = check("sky", "road", "sidewalk", "signal")
    assert sentence is not None
    assert "other names than the checkpoint for 2 ids" in sentence
    assert "'sidewalk' for 'pavement', 'signal' for 'traffic light'" in sentence


@pytest.mark.parametrize("listed", [("banana", "a", "b", "c"), ("sky", "a", "b", "c")])
def test_other_classes_are_refused(listed: tuple[str, ...]) -> None:
    """Though they are as many."""
    sentence = refusal(*listed)
    first = "0 is 'banana' there and 'sky'" if listed[0] == "banana" else "1 is 'a' there and 'road'"
    assert sentence.startswith(f"--classes mine.txt: {first} to the checkpoint")
    assert "leave out --classes" in sentence
    assert "--map" in sentence


@pytest.mark.parametrize("listed", [KNOWN[::-1], ("road", "sky", *KNOWN[2:]), (*KNOWN[1:], KNOWN[0])])
def test_another_order_is_refused_with_the_map_that_leads_to_the_known_one(listed: tuple[str, ...]) -> None:
    for maps, option, (source, target) in (
        (None, "--map", (listed, KNOWN)),
        (Path("maps/a.png"), "--prediction-map", (KNOWN, listed)),
    ):
        sentence = refusal(*listed, maps=maps)
        assert f"a file for {option}, a line each: " in sentence
        lines = {int(a): int(b) for a, b in re.findall(r"(\d+):(\d+)", sentence)}
        assert [source[index] for index in range(4)] == [target[lines.get(index, index)] for index in range(4)]


def test_a_name_at_another_id_is_no_other_word() -> None:
    sentence = refusal("sky", "road", "Traffic Light", "bus")
    assert "2 is 'Traffic Light' there and 'pavement' to the checkpoint" in sentence
    assert sentence.endswith("2:3; 'bus' is no name of the checkpoint's")


def test_lists_of_other_lengths_are_refused() -> None:
    assert "has 3 classes, the checkpoint 4; translate ids with --map" in refusal(*KNOWN[:3])
    assert "has 3 classes, maps/a.png 4" in refusal(*KNOWN[:3], maps=Path("maps/a.png"))


def converted(*listed: str) -> str | None:
    return check_converted_names("--preset pascal", listed, KNOWN, file=Path("best.pth"))


def test_names_that_a_file_to_convert_has_are_not_overruled() -> None:
    assert converted("Sky", "road", "pavement", "traffic-light") is None
    sentence = converted("sky", "road", "sidewalk", "signal")
    assert sentence is not None
    assert sentence.startswith("the class list has other names than best.pth for 2 ids, 'sidewalk' for 'pavement'")
    for listed, said in (
        (KNOWN[::-1], "--preset pascal: 0 is 'traffic light' there and 'sky' to best.pth, where the same names stand"),
        (("a", "b", "c", "d"), "and 4 of 4 names differ; leave out --preset: the file's own names are taken then"),
        (KNOWN[:3], "--preset pascal: has 3 classes, best.pth 4; leave out --preset"),
    ):
        with pytest.raises(UsageError) as caught:
            converted(*listed)
        assert said in str(caught.value)
