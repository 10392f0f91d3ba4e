"""Checkpoint files: what was saved comes back, whole or not at all, and everything else is refused."""

import hashlib
import os
import pickle
import random
import signal
import struct
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save
from support.checkpoints import CONFIG, HEADER, header_for, put, refusal, torch_bytes
from support.hearing import hearing_interrupts
from torch import Tensor, nn

from hypsegcli.checkpoint.format import METADATA_KEY, Header, header_to_json
from hypsegcli.checkpoint.read_header import read_header
from hypsegcli.checkpoint.store import copy_checkpoint, load_checkpoint, save_checkpoint
from hypsegcli.geometry.poincare import project
from hypsegcli.network.backbones import REGISTRY, Features
from hypsegcli.network.config import ModelConfig
from hypsegcli.network.model import HyperbolicDeepLab, build_deeplab

State = dict[str, Tensor]


@pytest.fixture(scope="module", autouse=True)
def _small_backbone() -> Iterator[None]:
    """A tenth of the smallest backbone's weights, so that these files are written and read in no time."""

    def tiny(name: str, output_stride: int, weights: Mapping[str, Tensor] | None = None, /) -> Features:
        low = nn.Sequential(nn.Conv2d(3, 8, 4, stride=4), nn.BatchNorm2d(8), nn.ReLU())
        high = nn.Sequential(nn.Conv2d(8, 8, 4, stride=output_stride // 4), nn.BatchNorm2d(8), nn.ReLU())
        return Features(low, high, low_channels=8, high_channels=8)

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(REGISTRY, CONFIG.backbone, tiny)
        yield


def network(config: ModelConfig) -> HyperbolicDeepLab:
    """Random weights, and batch norms as after training: none of their tensors is 0 or 1."""
    torch.manual_seed(0)
    model = build_deeplab(config)
    for part in model.modules():
        if isinstance(part, nn.BatchNorm2d):
            assert part.running_mean is not None
            assert part.running_var is not None
            for tensor in (part.weight, part.running_var):
                nn.init.uniform_(tensor, 0.5, 2.0)
            for tensor in (part.bias, part.running_mean):
                nn.init.normal_(tensor, std=0.1)
    nn.init.normal_(model.head.get_parameter("normals"))
    return model.eval()


@pytest.fixture(scope="module")
def model() -> HyperbolicDeepLab:
    return network(CONFIG)


@pytest.fixture(scope="module")
def state(model: HyperbolicDeepLab) -> State:
    return model.state_dict()


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory, state: State) -> bytes:
    path = tmp_path_factory.mktemp("saved") / "model.safetensors"
    save_checkpoint(path, HEADER, state, half=True)
    return path.read_bytes()


def put_state(folder: Path, tensors: State, header: Header = HEADER) -> Path:
    return put(folder, save(tensors, metadata={METADATA_KEY: header_to_json(header)}))


def same(one: State, other: State) -> None:
    assert one.keys() == other.keys()
    for name, tensor in one.items():
        assert tensor.dtype == other[name].dtype, name
        assert torch.equal(tensor, other[name]), name


def test_a_whole_checkpoint_comes_back_to_the_last_bit(tmp_path: Path, model: HyperbolicDeepLab, state: State) -> None:
    path = tmp_path / "new folder" / "model.safetensors"
    save_checkpoint(path, HEADER, state)
    back = load_checkpoint(path)
    assert back.header == HEADER == read_header(path)
    assert back.path == path
    assert back.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    same(back.model.state_dict(), state)
    assert not any(part.training for part in back.model.modules())
    image = torch.randn(1, 3, 32, 48)
    with torch.no_grad():
        for found, wanted in zip(back.model(image), model(image), strict=True):
            # Not to the last bit: where a tensor begins in memory decides how its sums are cut up.
            torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "backbone",
    [
        "resnet18",
        "timm:test_convnext",
        "timm:swin_tiny_patch4_window7_224",  # with tables that are in no file
    ],
)
def test_a_real_network_comes_back_too(tmp_path: Path, backbone: str) -> None:
    config = CONFIG.model_copy(update={"backbone": backbone})
    model = build_deeplab(config).eval()
    save_checkpoint(tmp_path / "model.safetensors", header_for(config), model.state_dict())
    back = load_checkpoint(tmp_path / "model.safetensors").model
    same(back.state_dict(), model.state_dict())
    image = torch.randn(1, 3, 48, 80)
    with torch.no_grad():
        torch.testing.assert_close(back(image).embedding, model(image).embedding, rtol=1e-4, atol=1e-5)


def test_without_timm_a_checkpoint_of_one_of_its_networks_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = CONFIG.model_copy(update={"backbone": "timm:test_resnet"})
    path = tmp_path / "model.safetensors"
    save_checkpoint(path, header_for(config), build_deeplab(config).state_dict())
    monkeypatch.setitem(sys.modules, "timm", None)
    assert read_header(path).model == config
    assert refusal(path).endswith("pip install 'hypseg[timm]'")


def test_half_precision_rounds_kernels_and_nothing_else(tmp_path: Path, state: State, content: bytes) -> None:
    back = load_checkpoint(put(tmp_path, content)).model.state_dict()
    rounded = {name for name in state if not torch.equal(back[name], state[name])}
    kernels = {name for name, tensor in state.items() if tensor.ndim == 4}
    assert rounded == kernels
    for name in kernels:
        assert back[name].dtype == torch.float32
        assert torch.equal(back[name], state[name].half().float())
    exact = {name for name in state if name.startswith("head.") or "running" in name}
    assert len(exact) > 10
    assert not exact & rounded
    # Two bytes a weight instead of four, and little else in the file.
    assert len(content) < 0.6 * 4 * sum(tensor.numel() for tensor in state.values())


def test_the_kernel_of_a_euclidean_head_stays_whole(tmp_path: Path) -> None:
    config = CONFIG.model_copy(update={"head": "euclidean"})
    torch.manual_seed(0)
    weights = build_deeplab(config).state_dict()
    path = tmp_path / "model.safetensors"
    save_checkpoint(path, header_for(config), weights, half=True)
    back = load_checkpoint(path).model.state_dict()
    assert weights["head.classify.weight"].ndim == 4
    assert torch.equal(back["head.classify.weight"], weights["head.classify.weight"])


def test_memory_layout_on_saving_does_not_matter(tmp_path: Path, model: HyperbolicDeepLab, state: State) -> None:
    """Training holds its weights channels last."""
    turned = {k: t.to(memory_format=torch.channels_last) if t.ndim == 4 else t for k, t in state.items()}
    path = tmp_path / "model.safetensors"
    save_checkpoint(path, HEADER, turned)
    same(load_checkpoint(path).model.state_dict(), state)


@pytest.mark.parametrize("suffix", [".safetensors", ".pt"])
def test_a_file_that_another_replaces_while_it_is_read_is_refused(
    tmp_path: Path, state: State, content: bytes, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    """Its weights would be those of the old file, its SHA-256 that of the new one."""
    if suffix == ".pt":
        content = torch_bytes({"header": header_to_json(HEADER), "model": state})
    path = put(tmp_path, content, f"model{suffix}")
    build = REGISTRY[CONFIG.backbone]

    def build_late(*arguments: Any) -> Features:
        put(tmp_path, content, "new").replace(path)
        return build(*arguments)

    monkeypatch.setitem(REGISTRY, CONFIG.backbone, build_late)
    assert "was replaced or written while it was read; run the command again" in refusal(path)


def test_another_header_than_the_one_that_was_read_before_is_refused(tmp_path: Path, state: State) -> None:
    scores = {"mean_iou": float("nan")}
    header = HEADER.model_copy(update={"provenance": HEADER.provenance.model_copy(update={"scores": scores})})
    path = put_state(tmp_path, state, header)
    before = read_header(path)
    assert load_checkpoint(path, header=before).header.tree == HEADER.tree
    put_state(tmp_path, state)
    sentence = refusal(path, lambda path: load_checkpoint(path, header=before))
    assert "was replaced or written while it was read" in sentence


def test_what_was_loaded_stays_what_it_is_when_the_file_is_written_over(tmp_path: Path, state: State) -> None:
    path = put_state(tmp_path, state)
    back = load_checkpoint(path)
    with path.open("r+b") as file:
        file.seek(-1000, os.SEEK_END)
        file.write(bytes(1000))
    same(back.model.state_dict(), state)


def test_a_copy_holds_the_weights_that_were_loaded_and_not_those_of_the_file_by_now(
    tmp_path: Path, state: State, content: bytes
) -> None:
    path = put(tmp_path, content)
    loaded = load_checkpoint(path)
    put_state(tmp_path, {name: torch.zeros_like(tensor) for name, tensor in state.items()})
    copy_checkpoint(loaded, tmp_path / "copy.safetensors", loaded.header)
    assert (tmp_path / "copy.safetensors").read_bytes() == content


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_a_copy_keeps_the_kinds_of_numbers(tmp_path: Path, state: State, kind: torch.dtype) -> None:
    small = {name: tensor.to(kind) if tensor.is_floating_point() else tensor for name, tensor in state.items()}
    path = put_state(tmp_path, small)
    copy_checkpoint(load_checkpoint(path), tmp_path / "copy.safetensors", HEADER)
    assert (tmp_path / "copy.safetensors").read_bytes() == path.read_bytes()


def test_a_training_run_s_state_is_read_too(tmp_path: Path, state: State) -> None:
    run = {"header": header_to_json(HEADER), "model": state, "epoch": 3, "best": 0.5, "optimizer": {"state": {}}}
    path = put(tmp_path, torch_bytes(run), "state.pt")
    back = load_checkpoint(path)
    assert back.header == HEADER == read_header(path)
    same(back.model.state_dict(), state)


def test_loading_leaves_the_random_numbers_alone(tmp_path: Path, content: bytes) -> None:
    path = put(tmp_path, content)
    before = torch.get_rng_state()
    load_checkpoint(path)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_loaded_model_can_be_trained_on(tmp_path: Path, content: bytes) -> None:
    back = load_checkpoint(put(tmp_path, content)).model
    assert all(parameter.requires_grad for parameter in back.parameters())
    back(torch.randn(1, 3, 32, 32)).logits.sum().backward()
    assert all(parameter.grad is not None for parameter in back.parameters())


def test_a_failed_save_leaves_what_was_there(tmp_path: Path, state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    path = put(tmp_path, b"an older checkpoint")

    def full_disk(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", full_disk)
        with pytest.raises(OSError, match="No space left"):
            save_checkpoint(path, HEADER, {"weight": torch.zeros(3)})
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]
    assert path.read_bytes() == b"an older checkpoint"
    save_checkpoint(path, HEADER, {"weight": torch.zeros(3)})
    assert read_header(path) == HEADER


@pytest.mark.parametrize("name", ["model.safetensors", "model.pt"])
@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
def test_a_file_that_may_not_be_read(tmp_path: Path, name: str, content: bytes) -> None:
    path = put(tmp_path, content, name)
    path.chmod(0)
    refusal(path)


def test_a_file_that_was_cut_short(tmp_path: Path, content: bytes) -> None:
    header_length = 8 + struct.unpack("<Q", content[:8])[0]
    for length in (
        0,
        1,
        7,
        8,
        9,
        100,
        header_length - 1,
        header_length,
        header_length + 1,
        len(content) // 2,
        len(content) - 1,
    ):
        sentence = refusal(put(tmp_path, content[:length]))
        assert "not a whole safetensors file" in sentence, length
        assert "copy it again" in sentence


def test_bytes_after_the_end_and_no_safetensors_at_all(tmp_path: Path, content: bytes) -> None:
    for data in (content + b"\0", b"\x89PNG\r\n\x1a\n" + bytes(100), b"{}", struct.pack("<Q", 2**63) + b"{}"):
        assert "not a whole safetensors file" in refusal(put(tmp_path, data))


def with_value(name: str, value: float) -> Callable[[State], None]:
    def change(state: State) -> None:
        state[name] = state[name].clone()
        state[name].view(-1)[-1] = value

    return change


BODIES: dict[str, tuple[Callable[[State], Any], str]] = {
    "missing": (
        lambda s: s.pop("head.normals"),
        "are not those of a mobilenet_v3_large with a hyperbolic head: 1 missing (head.normals), 0 unexpected",
    ),
    "unexpected": (lambda s: s.update(extra=torch.zeros(1)), "0 missing, 1 unexpected (extra)"),
    "another head": (
        lambda s: s.update({"head.offsets": s.pop("head.bias")}),
        "1 missing (head.bias), 1 unexpected (head.offsets)",
    ),
    "misshaped": (
        lambda s: s.update({"head.normals": torch.zeros(4, 6)}),
        "the tensor head.normals has shape (4, 6), its header asks for (4, 5)",
    ),
    "transposed": (
        lambda s: s.update({"head.normals": torch.zeros(5, 4)}),
        "the tensor head.normals has shape (5, 4), its header asks for (4, 5)",
    ),
    "NaN in the head": (with_value("head.bias", float("nan")), "the tensor head.bias holds NaN or infinity"),
    "infinity in a kernel": (
        with_value("decoder.embed.weight", float("inf")),
        "the tensor decoder.embed.weight holds NaN or infinity",
    ),
    "NaN in the statistics": (
        with_value("decoder.low_level.1.running_var", float("nan")),
        "the tensor decoder.low_level.1.running_var holds NaN or infinity",
    ),
    "a variance below 0": (
        with_value("decoder.low_level.1.running_var", -1e-3),
        "the tensor decoder.low_level.1.running_var holds variances below 0",
    ),
    "a float64 that float32 cannot hold": (
        lambda s: s.update({"head.bias": torch.full((4,), 1e300, dtype=torch.float64)}),
        "the tensor head.bias holds NaN or infinity",
    ),
    "whole numbers": (
        lambda s: s.update({"head.bias": torch.zeros(4, dtype=torch.int32)}),
        "the tensor head.bias holds torch.int32, expected torch.float32",
    ),
    "floats of 8 bits": (
        lambda s: s.update({name: t.to(torch.float8_e4m3fn) for name, t in s.items() if t.is_floating_point()}),
        "holds torch.float8_e4m3fn, expected torch.float32; write it again",
    ),
    "variances of 8 bits": (
        lambda s: s.update({name: t.to(torch.float8_e5m2) for name, t in s.items() if name.endswith("running_var")}),
        "running_var holds torch.float8_e5m2, expected torch.float32",
    ),
}


@pytest.mark.parametrize("case", BODIES)
def test_tensors_that_are_refused(tmp_path: Path, state: State, case: str) -> None:
    change, sentence = BODIES[case]
    weights = dict(state)
    change(weights)
    assert sentence in refusal(put_state(tmp_path, weights))


def test_many_missing_tensors_are_counted_not_listed(tmp_path: Path, state: State) -> None:
    sentence = refusal(put_state(tmp_path, {"head.bias": state["head.bias"]}))
    assert f"{len(state) - 1} missing (" in sentence
    assert f" and {len(state) - 4} more)" in sentence
    assert len(sentence) < len(str(tmp_path)) + 400


@pytest.mark.parametrize("size", [65_537, 10**6, 10**12, 10**30])
def test_a_header_that_asks_for_a_giant_network_costs_no_memory(tmp_path: Path, size: int) -> None:
    giant = header_for(CONFIG.model_copy(update={"embedding_size": size}))
    sentence = refusal(put_state(tmp_path, {"head.bias": torch.zeros(4)}, giant))
    assert "model.embedding_size: Input should be less than or equal to 65536" in sentence


@pytest.fixture(scope="module")
def reference_state() -> State:
    config = CONFIG.model_copy(update={"head": "hyperbolic-reference"})
    return network(config).state_dict()


@pytest.mark.parametrize("c", [1e-3, 0.1, 1.0, 2.0, 10.0])
def test_offsets_must_lie_in_the_ball(tmp_path: Path, reference_state: State, c: float) -> None:
    header = header_for(CONFIG.model_copy(update={"head": "hyperbolic-reference", "curvature": c}))
    far = 1e3 * torch.randn(4, 5, generator=torch.Generator().manual_seed(1)) / c**0.5
    on_the_limit = project(far, c=c)  # where training with projection leaves them
    load_checkpoint(put_state(tmp_path, reference_state | {"head.offsets": on_the_limit}, header))
    for outside in (1.0005 * on_the_limit, 2.0 * on_the_limit, far):
        sentence = refusal(put_state(tmp_path, reference_state | {"head.offsets": outside}, header))
        assert "an offset lies at" in sentence
        assert f"the curvature in the header ({c:g}) may be wrong" in sentence


def test_a_pt_whose_weights_have_numbers_for_names(tmp_path: Path) -> None:
    run = {"header": header_to_json(HEADER), "model": {1: torch.zeros(1), "two": torch.zeros(1)}}
    assert "2 unexpected (1, two)" in refusal(put(tmp_path, torch_bytes(run), "model.pt"))


@pytest.mark.parametrize("form", ["pt", "bare pickle", "safetensors"])
def test_damaged_bytes_are_refused_or_harmless(tmp_path: Path, form: str) -> None:
    """Whatever a damaged file makes the readers raise, what comes out is the one error that names the file."""
    weights = {"weight": torch.zeros(3)}
    if form == "safetensors":
        data, name = save(weights, metadata={METADATA_KEY: header_to_json(HEADER)}), "model.safetensors"
    elif form == "pt":
        data, name = torch_bytes({"header": header_to_json(HEADER), "model": weights}), "model.pt"
    else:
        data, name = pickle.dumps({"header": header_to_json(HEADER), "model": {"a": [1, 2.0, (3,), {4}]}}), "model.pt"
    chance = random.Random(0)
    for _ in range(150):
        damaged = bytearray(data)
        for _ in range(chance.choice([1, 2, 8])):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        refusal(put(tmp_path, bytes(damaged), name))


@pytest.mark.skipif(os.name != "posix", reason="no process is told to stop by a signal")
def test_an_interrupt_while_a_file_is_read_is_not_called_damage(
    tmp_path: Path, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where torch, in C, calls Python, and says of whatever is raised there that it cannot determine a shape."""
    save_checkpoint(tmp_path / "model.safetensors", HEADER, state)
    told: list[str] = []

    @contextmanager
    def opened(path: Path, framework: str) -> Iterator[SimpleNamespace]:
        with safe_open(path, framework=framework) as file:

            def get_tensor(name: str) -> Tensor:
                try:
                    if not told:
                        told.append(name)
                        time.sleep(0.1)  # until it is waited for
                        os.kill(os.getpid(), signal.SIGINT)
                        time.sleep(0.1)
                except KeyboardInterrupt:
                    raise TypeError("could not determine the shape") from None
                found: Tensor = file.get_tensor(name)
                return found

            yield SimpleNamespace(keys=file.keys, metadata=file.metadata, get_tensor=get_tensor)

    monkeypatch.setattr("hypsegcli.checkpoint.read_header.safe_open", opened)
    with hearing_interrupts(), pytest.raises(KeyboardInterrupt):
        load_checkpoint(tmp_path / "model.safetensors")
    assert load_checkpoint(tmp_path / "model.safetensors").header == HEADER
