"""What README, CONTRIBUTING and docs/ say of options, commands, links, files and pictures, checked against what is."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import typer
from PIL import Image
from support import EXAMPLES, REPOSITORY, Hypseg, make_checkpoint, photograph, with_sampling
from support.clips import film
from support.exported import pretend_to_export
from support.labelling import export_of_cvat
from support.quantised import pretend_to_quantise
from support.served import pretend_to_serve
from support.stores import Store
from support.web import Hub, Repository

from hypsegcli.checkpoint.bundled import DEFAULT, bundled_checkpoint
from hypsegcli.checkpoint.read_header import read_header
from hypsegcli.cli.app import app
from hypsegcli.errors import Code
from hypsegcli.files.table import read_csv

PAGES = {
    path.relative_to(REPOSITORY).as_posix(): path.read_text(encoding="utf-8")
    for path in (
        *(REPOSITORY / name for name in ("README.md", "CONTRIBUTING.md")),
        *sorted((REPOSITORY / "docs").glob("*.md")),
        *sorted((REPOSITORY / "weights").glob("*.md")),
    )
}
COMMANDS = tuple(str(command.name) for command in app.registered_commands)
GROUP: Any = typer.main.get_command(app)
CONTEXT = typer.Context(GROUP, info_name="hypseg")

each_page = pytest.mark.parametrize("page", PAGES)


def subcommand(name: str) -> Any:
    """Typer's command of a name, which is there only when it is wanted."""
    return GROUP.resolve_command(CONTEXT, [name])[1]


def options(command: Any) -> set[str]:
    """All that a command takes which begins with two hyphens."""
    every = [option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)]
    return {option for option in every if option.startswith("--")} | {"--help"}


OPTIONS = {name: options(subcommand(name)) for name in COMMANDS}


def blocks(text: str, language: str) -> list[str]:
    """The contents of fences of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


def shell_commands(text: str) -> Iterator[list[str]]:
    """The words of every `hypseg` command in the shell blocks of a page."""
    for block in blocks(text, "sh"):
        for line in block.replace("\\\n", " ").splitlines():
            for command in line.split("&&"):
                words = shlex.split(command, comments=True)
                if words and words[0] == "hypseg":
                    yield words[1:]
                elif words and words[0] == "torchrun":
                    yield words[words.index("hypsegcli") + 1 :]


def code_spans(text: str) -> list[str]:
    """What stands between single backticks, in one line."""
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", prose)]


def anchors(text: str) -> set[str]:
    """The names by which headings are linked to, as GitHub makes them."""
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.*)$", prose, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_there_are_commands_links_and_pages_to_check() -> None:
    assert len(PAGES) >= 12
    assert sum(1 for text in PAGES.values() for _ in shell_commands(text)) > 20


@each_page
def test_every_option_that_is_named_exists(page: str) -> None:
    known = set.union(options(GROUP), *OPTIONS.values())
    for script in (REPOSITORY / "benchmarks").glob("*.py"):
        known |= set(re.findall(r'"(--[a-z-]+)"', script.read_text(encoding="utf-8")))
    theirs = r"^(docker|#SBATCH|sbatch|\w+=\$\(sbatch) .*$|^torchrun .* -m hypsegcli|`(#SBATCH|sbatch) [^`]*`"
    ours = re.sub(theirs, "", PAGES[page], flags=re.MULTILINE)
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", ours)) <= known


@each_page
def test_options_in_a_sentence_are_those_of_the_command_beside_them(page: str) -> None:
    for span in code_spans(PAGES[page]):
        command = re.match(r"hypseg ([a-z]+)", span)
        if command:
            named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", span))
            assert named <= OPTIONS[command[1]], span


@each_page
def test_every_command_parses(page: str) -> None:
    """With the real command line, up to where it would begin; placeholders are names of files like others."""
    for name, *arguments in shell_commands(PAGES[page]):
        subcommand(name).make_context(name, arguments)


def test_a_command_that_does_not_parse_is_noticed() -> None:
    with pytest.raises(Exception, match="--imaginary"):
        subcommand("predict").make_context("predict", ["examples", "--out", "out", "--imaginary"])


# By data set and the model that knows it: an image that the calibration was fitted to, and one that it was not.
PLACE = ("key", "x", "y", "width", "height")
PROTOTYPES: dict[str, Any] = {"head": "prototypes", "softmax": "flat", "backbone": "mobilenet_v3_small"}
SETS = {
    ("camvid", "streets"): ("0016E5_08001", "0016E5_08159"),
    ("clothing", "clothing"): ("0035", "0606"),
    ("nuclei", "nuclei"): ("175dbb36", "e49fc2b4"),
}


@pytest.fixture(scope="module")
def stand_ins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of what the pages' commands read, under the names they use, small, so that all of them take little time.

    Where a data set or a reader's own images are named, two drawn ones.
    """
    folder = tmp_path_factory.mktemp("stand_ins")
    (folder / "weights").symlink_to(REPOSITORY / "weights")
    (folder / "benchmarks").symlink_to(REPOSITORY / "benchmarks")
    for path in EXAMPLES.glob("*/*"):
        small = folder / "examples" / path.relative_to(EXAMPLES)
        small.parent.mkdir(parents=True, exist_ok=True)
        with Image.open(path) as image:
            image.resize((96, 64)).save(small)
    photograph(folder / "scan.tif")
    photograph(folder / "ortho.tif")
    with Image.open(folder / "scan.tif") as image:
        image.save(folder / "stack.tif", save_all=True, append_images=[image])
    film(folder / "clip.mp4")
    for (data, model), keys in SETS.items():
        masks = folder / data / "val" / "masks"
        masks.mkdir(parents=True)
        classes = read_header(bundled_checkpoint(model)).tree.classes
        for seed, key in enumerate(keys):
            photograph(folder / data / "val" / "images" / f"{key}.jpg", seed=seed)
            ids = np.random.default_rng(seed).integers(0, classes, (6, 8), dtype=np.uint8)
            Image.fromarray(ids.repeat(8, 0).repeat(8, 1)).save(masks / f"{key}.png")
    tree = read_header(bundled_checkpoint()).tree
    (folder / "IMAGES").symlink_to(folder / "camvid" / "val" / "images")
    for name in ("MASKS", "DIR"):
        (folder / name).symlink_to(folder / "camvid" / "val" / "masks")
    (folder / "FILE").write_text("".join(f"{index}:{tree.names[index]}\n" for index in range(tree.classes)))
    (folder / "data").mkdir()
    for name in ("train", "val"):
        (folder / "data" / name).symlink_to(folder / "camvid" / "val")
    (folder / "data" / "classes.txt").symlink_to(folder / "FILE")
    for name, meant in {"photographs": "IMAGES", "proof": "camvid/val"}.items():
        (folder / name).symlink_to(folder / meant)
    for name in ("first", "corrected"):
        for key in "abc":
            photograph(folder / name / "images" / f"{key}.png", size=(48, 64))
        export_of_cvat(folder / name / "masks.zip", {key: np.eye(64, 48, dtype=np.bool_) for key in "abc"})
    for name in ("one", "two"):
        (folder / name).mkdir()
        (folder / name / "best.safetensors").symlink_to(bundled_checkpoint())
    return folder


def judge(out: Path) -> None:
    """What a person does in a review: the first place is wrong."""
    first, columns = read_csv((out / "regions.csv").read_bytes(), PLACE).rows[0], ",".join((*PLACE, "verdict", "time"))
    (out / "review.csv").write_text(f"{columns}\n{','.join(first)},wrong,2026-01-01T00:00:00Z\n")


def fill_my_bucket(store: Store, stand_ins: Path) -> None:
    """The bucket of the pages: photographs, their masks, and a checkpoint."""
    store.name = "my-bucket"
    store.client.create_bucket(Bucket=store.name)
    store.fill(stand_ins / "camvid/val/images", "photos")
    store.fill(stand_ins / "camvid/val/masks", "masks")
    store["model.safetensors"] = bundled_checkpoint().read_bytes()


@pytest.mark.parametrize("page", [page for page, text in PAGES.items() if any(shell_commands(text))])
def test_what_a_page_shows_works(
    page: str,
    hypseg: Hypseg,
    stand_ins: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    """From top to bottom in one folder, and then its Python.

    Of a training, which takes hours, the settings; of a clustering, which takes minutes, an epoch.
    """
    if "hf://OWNER/NAME" in PAGES[page]:
        hub: Hub = request.getfixturevalue("hub")
        hub.repositories["OWNER/NAME"] = Repository()
        hub.repositories["OWNER/NAME"].commit({"model.safetensors": bundled_checkpoint().read_bytes()})
    if "s3://my-bucket" in PAGES[page]:
        fill_my_bucket(request.getfixturevalue("store"), stand_ins)
    for path in stand_ins.iterdir():
        (tmp_path / path.name).symlink_to(path)
    (tmp_path / "RUN").mkdir()
    trained = bundled_checkpoint(Path(page).stem if page.startswith("weights/") else DEFAULT)
    if page == "docs/prototypes.md":  # which no bundled model has
        trained = make_checkpoint(tmp_path / "RUN" / "last.safetensors", read_header(trained).tree, **PROTOTYPES)
    if page == "docs/sampling.md":
        trained = with_sampling(Path(shutil.copy(trained, tmp_path / "RUN" / "last.safetensors")), longest_side=48)
    (tmp_path / "RUN" / "best.safetensors").symlink_to(trained)
    monkeypatch.chdir(tmp_path)
    pretend_to_quantise(monkeypatch)
    pretend_to_export(monkeypatch)
    pretend_to_serve(monkeypatch)
    for name, *arguments in shell_commands(PAGES[page]):
        meant = {"A": "report", "B": "report"} | ({"DIR": "data"} if name == "train" else {})
        given = [meant.get(word, word) for word in arguments]
        short = {"train": ["--show-config"], "cluster": ["--epochs", "1"]}
        outcome = hypseg(name, *given, *short.get(name, []))
        if name == "review":
            judge(Path(given[0]))
        # Drawn masks are no truth, so that a score may miss its bound.
        assert outcome.code in ({0, 4} if "--fail-under" in arguments else {0}), (name, arguments, outcome.stderr)
        assert outcome.stdout
    for block in blocks(PAGES[page], "python"):
        exec(compile(block, page, "exec"), {"__name__": "page"})


def test_the_settings_of_a_training_are_shown(hypseg: Hypseg) -> None:
    assert ["train", "--show-config"] in list(shell_commands(PAGES["docs/training.md"]))
    shown = hypseg("train", "--show-config")
    assert shown.code == 0
    for name in ("learn_curvature", "ema_decay", "longest_side", "train_only"):
        assert f"\n{name} = " in shown.stdout


@each_page
def test_every_relative_link_and_anchor_leads_somewhere(page: str) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", PAGES[page]):
        if re.match(r"https?://", target):
            continue
        file, _, anchor = target.partition("#")
        path = ((REPOSITORY / page).parent / file).resolve() if file else REPOSITORY / page
        assert path.is_relative_to(REPOSITORY.resolve()), target
        assert path.exists(), target
        if anchor:
            assert anchor in anchors(path.read_text(encoding="utf-8")), target


@each_page
def test_every_file_of_the_project_that_is_named_exists(page: str) -> None:
    folders = "|".join(path.name for path in REPOSITORY.iterdir() if path.is_dir() and path.name != "docs")
    rooms = "|".join(path.parent.name for path in (REPOSITORY / "hypsegcli").glob("*/__init__.py"))
    for span in code_spans(PAGES[page]):
        path = span.split()[-1] if span.startswith("python ") else span
        if page == "CONTRIBUTING.md" and re.fullmatch(rf"({rooms})/[\w./]*", path):
            assert (REPOSITORY / "hypsegcli" / path).exists(), span
        elif re.fullmatch(rf"({folders})/[\w./-]*", path):
            assert (REPOSITORY / path).exists(), span


def test_every_page_can_be_reached_from_the_readme() -> None:
    linked = set(re.findall(r"\]\(([^)#\s]+)", PAGES["README.md"]))
    assert {page for page in PAGES if page.startswith("docs/")} | {"CONTRIBUTING.md"} <= linked


@pytest.mark.parametrize("page", ["README.md", "docs/maps.md"])
def test_the_kinds_of_files_are_those_that_save_knows(page: str) -> None:
    (save,) = (parameter for parameter in subcommand("predict").params if "--save" in parameter.opts)
    kinds = re.findall(r"[a-z]+", save.help.partition(":")[2])
    table = PAGES[page].partition("| kind |")[2].partition("\n\n")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, flags=re.MULTILINE) == kinds
    assert save.default in PAGES["docs/maps.md"]


@pytest.mark.parametrize(
    ("picture", "command", "made"),
    [
        ("taxis-overlay.webp", "predict examples/streets --out out", "out/overlay/taxis.png"),
        (
            "taxis-refined.webp",
            "predict examples/streets/taxis.jpg --out refined --refine edges",
            "refined/overlay/taxis.png",
        ),
        ("taxis-heatmap.png", "uncertainty examples/streets/taxis.jpg --out doubt", "doubt/heatmap/taxis.png"),
        ("taxis-disk.png", "disk examples/streets/taxis.jpg --out disk.png --size 500", "disk.png"),
    ],
)
def test_a_picture_is_what_its_command_makes(
    picture: str, command: str, made: str, hypseg: Hypseg, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But for rounding, which another engine or processor does otherwise."""
    assert any(f"hypseg {command}" in text and f"images/{picture}" in text for text in PAGES.values())
    shutil.copytree(EXAMPLES, tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    assert hypseg(*command.split()).code == 0
    shown = REPOSITORY / "docs" / "images" / picture
    assert shown.stat().st_size < 400_000
    with Image.open(shown) as one, Image.open(tmp_path / made) as other:
        assert one.size == other.size
        difference = np.abs(np.asarray(one, np.int16) - np.asarray(other, np.int16))
    assert difference.mean() < 0.5


def test_the_glossary_has_each_of_its_words_once_and_the_code_has_them_too() -> None:
    table = PAGES["CONTRIBUTING.md"].partition("| word |")[2]
    words = re.findall(r"^\| ([a-z ]+) \|", table, flags=re.MULTILINE)
    assert len(set(words)) == len(words) == 35
    code = " ".join(path.read_text(encoding="utf-8") for path in (REPOSITORY / "hypsegcli").rglob("*.py")).lower()
    for word in words:
        assert re.search(rf"\b{word.replace(' ', '[ _]')}s?\b", code), word


def test_the_codes_of_failures_are_those_that_there_are() -> None:
    listed = re.findall(
        r"^\| `(\w+)` \|", PAGES["docs/reliability.md"].partition("| `code` |")[2].partition("##")[0], re.M
    )
    assert listed == list(get_args(Code))
