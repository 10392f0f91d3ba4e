"""Videos and stacks that are replaced by shorter ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import tifffile
from support import Hypseg, manifest
from support.clips import cut, film

from hypsegcli.run.ledger import Ledger
from hypsegcli.run.results import FileResult

SAVE = ("--save", "labels,overlay")


def stack(path: Path, *, frames: int, seed: int = 0) -> Path:
    """Write a TIFF of so many pages."""
    from numpy.random import default_rng

    path.parent.mkdir(parents=True, exist_ok=True)
    pages = default_rng(seed).integers(0, 256, (frames, 48, 64, 3), "uint8")
    tifffile.imwrite(path, pages, photometric="rgb", metadata=None)
    return path


VIDEO = (film, "clip.mp4", ())
STACK = (stack, "stack.tif", ("--pages", "all"))
Kind = tuple[Callable[..., Path], str, tuple[str, ...]]


@pytest.mark.parametrize("kind", [VIDEO, STACK])
@pytest.mark.parametrize("left", [3, 2])
def test_what_lies_beyond_the_end_is_gone(hypseg: Hypseg, tmp_path: Path, kind: Kind, left: int) -> None:
    make, name, options = kind
    path, out = make(tmp_path / "in" / name, frames=4), tmp_path / "out"
    arguments = ("predict", tmp_path / "in", "--out", out, *SAVE, *options)
    assert hypseg(*arguments).code == 0
    assert len(list((out / "labels").rglob("*.png"))) == 4
    make(path, frames=left, seed=1)
    gone = 4 - left

    resumed = hypseg(*arguments, "--resume")
    assert (resumed.code, f"{gone} image" in resumed.stderr, "beyond the end" in resumed.stderr) == (0, True, True)
    assert hypseg("verify", out).code == 3
    assert len(list((out / "labels").rglob("*.png"))) == 4

    replaced = hypseg(*arguments, "--overwrite")
    assert (replaced.code, "of an earlier run" in replaced.stderr, "gone" in replaced.stderr) == (0, True, True)
    assert hypseg("verify", out).code == 0
    assert len(list((out / "labels").rglob("*.png"))) == len(manifest(out)) == left


@pytest.mark.parametrize("kind", [VIDEO, STACK])
def test_what_was_never_done_beyond_the_end_is_forgotten(
    hypseg: Hypseg, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: Kind
) -> None:
    make, name, options = kind
    path, out = make(tmp_path / "in" / name, frames=4), tmp_path / "out"
    arguments = ("predict", tmp_path / "in", "--out", out, *SAVE, *options, "--workers", "0")
    add, seen = Ledger.add, list[FileResult]()

    def stop(ledger: Ledger, result: FileResult) -> None:
        seen.append(result)
        if len(seen) == 2:
            raise KeyboardInterrupt
        add(ledger, result)

    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "add", stop)
        assert hypseg(*arguments).code == 130
    make(path, frames=3, seed=1)
    assert hypseg(*arguments, "--resume").code == 0
    assert hypseg("verify", out).code == 0


@pytest.mark.parametrize("kind", [VIDEO, STACK])
@pytest.mark.parametrize("begun", [1, 2])
def test_shards_forget_what_is_beyond_the_end_and_was_never_done(
    hypseg: Hypseg, tmp_path: Path, kind: Kind, begun: int
) -> None:
    make, name, options = kind
    path, out = make(tmp_path / "in" / name, frames=4), tmp_path / "out"
    arguments = ("predict", tmp_path / "in", "--out", out, *SAVE, *options)
    for index in range(begun):
        assert hypseg(*arguments, "--shard", f"{index}/2").code == 0
    make(path, frames=3, seed=1)
    for index in range(2):
        assert hypseg(*arguments, "--shard", f"{index}/2", "--resume").code == 0
    merged = hypseg("merge", out)
    assert (merged.code, "beyond the end of its video or stack" in merged.stderr) == (0, begun == 2)
    assert hypseg("verify", out).code == (0 if begun == 1 else 3)
    assert hypseg(*arguments, "--overwrite").code == 0
    assert hypseg("verify", out).code == 0


def test_frames_that_are_not_taken_are_not_gone(hypseg: Hypseg, tmp_path: Path) -> None:
    clip, out = film(tmp_path / "clip.mp4", frames=4), tmp_path / "out"
    assert hypseg("predict", clip, "--out", out, *SAVE).code == 0
    outcome = hypseg("predict", clip, "--out", out, *SAVE, "--every", "2", "--overwrite")
    assert (outcome.code, "gone" in outcome.stderr, "beyond" in outcome.stderr) == (0, False, False)
    assert len(manifest(out)) == 4
    pages = stack(tmp_path / "stack.tif", frames=4)
    assert hypseg("predict", pages, "--out", out, *SAVE, "--pages", "all", "--resume").code == 0
    outcome = hypseg("predict", pages, "--out", out, *SAVE, "--pages", "1-2", "--overwrite")
    assert (outcome.code, "gone" in outcome.stderr, "beyond" in outcome.stderr) == (0, False, False)
    assert len(manifest(out)) == 8
    assert hypseg("verify", out).code == 0


@pytest.mark.parametrize("way", ["--resume", "--overwrite"])
def test_what_stood_for_frames_that_were_missing_goes_when_they_have_come(
    hypseg: Hypseg, tmp_path: Path, way: str
) -> None:
    """Whichever frames are taken: the first that is missing may not be one of them."""
    path, out = cut(film(tmp_path / "in/clip.avi", frames=12)), tmp_path / "out"
    arguments = ("predict", tmp_path / "in", "--out", out, *SAVE, "--every", 4)
    assert hypseg(*arguments).code == 3
    film(path, frames=12)
    assert hypseg(*arguments, way).code == 0
    assert hypseg("verify", out).code == 0
    assert list(manifest(out)) == ["clip/000000", "clip/000004", "clip/000008"]
