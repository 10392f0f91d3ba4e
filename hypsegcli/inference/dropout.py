"""Monte Carlo dropout, the usual price of uncertainty, to compare the distance to the origin with.

Gal and Ghahramani, ICML 2016: leave dropout on, run the network N times, and take the mean of the answers. Networks
here are trained without dropout, so that it is injected at test time (Ledda, Fumera and Roli, 2023): elementwise, after
ASPP and after each of the decoder's convolutions; in SegFormer's decoder where the paper's own has it in training,
before the last layer.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from hypsegcli.confidence.planes import Plane
from hypsegcli.errors import UsageError, setting
from hypsegcli.inference.engines.torch_engine import TorchEngine
from hypsegcli.inference.prediction import RGB, Labels, Prediction, label_type
from hypsegcli.inference.request import Request
from hypsegcli.inference.segmenter import Segmenter
from hypsegcli.inference.windows import Tiling
from hypsegcli.network.model import OwnNetwork

# Confidence measures of a dropout answer and their titles, all in [0, 1]: 1 - entropy of the mean probabilities over
# the passes / ln K; 1 - mutual information of answer and dropout mask / ln K; the largest of the mean probabilities.
DROPOUT_MEASURES = {
    "mc-entropy": "1 - entropy of the mean",
    "mc-mutual-information": "1 - mutual information",
    "mc-max-probability": "largest mean probability",
}


class DropoutSampler:
    """Runs a segmenter's network `passes` times under dropout of some `rate`."""

    def __init__(self, segmenter: Segmenter, *, passes: int, rate: float) -> None:
        """TypeError unless the segmenter runs in PyTorch: no other engine lets dropout in.

        UsageError for another project's network, whose layers are others.
        """
        if not isinstance(segmenter.engine, TorchEngine):
            raise TypeError(f"dropout needs the torch engine, not {segmenter.engine.label}")
        config = segmenter.engine.config
        if config.is_imported:
            raise UsageError(
                f"{setting('mc_dropout')}: needs a network of hypseg's own, not {config.kind.title}; leave it out"
            )
        self._device = segmenter.engine.device
        self._model = cast(OwnNetwork, segmenter.engine.model)
        self._among = segmenter.request.among
        self._inner = Segmenter(
            segmenter.engine,
            segmenter.tree,
            request=Request(measures=(), probabilities=True, longest_side=segmenter.request.longest_side),
            tiling=segmenter.tiling,
        )
        self.passes = passes
        self.rate = rate

    def predict(self, image: RGB, *, key: str, tiling: Tiling | None = None) -> Prediction:
        """What the mean over the passes says of one image: classes, and planes of DROPOUT_MEASURES.

        It goes in the windows of `tiling`, or as the segmenter has it.

        The same key gives the same masks, whatever ran before.
        """
        total: NDArray[np.float32] | None = None
        entropies: NDArray[np.float32] | None = None
        for number in range(self.passes):
            seed = int.from_bytes(hashlib.sha256(f"{number}/{key}".encode("utf-8", "surrogateescape")).digest()[:7])
            with self._dropping(seed):
                if tiling is None:
                    (prediction,) = self._inner.predict([image])
                else:
                    prediction = self._inner.predict_tiled(image, tiling)
            if prediction.probabilities is None:
                raise ValueError("the segmenter gave no probabilities")
            probabilities = prediction.probabilities.astype(np.float32)
            del prediction
            entropy = _entropy(probabilities)
            total = probabilities if total is None else total + probabilities
            entropies = entropy if entropies is None else entropies + entropy
        if total is None or entropies is None:
            raise ValueError("dropout needs at least one pass")
        mean = total / np.float32(self.passes)
        largest = np.float32(np.log(len(mean)))
        spread = _entropy(mean)
        information = spread - entropies / np.float32(self.passes)
        values = {
            "mc-entropy": np.clip(1 - spread / largest, 0.0, 1.0),
            "mc-mutual-information": np.clip(1 - information / largest, 0.0, 1.0),
            "mc-max-probability": np.minimum(mean.max(axis=0), 1.0),
        }
        return Prediction(self._decide(mean), {name: Plane(plane, name, 1.0) for name, plane in values.items()})

    def _decide(self, mean: NDArray[np.float32]) -> Labels:
        classes = np.arange(len(mean)) if self._among is None else np.asarray(self._among)
        labels: Labels = classes[mean[classes].argmax(axis=0)].astype(label_type(self._inner.tree.nodes))
        return labels

    @contextlib.contextmanager
    def _dropping(self, seed: int) -> Iterator[None]:
        model, device = self._model, self._device.torch
        devices = [device] if device.type == "cuda" else []

        def drop(_: nn.Module, __: tuple[Tensor, ...], output: Tensor) -> Tensor:
            return F.dropout(output, self.rate, training=True)

        hooks = [module.register_forward_hook(drop) for module in model.before_dropout]
        try:
            with torch.random.fork_rng(devices=devices):
                torch.manual_seed(seed)
                yield
        finally:
            for hook in hooks:
                hook.remove()


def _entropy(probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
    """(H, W) entropy in nats of (K, H, W)."""
    entropy: NDArray[np.float32] = torch.special.entr(torch.from_numpy(probabilities)).sum(0).numpy()
    return entropy
