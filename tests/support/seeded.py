"""Weights that follow from their names, so that another project's network and ours can be given the same ones."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hypsegcli.checkpoint.converters.converted import Converted, Converter, Told
from hypsegcli.checkpoint.converters.source import Source
from hypsegcli.network.config import ModelConfig
from hypsegcli.network.imported import TRUNKS
from hypsegcli.network.model import NetworkOutput, build_model
from support import REPOSITORY

_OF_BLOCKS_ENDS = ("bn3.weight", "norm3.weight")  # small, or else the depth multiplies what goes in
_NOISE = np.random.default_rng(0).standard_normal(1_048_583, dtype=np.float32)  # a prime: rows of a kernel differ


def seeded(name: str, shape: Iterable[int]) -> Tensor:
    """A tensor of that name: kernels that keep the size of what goes through them, norms that are not trivial."""
    shape = tuple(shape)
    start = zlib.crc32(name.encode())
    normal = np.resize(np.roll(_NOISE, start % len(_NOISE)), shape)  # drawing tens of millions takes too long
    rng = np.random.default_rng(start)
    if len(shape) == 4:
        return torch.from_numpy(normal * np.float32((2.0 / np.prod(shape[1:])) ** 0.5))
    if name.endswith("running_var"):
        return torch.from_numpy(0.5 + rng.random(shape, dtype=np.float32))
    if name.endswith("weight") and len(shape) == 1:
        share = 0.25 if name.endswith(_OF_BLOCKS_ENDS) else 1.0
        signs = np.where(rng.random(shape) < 0.1, -1.0, 1.0)
        return torch.from_numpy((share * signs * (0.5 + 0.7 * rng.random(shape))).astype(np.float32))
    if len(shape) == 2:  # normals and offsets
        return torch.from_numpy(normal * np.float32(0.5 / shape[1] ** 0.5))
    return torch.from_numpy(np.float32(0.1) * normal)


def seeded_image(height: int = 49, width: int = 66) -> Tensor:
    """(1, 3, height, width), as if normalised."""
    image: Tensor = seeded("image", (1, 3, height, width)) * (3 * height * width / 2) ** 0.5
    return image


def shapes_of(trunk: str, **fields: Any) -> dict[str, tuple[int, ...]]:
    """The tensors of another project's network up to its classifier, where ours has their names."""
    config = ModelConfig.model_validate({"network": trunk, "nodes": 2, "output_stride": 8, **fields})
    with torch.device("meta"):
        state = TRUNKS[trunk](config).state_dict()
    return {name: tuple(like.shape) for name, like in state.items() if not name.endswith("num_batches_tracked")}


def golden_of(project: str) -> dict[str, NDArray[Any]]:
    """What that project's own code says of the seeded image, by what its weights are of."""
    with np.load(REPOSITORY / "tests/data" / f"{project}.npz") as golden:
        return dict(golden)


def source_of(shapes: Mapping[str, Iterable[int]], **facts: Any) -> Source:
    """A file with tensors of these names and shapes."""
    return Source(Path("weights.pth"), {name: seeded(name, shape) for name, shape in shapes.items()}, facts)


def answer(converter: Converter, source: Source, told: Told | None = None) -> tuple[Converted, NetworkOutput]:
    """What a converter makes of a file, and what our network with these weights says of the seeded image."""
    converted = converter.convert(source, told or Told())
    config = ModelConfig.model_validate({**converted.config, "nodes": converted.outputs})
    with torch.device("meta"):
        network = build_model(config)
    network.load_state_dict(dict(converted.state), assign=True)
    with torch.no_grad():
        return converted, network.eval()(seeded_image())


def apart(found: Tensor, golden: NDArray[Any]) -> float:
    """The largest difference, of the largest golden number."""
    return float((found.double().numpy() - golden).__abs__().max() / np.abs(golden).max())
