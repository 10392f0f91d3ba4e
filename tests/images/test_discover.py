"""Laws of the plan: every picture once, no two outputs in one place, no input overwritten."""

import os
import unicodedata
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hypsegcli.errors import PlanError
from hypsegcli.images.discover import SUFFIXES, Input, Inputs, find_inputs
from hypsegcli.run.plan import occupied, plan_outputs

MAPS = {"labels": ".png", "confidence": ".npy"}


def grow(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")
    return root


def keys(inputs: Inputs) -> list[str]:
    return [str(item.key) for item in inputs.images]


def given_inputs(*pairs: tuple[str, str]) -> Inputs:
    return Inputs(tuple(Input(Path(path), PurePosixPath(key)) for path, key in pairs), ())


# --- folders ---------------------------------------------------------------------------------------------


def test_a_folder_is_searched_in_natural_order_and_keeps_its_paths(tmp_path):
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
def test_every_suffix_is_picked_up(tmp_path, suffix):
    assert keys(find_inputs([str(grow(tmp_path, f"a{suffix}"))])) == ["a"]


def test_hidden_names_are_skipped_but_a_hidden_folder_can_be_named(tmp_path):
    grow(tmp_path, "a.png", ".b.png", "._a.png", ".cache/c.png")
    assert keys(find_inputs([str(tmp_path)])) == ["a"]
    assert keys(find_inputs([str(tmp_path / ".cache")])) == ["c"]
    assert keys(find_inputs([str(tmp_path / "*.png")])) == ["a"]
    assert keys(find_inputs([str(tmp_path / "**")])) == ["a"]


def test_linked_folders_are_followed_and_loops_survived(tmp_path):
    photos, far = tmp_path / "photos", tmp_path / "far"
    grow(photos, "a.png", "sub/b.png")
    grow(far, "c.png")
    (photos / "link").symlink_to(far)
    (photos / "sub" / "up").symlink_to(photos)
    (photos / "self").symlink_to(photos / "self")
    (far / "back").symlink_to(photos)
    assert keys(find_inputs([str(photos)])) == ["a", "link/c", "sub/b"]
    assert keys(find_inputs([str(photos / "**/*.png")])) == ["a", "link/c", "sub/b"]


def test_a_broken_link_stays_in_the_plan_so_that_it_fails_by_name(tmp_path):
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere")
    assert keys(find_inputs([str(tmp_path)])) == ["gone"]
    assert keys(find_inputs([str(tmp_path / "gone.png")])) == ["gone"]


def test_a_pipe_in_a_folder_is_left_alone(tmp_path):
    grow(tmp_path, "a.png")
    os.mkfifo(tmp_path / "pipe.png")
    assert keys(find_inputs([str(tmp_path)])) == ["a"]


def test_a_folder_named_like_a_picture_is_a_folder(tmp_path):
    assert keys(find_inputs([str(grow(tmp_path, "a.png/b.jpg"))])) == ["a.png/b"]


def test_folders_without_pictures(tmp_path):
    with pytest.raises(PlanError, match="folder is empty"):
        find_inputs([str(tmp_path)])
    grow(tmp_path, "notes.txt", "sub/more.txt")
    with pytest.raises(PlanError, match=r"holds no pictures; looked for \.jpg, \.jpeg, \.png"):
        find_inputs([str(tmp_path)])


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_cannot_be_read_is_not_passed_over(tmp_path):
    grow(tmp_path, "a.png", "sub/b.png")
    (tmp_path / "sub").chmod(0)
    try:
        with pytest.raises(PlanError, match="sub: the folder cannot be read"):
            find_inputs([str(tmp_path)])
    finally:
        (tmp_path / "sub").chmod(0o755)


# --- files and patterns ----------------------------------------------------------------------------------


def test_a_file_may_have_any_suffix_and_is_named_by_its_stem(tmp_path):
    grow(tmp_path, "a.weird", "sub/b.tar.png")
    found = find_inputs([str(tmp_path / "a.weird"), str(tmp_path / "sub" / "b.tar.png")])
    assert keys(found) == ["a", "b.tar"]
    assert found.folders == ()


def test_arguments_keep_their_order_and_the_same_file_counts_once(tmp_path, monkeypatch):
    grow(tmp_path, "z.png", "a.png", "sub/a.png")
    (tmp_path / "again").mkdir()
    (tmp_path / "again" / "z.png").symlink_to(tmp_path / "z.png")
    monkeypatch.chdir(tmp_path)
    found = find_inputs(["z.png", "./z.png", "sub/../z.png", "again/z.png", "a.png", "sub/a.png"])
    assert keys(found) == ["z", "a", "a"]
    assert [str(item.path) for item in found.images] == ["z.png", "a.png", "sub/a.png"]


def test_the_same_file_under_two_keys_stays_twice(tmp_path):
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
def test_patterns(tmp_path, monkeypatch, pattern, expected):
    grow(tmp_path, "top.jpg", "x/a.jpg", "x/c.png", "x/deep/d.jpg", "x/notes.txt", "y/b.jpg")
    monkeypatch.chdir(tmp_path)
    assert keys(find_inputs([pattern])) == expected
    assert keys(find_inputs([str(tmp_path / pattern)])) == expected


def test_a_pattern_goes_only_where_it_leads(tmp_path):
    grow(tmp_path, "a/x/1.png", "b/x/2.png")
    (tmp_path / "b" / "x").rename(tmp_path / "b" / "y")
    assert keys(find_inputs([str(tmp_path / "*/x/*")])) == ["a/x/1"]


def test_a_name_that_exists_is_no_pattern(tmp_path):
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
def test_arguments_that_lead_nowhere(tmp_path, monkeypatch, argument, sentence):
    grow(tmp_path, "notes.txt", "sub/a.png")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PlanError, match=sentence):
        find_inputs([argument])


# --- lists -----------------------------------------------------------------------------------------------


def test_a_list_is_relative_to_its_own_folder(tmp_path, monkeypatch):
    grow(tmp_path, "lists/a.png", "lists/sub/b.png", "c.png")
    text = f"\ufeff# comment\r\na.png\r\n\r\n  \r\n./sub/b.png\r\n../c.png\r\n{tmp_path}/c.png\r\nmissing.png"
    (tmp_path / "lists" / "list.txt").write_bytes(text.encode())
    monkeypatch.chdir(tmp_path)
    found = find_inputs(["@lists/list.txt"])
    assert keys(found) == ["a", "sub/b", "c", "missing"]
    assert found.images[1].path == Path("lists/sub/b.png")
    assert found.images[3].path == Path("lists/missing.png")
    assert found.folders == ()


def test_a_name_with_a_line_separator_survives_a_list(tmp_path):
    name = "a\u2028b .png"
    grow(tmp_path, name)
    (tmp_path / "list.txt").write_text(name + "\n", encoding="utf-8")
    assert find_inputs([f"@{tmp_path}/list.txt"]).images[0].path == tmp_path / name


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "names no file"),
        (b"# only\n\n", "names no file"),
        ("a.png\n".encode("utf-16"), "not UTF-8"),
        (b"a.png\nsub\n", "line 2 names the folder sub"),
        (b"a\0b.png\n", "line 1 is not text"),
    ],
)
def test_lists_that_cannot_be_used(tmp_path, content, sentence):
    (tmp_path / "sub").mkdir()
    (tmp_path / "list.txt").write_bytes(content)
    with pytest.raises(PlanError, match=sentence):
        find_inputs([f"@{tmp_path}/list.txt"])


def test_a_file_that_starts_with_at_gets_a_hint(tmp_path, monkeypatch):
    grow(tmp_path, "@a.png")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PlanError, match=r"write \./@a\.png"):
        find_inputs(["@a.png"])
    assert keys(find_inputs(["./@a.png"])) == ["@a"]


# --- the plan --------------------------------------------------------------------------------------------


def test_targets_are_out_kind_key_suffix(tmp_path):
    plan = plan_outputs(given_inputs(("p/sub/a.b.jpg", "sub/a.b")), tmp_path / "out", MAPS)
    assert plan[0].source == Path("p/sub/a.b.jpg")
    assert plan[0].outputs == {
        "labels": tmp_path / "out/labels/sub/a.b.png",
        "confidence": tmp_path / "out/confidence/sub/a.b.npy",
    }
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("a", "a"),
        ("a", "A"),
        ("straße", "STRASSE"),
        (unicodedata.normalize("NFC", "café"), unicodedata.normalize("NFD", "café")),
        (unicodedata.normalize("NFC", "É"), unicodedata.normalize("NFD", "é")),
        ("a", "a.png/b"),
        ("a.png/b", "A"),
    ],
)
def test_two_inputs_for_one_output_are_refused_by_name(tmp_path, one, two):
    inputs = given_inputs(("x/one.jpg", one), ("y/two.png", two), ("z/three.png", "three"))
    with pytest.raises(PlanError, match="same output") as caught:
        plan_outputs(inputs, tmp_path / "out", MAPS)
    message = str(caught.value)
    assert "one.jpg" in message
    assert "two.png" in message
    assert "three" not in message


def test_equal_stems_in_one_folder_are_refused(tmp_path):
    grow(tmp_path, "photos/a.jpg", "photos/a.png")
    with pytest.raises(PlanError, match=r"a\.jpg and .*a\.png -> .*labels/a\.png"):
        plan_outputs(find_inputs([str(tmp_path / "photos")]), tmp_path / "out", MAPS)


def test_a_file_of_the_run_itself_is_not_overwritten(tmp_path):
    out = tmp_path / "out"
    with pytest.raises(PlanError, match=r"the run itself and x\.jpg"):
        plan_outputs(given_inputs(("x.jpg", "x")), out, MAPS, extra=[out / "labels" / "X.png"])
    assert plan_outputs(given_inputs(("x.jpg", "x")), out, MAPS, extra=[out / "run.json"])


def test_five_offenders_are_listed_and_the_rest_counted(tmp_path):
    pairs = [(f"{side}/{n}.png", f"k{n}") for side in "pq" for n in range(8)]
    with pytest.raises(PlanError) as caught:
        plan_outputs(given_inputs(*pairs), tmp_path / "out", MAPS)
    assert str(caught.value).count("->") == 5
    assert "and 3 more" in str(caught.value)


@pytest.mark.parametrize("place", ["photos", "photos/out", "photos/deep/er/out", "link/out", "photos/sub/../out"])
def test_an_output_folder_inside_an_input_folder_is_refused(tmp_path, place):
    grow(tmp_path, "photos/a.jpg", "photos/sub/b.jpg")
    (tmp_path / "link").symlink_to(tmp_path / "photos")
    inputs = find_inputs([str(tmp_path / "photos")])
    with pytest.raises(PlanError, match="lies in the input folder"):
        plan_outputs(inputs, tmp_path / place, MAPS)


@pytest.mark.parametrize("place", ["out", "photos2", ".", "photos/../out"])
def test_an_output_folder_beside_or_around_is_fine(tmp_path, place):
    grow(tmp_path, "photos/a.jpg")
    assert plan_outputs(find_inputs([str(tmp_path / "photos")]), tmp_path / place, MAPS)


@pytest.mark.parametrize(
    ("pattern", "refused"),
    [("**", True), ("**/*.png", True), ("**/a*", True), ("**/*.jpg", False), ("*.png", False)],
)
def test_a_pattern_that_would_find_the_maps_again(tmp_path, pattern, refused):
    grow(tmp_path, "a.png", "a1.jpg")
    inputs = find_inputs([str(tmp_path / pattern)])
    if refused:
        with pytest.raises(PlanError, match="lies in the input folder"):
            plan_outputs(inputs, tmp_path / "out", MAPS)
    else:
        assert plan_outputs(inputs, tmp_path / "out", MAPS)


def test_an_output_may_not_overwrite_an_input(tmp_path, monkeypatch):
    out = grow(tmp_path, "out/labels/a.png") / "out"
    (tmp_path / "link.jpg").symlink_to(out / "labels" / "a.png")
    (tmp_path / "outlink").symlink_to(out)
    monkeypatch.chdir(tmp_path)
    for name in (str(out / "labels" / "a.png"), "out/labels/a.png", "outlink/labels/a.png"):
        for place in (out, Path("out"), tmp_path / "outlink"):
            with pytest.raises(PlanError, match=r"overwrite an input.*a\.png is the input"):
                plan_outputs(find_inputs([name]), place, MAPS)
    linked = Inputs((Input(tmp_path / "link.jpg", PurePosixPath("a")),), ())
    with pytest.raises(PlanError, match="overwrite an input"):
        plan_outputs(linked, out, MAPS)
    with pytest.raises(PlanError, match="overwrite an input"):
        plan_outputs(given_inputs(("run.json", "r")), out, MAPS, extra=[tmp_path / "run.json"])


def test_an_input_that_is_a_link_is_not_replaced_either(tmp_path):
    grow(tmp_path, "elsewhere.png", "out/labels/other.png")
    (tmp_path / "out" / "labels" / "a.png").symlink_to(tmp_path / "elsewhere.png")
    with pytest.raises(PlanError, match="overwrite an input"):
        plan_outputs(find_inputs([str(tmp_path / "out/labels/a.png")]), tmp_path / "out", MAPS)


def test_an_output_that_is_a_link_to_an_input_is_replaced_and_harms_nothing(tmp_path):
    grow(tmp_path, "a.jpg", "out/labels/other.png")
    (tmp_path / "out" / "labels" / "a.png").symlink_to(tmp_path / "a.jpg")
    assert plan_outputs(find_inputs([str(tmp_path / "a.jpg")]), tmp_path / "out", MAPS)


@pytest.mark.parametrize("place", ["file", "file/below", "broken"])
def test_an_output_folder_that_cannot_be_one(tmp_path, place):
    grow(tmp_path, "file")
    (tmp_path / "broken").symlink_to(tmp_path / "nowhere")
    with pytest.raises(PlanError, match="for this is a file"):
        plan_outputs(given_inputs(("x.jpg", "x")), tmp_path / place, MAPS)


def test_occupied_names_what_exists_in_plan_order(tmp_path):
    out = grow(tmp_path, "out/labels/b.png", "out/confidence/a.npy", "out/run.json") / "out"
    (out / "labels" / "a.png").symlink_to(tmp_path / "nowhere")
    plan = plan_outputs(given_inputs(("a.jpg", "a"), ("b.jpg", "b"), ("c.jpg", "c")), out, MAPS)
    expected = ["labels/a.png", "confidence/a.npy", "labels/b.png", "run.json"]
    assert occupied(plan, [out / "run.json", out / "new.json"]) == [out / name for name in expected]


# --- laws on generated trees -----------------------------------------------------------------------------

NAMES = st.sampled_from(["a", "A", "b", "é", "e\u0301", "ß", "ss", "a.png", "1", "10", "2", "x.y"])
TREES = st.lists(
    st.tuples(st.lists(NAMES, max_size=2), NAMES, st.sampled_from([".png", ".jpg", ".PNG", ".txt"])),
    min_size=1,
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(tree=TREES)
def test_a_plan_is_injective_or_refused_and_repeatable(tmp_path_factory, tree):
    root = tmp_path_factory.mktemp("tree")
    made = set()
    for folders, stem, suffix in tree:
        path = root.joinpath("photos", *folders, stem + suffix)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"")
        except OSError:  # a file is where this one needs a folder, or the reverse
            continue
        if suffix != ".txt":
            made.add(path)
    try:
        inputs = find_inputs([str(root / "photos")])
    except PlanError:
        assert not made
        return
    assert {item.path for item in inputs.images} == made
    assert len(inputs.images) == len(made)
    assert find_inputs([str(root / "photos")]) == inputs
    try:
        plan = plan_outputs(inputs, root / "out", MAPS)
    except PlanError:
        keyed = [unicodedata.normalize("NFC", str(item.key).casefold()) for item in inputs.images]
        taken = {f"{key}.png" for key in keyed} | {f"{key}.npy" for key in keyed}
        nested = any(str(parent) in taken for key in keyed for parent in PurePosixPath(key).parents)
        assert len(set(keyed)) < len(keyed) or nested
        return
    targets = [target for planned in plan for target in planned.outputs.values()]
    assert len(targets) == 2 * len(made)
    for target in targets:  # writing all of them must leave all of them
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(str(target))
    assert all(target.read_text() == str(target) for target in targets)
    assert len({unicodedata.normalize("NFC", str(target)).casefold() for target in targets}) == len(targets)
