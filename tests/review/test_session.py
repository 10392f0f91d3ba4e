"""A run under review: what its folder has to be, and what becomes of it meanwhile."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support import photograph
from support.reviewed import HEIGHT, WIDTH, Row, digest, reviewed, rows_of

from hypsegcli.errors import HypsegError, PlanError
from hypsegcli.files.lock import locked
from hypsegcli.review.places import Wanted
from hypsegcli.review.session import Session


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return reviewed(tmp_path)


def test_a_page_of_the_list_goes_on_behind_a_place_and_before_one(tmp_path: Path) -> None:
    session = Session(reviewed(tmp_path, rows=rows_of(("a", "sub/b", "sub/c"), places=100)))
    first = session.page(Wanted())
    assert [place["id"] for place in first["places"]] == list(range(100))
    assert (first["first"], first["total"]) == (0, 300)
    then = session.page(Wanted(), after=99)
    assert (then["first"], then["places"][0]["id"]) == (100, 100)
    assert session.page(Wanted(), before=100)["places"] == first["places"]
    last = session.page(Wanted(beginning="sub/c"), after=297)
    assert [place["id"] for place in last["places"]] == [299]
    assert session.page(Wanted(), after=299)["places"] == []


def test_what_is_judged_leaves_the_list_of_what_is_not(out: Path) -> None:
    session = Session(out)
    told = session.judge(1, "wrong")
    assert told == {"id": 1, "verdict": "wrong", "before": "", "right": 0, "wrong": 1}
    assert 1 not in [place["id"] for place in session.page(Wanted(show="open"))["places"]]
    assert [place["id"] for place in session.page(Wanted(show="wrong"))["places"]] == [1]
    assert session.judge(1, "")["before"] == "wrong"
    assert session.page(Wanted(show="open"))["total"] == 9


def test_two_sessions_see_each_other_s_verdicts(out: Path) -> None:
    one, other = Session(out), Session(out)
    one.judge(0, "wrong")
    other.judge(1, "right")
    assert one.progress() == other.progress() == {"right": 1, "wrong": 1}
    assert Session(out).progress() == {"right": 1, "wrong": 1}


def test_a_place_is_told_with_the_classes_of_its_window(out: Path) -> None:
    told = Session(out).place(0, 1)
    assert (told["key"], told["box"], told["size"]) == ("a", (0, 16, 40, 24), [160, 120])
    assert {name for name, _, _ in told["legend"]} == {"sky", "road", "car"}
    assert sum(share for _, _, share in told["legend"]) == pytest.approx(1)
    assert {name: color for name, color, _ in told["legend"]}["sky"] == "#4682b4"
    assert "problem" not in told
    json.dumps(told, allow_nan=False)


@pytest.mark.parametrize(("measure", "is_known"), [("calibrated", True), ("max-probability", True), ("norm", False)])
def test_pixels_of_a_place_are_those_of_the_measure_that_regions_are_of(
    tmp_path: Path, measure: str, is_known: bool
) -> None:
    levels = np.zeros((120, 160), np.uint16)
    levels[16, :40] = levels[16:40, 0] = 30000  # of 65535
    out = reviewed(tmp_path, ("a",), rows=[(1, "photos/a.png", "a", 0, 16, 40, 24, 63, 9.0, "sky", "sky 63")])
    Image.fromarray(levels).save(out / "uncertainty/a.png")
    run = json.loads((out / "run.json").read_text())
    (out / "run.json").write_text(json.dumps(run | {"options": {"below": 0.6, "request": {"main": measure}}}))
    shown = np.asarray(Image.open(io.BytesIO(Session(out).picture(0, "place", 3)[0])))
    assert int((shown > 0).sum()) == (63 if is_known else 40 * 24)


def test_keys_that_tables_write_otherwise_find_their_images(tmp_path: Path) -> None:
    key = "=odd"
    out = reviewed(tmp_path, (key,))
    session = Session(out)
    assert session.places[0].mark.key == "'=odd"
    assert "problem" not in session.place(0, 0)
    session.judge(0, "wrong")
    assert b"\r\n'=odd," in (out / "review.csv").read_bytes()


def test_a_place_of_an_image_that_is_gone_says_so_and_the_others_go_on(tmp_path: Path) -> None:
    rows: list[Row] = [*rows_of(("a", "gone"), places=1)]
    session = Session(reviewed(tmp_path, ("a",), rows=rows))
    assert "manifest.jsonl has no such image that is done" in session.place(1, 0)["problem"]
    with pytest.raises(HypsegError, match="gone: "):
        session.picture(1, "photograph", 0)
    assert session.picture(0, "photograph", 0)[0]
    session.judge(1, "wrong")


@pytest.mark.parametrize("name", ["photos", "."])
def test_what_is_no_run_is_refused(tmp_path: Path, name: str) -> None:
    photograph(tmp_path / "photos/a.png")
    with pytest.raises(
        PlanError, match=r"holds no manifest.jsonl of a run; name a folder that hypseg uncertainty wrote"
    ):
        Session(tmp_path / name)


def test_a_run_in_shards_and_a_store_are_refused(out: Path) -> None:
    for name in ("run.json", "manifest.jsonl"):
        stem, _, suffix = name.rpartition(".")
        shutil.copy(out / name, out / f"{stem}.0001-of-0002.{suffix}")
    from hypsegcli.files.books import Books
    from hypsegcli.files.shard import Shard

    for book in (Books(out, Shard(1, 2)).run, Books(out, Shard(1, 2)).manifest):
        book.write_text("{}")
    with pytest.raises(PlanError, match="the run is in shards, of which hypseg merge makes one"):
        Session(out)
    with pytest.raises(PlanError, match="this cannot lie in a store"):
        Session(Path("s3:/bucket/out"))


def test_photographs_that_moved_are_told_and_refused_where_none_is_left(out: Path) -> None:
    (out.parent / "photos/a.png").unlink()
    (notice,) = Session(out).facts()["notices"]
    path = out.parent / "photos/a.png"
    assert notice == f"1 of 3 photographs is not where it was, {path}; its places show classes and doubt alone"
    (out.parent / "photos/sub/b.png").unlink()
    (notice,) = Session(out).facts()["notices"]
    assert notice.startswith(f"2 of 3 photographs are not where they were, such as {path}; their places show ")
    shutil.rmtree(out.parent / "photos")
    with pytest.raises(PlanError, match=r"none of its 3 photographs is where it was, such as .*a.png; put them back"):
        Session(out)


def test_what_is_odd_about_the_books_is_told(out: Path) -> None:
    run = json.loads((out / "run.json").read_text())
    (out / "run.json").write_text(json.dumps(run | {"status": "interrupted"}))
    (out / "review.csv").write_text(
        "key,x,y,width,height,verdict,time\nother,1,2,3,4,wrong,\na,0,16,40,24,right,\nhalf"
    )
    facts = Session(out).facts()
    assert facts["right"] == 1
    run_is, unknown, damaged = facts["notices"]
    assert "the run is interrupted; the places are those of the images that it has done" in run_is
    assert "1 verdict of a place that this run does not list, of an earlier one perhaps, stays there and " in unknown
    assert "1 line cannot be read (4); it stays, and counts for nothing: a line has key, x" in damaged
    with (out / "review.csv").open("a") as file:
        file.write("\nother,2,2,3,4,wrong,\nhalf\n")
    _, unknown, damaged = Session(out).facts()["notices"]
    assert "2 verdicts of places that this run does not list, of an earlier one perhaps, stay there and " in unknown
    assert "2 lines cannot be read (4, 6); they stay, and count for nothing: a line has key, x" in damaged


@pytest.mark.parametrize("changed", ["label map", "photograph"])
def test_a_verdict_on_another_map_or_photograph_counts_for_nothing(out: Path, changed: str) -> None:
    """Though the run lists the very places."""
    Session(out).judge(0, "wrong")
    before = (out / "manifest.jsonl").read_text()
    line, *lines = [json.loads(each) for each in before.splitlines()]
    if changed == "label map":
        shutil.copy(out / "labels/a.png", out.parent)
        Image.fromarray(np.zeros((HEIGHT, WIDTH), np.uint8)).save(out / "labels/a.png")
        line["bytes"]["labels"], line["sha256"]["labels"] = digest(out / "labels/a.png")
    else:
        line["source"]["sha256"] = "0" * 64
    (out / "manifest.jsonl").write_text("".join(json.dumps(each) + "\n" for each in (line, *lines)))
    session = Session(out)
    assert session.place(0, 0)["verdict"] == ""
    facts = session.facts()
    assert (facts["right"], facts["wrong"]) == (0, 0)
    (notice,) = facts["notices"]
    assert notice == (
        f"{out}/review.csv: 1 verdict on other label maps, or photographs, than the run has by now stays there and "
        "counts for nothing here"
    )
    session.judge(0, "right")
    session.judge(1, "right")
    assert Session(out).progress() == {"right": 2, "wrong": 0}
    (out / "manifest.jsonl").write_text(before)
    if changed == "label map":
        shutil.copy(out.parent / "a.png", out / "labels")
    assert Session(out).progress() == {"right": 1, "wrong": 1}


def test_a_map_that_is_another_by_now_is_neither_shown_nor_judged(out: Path) -> None:
    """As where a run has been here while the page was open: a verdict would be on what nobody has seen."""
    session = Session(out)
    assert "problem" not in session.place(0, 0)
    session.judge(0, "wrong")
    for key in ("a", "sub/b"):
        Image.fromarray(np.zeros((HEIGHT, WIDTH), np.uint8)).save(out / f"labels/{key}.png")
    before = (out / "review.csv").read_bytes()
    for number, key in ((0, "a"), (1, "sub/b")):
        with pytest.raises(HypsegError, match=f"labels/{key}.png: is not the label map that this list of places is of"):
            session.judge(number, "right")
    assert "start hypseg review again" in session.place(1, 0)["problem"]
    assert (out / "review.csv").read_bytes() == before
    session.judge(2, "right")  # of an image whose map is as it was
    assert session.judge(0, "")["before"] == "wrong"


def test_a_list_that_is_written_anew_meanwhile_is_told(out: Path) -> None:
    session = Session(out)
    (out / "regions.csv").write_bytes((out / "regions.csv").read_bytes().replace(b"a,0,", b"a,1,"))
    (notice,) = session.facts()["notices"]
    assert "regions.csv: is another list by now; start hypseg review again" in notice
    assert session.places[0].mark.x == 0


def test_names_that_would_steer_a_reader_do_not(tmp_path: Path) -> None:
    out = reviewed(tmp_path, ("a",)).rename(tmp_path / "o\u202eut")
    (out.parent / "photos/a.png").write_bytes(b"x")
    session = Session(out)
    assert session.facts()["out"].endswith("o\N{REPLACEMENT CHARACTER}ut")
    (out / "labels/a.png").unlink()
    assert "\u202e" not in session.place(0, 0)["problem"]


def test_nothing_of_the_run_is_held_or_written(out: Path) -> None:
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    session = Session(out)
    with locked(out, "uncertainty"):  # another run may write meanwhile
        session.judge(0, "wrong")
    session.close()
    after = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    assert after.keys() - before.keys() == {out / "review.csv"}
    assert all(after[path] == data for path, data in before.items())


def test_many_places_are_listed_without_reading_anything_again(tmp_path: Path) -> None:
    keys = [f"folder{number % 7}/{number:05d}" for number in range(200)]
    session = Session(reviewed(tmp_path, ("a",), rows=[*rows_of(("a", *keys), places=100)]))
    (tmp_path / "out/regions.csv").unlink()
    (tmp_path / "out/manifest.jsonl").unlink()
    assert len(session.places) == 201 * 100
    page = session.page(Wanted(name="road", beginning="folder3/", show="open"), after=15_000)
    assert len(page["places"]) == min(100, page["total"] - page["first"]) > 0
    assert all(place["key"].startswith("folder3/") and place["class"] == "road" for place in page["places"])
