"""Shards that are asked for other images, or other maps, than the shards before them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from support import Hypseg, photograph

from hypsegcli.run.adopted import with_left_files
from hypsegcli.run.manifest import read_object
from hypsegcli.run.unfinished import never_done

SAVE = ("--save", "labels,confidence")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Photographs of three days, two each."""
    monkeypatch.chdir(tmp_path)
    for seed in range(6):
        photograph(tmp_path / f"day{seed // 2}/{'ab'[seed % 2]}{seed}.png", seed=seed, size=(48, 33))
    return tmp_path


def shards(hypseg: Hypseg, *arguments: object, of: int = 2) -> None:
    for index in range(of):
        assert hypseg(*arguments, "--out", "out", "--resume", "--shard", f"{index}/{of}").code == 0


def test_where_shares_move_between_shards_the_newest_maps_count(hypseg: Hypseg, folder: Path) -> None:
    """With one more photograph every other image is another shard's; and a run of other images follows."""
    for index in range(2):
        assert hypseg("predict", "day0", "--out", "out", *SAVE, "--shard", f"{index}/2").code == 0
    photograph(folder / "day0/a.png", seed=9, size=(48, 33))
    shards(hypseg, "predict", "day0", *SAVE, "--measure", "norm")
    shards(hypseg, "predict", "day1", *SAVE, "--measure", "norm")
    assert hypseg("merge", "out").code == 0
    assert hypseg("verify", "out").code == 0
    assert "done already" in hypseg("predict", "day0", "--out", "out", *SAVE, "--measure", "norm", "--resume").stderr


def test_tables_are_of_what_the_newest_shards_have_found(hypseg: Hypseg, folder: Path) -> None:
    """Where maps are the same bytes with other bounds of regions, nothing but the books tells."""
    bounds = ("--below", 0.95, "--smallest", 10)
    assert hypseg("uncertainty", "day0", "--out", "out").code == 0
    shards(hypseg, "uncertainty", "day0", "day1", *bounds)
    shards(hypseg, "uncertainty", "day1", *bounds)
    assert hypseg("merge", "out").code == 0
    assert hypseg("verify", "out").code == 0
    assert hypseg("uncertainty", "day0", "day1", "--out", "one", *bounds).code == 0
    for name in ("ranking.csv", "regions.csv"):
        assert (folder / "out" / name).read_text() == (folder / "one" / name).read_text()


@pytest.mark.parametrize("before", [[()], [("--shard", "0/2"), ("--shard", "1/2")]])
@pytest.mark.parametrize("after", [["0/3", "1/3", "2/3"], [None]])
def test_other_maps_that_a_shard_never_began_to_make_are_missed(
    hypseg: Hypseg, folder: Path, before: list[tuple[str, ...]], after: list[str | None]
) -> None:
    """Also where those that there are were made by shards in the same number, which nobody has merged."""
    for shard_before in before:
        assert hypseg("predict", "day0", "--out", "out", *SAVE, *shard_before).code == 0
    norm = (*SAVE, "--measure", "norm", "--resume")
    assert hypseg("predict", "day0", "--out", "out", *norm, "--shard", "0/2").code == 0
    for shard in after:
        arguments = ("predict", "day1", "--out", "out", *norm)
        assert hypseg(*arguments, *(() if shard is None else ("--shard", shard))).code == 0
    if None not in after:
        assert hypseg("merge", "out").code == 0
    found = hypseg("verify", "out")
    assert (found.code, "still to be done: 1 image\n" in found.stdout) == (3, True)
    assert hypseg("predict", "day0", "--out", "out", *norm).code == 0
    assert hypseg("verify", "out").code == 0


def test_a_shard_that_was_started_by_mistake_costs_its_own_images_alone(hypseg: Hypseg, folder: Path) -> None:
    """Those of others are still to be done otherwise, until a run says that they are as they should be."""
    arguments = ("predict", "day0", "day1", "--out", "out", *SAVE)
    assert hypseg(*arguments).code == 0
    assert hypseg(*arguments, "--measure", "norm", "--resume", "--shard", "3/4").code == 0
    found = hypseg("verify", "out")
    assert (found.code, "still to be done: 3 images" in found.stdout) == (3, True)
    assert "3 of 4 images done already" in hypseg(*arguments, "--resume").stderr
    assert hypseg("verify", "out").code == 0
    assert hypseg(*arguments, "--measure", "norm", "--resume", "--shard", "3/4").code == 0
    replaced = hypseg("predict", "day2", "--out", "out", *SAVE, "--overwrite")
    assert (replaced.code, hypseg("verify", "out").code) == (0, 0)
    assert "3 images that an earlier run was to do, and never did, are given up" in replaced.stderr


def test_what_overwriting_gives_up_is_said(hypseg: Hypseg, folder: Path) -> None:
    assert hypseg("predict", "day0", "--out", "out", *SAVE, "--shard", "0/2").code == 0
    (folder / "day1/a2.png").unlink()
    said = "1 image that an earlier run was to do, and never did, is given up"
    assert said in hypseg("predict", "day1", "--out", "out", *SAVE, "--overwrite").stderr
    assert said not in hypseg("predict", "day1", "--out", "out", *SAVE, "--overwrite").stderr
    assert hypseg("verify", "out").code == 0


def test_shards_of_another_command_do_not_give_maps_of_others_up(hypseg: Hypseg, folder: Path) -> None:
    assert hypseg("uncertainty", "day0/a0.png", "day0/b1.png", "--out", "out").code == 0
    photograph(folder / "day0/a9.png", seed=9, size=(48, 33))
    arguments = ("predict", "day0", "--out", "out", "--save", "labels,overlay", "--resume")
    assert hypseg(*arguments, "--shard", "0/2").code == 2
    assert hypseg(*arguments, "--shard", "1/2").code == 0
    refused = hypseg(*arguments)
    assert (refused.code, "would lose them" in refused.stderr) == (2, True)
    assert sorted(path.stem for path in (folder / "out/heatmap").iterdir()) == ["a0", "b1"]


@pytest.fixture
def killed(hypseg: Hypseg, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Runs a command that is killed with its second image written and without a line, as `out` is then."""

    def run(*arguments: object) -> None:
        def leave(path: Path, line: bytes) -> None:
            shutil.copytree(folder / "whole", folder / "out")
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr("hypsegcli.run.ledger.append", leave)
            assert hypseg(*arguments, "--out", "whole", "--workers", 0).code == 130

    return run


@pytest.mark.parametrize("shard", [(), ("--shard", "0/2")])
def test_a_map_of_a_killed_run_is_no_somebody_s_after_shards_of_others(
    hypseg: Hypseg, folder: Path, killed: Callable[..., None], shard: tuple[str, ...]
) -> None:
    killed("predict", "day0", *SAVE, *shard)
    assert list((folder / "out/labels").iterdir())
    shards(hypseg, "predict", "day1", *SAVE)
    assert hypseg("merge", "out").code == 0
    assert hypseg("verify", "out").code == 3
    assert hypseg("predict", "day0", "--out", "out", *SAVE, "--resume").code == 0
    assert hypseg("verify", "out").code == 0


def test_a_map_of_a_killed_run_whose_photograph_was_taken_away_can_be_removed(
    hypseg: Hypseg, folder: Path, killed: Callable[..., None]
) -> None:
    killed("predict", "day0", *SAVE)
    shards(hypseg, "predict", "day1", *SAVE)
    (first,) = (folder / "out/labels").glob("*0.png")
    (folder / "day0" / first.name).unlink()
    assert hypseg("merge", "out").code == 0
    assert hypseg("verify", "out").code == 3
    assert hypseg("predict", "day0", "--out", "out", *SAVE, "--overwrite").code == 0
    assert hypseg("verify", "out").code == 0
    assert not first.exists()


def test_a_line_takes_the_files_that_a_run_may_have_left(
    hypseg: Hypseg, folder: Path, killed: Callable[..., None]
) -> None:
    killed("predict", "day0", *SAVE)
    out = folder / "out"
    run = read_object(out / "run.json")
    lines = {line["key"]: line for line in never_done(run)}
    assert lines.keys() == {"a0", "b1"}
    assert with_left_files(out, lines["a0"], run)["outputs"] == {
        "labels": "labels/a0.png",
        "confidence": "confidence/a0.png",
    }
    photograph(out / "labels/b1.png")  # somebody's, for it does not say that it is a map
    assert with_left_files(out, lines["b1"], run)["outputs"] == {}
    later = run | {"started": "2999-01-01T00:00:00Z"}
    assert with_left_files(out, lines["a0"], later)["outputs"] == {}
    old = {"outputs": {"doubt": "doubt/a0.png"}, "bytes": {"doubt": 7}, "sha256": {"doubt": "ab"}}
    assert with_left_files(out, lines["a0"] | old, later)["outputs"] == old["outputs"]
