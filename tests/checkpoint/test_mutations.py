"""Checkpoints with something wrong: each is loaded and works, or is refused in a short sentence, soon."""

from __future__ import annotations

import json
import random
import struct
import time
import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save
from support.checkpoints import CONFIG, HEADER, put, refusal, torch_bytes
from support.mutations import mutated_bytes, mutated_checkpoint, mutated_json
from torch import Tensor, nn

from hypsegcli.checkpoint.format import METADATA_KEY, MOST_CHARACTERS, header_from_json, header_to_json
from hypsegcli.checkpoint.read_header import read_header
from hypsegcli.checkpoint.store import load_checkpoint
from hypsegcli.errors import CheckpointError
from hypsegcli.network.backbones import REGISTRY, Features
from hypsegcli.network.model import build_deeplab

LONGEST, SLOWEST = 2_500, 5.0  # characters of a sentence, seconds of a load
IMAGE = torch.zeros(1, 3, 16, 16)


@pytest.fixture(scope="module", autouse=True)
def _small_backbone() -> Iterator[None]:
    """So that thousands are loaded in seconds."""

    def tiny(name: str, output_stride: int, weights: Mapping[str, Tensor] | None = None, /) -> Features:
        low = nn.Sequential(nn.Conv2d(3, 2, 4, stride=4))
        high = nn.Sequential(nn.Conv2d(2, 2, 4, stride=output_stride // 4))
        return Features(low, high, low_channels=2, high_channels=2)

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(REGISTRY, CONFIG.backbone, tiny)
        yield


@pytest.fixture(scope="module")
def state() -> dict[str, Tensor]:
    torch.manual_seed(0)
    return build_deeplab(CONFIG).state_dict()


def outcome(path: Path) -> str:
    """`works`, or the sentence that refuses it; nothing else may come of it."""
    started = time.process_time()
    try:
        model = load_checkpoint(path).model
    except CheckpointError as error:
        sentence = str(error)
        assert len(sentence.removeprefix(str(path))) < LONGEST
        assert "\n" not in sentence
    else:
        with torch.no_grad():
            model(IMAGE)
        sentence = "works"
    assert time.process_time() - started < SLOWEST
    return sentence


@pytest.mark.parametrize("seed", range(2))
def test_a_mutated_checkpoint_works_or_is_refused(tmp_path: Path, state: dict[str, Tensor], seed: int) -> None:
    whole = save(state, metadata={METADATA_KEY: header_to_json(HEADER)})
    chance = random.Random(seed)
    outcomes = [outcome(put(tmp_path, mutated_checkpoint(whole, chance))) for _ in range(400)]
    assert 0 < outcomes.count("works") < 300, "some changes are harmless, most are not"


def test_a_mutated_header_is_one_or_is_refused() -> None:
    chance, document, sentences = random.Random(0), json.loads(header_to_json(HEADER)), list[str]()
    for number in range(3_000):
        text = json.dumps(mutated_json(document, chance))
        if number % 3 == 0:
            text = mutated_bytes(text.encode(), chance).decode(errors="replace")
        try:
            header = header_from_json(text, origin="x")
        except CheckpointError as error:
            sentences.append(str(error))
        else:
            assert header.tree.max_depth <= header.tree.nodes
    assert max(map(len, sentences)) < LONGEST
    assert 1_500 < len(sentences) < 2_900


def test_a_mutated_state_of_a_training_works_or_is_refused(tmp_path: Path, state: dict[str, Tensor]) -> None:
    whole = torch_bytes({"header": header_to_json(HEADER), "model": state})
    chance = random.Random(0)
    for number in range(200):
        # The first bytes are the pickle's, and the last ones the archive's table of contents.
        data = mutated_bytes(whole, chance, first=len(whole) if number % 2 else 8192)
        outcome(put(tmp_path, data, "state.pt"))


def enemy(change: Callable[[Any], object]) -> bytes:
    """A file without tensors whose header was changed."""
    document = json.loads(header_to_json(HEADER))
    change(document)
    table = json.dumps({"__metadata__": {METADATA_KEY: json.dumps(document)}}).encode()
    return struct.pack("<Q", len(table)) + table


def tree_of(names: list[str], parents: list[int], classes: int) -> Callable[[Any], object]:
    return lambda d: d.update(
        tree={"names": names, "parents": parents, "classes": classes},
        colors=[[0, 0, 0]] * classes,
        model=d["model"] | {"nodes": len(names)},
    )


ENEMIES: dict[str, tuple[Callable[[Any], object], str]] = {
    "70,000 classes of 80 letters": (
        tree_of([f"{index:080}" for index in range(70_000)], [-1] * 70_000, 70_000),
        f"where at most {MOST_CHARACTERS:,} are expected",
    ),
    "70,000 short ones": (tree_of([f"{i:x}" for i in range(70_000)], [-1] * 70_000, 70_000), "at most 10,000"),
    "a million classes": (tree_of([""] * 10**6, [-1] * 10**6, 10**6), "where at most"),
    "a chain of 8,000 inner nodes": (
        tree_of([str(node) for node in range(8_002)], [8_001, 8_001, -1, *range(2, 8_001)], 2),
        "a class tree has at most 500",
    ),
    "9,000 doubled names": (
        tree_of([f"{node // 2:080}" for node in range(9_000)], [-1] * 9_000, 9_000),
        "but these occur twice",
    ),
    "100,000 wrong scores": (
        lambda d: d["provenance"].update(scores={str(i): "x" for i in range(100_000)}),
        "an object of 100,000 fields",
    ),
    "1,000 wrong recipes": (
        lambda d: d["provenance"].update(recipe={str(i): [0] * 300 for i in range(1_000)}),
        "provenance.recipe.0",
    ),
    "150,000 unknown fields": (lambda d: d.update({str(i): 0 for i in range(150_000)}), "fields, where at most 1,000"),
    "200,000 wrong colours": (lambda d: d.update(colors=[["x"]] * 200_000), "colors.0"),
    "a long version": (lambda d: d.update(schema_version="x" * 34_000), "expected the whole number 1"),
}


@pytest.mark.parametrize("case", ENEMIES)
def test_checking_takes_little_time_and_memory(tmp_path: Path, case: str) -> None:
    change, sentence = ENEMIES[case]
    path = put(tmp_path, enemy(change))
    size = path.stat().st_size
    started = time.process_time()
    assert sentence in outcome(path)
    assert time.process_time() - started < 1.0 + size / 5e6
    tracemalloc.start()
    try:
        refusal(path, read_header)
        # JSON's objects take some twenty times its text; the text itself is held three times.
        assert tracemalloc.get_traced_memory()[1] < 40 * min(size, MOST_CHARACTERS) + 3 * size + 1e6
    finally:
        tracemalloc.stop()


TABLES: dict[str, dict[str, Any]] = {
    "terabytes": {"dtype": "F32", "shape": [10**12], "data_offsets": [0, 4 * 10**12]},
    "beyond 64 bits": {"dtype": "F32", "shape": [2**62, 2**62], "data_offsets": [0, 4]},
    "nothing, of a huge shape": {"dtype": "F32", "shape": [2**63, 0], "data_offsets": [0, 0]},
    "backwards": {"dtype": "F32", "shape": [1], "data_offsets": [4, 0]},
    "outside of the file": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]},
    "an unknown type": {"dtype": "X" * 30_000, "shape": [1], "data_offsets": [0, 4]},
}


@pytest.mark.parametrize("case", TABLES)
def test_tensors_that_cannot_be(tmp_path: Path, case: str) -> None:
    table = {"__metadata__": {METADATA_KEY: header_to_json(HEADER)}, "head.bias": TABLES[case]}
    text = json.dumps(table).encode()
    sentence = outcome(put(tmp_path, struct.pack("<Q", len(text)) + text + bytes(4)))
    assert "not a whole safetensors file" in sentence


def test_two_tensors_in_one_place(tmp_path: Path) -> None:
    one = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
    text = json.dumps({"__metadata__": {METADATA_KEY: header_to_json(HEADER)}, "a": one, "b": one}).encode()
    assert "not a whole safetensors file" in outcome(put(tmp_path, struct.pack("<Q", len(text)) + text + bytes(4)))


def test_a_hundred_thousand_tensors(tmp_path: Path) -> None:
    none = {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}
    text = json.dumps({"__metadata__": {METADATA_KEY: header_to_json(HEADER)}} | {str(n): none for n in range(10**5)})
    path = put(tmp_path, struct.pack("<Q", len(text)) + text.encode())
    assert "100,000 tensors" in outcome(path)


def test_one_number_that_claims_to_be_many(tmp_path: Path, state: dict[str, Tensor]) -> None:
    """What torch writes may be a view, whose shape says nothing about how much memory it takes."""
    name = "head.normals"
    many = torch.zeros(1).expand(state[name].shape)
    path = put(tmp_path, torch_bytes({"header": header_to_json(HEADER), "model": state | {name: many}}), "state.pt")
    assert f"the tensor {name} claims more numbers than the file holds" in outcome(path)
