"""MMSegmentation's DeepLabV3+ answers as in its own code, and others of its networks are refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from support.seeded import answer, apart, golden_of, shapes_of, source_of
from torch import Tensor

from hypsegcli.checkpoint.converters import CONVERTERS
from hypsegcli.checkpoint.converters.assemble import Facts, assemble
from hypsegcli.checkpoint.converters.converted import Told
from hypsegcli.checkpoint.converters.mmseg import MmsegConverter
from hypsegcli.checkpoint.converters.source import Source
from hypsegcli.errors import CheckpointError, UsageError

CLASSIFIER: dict[str, tuple[int, ...]] = {
    "decode_head.conv_seg.weight": (7, 512, 1, 1),
    "decode_head.conv_seg.bias": (7,),
}
TOLD = Told(output_stride=8, rates=(12, 24, 36))
AUXILIARY: dict[str, tuple[int, ...]] = {"auxiliary_head.convs.0.conv.weight": (4, 8, 3, 3)}
FACTS = Facts(None, None, "unknown", "unknown")
BACKBONE = "strides=(1, 2, 1, 1), dilations=(1, 1, 2, 4), contract_dilation=True"


@cache
def tensors(backbone: str) -> Mapping[str, Tensor]:
    return source_of(shapes_of("mmseg", backbone=backbone) | CLASSIFIER | AUXILIARY).tensors


def source(backbone: str = "resnet50_v1c", **facts: Any) -> Source:
    return Source(Path("weights.pth"), tensors(backbone), facts)


@pytest.mark.parametrize("backbone", golden_of("mmseg"))
def test_its_answer_is_that_of_its_own_code(backbone: str) -> None:
    file = source(backbone)
    assert [name for name, converter in CONVERTERS.items() if converter.recognises(file)] == ["mmseg"]
    converted, output = answer(MmsegConverter(), file, TOLD)
    assert converted.config["backbone"] == backbone
    assert converted.outputs == 7
    assert apart(output.logits, golden_of("mmseg")[backbone]) < 1e-5


def test_what_the_file_says_of_itself_is_used() -> None:
    text = f"""
img_norm_cfg = dict(mean=[1.0, 2, 3], std=[4, 5, 6], to_rgb=True)
model = dict(backbone=dict({BACKBONE}), decode_head=dict(dilations=(1, 6, 12, 18)), test_cfg=dict(mode='slide'))
"""
    converted = MmsegConverter().convert(source(meta={"config": text, "CLASSES": list("abcdefg")}), Told())
    assert converted.config["rates"] == (6, 12, 18)
    assert converted.input == ((1.0, 2.0, 3.0), (4.0, 5.0, 6.0), 255)
    assert converted.names == tuple("abcdefg")
    assert [note for note in converted.notes if "in windows" in note] == list(converted.notes)
    text = f"""
model = dict(backbone=dict({BACKBONE}), decode_head=dict(ignore_index=11),
    data_preprocessor=dict(mean=[1.0, 2, 3], std=[4, 5, 6], bgr_to_rgb=True))
"""
    converted = MmsegConverter().convert(source(meta={"cfg": text}), Told())
    assert converted.input == ((1.0, 2.0, 3.0), (4.0, 5.0, 6.0), 255)
    assert (converted.config["rates"], converted.ignore_index) == ((6, 12, 18), 11)  # the rates of its class
    assert converted.notes == ()


@pytest.mark.parametrize("value", ["-100", "True", "'255'", "None"])
def test_what_is_no_label_value_is_no_void(value: str) -> None:
    text = f"model = dict(backbone=dict({BACKBONE}), decode_head=dict(ignore_index={value}))"
    assert MmsegConverter().convert(source(meta={"cfg": text}), Told()).ignore_index is None


def test_what_a_file_without_settings_does_not_say_is_asked_for() -> None:
    converted = MmsegConverter().convert(source(), TOLD)
    assert "123.675, 116.28, 103.53" in converted.notes[0]
    assert "corners" in converted.notes[1]
    assert converted.ignore_index is None
    with pytest.raises(UsageError, match="does not say its output stride"):
        MmsegConverter().convert(source(), replace(TOLD, output_stride=None))
    with pytest.raises(UsageError, match="does not say the dilations"):
        MmsegConverter().convert(source(), replace(TOLD, rates=None))


@pytest.mark.parametrize(
    ("told", "facts", "said"),
    [
        ({"mean": (123.0, 116.0, 103.0)}, FACTS, "mean=123,116,103 does not count: .* it is 1,2,3; leave it out"),
        ({"std": (58.0, 57.0, 57.0)}, FACTS, "std=58,57,57 does not count: .* it is 4,5,6"),
        ({"rates": (6, 12, 18)}, FACTS, "rates=6,12,18 does not count: .* it is 12,24,36"),
        ({}, FACTS._replace(ignore_index=255), "ignore_index=255 does not count: .* it is 11"),
    ],
)
def test_what_is_told_does_not_overrule_the_file(told: dict[str, Any], facts: Facts, said: str) -> None:
    text = f"""
img_norm_cfg = dict(mean=[1.0, 2, 3], std=[4, 5, 6], to_rgb=True)
model = dict(backbone=dict({BACKBONE}), decode_head=dict(dilations=(1, 12, 24, 36), ignore_index=11))
"""
    file = source(meta={"config": text, "CLASSES": list("abcdefg")})
    header = assemble(file, Told(mean=(1.0, 2.0, 3.0)), FACTS, format_name="mmseg").header
    assert (header.ignore_index, header.input.mean) == (11, (1.0, 2.0, 3.0))
    with pytest.raises(UsageError, match=said):
        assemble(file, Told(**told), facts, format_name="mmseg")


def test_names_that_make_no_class_list_are_said_with_the_file() -> None:
    with pytest.raises(CheckpointError, match=r"weights\.pth: the names of the classes in it make no class list"):
        assemble(source(meta={"CLASSES": list("abcdeff")}), TOLD, FACTS, format_name="mmseg")


def test_the_background_is_the_class_of_that_name() -> None:
    for names, background in ((["a", "background", *"cdefg"], 1), (list("abcdefg"), None)):
        header = assemble(source(meta={"CLASSES": names}), TOLD, FACTS, format_name="mmseg").header
        assert header.background == background
        assert header.ignore_index == 255


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("backbone=dict(strides=(1, 2, 2, 1), dilations=(1, 1, 1, 2))", r"strides \[1, 2, 2, 1\]"),
        (f"backbone=dict({BACKBONE}, multi_grid=(1, 2, 4))", "multi_grid"),
        ("backbone=dict(strides=(1, 2, 1, 1), dilations=(1, 1, 2, 4))", "contract_dilation False"),
        ("decode_head=dict(align_corners=True)", "align_corners"),
        ("data_preprocessor=dict(bgr_to_rgb=False)", "blue for red"),
    ],
)
def test_networks_with_other_settings_are_refused(text: str, words: str) -> None:
    with pytest.raises(CheckpointError, match=words):
        MmsegConverter().convert(source(meta={"config": f"model = dict({text})"}), TOLD)


def test_other_networks_are_refused() -> None:
    file = source()
    with pytest.raises(UsageError, match="output_stride"):
        MmsegConverter().convert(file, Told(output_stride=16, rates=(12, 24, 36)))
    shallow = {name: tensor for name, tensor in file.tensors.items() if ".conv3." not in name}
    with pytest.raises(CheckpointError, match="bottlenecks"):
        MmsegConverter().convert(replace(file, tensors=shallow), TOLD)
    deeper = {**file.tensors, "backbone.layer3.6.conv1.weight": file.tensors["backbone.layer3.5.conv1.weight"]}
    with pytest.raises(CheckpointError, match="where it has 7"):
        MmsegConverter().convert(replace(file, tensors=deeper), TOLD)
    one = {**file.tensors, **source_of({"decode_head.conv_seg.weight": (1, 512, 1, 1)}).tensors}
    with pytest.raises(CheckpointError, match="one output"):
        MmsegConverter().convert(replace(file, tensors=one), TOLD)
