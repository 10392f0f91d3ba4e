"""The header: what is written is read back, and everything else is refused with a sentence that names the file."""

import json
import math
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hypsegcli.checkpoint.format import SCHEMA_VERSION, Header, InputSpec, Provenance, header_from_json, header_to_json
from hypsegcli.errors import CheckpointError
from hypsegcli.hierarchy.tree import ClassTree
from hypsegcli.network.config import ModelConfig

TREE = ClassTree(names=("a", "b", "c", "left"), parents=(3, 3, -1, -1), classes=3)
HEADER = Header(
    model=ModelConfig(nodes=TREE.nodes, curvature=0.3, head="hyperbolic-reference", embedding_size=5),
    input=InputSpec(height=360, width=480, mean=(1.0, 2.0, 3.0), std=(1.0, 1.0, 0.5), pixel_range=255),
    tree=TREE,
    colors=((0, 0, 0), (255, 0, 1), (2, 3, 4)),
    ignore_index=255,
    provenance=Provenance(
        trained_on="streets",
        licence="MIT",
        scores={"mIoU": 0.5},
        recipe={"epochs": 3, "rate": 1e-3, "whole": 1.0, "flip": True, "name": "1", "none": None},
        hypseg_version="0.1.0",
        torch_version="2.15.0",
    ),
)
ORIGIN = "folder/model.safetensors"


def refusal(text: str) -> str:
    with pytest.raises(CheckpointError) as error:
        header_from_json(text, origin=ORIGIN)
    assert str(error.value).startswith(f"{ORIGIN}: ")
    return str(error.value)


def changed(change: Callable[[Any], None]) -> str:
    document = json.loads(header_to_json(HEADER))
    change(document)
    return json.dumps(document)


def test_round_trip() -> None:
    back = header_from_json(header_to_json(HEADER), origin=ORIGIN)
    assert back == HEADER
    assert {key: type(value) for key, value in back.provenance.recipe.items()} == {
        key: type(value) for key, value in HEADER.provenance.recipe.items()
    }


def test_a_header_without_a_background_has_none() -> None:
    """As those that were written before there was one."""
    text = changed(lambda d: d.update(background=2))
    assert header_from_json(text, origin=ORIGIN).background == 2
    assert header_from_json(changed(lambda d: d.pop("background")), origin=ORIGIN) == HEADER


def test_a_size_that_nobody_said_is_kept_as_unknown() -> None:
    spec = InputSpec(height=None, width=None)
    assert spec.longest_side is None
    text = header_to_json(HEADER.model_copy(update={"input": spec}))
    assert header_from_json(text, origin=ORIGIN).input == spec
    half = refusal(changed(lambda d: d["input"].update(height=None)))
    assert "input: height and width are known together, or neither is" in half
    assert "input.height: Field required" in refusal(changed(lambda d: d["input"].pop("height")))


plain = st.one_of(st.text(), st.integers(-(2**53), 2**53), st.floats(allow_nan=False), st.booleans(), st.none())


@pytest.mark.parametrize(
    ("fields", "shown"), [({}, "fixed"), ({"longest_side": 90}, "fixed"), ({"longest_side": None}, "grows")]
)
def test_a_header_that_does_not_say_what_larger_images_show(fields: dict[str, Any], shown: str) -> None:
    """Those of 0.1.0 have no longest side either; later ones had none where larger images show more."""
    content = json.loads(header_to_json(HEADER))
    content["input"] = {"height": 48, "width": 64} | fields
    assert header_from_json(json.dumps(content), origin="it").input.field_of_view == shown


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(st.text(), plain), st.dictionaries(st.text(), st.floats()))
def test_any_recipe_and_any_score_come_back(recipe: dict[str, Any], scores: dict[str, float]) -> None:
    provenance = HEADER.provenance.model_copy(update={"recipe": recipe, "scores": scores})
    text = header_to_json(HEADER.model_copy(update={"provenance": provenance}))
    back = header_from_json(text, origin=ORIGIN).provenance
    assert back.recipe == recipe
    assert {k: type(v) for k, v in back.recipe.items()} == {k: type(v) for k, v in recipe.items()}
    assert back.scores.keys() == scores.keys()
    for name, score in scores.items():
        assert back.scores[name] == score or (math.isnan(score) and math.isnan(back.scores[name]))


@settings(max_examples=50, deadline=None)
@given(st.floats(min_value=1e-6, max_value=1e6))
def test_curvature_comes_back_to_the_last_bit(curvature: float) -> None:
    model = HEADER.model.model_copy(update={"curvature": curvature})
    back = header_from_json(header_to_json(HEADER.model_copy(update={"model": model})), origin=ORIGIN)
    assert back.model.curvature == curvature


@pytest.mark.parametrize("version", [0, 2, 99])
def test_another_schema_version(version: object) -> None:
    sentence = refusal(changed(lambda d: d.update(schema_version=version)))
    assert f"written with schema version {version}, this hypseg reads version {SCHEMA_VERSION}" in sentence
    assert "install the hypseg it was made with" in sentence


@pytest.mark.parametrize("version", ["1", None, 1.5, 1.0, True, [1]])
def test_a_schema_version_that_is_no_whole_number(version: object) -> None:
    sentence = refusal(changed(lambda d: d.update(schema_version=version)))
    assert f"schema version is {json.dumps(version)}, expected the whole number {SCHEMA_VERSION}" in sentence


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "null",
        "1",
        "[]",
        '"text"',
        "{}",
        '{"schema": 1}',
        "[" * 100_000,
        '{"schema_version": ' + "9" * 5000 + "}",
    ],
    ids=["empty", "cut", "null", "number", "list", "text", "no fields", "other fields", "deep", "long number"],
)
def test_what_is_no_header_at_all(text: str) -> None:
    assert "its header is not that of a hypseg checkpoint" in refusal(text)


def test_sentences_do_not_grow_with_what_is_wrong() -> None:
    long = "x" * 30_000
    for change in (
        lambda d: d["tree"].update(names=[long] * 4),
        lambda d: d["tree"].update(names=[f"{n}{long}" for n in range(4)], parents=[0, 3, -1, -1]),
        lambda d: d["model"].update(backbone=long),
        lambda d: d.update({long: 1}),
        lambda d: d.update(schema_version=long),
        lambda d: d.update(schema_version=[[long]]),
        lambda d: d["provenance"].update(recipe={str(index): {} for index in range(1_000)}),
    ):
        assert len(refusal(changed(change))) < 2_000


FIELDS = [(), ("model",), ("input",), ("tree",), ("provenance",)]


@pytest.mark.parametrize("path", FIELDS, ids=[".".join(path) or "header" for path in FIELDS])
def test_an_unknown_field_anywhere(path: tuple[str, ...]) -> None:
    def change(document: Any) -> None:
        for key in path:
            document = document[key]
        document["surprise"] = 1

    assert ".".join((*path, "surprise")) + ": Extra inputs are not permitted" in refusal(changed(change))


@pytest.mark.parametrize("field", ["model", "input", "tree", "colors", "ignore_index", "provenance"])
def test_a_missing_field(field: str) -> None:
    assert f"{field}: Field required" in refusal(changed(lambda d: d.pop(field)))


CONTRADICTIONS: dict[str, tuple[Callable[[Any], None], str]] = {
    "c = 0": (lambda d: d["model"].update(curvature=0.0), "model.curvature: Input should be greater than or equal to"),
    "c < 0": (lambda d: d["model"].update(curvature=-1.0), "model.curvature: Input should be greater than or equal to"),
    "c beyond float32": (lambda d: d["model"].update(curvature=1e300), "model.curvature: Input should be less than"),
    "a ball too small to tell": (lambda d: d["model"].update(t_max=1e-30), "model.t_max: Input should be greater"),
    "one class": (
        lambda d: d.update(
            tree=d["tree"] | {"names": ["a", "left"], "parents": [1, -1], "classes": 1},
            model=d["model"] | {"nodes": 2},
            colors=[[0, 0, 0]],
        ),
        "one class leaves nothing to tell apart",
    ),
    "c is NaN": (lambda d: d["model"].update(curvature=math.nan), "model.curvature: Input should be"),
    "c is infinite": (lambda d: d["model"].update(curvature=math.inf), "model.curvature: Input should be"),
    "c is null": (lambda d: d["model"].update(curvature=None), "model.curvature: Input should be"),
    "t_max = 0": (lambda d: d["model"].update(t_max=0.0), "model.t_max: Input should be greater than or equal to"),
    "t_max beyond float32": (lambda d: d["model"].update(t_max=21.0), "model.t_max: Input should be less than"),
    "an unknown backbone": (lambda d: d["model"].update(backbone="vgg16"), "model.backbone: expected resnet18"),
    "an unknown head": (lambda d: d["model"].update(head="spherical"), "model.head: Input should be"),
    "one dimension": (lambda d: d["model"].update(embedding_size=1), "model.embedding_size: Input should be"),
    "another number of outputs": (
        lambda d: d["model"].update(nodes=5),
        "the head has 5 outputs, but the class tree has 4 nodes",
    ),
    "a flat head with outputs for nodes": (
        lambda d: d["model"].update(softmax="flat"),
        "the head has 4 outputs, but the class tree has 3 classes",
    ),
    "too few colours": (lambda d: d["colors"].pop(), "2 colours for 3 classes"),
    "too many colours": (lambda d: d["colors"].append([0, 0, 0]), "4 colours for 3 classes"),
    "a colour of two channels": (lambda d: d["colors"][1].pop(), "colors.1"),
    "a channel of 256": (lambda d: d["colors"][1].__setitem__(2, 256), "colors.1.2: Input should be less than"),
    "a channel of -1": (lambda d: d["colors"][1].__setitem__(2, -1), "colors.1.2: Input should be greater than"),
    "a tree that is none": (
        lambda d: d["tree"].update(parents=[3, 3, -1, 3]),
        "tree: 'left' is its own ancestor",
    ),
    "a negative ignore index": (lambda d: d.update(ignore_index=-1), "ignore_index: Input should be greater than"),
    "a mean of NaN": (lambda d: d["input"].update(mean=[0, math.nan, 0]), "input.mean.1: Input should be a finite"),
    "a background beyond the classes": (
        lambda d: d.update(background=3),
        "the background is said to be class 3, but classes are 0 to 2",
    ),
    "a negative background": (lambda d: d.update(background=-1), "background: Input should be greater than"),
    "an infinite deviation": (
        lambda d: d["input"].update(std=[1, 1, math.inf]),
        "input.std.2: Input should be a finite",
    ),
    "a deviation of 0": (
        lambda d: d["input"].update(std=[1, 0, 1]),
        "input.std.1: Input should be greater than or equal",
    ),
    "a pixel range of 2": (lambda d: d["input"].update(pixel_range=2), "input.pixel_range: Input should be"),
    "a mean beyond float32": (lambda d: d["input"].update(mean=[0, 1e300, 0]), "input.mean.1: Input should be less"),
    "a deviation that divides by nothing": (
        lambda d: d["input"].update(std=[1, 1e-300, 1]),
        "input.std.1: Input should be greater than or equal",
    ),
    "an ignore index that no mask can hold": (
        lambda d: d.update(ignore_index=10**30),
        "ignore_index: Input should be less than",
    ),
    "a height beyond all pictures": (lambda d: d["input"].update(height=10**30), "input.height: Input should be less"),
    "no height": (lambda d: d["input"].update(height=0), "input.height: Input should be greater than 0"),
}


@pytest.mark.parametrize("case", CONTRADICTIONS)
def test_what_contradicts_itself(case: str) -> None:
    change, sentence = CONTRADICTIONS[case]
    found = refusal(changed(change))
    assert "its header contradicts itself or is incomplete" in found
    assert sentence in found


@pytest.mark.parametrize("module", ["hypsegcli.checkpoint.format", "hypsegcli.checkpoint.read_header"])
def test_reading_a_header_needs_no_torch(module: str) -> None:
    """`hypseg info` answers at once because of this."""
    code = f"import sys, {module}; print(sorted({{'torch', 'torchvision', 'cv2'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
