"""Lists of what is validated on, for whoever scores it again."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.labelled_runs import annotate, blobs, make_run

from hypsegcli.training.val_lists import VAL_IMAGES, VAL_MASKS, evaluated_as, val_lists
from hypsegcli.truth.pairs import Pair, pair_files


def pair(folder: Path, key: str) -> Pair:
    files = [folder / kind / f"{key}.png" for kind in ("masks", "images")]
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"")
    mask, image = files
    return Pair(key, mask, image, None)


def test_they_name_the_same_pairs_from_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    pairs = [pair(Path("data"), key) for key in ("b", "day 2/a", "ü#")]
    (tmp_path / "run").mkdir()
    for name, text in val_lists(pairs, translated=True).items():
        (tmp_path / "run" / name).write_text(text)
    monkeypatch.chdir("/")
    images, masks = (f"@{tmp_path / 'run' / name}" for name in (VAL_IMAGES, VAL_MASKS))
    assert evaluated_as(tmp_path / "run", pairs, translated=True) == (images, masks)
    found = pair_files(masks=masks, images=images, predictions=None)
    assert [(one.mask, one.image) for one in found] == [
        (tmp_path / one.mask, tmp_path / one.image) for one in pairs if one.image
    ]


def test_links_into_a_store_are_listed_by_their_own_names(tmp_path: Path) -> None:
    """Which those of its files are not; links to folders are followed, so that one folder is named in one way."""
    pairs = [pair(tmp_path / "data", key) for key in "ab"]
    for file in [path for one in pairs for path in (one.mask, one.image) if path]:
        store = tmp_path / "store" / f"{len(list(tmp_path.rglob('*')))}"
        store.parent.mkdir(exist_ok=True)
        file.rename(store)
        file.symlink_to(store)
    assert val_lists(pairs, translated=True)[VAL_IMAGES] == "".join(f"{one.image}\n" for one in pairs)
    (tmp_path / "latest").symlink_to("data")
    linked = [
        Pair(key, tmp_path / f"latest/masks/{key}.png", tmp_path / f"latest/images/{key}.png", None) for key in "ab"
    ]
    assert val_lists(linked, translated=True) == val_lists(pairs, translated=True)
    for name, text in val_lists(pairs, translated=True).items():
        (tmp_path / name).write_text(text)
    found = pair_files(masks=f"@{tmp_path / VAL_MASKS}", images=f"@{tmp_path / VAL_IMAGES}", predictions=None)
    assert [(one.mask, one.image) for one in found] == [(one.mask, one.image) for one in pairs]


@pytest.mark.parametrize("keys", [("day1/a", "day2/a"), ("a\nb", "c")])
def test_what_a_list_cannot_name_is_not_listed(tmp_path: Path, keys: tuple[str, ...]) -> None:
    assert val_lists([pair(tmp_path, key) for key in keys], translated=True) == {}


def test_masks_by_other_ids_are_not_listed(tmp_path: Path) -> None:
    pairs = [pair(tmp_path, "a")]
    assert val_lists(pairs, translated=False) == {}
    assert evaluated_as(tmp_path, pairs, translated=False) is None


def test_images_of_an_export_are_listed_and_it_is_named_itself(tmp_path: Path) -> None:
    out = make_run(tmp_path / "run", ("road", "car"), {f"s/{key}": blobs(2) for key in "abc"})
    export = annotate(out, "coco")
    pairs = pair_files(masks=str(export), images=str(out.parent / "photos"), predictions=None)[1:]
    assert val_lists(pairs, translated=False) == {
        VAL_IMAGES: "".join(f"{out.parent / 'photos/s'}/{key}.png\n" for key in "bc")
    }
    (tmp_path / VAL_IMAGES).write_text(val_lists(pairs, translated=False)[VAL_IMAGES])
    images, masks = evaluated_as(tmp_path, pairs, translated=False) or ("", "")
    assert masks == str(export)
    found = pair_files(masks=masks, images=images, predictions=None)
    assert [(one.mask, one.image) for one in found] == [(one.mask, one.image) for one in pairs]


def test_an_export_that_a_list_cannot_cut_has_none(tmp_path: Path) -> None:
    """For one of those that are validated on is called as another of its images."""
    out = make_run(tmp_path / "run", ("road", "car"), {key: blobs(2) for key in ("s/a", "b", "a")})
    pairs = pair_files(masks=str(annotate(out, "coco")), images=str(out.parent / "photos"), predictions=None)
    assert val_lists(pairs[:1], translated=False) == {}
