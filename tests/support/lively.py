"""A checkpoint of random weights that answers with more than one class."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from hypsegcli.checkpoint.store import load_checkpoint, save_checkpoint
from hypsegcli.hierarchy.tree import ClassTree
from hypsegcli.images.decode import decode_image
from hypsegcli.inference.normalise import normalise
from support import make_checkpoint, photograph


def make_lively_checkpoint(path: Path, tree: ClassTree, **architecture: Any) -> Path:
    """Random weights that know the photographs, so that more than one class is answered, anywhere in the ball."""
    make_checkpoint(path, tree, **architecture)
    loaded = load_checkpoint(path)
    model = loaded.model
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = 1.0
    pictures = [decode_image(photograph(path.parent / f"{seed}.png", seed=seed)).pixels for seed in range(3)]
    batch = normalise(torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2), loaded.header.input)
    with torch.no_grad():
        model.train()(batch)
        embedding = model.eval()(batch).embedding
        embed = model.get_submodule("decoder.embed")
        embed.get_parameter("bias").sub_(embedding.mean((0, 2, 3)))
        for weight in embed.parameters():
            weight.div_(embedding.std((0, 2, 3)).mean())
        for weight in model.head.parameters():
            weight.mul_(3.0)
    save_checkpoint(path, loaded.header, model.state_dict())
    return path
