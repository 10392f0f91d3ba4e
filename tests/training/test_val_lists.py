"""Lists of what is validated on, for whoever scores it again."""

from __future__ import annotations

from pathlib import Path

import pytest

from hypsegcli.training.val_lists import VAL_IMAGES, VAL_MASKS, val_lists
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
    for name, text in val_lists(pairs).items():
        (tmp_path / "run" / name).write_text(text)
    monkeypatch.chdir("/")
    images, masks = (f"@{tmp_path / 'run' / name}" for name in (VAL_IMAGES, VAL_MASKS))
    found = pair_files(masks=masks, images=images, predictions=None)
    assert [(one.mask, one.image) for one in found] == [
        (tmp_path / one.mask, tmp_path / one.image) for one in pairs if one.image
    ]


@pytest.mark.parametrize("keys", [("day1/a", "day2/a"), ("a\nb", "c")])
def test_what_a_list_cannot_name_is_not_listed(tmp_path: Path, keys: tuple[str, ...]) -> None:
    assert val_lists([pair(tmp_path, key) for key in keys]) == {}
