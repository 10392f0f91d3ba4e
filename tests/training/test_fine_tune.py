"""What a checkpoint that a training starts from brings along."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from support import make_checkpoint

from hypsegcli.checkpoint.read_header import read_header
from hypsegcli.checkpoint.store import save_checkpoint
from hypsegcli.errors import CheckpointError, DataError
from hypsegcli.hierarchy.tree import ClassTree, flat_tree
from hypsegcli.network.config import ModelConfig
from hypsegcli.network.model import build_model
from hypsegcli.training.config import TrainConfig
from hypsegcli.training.fine_tune import Glance, fine_tuning, glance_at

TREE = ClassTree(names=("sky", "road", "car", "ground"), parents=(-1, 3, 3, -1), classes=3)


@pytest.mark.parametrize("init", ["", "imagenet"])
def test_weights_that_are_no_checkpoint_bring_nothing(init: str) -> None:
    assert fine_tuning(init) == {}


def test_a_checkpoint_brings_its_network(tmp_path: Path) -> None:
    network: dict[str, Any] = {"embedding_size": 7, "embedding_layers": 2, "curvature": 0.3, "output_stride": 8}
    path = make_checkpoint(tmp_path / "a.safetensors", TREE, **network)
    config = TrainConfig.model_validate(fine_tuning(str(path)) | {"init": str(path)})
    assert network.items() <= config.architecture().items()
    assert config.architecture()["backbone"] == "mobilenet_v3_large"
    assert (config.epochs, config.head_epochs) == (30, 10)
    assert config.freeze_batch_norm


def test_and_its_decoder(tmp_path: Path) -> None:
    path = make_checkpoint(tmp_path / "a.safetensors", TREE, backbone="timm:test_convnext", decoder="mlp")
    config = TrainConfig.model_validate(fine_tuning(str(path)) | {"init": str(path)})
    assert (config.backbone, config.decoder) == ("timm:test_convnext", "mlp")


@pytest.mark.parametrize(("layers", "size"), [(0, 256), (1, 6)])
def test_another_project_s_network_brings_what_is_ours_of_it(layers: int, size: int, tmp_path: Path) -> None:
    """Just converted, nothing: its features are no embedding, and its classifier is Euclidean."""
    header = read_header(make_checkpoint(tmp_path / "any.safetensors", TREE))
    theirs = ModelConfig(
        network="torchvision", backbone="mobilenet_v3_large", nodes=4, embedding_layers=layers, embedding_size=size
    )
    path = tmp_path / "theirs.safetensors"
    save_checkpoint(path, header.model_copy(update={"model": theirs}), build_model(theirs).state_dict())
    config = TrainConfig.model_validate(fine_tuning(str(path)) | {"init": str(path)})
    assert (config.head, config.embedding_layers) == ("hyperbolic", 1)
    assert config.embedding_size == (6 if layers else 64)


def test_new_classes_may_have_a_tree_where_the_old_ones_had_none(tmp_path: Path) -> None:
    path = make_checkpoint(tmp_path / "a.safetensors", flat_tree(["a", "b"]))
    assert TrainConfig.model_validate(fine_tuning(str(path)) | {"init": str(path)}).softmax == "hierarchical"


@pytest.mark.parametrize(("epochs", "first"), [(3, 1), (90, 30), ("many", 0)])
def test_the_head_alone_has_a_third_of_the_epochs(tmp_path: Path, epochs: object, first: int) -> None:
    path = make_checkpoint(tmp_path / "a.safetensors", TREE)
    found = fine_tuning(str(path), epochs=epochs)
    assert (found["epochs"], found["head_epochs"]) == (epochs, first)


@pytest.mark.parametrize(
    ("images", "preset"), [(0, "10"), (3, "10"), (63, "10"), (64, "100"), (399, "100"), (400, "1000"), (99_999, "1000")]
)
def test_the_preset_is_that_of_the_nearest_number(tmp_path: Path, images: int, preset: str) -> None:
    path = str(make_checkpoint(tmp_path / "a.safetensors", TREE))
    found = fine_tuning(path, glance=Glance(images, ("new", "sky")))
    assert found["preset"] == preset
    asked = fine_tuning(path, preset=preset)
    assert {name for name in found if found[name] != asked[name]} <= {"batch_size"}
    config = TrainConfig.model_validate(found | {"init": path})
    assert config.patience == {"10": 0, "100": 5, "1000": 3}[preset]
    assert config.freeze_batch_norm == (preset == "10")


def test_a_step_takes_no_more_images_than_there_are(tmp_path: Path) -> None:
    path = str(make_checkpoint(tmp_path / "a.safetensors", TREE))
    sizes = [fine_tuning(path, glance=Glance(images, ("new",)))["batch_size"] for images in (1, 2, 3, 4, 30, 500)]
    assert sizes == [2, 2, 3, 4, 4, 8]


@pytest.mark.parametrize(("classes", "first"), [(("Car", "sky"), 0), (("road", "car", "sky"), 0), (("car", "van"), 10)])
def test_a_network_that_knows_all_classes_is_corrected_gently(
    tmp_path: Path, classes: tuple[str, ...], first: int
) -> None:
    path = str(make_checkpoint(tmp_path / "a.safetensors", TREE))
    for preset, epochs, rate in (("10", 20, 3e-4), ("100", 12, 6e-4), ("1000", 8, 6e-4)):
        found = fine_tuning(path, preset=preset, glance=Glance(8, classes))
        assert (found["head_epochs"] > 0) == bool(first)
        if not first:
            assert (found["epochs"], found["learning_rate"], found["freeze_batch_norm"]) == (epochs, rate, True)
            assert fine_tuning(path, preset=preset, epochs=5, glance=Glance(8, classes))["epochs"] == 5


def test_a_glance_counts_what_is_to_be_trained_on(data: Path, tmp_path: Path) -> None:
    """And reads no picture: those that cannot be read are found later."""
    assert glance_at(data, TrainConfig()) == Glance(6, ("dark", "red", "green"))
    flat = tmp_path / "flat"
    for kind in ("images", "masks"):
        (flat / kind).mkdir(parents=True)
        for number in range(10):
            (flat / kind / f"{number}.png").write_bytes(b"no picture")
    (flat / "classes.txt").write_text("0:a\n1:b\n")
    assert glance_at(flat, TrainConfig()) == Glance(8, ("a", "b"))
    for path in (flat / "masks").iterdir():
        path.rename(path.with_name(f"{path.stem}_ids.png"))
    assert glance_at(flat, TrainConfig(mask_suffix="_ids")) == Glance(8, ("a", "b"))
    with pytest.raises(DataError, match="there is no such folder"):
        glance_at(tmp_path / "nowhere", TrainConfig())


def test_a_bundled_model_is_known_by_its_name_and_another_name_is_told() -> None:
    assert fine_tuning("streets")["backbone"] == "efficientnet_lite2"
    with pytest.raises(CheckpointError, match=r"did you mean streets\?"):
        fine_tuning("street")


def test_the_documentation_has_the_presets(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "docs/training.md").read_text()
    rows = {row[0]: row[1:] for row in (line.strip("| ").split(" | ") for line in text.splitlines() if "|" in line)}
    path = str(make_checkpoint(tmp_path / "a.safetensors", TREE))
    names = rows["preset"]
    found = [fine_tuning(path, preset=name) for name in names]
    assert rows["epochs"] == [str(each["epochs"]) for each in found]
    assert rows["of these, classifier and embedding alone"] == [str(each["head_epochs"]) for each in found]
    assert rows["images a step"] == [str(each["batch_size"]) for each in found]
    assert rows["learning rate; a tenth of it for the backbone"] == [str(each["learning_rate"]) for each in found]
    assert {each["backbone_rate"] for each in found} == {0.1}
    assert rows["batch norm"] == ["as it came" if each["freeze_batch_norm"] else "learns" for each in found]
    assert [row.split()[0] for row in rows["ends early after"]] == [str(each["patience"] or "never") for each in found]
    assert [row.split()[0] for row in rows["validated every"]] == ["5", "epoch", "epoch"]
    bounds = [int(number) for row in rows["images to train on"] for number in re.findall("[0-9]+", row)]
    chosen = [fine_tuning(path, glance=Glance(images, ()))["preset"] for images in bounds]
    assert chosen == ["10", "100", "100", "1000"]
