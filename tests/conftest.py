"""Fixtures that several rooms share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from support import SHARED, Hypseg, Outcome, make_checkpoint, photograph
from support.stores import Store, in_a_bucket, moto
from support.web import Hub, serving

from hypsegcli.cli.app import main
from hypsegcli.hierarchy.tree import flat_tree

# Networks and pictures here are tiny: threads that wait for each other cost more than they give, and a hundred times
# more beside other work.
torch.set_num_threads(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let what takes minutes in one piece begin first: at the end one process would wait for the other."""
    items.sort(key=lambda item: "test_in_a_process_of_its_own" not in item.nodeid)


@pytest.fixture(autouse=True)
def _no_conversion(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Random checkpoints are not worth converting, nor the user's cache worth filling with them."""
    monkeypatch.setattr("hypsegcli.inference.engines.choose.fastest", lambda device: "torch")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def hypseg(capsys: pytest.CaptureFixture[str]) -> Hypseg:
    """Run the command line in this process."""

    def run(*arguments: object) -> Outcome:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return Outcome(code, out, err)

    return run


@pytest.fixture(scope="session")
def camvid() -> Path:
    """The CamVid folder, which is not part of the project."""
    folder = SHARED / "camvid"
    if not folder.is_dir():
        pytest.skip(f"CamVid is not at {folder}: nothing is tested on real masks here")
    return folder


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder with three pictures, one in a subfolder, of two sizes."""
    folder = tmp_path / "photos"
    photograph(folder / "a.jpg", seed=1)
    photograph(folder / "b.png", seed=2)
    photograph(folder / "sub" / "c.png", size=(50, 33), seed=3)
    return folder


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    """A hub of models on this machine, whose client keeps what it fetches in a folder of the test."""
    constants = pytest.importorskip("huggingface_hub.constants")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hf" / "hub"))
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "hf" / "token"))
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with serving(Hub()) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        yield hub


@pytest.fixture(scope="session")
def moto_port() -> Iterator[int]:
    """A server of object stores on this machine."""
    pytest.importorskip("moto.server")
    pytest.importorskip("obstore")
    with moto() as port:
        yield port


@pytest.fixture
def store(moto_port: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """A new bucket, which hypseg knows by the environment, as it does any."""
    with in_a_bucket(moto_port, monkeypatch) as store:
        yield store


@pytest.fixture(scope="session")
def many_classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random checkpoint with 300 classes."""
    tree = flat_tree([f"class {index}" for index in range(300)])
    return make_checkpoint(tmp_path_factory.mktemp("many") / "many.safetensors", tree)
