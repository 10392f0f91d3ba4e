"""Laws of a folder that holds something already: nothing is replaced but what a run has made of the same pictures."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from support import Hypseg, manifest, photograph

from hypsegcli.errors import PlanError
from hypsegcli.files.atomic import append
from hypsegcli.images.discover import find_inputs
from hypsegcli.run.occupied import plan_run, refuse_occupied


@pytest.fixture
def days(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two folders of other pictures with the same names, and the maps of the first in `out`; returns that folder."""
    for seed, name in enumerate(("day1/1.png", "day1/2.png", "day2/1.png", "day2/2.png")):
        photograph(tmp_path / name, seed=seed)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "out"


def files_in(out: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in out.rglob("*") if path.is_file()}


@pytest.mark.parametrize("second", ["day2", "day2/1.png", "@day2/list.txt"])
@pytest.mark.parametrize(("before", "command"), [("predict", "uncertainty"), ("uncertainty", "uncertainty")])
def test_resume_does_not_put_other_pictures_in_the_place_of_those_that_are_there(
    hypseg: Hypseg, days: Path, second: str, before: str, command: str
) -> None:
    """Just as both in one run are refused; whatever they hold, and before anything is touched."""
    Path("day2/list.txt").write_text(f"{Path.cwd() / 'day2/1.png'}\n")
    Path("day2/1.png").write_bytes(b"broken")
    assert hypseg(before, "day1", "--out", days).code == 0
    made = files_in(days)
    for further in ((), ("--dry-run",)):
        outcome = hypseg(command, second, "--out", days, "--resume", "--quiet", *further)
        assert outcome.code == 2
        assert "maps of day1/1.png, which is there still, and those of" in outcome.stderr
        assert "day2/1.png would replace them; choose another --out, or replace that run with --over" in outcome.stderr
    assert files_in(days) == made


def test_pictures_of_a_run_that_ended_between_plan_and_lock_are_not_replaced(hypseg: Hypseg, days: Path) -> None:
    plan = plan_run(find_inputs(["day2"]), days, {"labels": ".png"}, resume=True)
    assert hypseg("predict", "day1", "--out", days, "--save", "labels").code == 0
    with pytest.raises(PlanError, match=r"day1/1\.png.* day2/1\.png"):
        refuse_occupied(plan, days, resume=True)


def test_resume_takes_the_same_pictures_elsewhere_for_the_same(hypseg: Hypseg, days: Path) -> None:
    """A copy, beside one that has changed in its new place since the old one went: that is done again."""
    assert hypseg("predict", "day1", "--out", days, "--save", "labels").code == 0
    shutil.copytree("day1", "copy")
    outcome = hypseg("predict", "copy", "--out", days, "--save", "labels", "--resume")
    assert (outcome.code, "2 of 2 images done already" in outcome.stderr) == (0, True)
    assert {line["input"] for line in manifest(days).values()} == {"copy/1.png", "copy/2.png"}
    shutil.move("copy", "moved")
    photograph(Path("moved/2.png"), seed=9)
    outcome = hypseg("predict", "moved", "--out", days, "--save", "labels", "--resume")
    assert (outcome.code, "1 of 2 images done already" in outcome.stderr) == (0, True)


def test_resume_goes_by_what_the_earlier_picture_holds_now(hypseg: Hypseg, days: Path) -> None:
    """Maps of a picture that has changed since are nobody's: another one may take their place."""
    assert hypseg("predict", "day1", "--out", days, "--save", "labels").code == 0
    for name in ("1.png", "2.png"):
        photograph(Path("day1", name), seed=9)
    assert hypseg("predict", "day2", "--out", days, "--save", "labels", "--resume").code == 0
    assert {line["input"] for line in manifest(days).values()} == {"day2/1.png", "day2/2.png"}


@pytest.mark.parametrize("photographs", ["others", "broken"])
@pytest.mark.parametrize("kinds", ["labels", "confidence"])
def test_resume_does_not_replace_what_no_run_has_written(
    hypseg: Hypseg, days: Path, kinds: str, photographs: str
) -> None:
    """A mask that somebody has drawn, at the place of a kind, or of a photograph, that is new; nor is it removed."""
    assert hypseg("predict", "day1", "--out", days, "--save", kinds).code == 0
    names = {"labels": "labels/3.png", "confidence": "labels/1.png"}
    mine = photograph(days / names[kinds])
    photograph(Path("day1/3.png"), seed=5)
    if photographs == "broken":
        Path("day1/3.png").write_bytes(b"broken")
    there = files_in(days)
    arguments = ("predict", "day1", "--out", days, "--save", "labels,confidence" if kinds == "confidence" else "labels")
    for further in ((), ("--dry-run",)):
        outcome = hypseg(*arguments, "--resume", *further)
        assert outcome.code == 2
        assert "1 file that no run has written lies at the places of outputs, such as " in outcome.stderr
        assert f"such as {mine}; put it elsewhere, choose another --out, or have it replaced" in outcome.stderr
    assert files_in(days) == there
    assert hypseg(*arguments, "--overwrite").code == (3 if photographs == "broken" else 0)
    is_replaced = (kinds, photographs) != ("labels", "broken")
    assert (mine.read_bytes() != there[str(mine)]) is is_replaced


def test_resume_does_not_replace_a_ranking_that_no_run_has_written(hypseg: Hypseg, days: Path) -> None:
    assert hypseg("predict", "day1", "--out", days, "--save", "labels").code == 0
    (days / "ranking.csv").write_text("mine")
    outcome = hypseg("uncertainty", "day1", "--out", days, "--resume")
    assert (outcome.code, "out/ranking.csv; put it elsewhere" in outcome.stderr) == (2, True)
    assert (days / "ranking.csv").read_text() == "mine"
    assert hypseg("uncertainty", "day1", "--out", days, "--overwrite").code == 0
    assert hypseg("uncertainty", "day1", "--out", days, "--resume").code == 0


@pytest.mark.parametrize("way", [(), ("--resume",)])
@pytest.mark.parametrize("command", [("predict", "--save", "confidence"), ("uncertainty",)])
def test_maps_of_other_kinds_are_not_lost_unasked(
    hypseg: Hypseg, photos: Path, tmp_path: Path, command: tuple[str, ...], way: tuple[str, ...]
) -> None:
    """Neither is the way named that would lose them: all would be done again in either."""
    out = tmp_path / "out"
    assert hypseg("predict", photos, "--out", out, "--save", "boundary,overlay").code == 0
    before = {path: path.read_bytes() for path in out.rglob("*.*")}
    name, *save = command
    outcome = hypseg(name, photos, "--out", out, *save, *way, "--quiet")
    assert outcome.code == 2
    assert "has 6 maps of kinds that this run does not make (boundary, overlay) and would lose them" in outcome.stderr
    assert "--resume" not in outcome.stderr
    assert {path: path.read_bytes() for path in out.rglob("*.*")} == before
    for path in (*(out / "boundary").rglob("*.png"), *(out / "overlay").rglob("*.png")):
        path.unlink()  # whoever has taken them away may go on
    assert hypseg(name, photos, "--out", out, *save, "--resume").code == 0


def test_nor_after_a_run_that_was_cut_short_before_its_first_image(
    hypseg: Hypseg, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its maps are those of the run before, whole; and that they are made again is said."""
    out = tmp_path / "out"

    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    assert hypseg("predict", photos, "--out", out, "--save", "labels,overlay").code == 0
    with monkeypatch.context() as patch:
        patch.setattr("hypsegcli.run.source.process", stop)
        other = ("--save", "labels,overlay", "--interpolate", "points", "--resume")
        assert hypseg("predict", photos, "--out", out, *other).code == 130
    outcome = hypseg("predict", photos, "--out", out, "--save", "labels", "--resume")
    assert (outcome.code, "has 3 maps of kinds that this run does not make (overlay)" in outcome.stderr) == (2, True)
    outcome = hypseg("predict", photos, "--out", out, "--save", "labels,overlay", "--resume")
    assert outcome.code == 0
    assert "3 of 3 images to be done again, as a run was to that was cut short" in outcome.stderr


def test_nor_where_a_run_of_other_images_came_in_between(hypseg: Hypseg, days: Path) -> None:
    """Whether that disk was away, or the run was killed: what it was allowed to remove, no run of others is."""
    Path("list.txt").write_text("".join(f"{path.resolve()}\n" for path in sorted(Path("day1").iterdir())))
    Path("other").mkdir()
    photograph(Path("other/3.png"), seed=3)
    given = ("predict", "@list.txt", "--out", days)
    assert hypseg(*given, "--save", "labels,confidence").code == 0
    Path("day1").rename("away")
    assert hypseg(*given, "--save", "labels,confidence,overlay", "--resume").code == 1
    Path("away").rename("day1")
    assert hypseg("predict", "other", "--out", days, "--save", "labels", "--resume").code == 0
    made = files_in(days)
    outcome = hypseg(*given, "--save", "labels", "--resume")
    assert (outcome.code, "has 2 maps of kinds that this run does not make (confidence)" in outcome.stderr) == (2, True)
    assert files_in(days) == made


def test_nor_of_a_kind_that_is_to_be_made_again_after_it_was_given_up(hypseg: Hypseg, days: Path) -> None:
    Path("list.txt").write_text("".join(f"{path.resolve()}\n" for path in sorted(Path("day1").iterdir())))
    given = ("predict", "@list.txt", "--out", days)
    assert hypseg(*given, "--save", "labels,confidence").code == 0
    Path("day1").rename("away")
    assert hypseg(*given, "--save", "labels", "--overwrite").code == 1  # confidence may go, and stays for now
    assert hypseg(*given, "--save", "labels", "--resume").code == 1
    assert hypseg(*given, "--save", "labels,confidence", "--resume").code == 1  # and is wanted again
    outcome = hypseg(*given, "--save", "labels", "--resume")
    assert (outcome.code, "kinds that this run does not make (confidence)" in outcome.stderr) == (2, True)


def test_what_was_given_up_is_not_asked_for_again(hypseg: Hypseg, photos: Path, tmp_path: Path) -> None:
    """Of an image out of reach, maps of all kinds stay, also those that a run was told it may replace."""
    out, away = tmp_path / "out", tmp_path / "away"
    (tmp_path / "list.txt").write_text(f"{photos / 'a.jpg'}\n{photos / 'b.png'}\n")
    given = ("predict", f"@{tmp_path / 'list.txt'}", "--out", out)
    assert hypseg(*given, "--save", "labels,overlay").code == 0
    (photos / "b.png").rename(away)
    assert hypseg(*given, "--save", "labels", "--overwrite").code == 3
    assert [path.name for path in (out / "overlay").rglob("*.png")] == ["b.png"]
    away.rename(photos / "b.png")
    assert hypseg(*given, "--save", "labels", "--resume").code == 0
    assert not (out / "overlay").exists()


def test_kinds_may_be_added(hypseg: Hypseg, photos: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert hypseg("predict", photos, "--out", out, "--save", "labels").code == 0
    assert hypseg("predict", photos, "--out", out, "--save", "labels,confidence", "--resume").code == 0
    assert {path.name for path in out.iterdir() if path.is_dir()} == {"labels", "confidence"}


@pytest.fixture
def cut_short(hypseg: Hypseg, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Runs a command that is interrupted once the maps of an image are there, and before they have a line."""

    def run(key: str, *arguments: object) -> None:
        def interrupt(path: Path, line: bytes) -> None:
            if json.loads(line)["key"] == key:
                raise KeyboardInterrupt
            append(path, line)

        with monkeypatch.context() as patch:
            patch.setattr("hypsegcli.run.ledger.append", interrupt)
            assert hypseg(*arguments).code == 130

    return run


def test_what_runs_that_were_cut_short_have_written_is_no_hindrance(
    hypseg: Hypseg, days: Path, cut_short: Callable[..., None]
) -> None:
    """Nor where the last of them came to other images, with fewer threads; all ends as if nothing had happened."""
    for name in ("3", "4", "5", "6"):
        photograph(Path(f"day1/{name}.png"), seed=int(name))
    run = ("predict", "day1", "--out", days, "--save", "labels", "--workers")
    assert hypseg("predict", "day1", "--out", "whole", "--save", "labels").code == 0
    cut_short("1", *run, 4)
    for name in ("1", "2", "3", "4"):  # as fast threads would have
        shutil.copy(f"whole/labels/{name}.png", days / "labels")
    cut_short("2", *run, 0, "--resume")
    assert hypseg(*run, 0, "--resume").code == 0
    for name in ("1", "2", "3", "4", "5", "6"):
        assert (days / f"labels/{name}.png").read_bytes() == Path(f"whole/labels/{name}.png").read_bytes()
    assert hypseg("verify", days).code == 0


def test_what_a_run_that_was_cut_short_has_written_goes_where_its_photograph_fails(
    hypseg: Hypseg, days: Path, cut_short: Callable[..., None]
) -> None:
    arguments = ("predict", "day1", "--out", days, "--save", "labels", "--workers", 0)
    cut_short("1", *arguments)
    assert (days / "labels/1.png").exists()
    Path("day1/1.png").write_bytes(b"broken")
    assert hypseg(*arguments, "--resume").code == 3
    assert not (days / "labels/1.png").exists()


def test_a_power_cut_may_take_lines_of_maps_that_are_there(
    hypseg: Hypseg, days: Path, cut_short: Callable[..., None]
) -> None:
    """More of them than there are threads: such a run has said nothing of its end."""
    photograph(Path("day1/3.png"), seed=3)
    arguments = ("predict", "day1", "--out", days, "--save", "labels", "--workers", 0)
    cut_short("3", *arguments)
    run = json.loads((days / "run.json").read_text())
    run["unfinished"]["images"] = {key: f"day1/{key}.png" for key in "123"}
    (days / "run.json").write_text(json.dumps(run | {"status": "running"}))
    (days / "manifest.jsonl").write_text("")
    assert hypseg(*arguments, "--resume").code == 0
    assert hypseg("verify", days).code == 0


@pytest.mark.parametrize("status", ["interrupted", "running"])
def test_what_somebody_drew_after_a_run_was_cut_short_is_no_run_s(
    hypseg: Hypseg, days: Path, cut_short: Callable[..., None], status: str
) -> None:
    """However near to where it came: hypseg's maps say what they are."""
    arguments = ("predict", "day1", "--out", days, "--save", "labels", "--workers", 0)
    cut_short("1", *arguments)
    run = json.loads((days / "run.json").read_text())
    (days / "run.json").write_text(json.dumps(run | {"status": status}))
    mine = photograph(days / "labels/1.png", seed=7).read_bytes()
    outcome = hypseg(*arguments, "--resume")
    assert (outcome.code, "1 file that no run has written lies at the places" in outcome.stderr) == (2, True)
    assert (days / "labels/1.png").read_bytes() == mine


@pytest.mark.parametrize("photographs", ["whole", "broken"])
def test_what_somebody_drew_for_an_image_that_failed_is_no_run_s(hypseg: Hypseg, days: Path, photographs: str) -> None:
    """Though an earlier run had a map there, which went as it failed."""
    arguments = ("predict", "day1", "--out", days, "--save", "labels")
    assert hypseg(*arguments).code == 0
    whole = Path("day1/1.png").read_bytes()
    Path("day1/1.png").write_bytes(b"broken")
    assert hypseg(*arguments, "--resume").code == 3
    assert not (days / "labels/1.png").exists()
    mine = photograph(days / "labels/1.png", seed=7).read_bytes()
    if photographs == "whole":
        Path("day1/1.png").write_bytes(whole)
    assert hypseg(*arguments, "--resume").code == 2
    assert (days / "labels/1.png").read_bytes() == mine
    (days / "labels/1.png").unlink()
    assert hypseg(*arguments, "--resume").code == (0 if photographs == "whole" else 3)


def test_what_a_run_was_told_to_replace_the_next_one_may(
    hypseg: Hypseg, days: Path, cut_short: Callable[..., None]
) -> None:
    """Though it was cut short before, twice, and one of the images could not be done."""
    photograph(Path("day1/3.png"), seed=3)
    for name in ("1", "2", "3"):
        os.utime(photograph(days / f"labels/{name}.png", seed=7), (1e9, 1e9))
    arguments = ("predict", "day1", "--out", days, "--save", "labels", "--workers", 0)
    cut_short("1", *arguments, "--overwrite")
    assert json.loads((days / "run.json").read_text())["replaces"] == [f"labels/{name}.png" for name in "123"]
    cut_short("1", *arguments, "--resume")
    Path("day1/2.png").write_bytes(b"broken")
    mine = (days / "labels/2.png").read_bytes()
    assert hypseg(*arguments, "--resume").code == 3
    assert (days / "labels/2.png").read_bytes() == mine
    photograph(Path("day1/2.png"), seed=1)
    assert hypseg(*arguments, "--resume").code == 0
    assert hypseg("verify", days).code == 0
    assert "replaces" not in json.loads((days / "run.json").read_text())


def test_maps_of_a_photograph_that_was_away_may_be_made_again(
    hypseg: Hypseg, days: Path, cut_short: Callable[..., None]
) -> None:
    """A run that was cut short has written them, and the next one has left them, for they were all there was."""
    Path("list.txt").write_text("day1/1.png\nday1/2.png\n")
    arguments = ("predict", "@list.txt", "--out", days, "--save", "labels", "--workers", 0)
    cut_short("day1/1", *arguments)
    shutil.move("day1/1.png", "away.png")
    assert hypseg(*arguments, "--resume").code == 3
    assert (days / "labels/day1/1.png").exists()
    shutil.move("away.png", "day1/1.png")
    assert hypseg(*arguments, "--resume").code == 0
    assert hypseg("verify", days).code == 0


@pytest.mark.parametrize("state", ["never done", "failed", "to be done again"])
def test_resume_takes_no_other_picture_for_one_that_is_still_to_be_done(
    hypseg: Hypseg, days: Path, cut_short: Callable[..., None], state: str
) -> None:
    """Else that one would be forgotten, or its maps replaced; where it is taken away, the other may come."""
    run = ("--out", days, "--save", "labels", "--workers", 0)
    if state == "failed":
        Path("day1/2.png").write_bytes(b"broken")
        assert hypseg("predict", "day1", *run).code == 3
    elif state == "never done":
        cut_short("1", "predict", "day1", *run)
    else:
        assert hypseg("predict", "day1", *run).code == 0
        cut_short("1", "predict", "day1", *run[:2], "--save", "labels,overlay", "--workers", 0, "--resume")
    made = files_in(days)
    outcome = hypseg("predict", "day2/2.png", *run, "--resume")
    assert outcome.code == 2
    assert "is still to have the maps of day1/2.png, which is there still, and those of day2/2.png " in outcome.stderr
    assert files_in(days) == made
    Path("day1/2.png").unlink()
    assert hypseg("predict", "day2/2.png", *run, "--resume").code == 0


def test_overwrite_says_which_pictures_that_are_there_still_give_way(
    hypseg: Hypseg, days: Path, cut_short: Callable[..., None]
) -> None:
    """And once it is told to, a run that was cut short goes on with the others."""
    run = ("--out", days, "--save", "labels", "--workers", 0)
    assert hypseg("predict", "day1", *run).code == 0
    cut_short("1", "predict", "day2", *run, "--overwrite")
    assert hypseg("predict", "day2", *run, "--resume").code == 0
    outcome = hypseg("predict", "day1", *run, "--overwrite")
    assert "2 images of an earlier run, which are there still, give way to others of their names: " in outcome.stderr
    assert "names: day2/1.png to day1/1.png, day2/2.png to day1/2.png\n" in outcome.stderr
    assert "give way" not in hypseg("predict", "day1", *run, "--overwrite").stderr
