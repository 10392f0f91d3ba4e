"""Where first weights come from, and what is said of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import save_file
from support import make_checkpoint
from torchvision import models

from hypsegcli.checkpoint.format import MOST_ANCESTORS, Ancestor
from hypsegcli.checkpoint.read_header import read_header
from hypsegcli.checkpoint.store import load_checkpoint, save_checkpoint
from hypsegcli.errors import CheckpointError, DataError
from hypsegcli.hierarchy.tree import ClassTree, flat_tree
from hypsegcli.network.config import ModelConfig
from hypsegcli.network.model import HyperbolicDeepLab, Network, build_deeplab, build_model
from hypsegcli.training.init import Start, imported_network, initialise, terms

TREE = flat_tree(["a", "b", "c"])
FIRST = "backbone.low.0.0.weight"  # of the network's tensors


def network(seed: int = 1, **fields: object) -> HyperbolicDeepLab:
    torch.manual_seed(seed)
    config = {"backbone": "mobilenet_v3_small", "embedding_size": 4, "nodes": 3, "softmax": "flat"}
    return build_deeplab(ModelConfig.model_validate(config | fields))


def segformer() -> Network:
    torch.manual_seed(1)
    config = {"backbone": "timm:test_convnext", "decoder": "mlp", "embedding_size": 4, "nodes": 3, "softmax": "flat"}
    return build_model(ModelConfig.model_validate(config))


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """Random weights other than those of `network`."""
    return make_checkpoint(tmp_path / "other.safetensors", TREE, backbone="mobilenet_v3_small")


def differing(model: Network, path: Path) -> set[str]:
    other = load_checkpoint(path).model.state_dict()
    return {
        name
        for name, tensor in model.state_dict().items()
        if name not in other or other[name].shape != tensor.shape or not torch.equal(other[name], tensor)
    }


def test_random_weights_stay() -> None:
    model = network()
    assert initialise(model, "", TREE, head=True) == Start("random weights", tuple(model.state_dict()))
    for name, tensor in network().state_dict().items():
        assert torch.equal(tensor, model.state_dict()[name])


def test_all_of_a_checkpoint(checkpoint: Path) -> None:
    model = network()
    assert differing(model, checkpoint)
    told, left, *_ = initialise(model, str(checkpoint), TREE, head=True)
    assert told == f"all {len(model.state_dict())} tensors from other.safetensors"
    assert left == ()
    assert not differing(model, checkpoint)


def test_the_head_stays_random_where_it_alone_is_trained(checkpoint: Path) -> None:
    model = network()
    told, left, *_ = initialise(model, str(checkpoint), TREE, head=False)
    count = len(model.state_dict())
    assert told == (
        f"{count - 4} of {count} tensors from other.safetensors; "
        "random: decoder.embed.weight, decoder.embed.bias, head.normals and 1 more"
    )
    assert left == ("decoder.embed.weight", "decoder.embed.bias", "head.normals", "head.bias")
    # Biases start at zero, in a checkpoint of random weights too.
    assert differing(model, checkpoint) >= {"decoder.embed.weight", "head.normals"}
    assert torch.equal(model.state_dict()["head.normals"], network().state_dict()["head.normals"])


def test_of_a_head_of_other_classes_the_rows_of_common_names_are_kept(checkpoint: Path) -> None:
    """In any order; whatever the shapes."""
    model, other, random = (
        network(nodes=4),
        load_checkpoint(checkpoint).model.state_dict(),
        network(nodes=4).state_dict(),
    )
    start = initialise(model, str(checkpoint), flat_tree(["C", "new", "a", "d"]), head=True)
    count = len(other)
    assert start.description == f"{count - 2} of {count} tensors from other.safetensors"
    assert (start.random, start.colors) == ((), None)
    assert start.rows is not None
    assert (start.rows.kept, start.rows.new, start.rows.dropped) == (("C", "a"), ("new", "d"), ("b",))
    for name in ("head.normals", "head.bias"):
        ours = model.state_dict()[name]
        assert torch.equal(ours[[0, 2]], other[name][[2, 0]])
        assert torch.equal(ours[[1, 3]], random[name][[1, 3]])
    assert "decoder.embed.weight" not in differing(model, checkpoint)


def test_of_a_head_that_knows_none_of_the_classes_nothing_is_kept(checkpoint: Path) -> None:
    """Even where its shape fits."""
    model = network()
    start = initialise(model, str(checkpoint), flat_tree(["d", "e", "f"]), head=True)
    assert start.description.endswith("random: head.normals, head.bias")
    assert start.rows is not None
    assert (start.rows.kept, start.rows.dropped) == ((), ("a", "b", "c"))
    assert torch.equal(model.state_dict()["head.normals"], network().state_dict()["head.normals"])
    assert "decoder.embed.weight" not in differing(model, checkpoint)


def test_rows_of_another_ball_or_behind_another_embedding_are_not_kept(checkpoint: Path) -> None:
    tree = flat_tree(["a", "b", "d"])
    for fields in ({"curvature": 0.5}, {"embedding_layers": 2}, {"head": "euclidean"}, {"t_max": 5.0}):
        start = initialise(network(**fields), str(checkpoint), tree, head=True)
        assert start.rows is None
        assert any(name.startswith("head.") for name in start.random)


def test_inner_nodes_have_rows_too(tmp_path: Path) -> None:
    tree = ClassTree(names=("sky", "road", "car", "ground"), parents=(-1, 3, 3, -1), classes=3)
    path = make_checkpoint(tmp_path / "tree.safetensors", tree, backbone="mobilenet_v3_small")
    other = load_checkpoint(path)
    ours = ClassTree(names=("car", "path", "sky", "lawn", "ground", "green"), parents=(4, 4, -1, 5, 5, -1), classes=4)
    model = network(nodes=6, softmax="hierarchical")
    start = initialise(model, str(path), ours, head=True)
    assert start.rows is not None
    assert start.rows.kept == ("car", "sky", "ground")
    assert torch.equal(
        model.get_parameter("head.normals")[[0, 2, 4]], other.model.get_parameter("head.normals")[[2, 0, 3]]
    )
    flat = network(nodes=2)
    start = initialise(flat, str(path), flat_tree(["car", "sky"]), head=True)
    assert start.rows is not None
    assert start.rows.dropped == ("road", "ground")
    assert start.colors == (other.header.colors[2], other.header.colors[0])
    assert torch.equal(flat.get_parameter("head.normals"), other.model.get_parameter("head.normals")[[2, 0]])


def test_prototypes_and_what_all_of_them_share_are_kept(tmp_path: Path) -> None:
    fields: dict[str, Any] = {"backbone": "mobilenet_v3_small", "head": "prototypes", "prototypes": 3}
    path = make_checkpoint(tmp_path / "prototypes.safetensors", TREE, **fields)
    other = load_checkpoint(path)
    with torch.no_grad():
        other.model.get_parameter("head.log_scale").fill_(2.5)
    save_checkpoint(path, other.header, other.model.state_dict())
    model = network(head="prototypes", prototypes=3)
    start = initialise(model, str(path), flat_tree(["b", "d", "a"]), head=True)
    assert start.rows is not None
    assert start.rows.new == ("d",)
    assert torch.equal(
        model.state_dict()["head.prototypes"][[0, 2]], other.model.state_dict()["head.prototypes"][[1, 0]]
    )
    assert float(model.state_dict()["head.log_scale"]) == 2.5
    few = initialise(network(head="prototypes", prototypes=2), str(path), flat_tree(["b", "d", "a"]), head=True)
    assert few.rows is None


def test_what_does_not_fit_stays_random(checkpoint: Path) -> None:
    model = network(embedding_size=6)
    left = initialise(model, str(checkpoint), TREE, head=True).random
    assert left == ("decoder.embed.weight", "decoder.embed.bias", "head.normals", "head.bias")
    assert differing(model, checkpoint) == {"decoder.embed.weight", "decoder.embed.bias", "head.normals"}


def test_a_head_of_another_curvature_is_not_taken_unnoticed(checkpoint: Path) -> None:
    with pytest.raises(DataError, match=r"its head was trained with curvature 1, not 0\.5; pass curvature=1\.0"):
        initialise(network(curvature=0.5), str(checkpoint), TREE, head=True)
    assert initialise(network(curvature=0.5), str(checkpoint), TREE, head=False).random
    left = initialise(network(t_max=5.0), str(checkpoint), TREE, head=True).random
    assert left == ("head.normals", "head.bias")


def test_a_checkpoint_of_another_backbone(checkpoint: Path) -> None:
    """Some of its tensors would fit, and mean nothing."""
    with pytest.raises(DataError, match="its backbone is mobilenet_v3_small, not resnet18; choose that one or another"):
        initialise(network(backbone="resnet18"), str(checkpoint), TREE, head=True)


def test_a_network_cut_shorter_starts_from_the_whole(tmp_path: Path) -> None:
    path = make_checkpoint(tmp_path / "whole.safetensors", TREE, backbone="resnet18")
    model = network(backbone="resnet18_c4")
    told = initialise(model, str(path), TREE, head=True).description
    assert "random: aspp." in told
    assert not any(name.startswith("backbone.") for name in differing(model, path))


def test_a_backbone_file_of_torchvision(tmp_path: Path) -> None:
    torch.manual_seed(5)
    net = models.get_model("mobilenet_v3_small", weights=None)
    path = tmp_path / "mobilenet_v3_small-047dcff4.pth"
    torch.save(net.state_dict(), path)
    model = network()
    told, left, *_ = initialise(model, str(path), TREE, head=True)
    assert told == f"backbone from {path.name}; ASPP, decoder and head from random weights"
    assert torch.equal(model.get_parameter(FIRST), net.get_parameter("features.0.0.weight"))
    assert torch.equal(model.get_parameter("head.normals"), network().get_parameter("head.normals"))
    assert left == tuple(name for name in model.state_dict() if not name.startswith("backbone."))


def test_timm_s_own_file(tmp_path: Path) -> None:
    """Plain safetensors, of other classes; and a checkpoint that is none for it."""
    net = timm.create_model("test_efficientnet", num_classes=7)
    save_file(net.state_dict(), tmp_path / "model.safetensors")
    model = network(backbone="timm:test_efficientnet")
    told, left, spec, *_ = initialise(model, str(tmp_path / "model.safetensors"), TREE, head=True)
    assert told == "backbone from model.safetensors; ASPP, decoder and head from random weights"
    assert (spec, left) == (None, tuple(name for name in model.state_dict() if not name.startswith("backbone.")))
    assert torch.equal(model.get_parameter("backbone.net.conv_stem.weight"), net.get_parameter("conv_stem.weight"))
    with pytest.raises(CheckpointError, match=r"model\.safetensors: not the weights of timm:test_resnet \("):
        initialise(network(backbone="timm:test_resnet"), str(tmp_path / "model.safetensors"), TREE, head=True)


def test_stages_take_timm_s_own_file_too(tmp_path: Path) -> None:
    net = timm.create_model("test_convnext", num_classes=7)
    save_file(net.state_dict(), tmp_path / "model.safetensors")
    model = segformer()
    told, left, *_ = initialise(model, str(tmp_path / "model.safetensors"), TREE, head=True)
    assert told == "backbone from model.safetensors; decoder and head from random weights"
    assert left == tuple(name for name in model.state_dict() if not name.startswith("backbone."))
    assert torch.equal(model.get_parameter("backbone.net.stem_0.weight"), net.get_parameter("stem.0.weight"))


def test_of_a_network_with_another_decoder_the_backbone_alone_means_something(tmp_path: Path) -> None:
    """The embedding fits in shape, but is one of other features."""
    path = make_checkpoint(tmp_path / "deeplab.safetensors", TREE, backbone="timm:test_convnext")
    model = segformer()
    left = initialise(model, str(path), TREE, head=True).random
    assert left == tuple(name for name in model.state_dict() if not name.startswith("backbone."))
    assert not any(name.startswith("backbone.") for name in differing(model, path))
    whole = make_checkpoint(tmp_path / "mlp.safetensors", TREE, backbone="timm:test_convnext", decoder="mlp")
    assert initialise(segformer(), str(whole), TREE, head=True).random == ()


def test_torchvision_s_weights_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    net = models.get_model("mobilenet_v3_small", weights=None)
    weights = models.get_model_weights("mobilenet_v3_small").DEFAULT
    monkeypatch.setattr(type(weights), "get_state_dict", lambda self, **_: net.state_dict())
    model = network()
    told = initialise(model, "imagenet", TREE, head=True).description
    assert told.startswith("backbone from torchvision's ImageNet weights of mobilenet_v3_small; ")
    assert torch.equal(model.get_parameter(FIRST), net.get_parameter("features.0.0.weight"))


def test_where_a_checkpoint_comes_from_is_handed_on(tmp_path: Path) -> None:
    """Its data and terms, those of what it started from, and so on, but not without end."""
    path = make_checkpoint(tmp_path / "x.safetensors", TREE, backbone="mobilenet_v3_small")
    loaded = load_checkpoint(path)
    before = tuple(
        Ancestor(name=f"{age}", trained_on="a", licence="b", initialised_from="c") for age in range(MOST_ANCESTORS)
    )
    made = loaded.header.provenance.model_copy(update={"ancestors": before, "initialised_from": "timm's, licence MIT"})
    save_checkpoint(path, loaded.header.model_copy(update={"provenance": made}), loaded.model.state_dict())
    found = initialise(network(), str(path), TREE, head=True).ancestors
    own = Ancestor(name="x.safetensors", trained_on="nothing", licence="none", initialised_from="timm's, licence MIT")
    assert found == (own, *before[:-1])
    assert initialise(network(), "", TREE, head=True).ancestors == ()


@pytest.mark.parametrize(
    ("given", "licences", "told"),
    [
        ("unknown", (), "unknown"),
        ("MIT", (), "MIT"),
        ("unknown", ("CC BY-NC 4.0", "MIT"), "CC BY-NC 4.0; these are the terms of 0.pt, which it started from"),
        ("MIT", ("CC BY-NC 4.0",), "MIT; started from 0.pt, whose terms are CC BY-NC 4.0"),
        ("MIT", ("MIT",), "MIT"),
        ("MIT", ("unknown",), "MIT"),
        ("unknown", ("unknown",), "unknown"),
    ],
)
def test_the_terms_of_the_start_are_named(given: str, licences: tuple[str, ...], told: str) -> None:
    ancestors = [
        Ancestor(name=f"{age}.pt", trained_on="", licence=licence, initialised_from="")
        for age, licence in enumerate(licences)
    ]
    assert terms(given, ancestors) == told


def test_the_input_is_what_the_weights_were_trained_on(tmp_path: Path) -> None:
    path = make_checkpoint(tmp_path / "lite.safetensors", TREE, backbone="efficientnet_lite0")
    start = initialise(network(backbone="efficientnet_lite0"), str(path), TREE, head=True)
    assert start.input == read_header(path).input
    assert initialise(network(), "", TREE, head=True).input is None


class Hostile:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("run",)


def test_files_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"none\.pth"):
        initialise(network(), str(tmp_path / "none.pth"), TREE, head=True)
    for name, content, sentence in (
        ("hostile", Hostile(), "cannot be read as plain weights"),
        ("list", [1, 2], "holds no plain weights"),
        ("nested", {"state_dict": {}}, "holds no plain weights"),
        ("other", models.get_model("resnet18", weights=None).state_dict(), "not the weights of mobilenet_v3_small"),
    ):
        path = tmp_path / f"{name}.pth"
        torch.save(content, path)
        with pytest.raises(CheckpointError, match=rf"{name}\.pth: {sentence}"):
            initialise(network(), str(path), TREE, head=True)
    (tmp_path / "text.pth").write_text("hello")
    with pytest.raises(CheckpointError, match=r"text\.pth: cannot be read as plain weights"):
        initialise(network(), str(tmp_path / "text.pth"), TREE, head=True)


def test_a_tree_with_more_nodes_keeps_trunk_and_rows(checkpoint: Path) -> None:
    tree = ClassTree(names=("a", "b", "c", "bc"), parents=(-1, 3, 3, -1), classes=3)
    model = network(nodes=4, softmax="hierarchical")
    start = initialise(model, str(checkpoint), tree, head=True)
    assert start.rows is not None
    assert start.rows.new == ("bc",)


def test_another_project_s_network_may_be_the_start_with_a_head_of_ours(tmp_path: Path) -> None:
    """Its layers are kept, whatever `backbone` and `decoder` say; the embedding and the classifier are new."""
    theirs = ModelConfig(
        network="torchvision", backbone="mobilenet_v3_large", nodes=3, softmax="flat", head="euclidean",
        embedding_layers=0, embedding_size=256,
    )  # fmt: skip
    chosen = {"backbone": "timm:pvt_v2_b0", "decoder": "mlp", "embedding_size": 4, "nodes": 3, "softmax": "flat"}
    header = read_header(make_checkpoint(tmp_path / "any.safetensors", TREE)).model_copy(update={"model": theirs})
    torch.manual_seed(0)
    source = build_model(theirs)
    save_checkpoint(tmp_path / "theirs.safetensors", header, source.state_dict())
    fields = imported_network(f"{tmp_path / 'theirs.safetensors'}", None)
    torch.manual_seed(1)
    ours = build_model(ModelConfig.model_validate(chosen | fields))
    start = initialise(ours, f"{tmp_path / 'theirs.safetensors'}", TREE, head=True)
    assert start.random == ("embedding.weight", "embedding.bias", "head.normals", "head.bias")
    assert differing(ours, tmp_path / "theirs.safetensors") == set(start.random)
    output = ours.eval()(torch.zeros(1, 3, 32, 48))
    assert (output.embedding.shape, ours.config.head) == ((1, 4, 2, 3), "hyperbolic")


@pytest.mark.parametrize("source", ["", "imagenet", "other"])
def test_a_network_of_ours_is_chosen_by_the_settings(source: str, checkpoint: Path) -> None:
    assert imported_network(str(checkpoint) if source == "other" else source, None) == {}
