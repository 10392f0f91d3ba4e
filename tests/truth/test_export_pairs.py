"""Which image a mask in an export is of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support import photograph
from support.labelled_runs import refused

from hypsegcli.annotation.export import Export
from hypsegcli.annotation.labels import LabelMap
from hypsegcli.annotation.masks import AnnotatedMask
from hypsegcli.truth.export_pairs import export_at, masks_of


class Known(Export):
    """An export of some keys."""

    tool = "a tool"
    labels = ("road",)

    def __init__(self, *keys: str, empty: tuple[str, ...] = (), blank: tuple[str, ...] = ()) -> None:
        self.origin, self.keys, self.empty, self.blank = Path("e.json"), keys, empty, blank

    def decode(self, key: str) -> LabelMap:
        return np.ones((2, 3), np.uint16)


def match(
    export: Export, *images: str, single: bool = False, listed: bool = False, with_empty: bool = False
) -> tuple[dict[str, str], list[str]]:
    told: list[str] = []
    files = {image: Path(f"photos/{image}.jpg") for image in images}
    masks = masks_of(export, files, single=single, listed=listed, with_empty=with_empty, tell=told.append)
    assert all(isinstance(mask, AnnotatedMask) for mask in masks.values())
    return {image: mask.key for image, mask in masks.items() if isinstance(mask, AnnotatedMask)}, told


def test_names_that_agree_pair_first() -> None:
    assert match(Known("a", "s/a"), "a", "s/a") == ({"a": "a", "s/a": "s/a"}, [])


def test_names_that_end_alike_pair() -> None:
    """As where a tool was given the files without their folders, or with more of them."""
    assert match(Known("a", "photos/s/b"), "day/a", "s/b")[0] == {"day/a": "a", "s/b": "photos/s/b"}


@pytest.mark.parametrize("folder", ["", "photos/"])
def test_accents_may_be_composed_or_not(folder: str) -> None:
    """As a Mac names files, and others do."""
    composed, decomposed = "br\N{LATIN SMALL LETTER U WITH DIAERESIS}cke", "bru\N{COMBINING DIAERESIS}cke"
    for one, other in ((composed, decomposed), (decomposed, composed), (decomposed, decomposed)):
        assert match(Known(folder + one), other)[0] == {other: folder + one}


def test_where_nobody_has_labelled_anything_that_is_said() -> None:
    assert "nobody has labelled anything in it yet" in refused(lambda: match(Known(), "a", "b"))
    assert "nobody has labelled anything in it yet" in refused(lambda: match(Known(empty=("a",)), "a", "b"))


def test_a_name_that_only_ends_in_the_same_letters_is_another() -> None:
    assert "are not among the images" in refused(lambda: match(Known("a"), "ba"))
    assert "are not among the images" in refused(lambda: match(Known("x/a"), "y/a"))


def test_a_name_that_several_images_end_in_is_refused() -> None:
    sentence = refused(lambda: match(Known("a"), "day/a", "night/a"))
    assert "several images may be meant by a (day/a, night/a)" in sentence
    assert "may be meant" in refused(lambda: match(Known("day/a", "a"), "day/a"))


def test_a_name_that_others_end_in_too_is_doubtful() -> None:
    """A tool that was given june's photographs without their folder knows them by the names of others."""
    sentence = refused(lambda: match(Known("a", "b"), "a", "june/a", "b"))
    assert "several images may be meant by a (a, june/a)" in sentence
    assert "leave out those that the tool was not given" in sentence
    assert "may be meant by s/a (s/a, p/s/a)" in refused(lambda: match(Known("s/a"), "s/a", "p/s/a", "a"))
    assert "may be meant by a" in refused(lambda: match(Known("a", "june/b"), "a", "june/a", "june/b"))


@pytest.mark.parametrize("other", ["june/a", "photos/june/a"])
@pytest.mark.parametrize("state", ["keys", "empty", "blank"])
def test_a_name_is_its_image_s_where_the_export_names_the_others(other: str, state: str) -> None:
    """Also where nobody has labelled anything in these."""
    keys, rest = (("a", other), {}) if state == "keys" else (("a",), {state: (other,)})
    found, _ = match(Known(*keys, **rest), "a", "june/a")
    assert found == {"a": "a"} | ({} if state == "empty" else {"june/a": other})


def test_of_images_that_a_name_ends_in_the_longest_is_meant() -> None:
    assert match(Known("p/b/a"), "a", "b/a")[0] == {"b/a": "p/b/a"}
    assert match(Known("p/a", "p/b/a", "p/c/b/a"), "a", "b/a", "c/b/a")[0] == {
        "a": "p/a",
        "b/a": "p/b/a",
        "c/b/a": "p/c/b/a",
    }
    assert "may be meant" in refused(lambda: match(Known("b/a"), "a", "x/b/a"))
    assert "may be meant" in refused(lambda: match(Known("p/b/a", "b/a"), "a", "b/a"))


def test_images_without_labels_are_left_out_and_counted() -> None:
    found, told = match(Known("b"), "a", "b", "c")
    assert found == {"b": "b"}
    assert told == ["left out: 2 of 3 images, of which e.json has no labels"]


def test_masks_whose_images_moved_are_named() -> None:
    sentence = refused(lambda: match(Known("a", "gone", "lost"), "a", "b"))
    assert sentence.startswith("2 of 3 images in e.json are not among the images that were named: gone, lost")


def test_one_image_is_that_of_one_mask() -> None:
    assert match(Known("x"), "a", single=True)[0] == {"a": "x"}


def test_images_in_which_nobody_labelled_anything_count_where_that_is_said() -> None:
    found, told = match(Known("a", empty=("b",)), "a", "b")
    assert (found, len(told)) == ({"a": "a"}, 2)
    assert told[0].startswith("e.json: left out: 1 image in which nobody labelled anything, such as b")
    assert match(Known("a", empty=("b",)), "a", "b", with_empty=True) == ({"a": "a", "b": "b"}, [])


def test_images_that_are_listed_without_a_mask_count(tmp_path: Path) -> None:
    """And what is no longer there was nobody's work."""
    found, told = match(Known("a", blank=("b", "gone")), "day/a", "day/b", "day/c")
    assert found == {"day/a": "a", "day/b": "b"}
    assert told == [
        "left out: 1 of 3 images, of which e.json has no labels",
        "e.json: left out: 1 image that it lists without a mask, and not among those that were named, such as gone",
    ]
    assert "may be meant" in refused(lambda: match(Known("x/a", blank=("b",)), "x/a", "day/b", "night/b"))
    files = {"b": tmp_path / "b.jpg", "a": tmp_path / "a.jpg"}
    masks = masks_of(Known("a", blank=("b",)), files, single=False, listed=False, with_empty=False, tell=told.append)
    assert {key: mask.picture for key, mask in masks.items() if isinstance(mask, AnnotatedMask)} == files


def test_a_list_may_name_some_of_the_images() -> None:
    """And a folder may not, from which some have moved, perhaps."""
    found, told = match(Known("s/a", "s/b", "s/c", blank=("d",)), "b", "e", listed=True)
    assert found == {"b": "s/b"}
    assert told == [
        "left out: 1 of 2 images, of which e.json has no labels",
        "e.json: left out: 1 image that it lists without a mask, and not among those that were named, such as d",
        "e.json: left out: 2 images that are not listed, such as s/a",
    ]
    assert "2 of 3 images in e.json are not among" in refused(lambda: match(Known("a", "b", "c"), "b", "e"))
    assert "1 of 1 images in e.json are not among" in refused(lambda: match(Known("a"), "b", listed=True))
    assert "may be meant" in refused(lambda: match(Known("x/a", "y/a", "b"), "a", "b", listed=True))


def test_accents_that_are_characters_of_their_own_pair() -> None:
    """As in a zip that was made on a Mac; the export goes by its own spelling."""
    assert match(Known("u\u0308"), "\u00fc")[0] == {"\u00fc": "u\u0308"}


@pytest.mark.parametrize("name", ["photo.png", "@list.json", "*.json", "nowhere.zip"])
def test_other_masks_are_no_exports(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    photograph(tmp_path / "photo.png")
    assert export_at(name) is None
    assert export_at("s3://bucket/a.zip") is None
