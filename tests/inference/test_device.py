"""Every device that is not there is refused by a sentence; none is replaced in silence."""

import pytest
import torch

from hypsegcli.errors import DeviceError
from hypsegcli.inference.device import choose_device


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A machine with a CPU and nothing else."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    return monkeypatch


def with_cuda(machine: pytest.MonkeyPatch, count: int, *, bf16: bool = True) -> None:
    machine.setattr(torch.cuda, "is_available", lambda: True)
    machine.setattr(torch.cuda, "device_count", lambda: count)
    machine.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: bf16 or including_emulation)


def test_auto_takes_the_cpu_where_there_is_nothing_else(machine: pytest.MonkeyPatch) -> None:
    device = choose_device()
    assert device.torch == torch.device("cpu")
    assert not device.bf16
    assert device.label == "cpu, fp32"
    assert choose_device("cpu", "bf16").label == "cpu, bf16"


@pytest.mark.parametrize("name", ["cuda", "cuda:0", "cuda:7"])
def test_cuda_is_never_replaced(machine: pytest.MonkeyPatch, name: str) -> None:
    with pytest.raises(DeviceError, match=rf"^device={name}: torch sees no CUDA device here; use device=cpu$"):
        choose_device(name)


def test_a_cuda_device_too_many(machine: pytest.MonkeyPatch) -> None:
    with_cuda(machine, 2)
    assert choose_device("cuda:1").torch == torch.device("cuda:1")
    with pytest.raises(DeviceError, match=r"^device=cuda:2: only cuda:0 to cuda:1 exist here$"):
        choose_device("cuda:2")


def test_mps_is_never_replaced(machine: pytest.MonkeyPatch) -> None:
    with pytest.raises(DeviceError, match=r"^device=mps: torch sees no Apple GPU here; use device=cpu$"):
        choose_device("mps")


@pytest.mark.parametrize(
    "name", ["", "gpu", "CPU", "cpu:0", "cpu:", "mps:0", "cuda:", "cuda:x", "cuda:-1", "cuda:1:2", "cuda:²", "cuda:٣"]
)
def test_nonsense_is_refused(machine: pytest.MonkeyPatch, name: str) -> None:
    with_cuda(machine, 4)
    with pytest.raises(DeviceError, match=r"expected auto, cpu, cuda, cuda:N or mps$"):
        choose_device(name)


def test_a_nonsense_precision_is_refused(machine: pytest.MonkeyPatch) -> None:
    with pytest.raises(DeviceError, match=r"^precision=fp16: expected auto, fp32, bf16, int8$"):
        choose_device("cpu", "fp16")  # type: ignore[arg-type]


def test_auto_prefers_cuda_then_mps(machine: pytest.MonkeyPatch) -> None:
    machine.setattr(torch.backends.mps, "is_available", lambda: True)
    mps = choose_device()
    assert (mps.torch.type, mps.bf16) == ("mps", False)
    with_cuda(machine, 1)
    assert choose_device().torch == torch.device("cuda:0")
    assert choose_device("cuda:00").torch == torch.device("cuda:0")


@pytest.mark.parametrize("bf16", [True, False])
def test_auto_precision_is_bf16_where_the_card_has_it(machine: pytest.MonkeyPatch, bf16: bool) -> None:
    with_cuda(machine, 1, bf16=bf16)
    assert choose_device("cuda").bf16 is bf16
    assert choose_device("cuda", "fp32").bf16 is False
    assert choose_device("cpu").bf16 is False


def test_the_label_names_the_card(machine: pytest.MonkeyPatch) -> None:
    with_cuda(machine, 1)
    machine.setattr(torch.cuda, "get_device_name", lambda device: "NVIDIA H200")
    assert choose_device("cuda").label == "cuda:0 (NVIDIA H200), bf16"
