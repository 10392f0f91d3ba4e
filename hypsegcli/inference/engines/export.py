"""The network as a graph that other engines can take over, from bytes to its embedding."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram

from hypsegcli.checkpoint.format import InputSpec
from hypsegcli.inference.engines.fold import fold_batch_norms
from hypsegcli.inference.normalise import affine
from hypsegcli.inference.windows import ALIGNMENT
from hypsegcli.network.model import HyperbolicDeepLab, Network

# What a graph answers. The head is in none: what it needs beyond a matrix product, other engines work out one number at
# a time, at several times what torch takes for it (`geometry.bands`), and in bf16 they would round in it too, where
# cosh(7.6) is about 1,000.
Part = Literal["embedding", "features"]

REVISION = 2  # of the graph; raise it where the same checkpoint becomes another one

# The graphs that a run may need, by whether they are of windows; the first one alone, where a network takes no mean.
GRAPHS: tuple[tuple[Part, bool], ...] = (("embedding", False), ("embedding", True), ("features", False))

_MOST = 4096  # images in a batch, and steps of the alignment in a side: exporting wants a bound


def graph_name(part: Part, *, windows: bool) -> str:
    """As checkpoints call a graph that they hold."""
    return f"{part}_of_windows" if windows else part


class Graph(nn.Module):
    """RGB bytes (B, H, W, 3), and the features' mean (C,) where `windows`, to what a `part` answers, float32.

    The embedding is (B, h, w, D), as the head wants it, the features are (B, C, h, w).
    """

    gain: Tensor
    offset: Tensor

    def __init__(self, model: Network, spec: InputSpec, *, part: Part) -> None:
        super().__init__()
        self.model = model
        self.part = part
        gain, offset = affine(spec)
        self.register_buffer("gain", gain)
        self.register_buffer("offset", offset)

    def forward(self, images: Tensor, mean: Tensor | None = None) -> Tensor:
        """H and W are multiples of 16."""
        image = (images.float() * self.gain + self.offset).permute(0, 3, 1, 2)
        if self.part == "features":
            return self.model.features(image)
        return self.model.embed(image, mean).permute(0, 2, 3, 1)


def export(model: Network, spec: InputSpec, *, part: Part, windows: bool) -> ExportedProgram:
    """Trace the network for any batch and any image whose sides are multiples of 16; batch norms are folded.

    With `windows` the graph has the mean of the image's features as its second input. ValueError for a backbone that
    cannot be traced so: with windows of fixed size, such as Swin's, torch is still tracing after many minutes.
    """
    if not model.is_exportable:
        what = model.config.kind.title if model.config.is_imported else model.config.backbone
        raise ValueError(f"{what} cannot be traced for images of any size")
    graph = Graph(fold_batch_norms(model), spec, part=part).eval()
    inputs: tuple[Tensor, ...] = (torch.zeros(2, 4 * ALIGNMENT, 6 * ALIGNMENT, 3, dtype=torch.uint8),)
    batch, rows, columns = (Dim(name, min=1, max=_MOST) for name in ("batch", "rows", "columns"))
    shapes: tuple[dict[int, object], ...] = ({0: batch, 1: ALIGNMENT * rows, 2: ALIGNMENT * columns},)
    if windows:
        if not isinstance(model, HyperbolicDeepLab):
            raise ValueError(f"{model.config.kind.title} takes no mean of an image")
        inputs += (torch.zeros(model.backbone.high_channels),)
        shapes += ({},)
    with torch.no_grad():
        return torch.export.export(graph, inputs, dynamic_shapes=shapes)
