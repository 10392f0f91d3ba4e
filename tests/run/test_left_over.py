"""What becomes of files of earlier runs that a run does not make again."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import Hypseg, manifest, photograph

from hypsegcli.files.digest import Digest, digest_file


def files_in(out: Path) -> list[str]:
    return sorted(
        path.relative_to(out).as_posix() for path in out.rglob("*.*") if path.suffix not in {".json", ".jsonl"}
    )


@pytest.mark.parametrize("command", ["predict", "uncertainty"])
def test_overwrite_removes_what_was_made_of_images_that_are_gone(
    hypseg: Hypseg, photos: Path, tmp_path: Path, command: str
) -> None:
    """Else one network's maps would lie among another's, and no book would know them."""
    out = tmp_path / "out"
    assert hypseg(command, photos, "--out", out).code == 0
    kinds = {name.split("/")[0] for name in files_in(out) if "/" in name}
    photograph(out / "mine/a.png")
    (photos / "a.jpg").rename(photos / "new.jpg")
    (photos / "sub/c.png").unlink()
    outcome = hypseg(command, photos, "--out", out, "--overwrite")
    assert outcome.code == 0
    assert "2 images of an earlier run are not among these; their maps are removed\n" in outcome.stderr
    made = [f"{kind}/{name}.png" for kind in kinds for name in ("b", "new")] + ["mine/a.png"]
    assert [name for name in files_in(out) if "/" in name] == sorted(made)
    assert set(manifest(out)) == {"b", "new"}


def test_overwrite_leaves_what_somebody_has_changed_and_says_so(hypseg: Hypseg, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    arguments = ("predict", photos, "--out", out, "--save", "labels,confidence")
    assert hypseg(*arguments).code == 0
    photograph(out / "labels/a.png")
    (photos / "a.jpg").unlink()
    stderr = hypseg(*arguments, "--overwrite").stderr
    assert "1 image of an earlier run is not among these; its maps are removed\n" in stderr
    assert "1 file of an earlier run stays, changed since: labels/a.png\n" in stderr
    assert [name for name in files_in(out) if name.endswith("a.png")] == ["labels/a.png"]
    assert hypseg(*arguments, "--overwrite", "--quiet").stderr == ""


def test_resume_says_which_files_stay(hypseg: Hypseg, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert hypseg("predict", photos, "--out", out, "--save", "labels,confidence").code == 0
    photograph(out / "confidence/b.png")
    stderr = hypseg("predict", photos, "--out", out, "--save", "labels", "--resume").stderr
    assert "1 file of an earlier run stays, changed since: confidence/b.png\n" in stderr
    assert [name for name in files_in(out) if name.startswith("confidence")] == ["confidence/b.png"]


@pytest.mark.parametrize("way", ["--resume", "--overwrite"])
def test_what_a_killed_run_was_about_to_remove_is_removed_by_the_next(
    hypseg: Hypseg, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    out = tmp_path / "out"
    arguments = ("predict", photos, "--out", out, "--save", "labels")
    assert hypseg(*arguments).code == 0
    (photos / "a.jpg").unlink()
    (photos / "sub/c.png").unlink()

    def die_at_the_second(path: Path) -> Digest | None:
        if path == out / "labels/sub/c.png":
            raise KeyboardInterrupt
        return digest_file(path)

    with monkeypatch.context() as patch:
        patch.setattr("hypsegcli.run.ledger.digest_file", die_at_the_second)
        assert hypseg(*arguments, "--overwrite").code == 130
    assert files_in(out) == ["labels/b.png", "labels/sub/c.png"]
    assert hypseg("verify", out).code == 3
    assert hypseg(*arguments, way).code == 0
    assert files_in(out) == ["labels/b.png"]
    assert set(manifest(out)) == {"b"}
    assert hypseg("verify", out).code == 0
