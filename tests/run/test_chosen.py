"""Which images somebody chose: keys, paths, lists, and tables with verdicts."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.labelled_runs import STREETS, blobs, make_run, refused

from hypsegcli.run.accounts import read_manifest
from hypsegcli.run.chosen import choose
from hypsegcli.run.seen import seen_in

KEYS = ("day/a", "day/b", "night/a", "c.d")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return make_run(tmp_path, STREETS, {key: blobs(3) for key in KEYS})


def chosen(out: Path, *wanted: str) -> list[str]:
    return [line["key"] for line in choose(read_manifest(out), wanted, out).lines]


def write(path: Path, text: str) -> str:
    path.write_text(text)
    return f"@{path}"


def test_all_where_nothing_is_named(out: Path) -> None:
    assert chosen(out) == list(KEYS)


@pytest.mark.parametrize("way", ["key", "file name", "path", "relative path", "real path"])
def test_an_image_has_several_names(out: Path, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    photo = out.parent / "photos/night/a.png"
    (out.parent / "link").symlink_to(out.parent / "photos")
    monkeypatch.chdir(out.parent)
    names = {
        "key": "night/a",
        "file name": "night/a.jpg",
        "path": str(photo),
        "relative path": "photos/night/a.png",
        "real path": "link/night/a.png",
    }
    assert chosen(out, names[way]) == ["night/a"]


def test_a_key_with_a_dot_is_not_cut(out: Path) -> None:
    assert chosen(out, "c.d") == chosen(out, "c.d.png") == ["c.d"]


def test_each_once_in_the_order_of_what_names_them(out: Path) -> None:
    listed = write(out.parent / "list.txt", "# those\nnight/a\n\nday/b\r\nnight/a\n")
    assert chosen(out, "c.d", listed, "day/b") == ["c.d", "night/a", "day/b"]


@pytest.mark.parametrize("way", ["absolute", "relative"])
def test_a_list_means_the_files_that_it_means_where_it_is_segmented(
    out: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """Paths from its own folder on, quoted or not, whatever lies in the present directory under such a name."""
    monkeypatch.chdir(out.parent / "photos/day")
    (out.parent / "photos/lists").mkdir()
    text = '# those\n../night/a.png,\n"../day/b.png"\n..\\c.d.png\n'
    listed = write(out.parent / "photos/lists/list.txt", text)
    assert chosen(out, listed if way == "absolute" else "@../lists/list.txt") == ["night/a", "day/b", "c.d"]
    here = write(out.parent / "photos/night/list.txt", "a.png\n")
    assert chosen(out, here, "a.png") == ["night/a", "day/a"]


def test_a_file_that_is_another_is_no_image_whatever_it_is_called(out: Path) -> None:
    """Its path would be the name of a key, but for the suffix."""
    (out.parent / "other/day").mkdir(parents=True)
    (out.parent / "other/day/a.jpg").touch()
    listed = write(out.parent / "other/list.txt", "day/a.jpg\nday/b.jpg\n")
    assert "1 name of 2 is no image" in refused(lambda: chosen(out, listed))
    (out.parent / "other/day/a.jpg").unlink()
    assert chosen(out, listed) == ["day/a", "day/b"]


def test_the_last_verdict_on_a_place_counts(out: Path) -> None:
    review = write(
        out.parent / "review.csv",
        "key,x,y,width,height,verdict,time\n"
        "day/b,1,1,5,5,wrong,2026-01-01T00:00:00Z\n"  # taken back, and another place stays wrong
        "day/b,9,1,5,5,wrong,2026-01-01T00:00:01Z\n"
        "day/b,1,1,5,5,,2026-01-01T00:00:02Z\n"
        "day/a,1,1,5,5,wrong,2026-01-01T00:00:03Z\n"
        "day/a,1,1,5,5,right,2026-01-01T00:00:04Z\n"
        "night/a,1,1,5,5,right,2026-01-01T00:00:05Z\n"
        "c.d,1,1,5,5,right,2026-01-01T00:00:06Z\n"
        "c.d,1,1,5,5,Wrong,2026-01-01T00:00:07Z\n",
    )
    assert chosen(out, review) == ["day/b", "c.d"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_what_was_cut_off_costs_itself_alone(out: Path, delimiter: str) -> None:
    rows = ["key,x,y,width,height,verdict,time", "day/a,1,1,5,5,wrong,now", 'day/b,1,1,5,5,wr', "c.d,1,1,5,5,bad,now",
            "night/a,1,1,5,5,wrong,now"]  # fmt: skip
    review = write(out.parent / "review.csv", "\n".join(rows).replace(",", delimiter))
    choice = choose(read_manifest(out), [review], out)
    assert [line["key"] for line in choice.lines] == ["day/a", "night/a"]
    assert len(choice.notices) == 1
    assert "2 lines cannot be read and count for nothing (3, 4)" in choice.notices[0]


def test_verdicts_of_places_that_the_run_does_not_list_count_for_nothing(out: Path) -> None:
    lines = {key: dict(line) for key, line in read_manifest(out).items()}
    lines["day/a"]["regions"] = [{"box": [1, 2, 3, 4]}]
    lines["day/b"]["regions"] = []
    rows = ["key,x,y,width,height,verdict,time", "day/a,1,2,3,4,wrong,now", "day/b,1,1,5,5,wrong,now",
            "day/a,9,9,9,9,wrong,now", "nowhere,1,1,5,5,wrong,now", "c.d,1,1,5,5,wrong,now"]  # fmt: skip
    lines_found, notices = choose(lines, [write(out.parent / "review.csv", "\n".join(rows))], out)
    assert [line["key"] for line in lines_found] == ["day/a", "c.d"]  # of the last nobody has listed places
    assert len(notices) == 1
    assert (
        "3 verdicts of places that this run does not list, of an earlier run perhaps, count for nothing" in notices[0]
    )


def test_verdicts_on_what_is_no_longer_seen_count_for_nothing(out: Path) -> None:
    lines = read_manifest(out)
    now = {key: seen_in(line) for key, line in lines.items()}
    rows = ["key,x,y,width,height,verdict,time,seen", f"day/a,1,2,3,4,wrong,t,{now['day/a']}", "day/b,1,2,3,4,wrong,t,",
            "night/a,1,2,3,4,wrong,t,another", f"night/a,1,2,3,4,right,t,{now['night/a']}", "c.d,1,2,3,4,wrong,t,other",
            f"day/a,1,2,3,4,right,t,{now['day/b']}", "c.d,7,7,7,7,right,t,other", "c.d,7,7,7,7,,t,other"]  # fmt: skip
    choice = choose(lines, [write(out.parent / "review.csv", "\n".join(rows))], out)
    assert [line["key"] for line in choice.lines] == ["day/a", "day/b"]
    assert choice.notices == [
        f"{out.parent}/review.csv: 3 verdicts on other label maps, or photographs, than the run has by now count for "
        "nothing, such as one of night/a"
    ]


def test_tables_without_verdicts_mean_every_row(out: Path) -> None:
    regions = write(out.parent / "regions.csv", "rank,image,key,x\n1,a,night/a,3\n2,a,night/a,9\n3,b,day/b,1\n")
    assert chosen(out, regions) == ["night/a", "day/b"]
    photo = out.parent / "photos/day/b.png"
    assert chosen(out, write(out.parent / "ranking.csv", f"rank,image,mean\n1,{photo},0.5\n")) == ["day/b"]


def test_an_apostrophe_that_a_table_put_before_a_name_is_none(tmp_path: Path) -> None:
    out = make_run(tmp_path, STREETS, {"=a": blobs(3)})
    assert chosen(out, write(tmp_path / "r.csv", "rank,key\n1,'=a\n")) == ["=a"]


def test_names_of_nothing_are_counted_and_shown(out: Path) -> None:
    sentence = refused(lambda: chosen(out, "day/a", "nowhere", write(out.parent / "l.txt", "day/x\n")))
    assert sentence.startswith(f"2 names of 3 are no image of {out}: nowhere, day/x; ")
    assert "such as day/a" in sentence


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("review.csv", "key,verdict\nday/a,right\n", "no row of it that counts has the verdict wrong"),
        ("other.csv", "a,b\n1,2\n", "the table has no column key; its columns are a,b"),
        ("empty.csv", "", "its columns are none"),
        ("list.txt", "# nothing\n\n", "it has no line"),
        ("rows.csv", "key,x\n", "it has no row"),
    ],
)
def test_files_that_name_nothing_are_refused(out: Path, name: str, text: str, problem: str) -> None:
    argument = write(out.parent / name, text)
    assert problem in refused(lambda: chosen(out, argument))


def test_a_file_that_is_not_there_is_refused(out: Path) -> None:
    assert "cannot be read" in refused(lambda: chosen(out, "@nowhere.csv"))
