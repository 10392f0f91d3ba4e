"""The text of a card: all that the header says, and nothing that steers its reader."""

from __future__ import annotations

import re
import tomllib

import pytest
from support.checkpoints import HEADER
from support.quantised import FACTS

from hypsegcli.checkpoint.bundled import MODELS, bundled_checkpoint
from hypsegcli.checkpoint.format import Ancestor, Header, Quantisation
from hypsegcli.checkpoint.read_header import read_header
from hypsegcli.cli.card.card import write_card
from hypsegcli.confidence.calibration import Calibration
from hypsegcli.hierarchy.tree import flat_tree


def fences(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


def prose(text: str) -> str:
    """What is neither code nor in front."""
    return re.sub(r"^```.*?^```$|\A---$.*?^---$", "", text, flags=re.MULTILINE | re.DOTALL)


def rows(text: str, heading: str) -> list[list[str]]:
    """The cells of a chapter's table, without its head."""
    chapter = text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in chapter.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines[2:]]


@pytest.mark.parametrize("name", [model.name for model in MODELS])
def test_it_says_what_the_header_says(name: str) -> None:
    header = read_header(bundled_checkpoint(name))
    text = write_card(header, name)
    tree, made = header.tree, header.provenance
    assert [row[:2] for row in rows(text, "Classes")] == [[str(i), tree.names[i]] for i in range(tree.classes)]
    assert [row[2] for row in rows(text, "Classes")] == ["`#{:02x}{:02x}{:02x}`".format(*rgb) for rgb in header.colors]
    if not tree.is_flat:
        above = [" / ".join(tree.names[node] for node in tree.path(i) if node != i) for i in range(tree.classes)]
        assert [row[3] for row in rows(text, "Classes")] == [each or "-" for each in above]
    assert f"{made.scores['mean_iou']:.4g}" in [row[1] for row in rows(text, "Scores")]
    plain = re.sub(r"\\(.)", r"\1", text)
    for told in (made.trained_on, made.validated_on, made.licence, header.model.backbone):
        assert told in plain
    assert header.calibration is None or header.calibration.fitted_on in plain
    assert "means not labelled" in text
    (recipe,) = fences(text, "toml")
    assert tomllib.loads(recipe) == {key: value for key, value in made.recipe.items() if value is not None}


def test_its_python_is_python_and_its_shell_names_the_address() -> None:
    text = write_card(HEADER, "a", address="hf://me/it's/in b.safetensors")
    (shell,) = fences(text, "sh")
    (python,) = fences(text, "python")
    compile(python, "card", "exec")
    assert '"hf://me/it\'s/in b.safetensors"' in python
    assert "--checkpoint 'hf://me/it'\"'\"'s/in b.safetensors' --out maps" in shell
    assert "stands for the repository" not in text


def test_a_place_that_nobody_knows_is_said_to_be_one() -> None:
    assert "`hf://OWNER/NAME` stands for the repository that this file lies in." in write_card(HEADER, "a")


def test_what_is_not_there_is_said() -> None:
    text = write_card(HEADER, "a")
    assert "None are recorded in the file." in text
    assert "confidence is the distance itself, which ranks pixels and is no probability" in text
    assert "settings of the training" not in text


@pytest.mark.parametrize(
    ("side", "shown", "told"),
    [
        (None, "grows", "Larger ones show more, and not the same larger: they are not shrunk."),
        (48, "grows", "Larger ones show more, and not the same larger, and yet are shrunk to 48 pixels on"),
        (None, "fixed", "Larger ones show the same larger, and yet are not shrunk."),
        (48, "fixed", "Larger ones are shrunk to 48 pixels on"),
        (None, None, "Larger ones are not shrunk."),
        (48, None, "Larger ones are shrunk to 48 pixels on"),
    ],
)
def test_what_larger_images_show_and_what_becomes_of_them_are_two_things(
    side: int | None, shown: str | None, told: str
) -> None:
    size = HEADER.input.model_copy(update={"longest_side": side, "field_of_view": shown})
    assert told in write_card(HEADER.model_copy(update={"input": size}), "a")


def test_what_it_started_from_stands_there_with_its_data_and_its_terms() -> None:
    nearest = Ancestor(name="x", trained_on="ImageNet", licence="CC BY-NC 4.0", initialised_from="timm's, licence MIT")
    furthest = nearest.model_copy(update={"name": "y", "licence": "unknown"})
    made = HEADER.provenance.model_copy(update={"ancestors": (nearest, furthest)})
    text = write_card(HEADER.model_copy(update={"provenance": made}), "a")
    for name, licence in (("x", "CC BY-NC 4.0"), ("y", "unknown")):
        told = f"trained on ImageNet; started from timm's, licence MIT; licence: {licence}"
        assert [f"ancestor: {name}", told] in rows(text, "How it was made")


@pytest.mark.parametrize(
    ("int8", "facts", "told"),
    [
        (True, FACTS, "`--precision int8`"),
        (True, None, "`--precision int8`"),
        (False, FACTS, "`--precision fp32`"),
        (False, None, None),
    ],
)
def test_in_which_precision_its_calibration_holds(int8: bool, facts: Quantisation | None, told: str | None) -> None:
    curve = Calibration(distances=(0.0, 1.0), probabilities=(0.0, 1.0), fitted_on="it", int8=int8)
    text = write_card(HEADER.model_copy(update={"calibration": curve, "int8": facts}), "a")
    assert ("`--precision" in text) is (told is not None)
    assert told is None or told in text


EVIL = (
    "a | b",
    "<img src=x>",
    "[a](javascript:b)",
    "# a\n\n# b",
    "`` ` ``",
    "*b*_c_",
    "a\u202eb",
    "\U0001f600",
    "---\nlicense: x",
)


@pytest.mark.parametrize("evil", EVIL)
def test_no_text_of_a_header_is_markup(evil: str) -> None:
    harmless, text = (write_card(_named(words), "a") for words in ("harmless", evil))
    for sign in ("<", "`", "|", "["):
        bare = rf"(?<!\\){re.escape(sign)}"
        assert len(re.findall(bare, prose(text))) == len(re.findall(bare, prose(harmless))), sign
    assert len(re.findall("^#", text, re.MULTILINE)) == len(re.findall("^#", harmless, re.MULTILINE))
    assert text.count("\n---\n") == harmless.count("\n---\n")
    assert "\u202e" not in text
    (recipe,) = fences(text, "toml")
    assert tomllib.loads(recipe)["init"] == evil


def _named(text: str) -> Header:
    provenance = HEADER.provenance.model_copy(
        update=dict.fromkeys(("trained_on", "validated_on", "licence", "initialised_from"), text)
        | {"scores": {"mean_iou": 0.5}, "recipe": {"init": text}}
        | {"ancestors": (Ancestor(name=text, trained_on=text, licence=text, initialised_from=text),)}
    )
    tree = flat_tree([f"{' '.join(text.split())} {index}" for index in range(3)])
    model = HEADER.model.model_copy(update={"softmax": "flat", "nodes": 3})
    return HEADER.model_copy(update={"provenance": provenance, "tree": tree, "model": model})
