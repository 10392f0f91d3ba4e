"""Laws of the inputs: every picture once, in the order and under the name that its argument gives."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from support import grow, photograph

from hypsegcli.errors import PlanError
from hypsegcli.images.discover import Inputs, find_inputs
from hypsegcli.images.formats import SUFFIXES


def keys(inputs: Inputs) -> list[str]:
    return [str(item.key) for item in inputs.images]


# --- folders ---------------------------------------------------------------------------------------------


def test_a_folder_is_searched_in_natural_order_and_keeps_its_paths(tmp_path: Path) -> None:
    grow(tmp_path, "b10.jpg", "b9.JPG", "a1.png", "sub/deep/x.y.tif", "sub/2.pgm", "notes.txt", "A2.webp")
    found = find_inputs([str(tmp_path)])
    assert keys(found) == ["a1", "A2", "b9", "b10", "sub/2", "sub/deep/x.y"]
    assert [item.path.relative_to(tmp_path).as_posix() for item in found.images] == [
        "a1.png",
        "A2.webp",
        "b9.JPG",
        "b10.jpg",
        "sub/2.pgm",
        "sub/deep/x.y.tif",
    ]
    assert found.folders == (tmp_path,)


@pytest.mark.parametrize("suffix", [*SUFFIXES, ".TIF", ".Jpeg"])
def test_every_suffix_is_picked_up(tmp_path: Path, suffix: str) -> None:
    assert keys(find_inputs([str(grow(tmp_path, f"a{suffix}"))])) == ["a"]


def test_hidden_names_are_skipped_but_a_hidden_folder_can_be_named(tmp_path: Path) -> None:
    grow(tmp_path, "a.png", ".b.png", "._a.png", ".cache/c.png")
    assert keys(find_inputs([str(tmp_path)])) == ["a"]
    assert keys(find_inputs([str(tmp_path / ".cache")])) == ["c"]
    assert keys(find_inputs([str(tmp_path / "*.png")])) == ["a"]
    assert keys(find_inputs([str(tmp_path / "**")])) == ["a"]


def test_linked_folders_are_followed_and_loops_survived(tmp_path: Path) -> None:
    photos, far = tmp_path / "photos", tmp_path / "far"
    grow(photos, "a.png", "sub/b.png")
    grow(far, "c.png")
    (photos / "link").symlink_to(far)
    (photos / "sub" / "up").symlink_to(photos)
    (photos / "self").symlink_to(photos / "self")
    (far / "back").symlink_to(photos)
    assert keys(find_inputs([str(photos)])) == ["a", "link/c", "sub/b"]
    assert keys(find_inputs([str(photos / "**/*.png")])) == ["a", "link/c", "sub/b"]


def test_a_broken_link_stays_in_the_plan_so_that_it_fails_by_name(tmp_path: Path) -> None:
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere")
    assert keys(find_inputs([str(tmp_path)])) == ["gone"]
    assert keys(find_inputs([str(tmp_path / "gone.png")])) == ["gone"]


def test_a_pipe_in_a_folder_is_left_alone(tmp_path: Path) -> None:
    grow(tmp_path, "a.png")
    os.mkfifo(tmp_path / "pipe.png")
    assert keys(find_inputs([str(tmp_path)])) == ["a"]


def test_a_folder_named_like_a_picture_is_a_folder(tmp_path: Path) -> None:
    assert keys(find_inputs([str(grow(tmp_path, "a.png/b.jpg"))])) == ["a.png/b"]


def test_folders_without_pictures(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="folder is empty"):
        find_inputs([str(tmp_path)])
    grow(tmp_path, "notes.txt", "sub/more.txt")
    with pytest.raises(PlanError, match=r"holds no pictures; looked for \.jpg, \.jpeg, \.jpe, .*\.png"):
        find_inputs([str(tmp_path)])


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_cannot_be_read_is_not_passed_over(tmp_path: Path) -> None:
    grow(tmp_path, "a.png", "sub/b.png")
    (tmp_path / "sub").chmod(0)
    try:
        with pytest.raises(PlanError, match="sub: the folder cannot be read"):
            find_inputs([str(tmp_path)])
    finally:
        (tmp_path / "sub").chmod(0o755)


# --- files and patterns ----------------------------------------------------------------------------------


def test_a_file_may_have_any_suffix_and_is_named_by_its_stem(tmp_path: Path) -> None:
    grow(tmp_path, "a.weird", "sub/b.tar.png")
    found = find_inputs([str(tmp_path / "a.weird"), str(tmp_path / "sub" / "b.tar.png")])
    assert keys(found) == ["a", "b.tar"]
    assert found.folders == ()


def test_arguments_keep_their_order_and_the_same_file_counts_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grow(tmp_path, "z.png", "a.png", "sub/a.png")
    (tmp_path / "again").mkdir()
    (tmp_path / "again" / "z.png").symlink_to(tmp_path / "z.png")
    monkeypatch.chdir(tmp_path)
    found = find_inputs(["z.png", "./z.png", "sub/../z.png", "again/z.png", "a.png", "sub/a.png"])
    assert keys(found) == ["z", "a", "a"]
    assert [str(item.path) for item in found.images] == ["z.png", "a.png", "sub/a.png"]


def test_the_same_file_under_two_keys_stays_twice(tmp_path: Path) -> None:
    grow(tmp_path, "sub/a.png")
    assert keys(find_inputs([str(tmp_path), str(tmp_path / "sub")])) == ["sub/a", "a"]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.jpg", ["top"]),
        ("*/*.jpg", ["x/a", "y/b"]),
        ("x/*", ["a", "c"]),
        ("x/**", ["a", "c", "deep/d"]),
        ("**/*.jpg", ["top", "x/a", "x/deep/d", "y/b"]),
        ("**/**/*.jpg", ["top", "x/a", "x/deep/d", "y/b"]),
        ("**/deep/*", ["x/deep/d"]),
        ("[xy]/?.jpg", ["x/a", "y/b"]),
        ("x/../x/*.jpg", ["a"]),
    ],
)
def test_patterns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pattern: str, expected: list[str]) -> None:
    grow(tmp_path, "top.jpg", "x/a.jpg", "x/c.png", "x/deep/d.jpg", "x/notes.txt", "y/b.jpg")
    monkeypatch.chdir(tmp_path)
    assert keys(find_inputs([pattern])) == expected
    assert keys(find_inputs([str(tmp_path / pattern)])) == expected


def test_a_pattern_goes_only_where_it_leads(tmp_path: Path) -> None:
    grow(tmp_path, "a/x/1.png", "b/x/2.png")
    (tmp_path / "b" / "x").rename(tmp_path / "b" / "y")
    assert keys(find_inputs([str(tmp_path / "*/x/*")])) == ["a/x/1"]


def test_a_name_that_exists_is_no_pattern(tmp_path: Path) -> None:
    grow(tmp_path, "a[1].png", "a1.png", "set[12]/b.png", "set1/c.png")
    assert keys(find_inputs([str(tmp_path / "a[1].png")])) == ["a[1]"]
    assert keys(find_inputs([str(tmp_path / "set[12]")])) == ["b"]
    assert keys(find_inputs([str(tmp_path / "set[1]/*")])) == ["set1/c"]


@pytest.mark.parametrize(
    ("argument", "sentence"),
    [
        ("absent.png", "absent.png: there is no such file or folder"),
        ("absent/*.png", "matches no picture; looked for"),
        ("*.txt", "matches no picture; looked for"),
        ("*", "end it in .. to take in whole folders"),
        ("", "an input is empty"),
        ("x" * 300, "no such file"),
        ("nul\0", "no such file"),
        ("@absent.txt", "list absent.txt cannot be read"),
        ("@", "cannot be read"),
    ],
)
def test_arguments_that_lead_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, argument: str, sentence: str
) -> None:
    grow(tmp_path, "notes.txt", "sub/a.png")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PlanError, match=sentence):
        find_inputs([argument])


# --- lists -----------------------------------------------------------------------------------------------


def test_a_list_is_relative_to_its_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    grow(tmp_path, "lists/a.png", "lists/sub/b.png", "c.png")
    text = f"\ufeff# comment\r\na.png\r\n\r\n  \r\n./sub/b.png\r\n../c.png\r\n{tmp_path}/c.png\r\nmissing.png"
    (tmp_path / "lists" / "list.txt").write_bytes(text.encode())
    monkeypatch.chdir(tmp_path)
    found = find_inputs(["@lists/list.txt"])
    assert keys(found) == ["a", "sub/b", "c", "missing"]
    assert found.images[1].path == Path("lists/sub/b.png")
    assert found.images[3].path == Path("lists/missing.png")
    assert found.folders == ()


@pytest.mark.parametrize("way", ["absolute", "up and down", "over a link", "by the real path"])
def test_lines_of_a_list_keep_their_folders_however_they_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """So that photographs of one name stay apart."""
    grow(tmp_path, "set/may/1.png", "set/june/1.png", "set/1.png", "other/2.png")
    (tmp_path / "link").symlink_to(tmp_path / "set")
    monkeypatch.chdir(tmp_path)
    start = {"absolute": f"{tmp_path}/set", "up and down": "../set/../set", "over a link": f"{tmp_path}/link"}
    names = ("may/1.png", "june/1.png", "1.png", "../other/2.png")
    lines = "".join(f"{start.get(way, tmp_path / 'set')}/{name}\n" for name in names)
    (tmp_path / "set/list.txt").write_text(lines)
    folder = "link" if way == "by the real path" else "set"
    assert keys(find_inputs([f"@{folder}/list.txt"])) == ["may/1", "june/1", "1", "2"]


def test_a_link_in_the_folder_of_a_list_is_a_folder_of_it(tmp_path: Path) -> None:
    grow(tmp_path, "far/1.png")
    (tmp_path / "set").mkdir()
    (tmp_path / "set/near").symlink_to(tmp_path / "far")
    (tmp_path / "set/list.txt").write_text(f"{tmp_path}/set/near/1.png\nnear/1.png\n{tmp_path}/far/1.png\n")
    assert keys(find_inputs([f"@{tmp_path}/set/list.txt"])) == ["near/1", "1"]


def test_a_list_with_the_line_ends_of_old(tmp_path: Path) -> None:
    grow(tmp_path, "a.png", "b.png")
    (tmp_path / "list.txt").write_bytes(b"a.png\rb.png\r")
    assert keys(find_inputs([f"@{tmp_path}/list.txt"])) == ["a", "b"]


def test_one_line_that_could_be_a_picture_leaves_the_others_to_the_run(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("a\nb\nmissing.png\n")
    assert keys(find_inputs([f"@{tmp_path}/list.txt"])) == ["a", "b", "missing"]


def test_a_name_with_a_line_separator_survives_a_list(tmp_path: Path) -> None:
    name = "a\u2028b .png"
    grow(tmp_path, name)
    (tmp_path / "list.txt").write_text(name + "\n", encoding="utf-8")
    assert find_inputs([f"@{tmp_path}/list.txt"]).images[0].path == tmp_path / name


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "names no file"),
        (b"# only\n\n", "names no file"),
        (b"a\xff.png\n", "not UTF-8"),
        (b"a.png\nsub\n", "line 2 names the folder sub"),
        (b"a\0b.png\n", "line 1 is not text"),
        (b"2007_000027\n2007_000032\n", r"no line names a file that is there, .* with its suffix"),
        (b"a.png,1\nb.png,2\n", "write one path a line"),
    ],
)
def test_lists_that_cannot_be_used(tmp_path: Path, content: bytes, sentence: str) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "list.txt").write_bytes(content)
    with pytest.raises(PlanError, match=sentence):
        find_inputs([f"@{tmp_path}/list.txt"])


def test_a_file_that_starts_with_at_gets_a_hint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    grow(tmp_path, "@a.png")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PlanError, match=r"write \./@a\.png"):
        find_inputs(["@a.png"])
    assert keys(find_inputs(["./@a.png"])) == ["@a"]


def test_links_to_folders_are_followed_once_and_after_the_folders_themselves(tmp_path: Path) -> None:
    """2^17 paths lead to the one picture; its own is taken."""
    deepest = tmp_path / "in"
    for _ in range(17):
        (deepest / "x").mkdir(parents=True)
        (deepest / "a").symlink_to("x")
        (deepest / "y").symlink_to("x")
        deepest = deepest / "x"
    photograph(deepest / "picture.png")
    (tmp_path / "in/up").symlink_to(tmp_path / "in")
    found = find_inputs([str(tmp_path / "in")])
    assert [str(image.key) for image in found.images] == ["/".join("x" * 17) + "/picture"]
    assert len(found.skipped.repeated) == 2 * 17 + 1
    assert "35 links, to folders that were searched already" in str(found.skipped)


def test_a_link_out_of_the_folder_is_followed(tmp_path: Path) -> None:
    photograph(tmp_path / "elsewhere/b/c.png")
    (tmp_path / "in").mkdir()
    (tmp_path / "in/link").symlink_to(tmp_path / "elsewhere")
    found = find_inputs([str(tmp_path / "in")])
    assert [str(image.key) for image in found.images] == ["link/b/c"]
    assert str(found.skipped) == ""


def test_what_is_left_out_is_told(tmp_path: Path) -> None:
    photograph(tmp_path / "a.png")
    for name in ("notes.txt", "more.txt", "a.json", "README"):
        (tmp_path / name).touch()
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "link.jpg").symlink_to("pipe.png")
    (tmp_path / "broken.jpg").symlink_to("nowhere")
    found = find_inputs([str(tmp_path)])
    assert [image.path.name for image in found.images] == ["a.png", "broken.jpg"]
    assert "4 files, no pictures (2 .txt, 1 " in str(found.skipped)
    assert "2 files, pipes or devices" in str(found.skipped)


def test_the_maps_of_a_run_are_no_photographs(tmp_path: Path) -> None:
    grow(
        tmp_path, "p.jpg", "results/run.json", "results/manifest.jsonl", "results/labels/p.png", "results/overlay/p.png"
    )
    found = find_inputs([str(tmp_path)])
    assert keys(found) == ["p"]
    folders = f"{tmp_path / 'results/labels'}, {tmp_path / 'results/overlay'}"
    assert str(found.skipped) == f"2 folders, of maps that hypseg wrote ({folders})"
    assert len(keys(find_inputs([str(tmp_path)], of_runs=True))) == 3
    assert keys(find_inputs([str(tmp_path / "results/labels")])) == ["p"]


@pytest.mark.parametrize(
    ("pattern", "expected", "told"),
    [
        ("", ["week/a", "week/images/b", "week/labels-7"], 3),
        ("**/**/*", ["week/a", "week/images/b", "week/labels-7"], 3),
        ("week", ["a", "images/b", "labels-7"], 3),
        ("week/*", ["a", "labels-7"], 0),
        ("*/*/*.jpg", ["week/images/b"], 3),
    ],
)
def test_photographs_beside_the_maps_of_a_run_are_taken(
    tmp_path: Path, pattern: str, expected: list[str], told: int
) -> None:
    grow(tmp_path / "week", "a.jpg", "images/b.jpg", "labels-7.jpg", "run.json", "manifest.jsonl", "ranking.csv")
    grow(tmp_path, "week/labels/b.png", "week/confidence-entropy/b.png", ".disk/b.png")
    (tmp_path / "week/overlay").symlink_to(tmp_path / ".disk")
    found = find_inputs([str(tmp_path / pattern)])
    assert keys(found) == expected
    assert len(found.skipped.maps) == told
    assert found.skipped.others == []


@pytest.mark.parametrize("suffix", [".jfif", ".jpe", ".mpo", ".pnm", ".pbm", ".j2k", ".JFIF"])
def test_rarer_suffixes_are_taken_too(tmp_path: Path, suffix: str) -> None:
    grow(tmp_path, f"a{suffix}")
    assert keys(find_inputs([str(tmp_path)])) == ["a"]


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("sub\\a.png", "sub/a.png"),
        ('"b c.png"', "b c.png"),
        ("'b c.png'  ", "b c.png"),
        ("  b c.png ", "b c.png"),
        ("#1.png", "#1.png"),
        ("~/home.png", "home.png"),
        (' "quoted".png', ' "quoted".png'),
        ("a.png,", "a.png"),
        ('"b c.png";', "b c.png"),
        ("a.png,", "a.png,"),
    ],
)
def test_lines_of_a_list_as_people_write_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, name: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    grow(tmp_path, name)
    (tmp_path / "list.txt").write_text(f"# a comment\n\n{line}\r\n")
    (found,) = find_inputs([f"@{tmp_path / 'list.txt'}"]).images
    assert found.path.samefile(tmp_path / name)


def test_a_folder_deeper_than_any_stack(tmp_path: Path) -> None:
    here = os.open(tmp_path, os.O_RDONLY)
    try:
        for _ in range(1_500):
            os.mkdir("d", dir_fd=here)
            here, above = os.open("d", os.O_RDONLY, dir_fd=here), here
            os.close(above)
    finally:
        os.close(here)
    photograph(tmp_path / "a.png")
    try:
        assert [image.path.name for image in find_inputs([str(tmp_path)]).images] == ["a.png"]
    finally:
        subprocess.run(["rm", "-r", tmp_path / "d"], check=True)  # shutil's way is not deep enough


def test_a_folder_whose_path_is_too_long_is_left_out_and_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    grow(tmp_path / "in", "a.png")
    monkeypatch.chdir(tmp_path / "in")
    for _ in range(30):  # 6,000 bytes
        Path("d" * 200).mkdir()
        os.chdir("d" * 200)
    Path("b.png").touch()
    os.chdir(tmp_path)
    found = find_inputs(["in"])
    assert [image.key.name for image in found.images] == ["a"]
    assert str(found.skipped).startswith("1 folder, with longer paths than can be opened (in/ddd")
    assert len(str(found.skipped)) < 300
    subprocess.run(["rm", "-r", "in"], check=True)  # pytest itself could not
