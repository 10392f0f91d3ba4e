"""What other projects' files hold beside tensors is read without them, and nothing in it runs."""

from __future__ import annotations

import argparse
import io
import pathlib
import pickle
import subprocess
import sys
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch._utils import _rebuild_parameter, _rebuild_qtensor, _rebuild_tensor_v2

from hypsegcli.checkpoint.converters.safe_globals import Unread, plain_rebuilders
from hypsegcli.checkpoint.torch_file import read_plain
from hypsegcli.errors import CheckpointError

WEIGHT = torch.arange(6.0).reshape(2, 3)


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, type | Callable[..., Any]], Any]:
    """Lets a class or function be pickled as `module.name`, though no such module is installed."""

    def put(path: str, thing: Any) -> Any:
        module, _, name = path.rpartition(".")
        parts = module.split(".")
        for end in range(1, len(parts) + 1):
            whole = ".".join(parts[:end])
            monkeypatch.setitem(sys.modules, whole, type(sys)(whole))
        thing.__module__, thing.__qualname__, thing.__name__ = module, name, name
        setattr(sys.modules[module], name, thing)
        return thing

    return put


def read(content: object, path: Path) -> Any:
    torch.save(content, path)
    with plain_rebuilders():
        return read_plain(path)


@pytest.mark.parametrize(
    "thing",
    [
        np.float64(0.5),
        np.ones(3),
        argparse.Namespace(lr=0.1, path=pathlib.PurePosixPath("a").name),
        pathlib.PosixPath("run/a"),
        {"best": np.float32(0.5)},
        np.ndarray.min,  # as `getattr` of its class
    ],
)
def test_records_of_a_training_are_passed_over(thing: object, tmp_path: Path) -> None:
    found = read({"meta": thing, "state_dict": {"a": WEIGHT}}, tmp_path / "a.pth")
    assert torch.equal(found["state_dict"]["a"], WEIGHT)
    left = found["meta"]["best"] if isinstance(thing, dict) else found["meta"]
    assert type(left) is Unread
    with pytest.raises(CheckpointError, match="more than tensors"):
        read_plain(tmp_path / "a.pth")


def test_other_kinds_of_dicts_keep_what_they_hold(tmp_path: Path, elsewhere: Callable[..., Any]) -> None:
    settings = elsewhere("yacs.config.CfgNode", type("CfgNode", (dict,), {}))(curvature=2.0)
    settings.frozen = True
    found = read({"a": defaultdict(list, {"x": [1]}), "b": settings}, tmp_path / "a.pth")
    assert found == {"a": OrderedDict(x=[1]), "b": OrderedDict(curvature=2.0)}


def test_tensors_on_a_manifold_come_as_plain_ones(tmp_path: Path, elsewhere: Callable[..., Any]) -> None:
    ball = elsewhere("geoopt.manifolds.stereographic.manifold.PoincareBall", type("PoincareBall", (), {}))()
    ball.isp_c = WEIGHT
    kind = elsewhere("geoopt.tensor.ManifoldParameter", type("ManifoldParameter", (), {}))

    def _rebuild_manifold_tensor(*, build_fn: object) -> None:
        raise AssertionError("this runs only where geoopt is")

    elsewhere("geoopt.tensor._rebuild_manifold_tensor", _rebuild_manifold_tensor)
    sys.modules["geoopt.tensor"].ManifoldParameter = kind  # type: ignore[attr-defined]

    class Pickled:
        """Pickles as geoopt's tensors do."""

        def __init__(self, build: Callable[..., Any], arguments: tuple[object, ...]) -> None:
            self.build, self.arguments = build, arguments

        def __reduce__(self) -> tuple[Any, ...]:
            return partial(_rebuild_manifold_tensor, build_fn=self.build), (*self.arguments, {}, kind, ball, True)

    rebuild = _rebuild_tensor_v2
    storage = WEIGHT.untyped_storage()
    typed = torch.storage.TypedStorage(wrap_storage=storage, dtype=WEIGHT.dtype, _internal=True)
    parameter = Pickled(_rebuild_parameter, (WEIGHT, True, OrderedDict()))
    tensor = Pickled(rebuild, (typed, 0, (2, 3), (3, 1), False, OrderedDict()))
    found = read({"p": parameter, "t": tensor}, tmp_path / "a.pth")
    for name in ("p", "t"):
        assert type(found[name]) is Tensor
        assert torch.equal(found[name], WEIGHT)
    strange = Pickled(_rebuild_qtensor, (WEIGHT,))
    for refused in (strange, partial(_rebuild_parameter, WEIGHT)):
        with pytest.raises(CheckpointError):
            read({"p": refused}, tmp_path / "b.pth")


class Runs:
    """Pickles as a call."""

    def __init__(self, function: Callable[..., object], *arguments: object) -> None:
        self.call = function, arguments

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize(
    "call",
    [
        lambda path: Runs(Path.touch, path),
        lambda path: Runs(subprocess.call, ["touch", str(path)]),
        lambda path: Runs(partial(Path.touch, path)),
        lambda path: Runs(partial(subprocess.call, ["touch", str(path)])),
        lambda path: Runs(np.savetxt, str(path), [1]),
        lambda path: Runs(eval, f"__import__('pathlib').Path({str(path)!r}).touch()"),
    ],
    ids=["method", "process", "partial", "partial process", "numpy", "eval"],
)
def test_nothing_that_a_file_names_is_run(call: Callable[[Path], object], protocol: int, tmp_path: Path) -> None:
    made = tmp_path / "made"
    torch.save({"meta": call(made), "state_dict": {"a": WEIGHT}}, tmp_path / "a.pth", pickle_protocol=protocol)
    with plain_rebuilders(), pytest.raises(CheckpointError, match=r"a\.pth: cannot be read as plain weights"):
        read_plain(tmp_path / "a.pth")
    assert not made.exists()
    torch.load(tmp_path / "a.pth", weights_only=False)  # what it would have done
    assert made.exists()


def test_a_pickle_in_numpys_number_is_not_opened(tmp_path: Path) -> None:
    made = tmp_path / "made"
    inner = pickle.dumps(Runs(Path.touch, made), protocol=2)
    scalar: Any = np.float64(0).__reduce__()[0]
    found = read({"a": Runs(scalar, np.dtype("O"), inner)}, tmp_path / "a.pth")
    assert type(found["a"]) is Unread
    assert not made.exists()


def test_the_list_is_torchs_own_again_afterwards(tmp_path: Path) -> None:
    before = set(torch.serialization.get_safe_globals())
    with pytest.raises(CheckpointError):
        read(Runs(print, "x"), tmp_path / "a.pth")
    assert set(torch.serialization.get_safe_globals()) == before
    buffer = io.BytesIO()
    torch.save(argparse.Namespace(), buffer)
    buffer.seek(0)
    with pytest.raises(pickle.UnpicklingError):
        torch.load(buffer, weights_only=True)
