"""SegFormer's decoder against that of segmentation_models_pytorch, and the network that it is part of."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from segmentation_models_pytorch.decoders.segformer.decoder import SegformerDecoder
from torch import Tensor, nn

from hypsegcli.inference.engines.fold import fold_batch_norms
from hypsegcli.network.config import ModelConfig
from hypsegcli.network.model import GRID, HyperbolicSegFormer, build_segformer, receptive_radius
from hypsegcli.network.segformer import CHANNELS, MlpDecoder

PVT, CONVOLUTIONS = "timm:pvt_v2_b0", "timm:test_convnext"
WIDTHS = (32, 64, 160, 256)  # PVTv2-B0's
D, M = 6, 5


def config_for(backbone: str = PVT, **fields: Any) -> ModelConfig:
    return ModelConfig(**{"backbone": backbone, "decoder": "mlp", "nodes": M, "embedding_size": D, **fields})


def network(*args: Any, **fields: Any) -> HyperbolicSegFormer:
    torch.manual_seed(0)
    return build_segformer(config_for(*args, **fields)).eval()


def images(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def lively_decoder() -> MlpDecoder:
    """Its batch norm has the statistics of some training, not 0 and 1."""
    torch.manual_seed(0)
    decoder = MlpDecoder(WIDTHS, config_for()).eval()
    for tensor in (decoder.norm.weight, decoder.norm.running_var):
        assert tensor is not None
        nn.init.uniform_(tensor, 0.5, 1.5)
    for tensor in (decoder.norm.bias, decoder.norm.running_mean):
        assert tensor is not None
        nn.init.normal_(tensor, std=0.2)
    return decoder


def maps() -> list[Tensor]:
    return [images(2, width, 16 // 2**stage, 24 // 2**stage) for stage, width in enumerate(WIDTHS)]


@torch.no_grad()
def test_the_decoder_is_that_of_segmentation_models_pytorch() -> None:
    """With the same weights; there the coarsest map comes first."""
    ours = lively_decoder()
    theirs = SegformerDecoder([3, 0, *WIDTHS], segmentation_channels=CHANNELS).eval()
    for linear, stage in zip(ours.linear, reversed(theirs.mlp_stage), strict=True):
        assert isinstance(linear, nn.Conv2d)
        assert linear.bias is not None
        stage.linear.weight.copy_(linear.weight[:, :, 0, 0])
        stage.linear.bias.copy_(linear.bias)
    kernel, norm, _ = theirs.fuse_stage
    kernel.weight.copy_(torch.cat(ours.join.weight.split(CHANNELS, dim=1)[::-1], dim=1))
    norm.load_state_dict(ours.norm.state_dict())
    image, empty = torch.zeros(2, 3, 64, 96), torch.zeros(2, 0, 32, 48)
    wanted = ours.embed(theirs([image, empty, *maps()]))
    torch.testing.assert_close(ours(maps()), wanted, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_what_is_summed_is_what_the_paper_joins() -> None:
    decoder, size = lively_decoder(), (16, 24)
    enlarged = [
        F.interpolate(linear(found), size=size, mode="bilinear", align_corners=False)
        for linear, found in zip(decoder.linear, maps(), strict=True)
    ]
    wanted = decoder.embed(decoder.norm(decoder.join(torch.cat(enlarged, dim=1))).relu())
    torch.testing.assert_close(decoder(maps()), wanted, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_folding_its_batch_norm_changes_nothing() -> None:
    decoder = lively_decoder()
    folded = fold_batch_norms(decoder)
    assert isinstance(folded.norm, nn.Identity)
    torch.testing.assert_close(folded(maps()), decoder(maps()), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("backbone", [PVT, "timm:resnet10t", "timm:swin_tiny_patch4_window7_224"])
def test_it_answers_on_the_grid_and_all_of_it_takes_part(backbone: str) -> None:
    model = network(backbone)
    for height, width in ((16, 16), (48, 80)):
        image = images(1, 3, height, width)
        output = model(image)
        h, w = height // GRID, width // GRID
        assert output.embedding.shape == (1, D, h, w)
        assert output.logits.shape == (1, M, h, w)
        assert output.distance.shape == (1, h, w)
        assert all(tensor.dtype == torch.float32 and tensor.isfinite().all() for tensor in output)
    output.logits.square().sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, f"{name} takes no part in the answer"
        assert parameter.grad.isfinite().all(), name


@torch.no_grad()
def test_a_part_of_a_cell_is_continued_in_the_mean_colour_and_cut_off() -> None:
    model, image = network(), images(1, 3, 48, 80)
    continued = F.pad(image, (0, 16, 0, 16))
    torch.testing.assert_close(model(image).embedding, model(continued).embedding[:, :, :12, :20])


@torch.no_grad()
def test_bf16_keeps_the_head_in_float32() -> None:
    model = network()
    with torch.autocast("cpu", torch.bfloat16):
        output = model(images(1, 3, 64, 64))
    assert all(tensor.dtype == torch.float32 for tensor in output)
    logits, distance = model.head(output.embedding)
    assert torch.equal(output.logits, logits)
    assert torch.equal(output.distance, distance)


def test_attention_has_no_radius_and_takes_no_mean() -> None:
    model = network()
    assert receptive_radius(model) is None
    assert not model.config.takes_mean
    with pytest.raises(ValueError, match="SegFormer's all-MLP decoder takes no mean"):
        model(images(1, 3, 32, 32), torch.zeros(256))


def test_all_but_the_embedding_lies_below_it() -> None:
    model = network(CONVOLUTIONS)
    below = {id(parameter) for part in model.below_embedding for parameter in part.parameters()}
    above = {name for name, parameter in model.named_parameters() if id(parameter) not in below}
    assert above == {"decoder.embed.weight", "decoder.embed.bias", "head.normals", "head.bias"}
