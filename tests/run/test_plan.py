"""Laws of the plan: no two outputs in one place, no input overwritten."""

from __future__ import annotations

import unicodedata
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import grow

from hypsegcli.errors import PlanError
from hypsegcli.images.discover import Input, Inputs, find_inputs
from hypsegcli.run.plan import occupied, plan_outputs

MAPS = {"labels": ".png", "confidence": ".npy"}


def given_inputs(*pairs: tuple[str, str]) -> Inputs:
    return Inputs(tuple(Input(Path(path), PurePosixPath(key)) for path, key in pairs), ())


def test_targets_are_out_kind_key_suffix(tmp_path: Path) -> None:
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
def test_two_inputs_for_one_output_are_refused_by_name(tmp_path: Path, one: str, two: str) -> None:
    inputs = given_inputs(("x/one.jpg", one), ("y/two.png", two), ("z/three.png", "three"))
    with pytest.raises(PlanError, match="same output") as caught:
        plan_outputs(inputs, tmp_path / "out", MAPS)
    message = str(caught.value)
    assert "one.jpg" in message
    assert "two.png" in message
    assert "three" not in message


def test_equal_stems_in_one_folder_are_refused(tmp_path: Path) -> None:
    grow(tmp_path, "photos/a.jpg", "photos/a.png")
    with pytest.raises(PlanError, match=r"a\.jpg and .*a\.png -> .*labels/a\.png"):
        plan_outputs(find_inputs([str(tmp_path / "photos")]), tmp_path / "out", MAPS)


def test_a_file_of_the_run_itself_is_not_overwritten(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(PlanError, match=r"the run itself and x\.jpg"):
        plan_outputs(given_inputs(("x.jpg", "x")), out, MAPS, extra=[out / "labels" / "X.png"])
    assert plan_outputs(given_inputs(("x.jpg", "x")), out, MAPS, extra=[out / "run.json"])


def test_five_offenders_are_listed_and_the_rest_counted(tmp_path: Path) -> None:
    pairs = [(f"{side}/{n}.png", f"k{n}") for side in "pq" for n in range(8)]
    with pytest.raises(PlanError) as caught:
        plan_outputs(given_inputs(*pairs), tmp_path / "out", MAPS)
    assert str(caught.value).count("->") == 5
    assert "and 3 more" in str(caught.value)


@pytest.mark.parametrize("place", ["photos", "photos/out", "photos/deep/er/out", "link/out", "photos/sub/../out"])
def test_an_output_folder_inside_an_input_folder_is_refused(tmp_path: Path, place: str) -> None:
    grow(tmp_path, "photos/a.jpg", "photos/sub/b.jpg")
    (tmp_path / "link").symlink_to(tmp_path / "photos")
    inputs = find_inputs([str(tmp_path / "photos")])
    with pytest.raises(PlanError, match="lies in the input folder"):
        plan_outputs(inputs, tmp_path / place, MAPS)


@pytest.mark.parametrize("place", ["out", "photos2", ".", "photos/../out"])
def test_an_output_folder_beside_or_around_is_fine(tmp_path: Path, place: str) -> None:
    grow(tmp_path, "photos/a.jpg")
    assert plan_outputs(find_inputs([str(tmp_path / "photos")]), tmp_path / place, MAPS)


@pytest.mark.parametrize(
    ("pattern", "refused"),
    [("**", True), ("**/*.png", True), ("**/a*", True), ("**/*.jpg", False), ("*.png", False)],
)
def test_a_pattern_that_would_find_the_maps_again(tmp_path: Path, pattern: str, refused: bool) -> None:
    grow(tmp_path, "a.png", "a1.jpg")
    inputs = find_inputs([str(tmp_path / pattern)])
    if refused:
        with pytest.raises(PlanError, match="lies in the input folder"):
            plan_outputs(inputs, tmp_path / "out", MAPS)
    else:
        assert plan_outputs(inputs, tmp_path / "out", MAPS)


@pytest.mark.parametrize("place", ["photos", "link", "linked"])
@pytest.mark.parametrize("argument", ["photos/labels", "photos/labels/**", "photos/labels/*.jpg", "photos/*/*.jpg"])
def test_maps_that_would_lie_among_the_pictures_are_refused(tmp_path: Path, place: str, argument: str) -> None:
    """As they would where the folder of pictures is called as a kind is."""
    grow(tmp_path, "photos/labels/a.jpg", "linked/other.jpg")
    (tmp_path / "link").symlink_to(tmp_path / "photos")
    (tmp_path / "linked/labels").symlink_to(tmp_path / "photos/labels")
    inputs = find_inputs([str(tmp_path / argument)])
    with pytest.raises(PlanError, match=r"labels: (the output folder lies in the input|a pattern finds its pictures)"):
        plan_outputs(inputs, tmp_path / place, MAPS)
    assert plan_outputs(inputs, tmp_path / place, {"overlay": ".png"})
    assert plan_outputs(inputs, tmp_path, MAPS)


@pytest.mark.parametrize("pattern", ["*/*.png", "**/*.jpg", "a/*.png", "?/*"])
@pytest.mark.parametrize("place", ["a", "a/out", "out"])
def test_a_pattern_finds_its_pictures_again_beside_the_maps(tmp_path: Path, pattern: str, place: str) -> None:
    grow(tmp_path, "a/1.png", "a/2.jpg", "b/1.png")
    inputs = find_inputs([str(tmp_path / pattern)])
    grow(tmp_path / place, "run.json", "manifest.jsonl")
    for planned in plan_outputs(inputs, tmp_path / place, MAPS):
        grow(tmp_path, *(str(path) for path in planned.outputs.values()))
    assert find_inputs([str(tmp_path / pattern)]).images == inputs.images


def test_an_output_may_not_overwrite_an_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_an_input_that_is_a_link_is_not_replaced_either(tmp_path: Path) -> None:
    grow(tmp_path, "elsewhere.png", "out/labels/other.png")
    (tmp_path / "out" / "labels" / "a.png").symlink_to(tmp_path / "elsewhere.png")
    with pytest.raises(PlanError, match="overwrite an input"):
        plan_outputs(find_inputs([str(tmp_path / "out/labels/a.png")]), tmp_path / "out", MAPS)


def test_an_output_that_is_a_link_to_an_input_is_replaced_and_harms_nothing(tmp_path: Path) -> None:
    grow(tmp_path, "a.jpg", "out/labels/other.png")
    (tmp_path / "out" / "labels" / "a.png").symlink_to(tmp_path / "a.jpg")
    assert plan_outputs(find_inputs([str(tmp_path / "a.jpg")]), tmp_path / "out", MAPS)


@pytest.mark.parametrize("place", ["file", "file/below", "broken"])
def test_an_output_folder_that_cannot_be_one(tmp_path: Path, place: str) -> None:
    grow(tmp_path, "file")
    (tmp_path / "broken").symlink_to(tmp_path / "nowhere")
    with pytest.raises(PlanError, match="for this is a file"):
        plan_outputs(given_inputs(("x.jpg", "x")), tmp_path / place, MAPS)


def test_occupied_names_what_exists_in_plan_order(tmp_path: Path) -> None:
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
def test_a_plan_is_injective_or_refused_and_repeatable(
    tmp_path_factory: pytest.TempPathFactory, tree: list[tuple[list[str], str, str]]
) -> None:
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
