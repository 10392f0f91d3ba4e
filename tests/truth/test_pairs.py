"""Files pair completely, or the message says which do not and what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hypsegcli.errors import PlanError, UsageError
from hypsegcli.truth.pairs import Pair, pair_files


def put(folder: Path, *names: str) -> Path:
    """Empty files: nothing here decodes them."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


def pair(tmp: Path, **options: Any) -> list[Pair]:
    return pair_files(masks=str(tmp / "masks"), images=str(tmp / "images"), predictions=None, **options)


def test_folders_pair_by_path_and_stem(tmp_path: Path) -> None:
    put(tmp_path / "images", "b.jpg", "a.10.jpg", "a.9.JPG", "sub/a.9.png", "notes.txt")
    put(tmp_path / "masks", "b.png", "a.10.png", "a.9.png", "sub/a.9.tif", ".hidden.png")
    found = pair(tmp_path)
    assert [p.key for p in found] == ["a.9", "a.10", "b", "sub/a.9"]
    assert found[3] == ("sub/a.9", tmp_path / "masks/sub/a.9.tif", tmp_path / "images/sub/a.9.png", None)


def test_patterns_and_lists_are_inputs_too(tmp_path: Path) -> None:
    put(tmp_path / "images", "a.jpg", "sub/b.jpg", "sub/b.png")
    put(tmp_path / "masks", "a.png", "sub/b.png", "c.png")
    (tmp_path / "masks" / "list.txt").write_text("sub/b.png\na.png\n")
    found = pair_files(
        masks=f"@{tmp_path / 'masks/list.txt'}", images=str(tmp_path / "images/**/*.jpg"), predictions=None
    )
    assert [(p.key, p.image) for p in found] == [
        ("sub/b", tmp_path / "images/sub/b.jpg"),
        ("a", tmp_path / "images/a.jpg"),
    ]


@pytest.mark.parametrize("ending", ["", "_mask"])
def test_a_single_file_pairs_with_a_single_file(tmp_path: Path, ending: str) -> None:
    put(tmp_path, "street.jpg", "truth_mask.png", "found.png")
    image, mask, labels = (str(tmp_path / name) for name in ("street.jpg", "truth_mask.png", "found.png"))
    options: dict[str, Any] = {"image_suffix": "_image", "mask_suffix": ending}
    assert pair_files(masks=mask, images=image, predictions=None, **options) == [
        Pair("street", Path(mask), Path(image), None)
    ]
    assert pair_files(masks=mask, images=None, predictions=Path(labels), **options) == [
        Pair("found", Path(mask), None, Path(labels))
    ]
    assert pair_files(masks=mask, images=image, predictions=Path(labels), **options) == [
        Pair("street", Path(mask), Path(image), Path(labels))
    ]


def test_a_single_file_found_in_a_folder_has_to_fit(tmp_path: Path) -> None:
    put(tmp_path / "images", "a.jpg")
    put(tmp_path / "masks", "b.png")
    with pytest.raises(PlanError, match="1 of 1 images without masks"):
        pair(tmp_path)
    with pytest.raises(PlanError, match="1 of 1 images without masks"):
        pair_files(masks=str(tmp_path / "masks/b.png"), images=str(tmp_path / "images"), predictions=None)
    with pytest.raises(PlanError, match="1 of 1 images without masks"):
        pair_files(masks=str(tmp_path / "masks"), images=str(tmp_path / "images/a.jpg"), predictions=None)


def test_endings_are_left_out_of_the_key(tmp_path: Path) -> None:
    put(tmp_path / "images", "ulm/u_1_leftImg8bit.png", "ulm/u_1_depth.png", "ulm/_leftImg8bit.png")
    put(tmp_path / "masks", "ulm/u_1_gtFine_labelIds.png", "ulm/u_1_gtFine_color.png")
    (only,) = pair(tmp_path, image_suffix="_leftImg8bit", mask_suffix="_gtFine_labelIds")
    assert only.key == "ulm/u_1"
    assert only.image == tmp_path / "images/ulm/u_1_leftImg8bit.png"
    assert only.mask == tmp_path / "masks/ulm/u_1_gtFine_labelIds.png"


def test_an_ending_that_no_file_has(tmp_path: Path) -> None:
    put(tmp_path / "images", "a.png")
    put(tmp_path / "masks", "a_mask.png", "b_mask.png")
    advice = r"masks: none of the 2 masks ends in _labels, such as a_mask\.png; mask_suffix is"
    with pytest.raises(PlanError, match=advice):
        pair(tmp_path, mask_suffix="_labels")


def test_label_maps_lie_in_labels_or_in_the_folder_itself(tmp_path: Path) -> None:
    put(tmp_path / "masks", "a.png", "sub/b.png")
    put(tmp_path / "run", "labels/a.png", "labels/sub/b.png", "confidence/a.png", "overlay/a.jpg")
    for folder in (tmp_path / "run", tmp_path / "run/labels"):
        found = pair_files(masks=str(tmp_path / "masks"), images=None, predictions=folder)
        assert [(p.key, p.image, p.labels) for p in found] == [
            ("a", None, tmp_path / "run/labels/a.png"),
            ("sub/b", None, tmp_path / "run/labels/sub/b.png"),
        ]


def test_label_maps_are_named_after_images_or_not(tmp_path: Path) -> None:
    put(tmp_path / "masks", "a_gt.png", "b_gt.png")
    put(tmp_path / "images", "a_rgb.jpg", "b_rgb.jpg", "b_depth.jpg")
    put(tmp_path / "run", "a_rgb.png", "b.png")
    found = pair_files(
        masks=str(tmp_path / "masks"),
        images=str(tmp_path / "images"),
        predictions=tmp_path / "run",
        image_suffix="_rgb",
        mask_suffix="_gt",
    )
    assert [(p.key, p.mask.name, p.image and p.image.name, p.labels and p.labels.name) for p in found] == [
        ("a", "a_gt.png", "a_rgb.jpg", "a_rgb.png"),
        ("b", "b_gt.png", "b_rgb.jpg", "b.png"),
    ]


@pytest.mark.parametrize("lacking", ["masks", "run", "images"])
def test_every_side_must_be_complete(tmp_path: Path, lacking: str) -> None:
    for side in ("masks", "run", "images"):
        put(tmp_path / side, "a.png", *(["b.png"] if side != lacking else []))
    with pytest.raises(PlanError, match=r"1 of 2 .* without .*: \S*b\.png; files pair by"):
        pair_files(masks=str(tmp_path / "masks"), images=str(tmp_path / "images"), predictions=tmp_path / "run")


def test_files_without_a_partner_are_listed_on_both_sides(tmp_path: Path) -> None:
    put(tmp_path / "images", "both.jpg", *(f"i{number}.jpg" for number in range(20)))
    put(tmp_path / "masks", "both.png", *(f"m{number}.png" for number in range(23)))
    with pytest.raises(PlanError) as caught:
        pair(tmp_path)
    text = str(caught.value)
    assert "20 of 21 images without masks: " in text
    assert "23 of 24 masks without images: " in text
    assert all(f"{tmp_path / 'images'}/i{number}.jpg" in text for number in range(20))
    assert "i19.jpg; 23" in text
    assert "m19.png and 3 more; files pair by their path" in text
    assert "m20.png" not in text
    assert "both." not in text
    assert text.endswith("rename the files or remove those that are not wanted")


def test_two_files_of_one_key(tmp_path: Path) -> None:
    put(tmp_path / "images", "a.jpg", "a.png", "b.jpg", "sub/a.jpg")
    put(tmp_path / "masks", "a.png", "b.png", "sub/a.png")
    listed = r"1 images are there twice under one name: \S*/a\.jpg and \S*/a\.png; files pair by"
    with pytest.raises(PlanError, match=listed):
        pair(tmp_path)


def test_two_files_of_one_key_without_their_ending(tmp_path: Path) -> None:
    put(tmp_path / "masks", "a.png")
    put(tmp_path / "run", "a.png", "a_rgb.png")
    with pytest.raises(PlanError, match="1 label maps are there twice"):
        pair_files(masks=str(tmp_path / "masks"), images=None, predictions=tmp_path / "run", image_suffix="_rgb")


HINTS = {
    "mask": (["a.jpg", "b.jpg"], ["a_mask.png", "b_mask.png"], "mask_suffix=_mask"),
    "image": (["x/a-rgb.jpg", "b-rgb.jpg"], ["x/a.png", "b.png"], "image_suffix=-rgb"),
    "one word": (["0001.jpg", "0002.jpg"], ["0001m.png", "0002m.png"], "mask_suffix=m"),
    "beginnings alike": (
        ["a_left.jpg", "b_left.jpg"],
        ["a_label.png", "b_label.png"],
        "image_suffix=_left mask_suffix=_label",
    ),
    "no separator": (["1left.jpg", "2left.jpg"], ["1mask.png", "2mask.png"], "image_suffix=left mask_suffix=mask"),
    "several": (
        ["u/a_1_leftImg8bit.png", "u/a_10_leftImg8bit.png"],
        [f"u/a_{n}_gtFine_{kind}.png" for n in (1, 10) for kind in ("color", "labelIds")],
        "image_suffix=_leftImg8bit mask_suffix=_gtFine_color or with "
        "image_suffix=_leftImg8bit mask_suffix=_gtFine_labelIds",
    ),
}


@pytest.mark.parametrize("case", HINTS)
def test_endings_that_would_fit_are_named(tmp_path: Path, case: str) -> None:
    images, masks, options = HINTS[case]
    put(tmp_path / "images", *images)
    put(tmp_path / "masks", *masks)
    with pytest.raises(PlanError) as caught:
        pair(tmp_path)
    assert str(caught.value).endswith(f" 2 of 2 images would find their masks with {options}")
    given = dict(word.split("=") for word in options.split(" or with ")[0].split())
    assert len(pair(tmp_path, **given)) == 2  # the advice works


def test_endings_add_to_those_given(tmp_path: Path) -> None:
    put(tmp_path / "images", "a.jpg", "b.jpg", "c.jpg")
    put(tmp_path / "masks", "a_gt_ids.png", "b_gt_ids.png", "c_gt_ids.png")
    with pytest.raises(PlanError, match=r"3 of 3 images would find their masks with mask_suffix=_gt_ids$"):
        pair(tmp_path, mask_suffix="_ids")


def test_a_gap_does_not_hide_the_ending(tmp_path: Path) -> None:
    put(tmp_path / "images", "a.jpg", "b.jpg", "c.jpg", "d.jpg")
    put(tmp_path / "masks", "b_mask.png", "c_mask.png", "d_mask.png")
    with pytest.raises(PlanError, match=r"3 of 4 images would find their masks with mask_suffix=_mask$"):
        pair(tmp_path)


def test_the_ending_is_found_among_many(tmp_path: Path) -> None:
    put(tmp_path / "images", *(f"f{number:02}.jpg" for number in range(50)))
    put(tmp_path / "masks", *(f"f{number:02}_mask.png" for number in range(50)))
    with pytest.raises(PlanError, match=r"50 of 50 images would find their masks with mask_suffix=_mask$"):
        pair(tmp_path)


@pytest.mark.parametrize(
    ("images", "masks"),
    [
        (["f_1.jpg", "g_1.jpg"], ["f_2.png", "g_2.png"]),  # numbers tell pictures apart
        (["a_day.jpg"], ["a_night.png"]),  # one pair proves nothing
        (["a.jpg", "b.jpg", "c.jpg"], ["a.png", "b.png", "d.png"]),
        (["a.jpg", "b.jpg", "c.jpg"], ["a.png", "b_x.png", "d.png"]),
        (["a.jpg", "b.jpg"], ["x/a.png", "x/b.png"]),
        (["s_a.jpg", "t_a.jpg"], ["s_a/x.png", "t_a/x.png"]),
        ([*"abcd"], [*"uv", "a_m", "b_m"]),  # no more than half
    ],
)
def test_endings_are_not_guessed(tmp_path: Path, images: list[str], masks: list[str]) -> None:
    put(tmp_path / "images", *(name if "." in name else f"{name}.jpg" for name in images))
    put(tmp_path / "masks", *(name if "." in name else f"{name}.png" for name in masks))
    with pytest.raises(PlanError, match=r"rename the files or remove those that are not wanted$"):
        pair(tmp_path)


@pytest.mark.parametrize(
    ("suffix", "way"),
    [("jpg", r"choose these alone by a quoted pattern such as '\*\.jpg'$"), ("png", "put them apart$")],
)
def test_masks_among_the_images_are_told_with_a_way_out(tmp_path: Path, suffix: str, way: str) -> None:
    both = str(put(tmp_path / "both", f"a.{suffix}", f"b.{suffix}", "a_mask.png", "b_mask.png"))
    with pytest.raises(PlanError, match=rf"2 of 4 images without masks: .*; masks lie among the images: {way}"):
        pair_files(masks=both, images=both, predictions=None, mask_suffix="_mask")
    if suffix == "jpg":
        assert len(pair_files(masks=both, images=f"{both}/*.jpg", predictions=None, mask_suffix="_mask")) == 2


def test_nothing_to_judge(tmp_path: Path) -> None:
    put(tmp_path / "masks", "a.png")
    with pytest.raises(UsageError, match="name the images, or a folder of label maps with predictions"):
        pair_files(masks=str(tmp_path / "masks"), images=None, predictions=None)


def test_missing_folders_are_named(tmp_path: Path) -> None:
    put(tmp_path / "masks", "a.png")
    with pytest.raises(PlanError, match="nowhere: there is no such file or folder"):
        pair_files(masks=str(tmp_path / "masks"), images=None, predictions=tmp_path / "nowhere")


def test_names_pair_however_their_letters_are_composed(tmp_path: Path) -> None:
    """As where a folder was copied from a Mac."""
    composed, apart = "Caf\u00e9", "Cafe\u0301"
    put(tmp_path / "images", f"{apart}_\u00fc.jpg", "b_\u00fc.jpg")
    put(tmp_path / "masks", f"{composed}.png", "b.png")
    found = pair(tmp_path, image_suffix="_u\u0308")
    assert [(p.key, p.image and p.image.name) for p in found] == [
        ("b", "b_\u00fc.jpg"),
        (composed, f"{apart}_\u00fc.jpg"),
    ]
    put(tmp_path / "images", f"{composed}_\u00fc.jpg")
    with pytest.raises(PlanError, match=r"Cafe\\u0301_\\xfc\.jpg' and .*Caf\\xe9_|Caf\\xe9_.*Cafe\\u0301"):
        pair(tmp_path, image_suffix="_\u00fc")
