"""Segmenter: images in, Predictions out. The only place where a network meets an image."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hypsegcli.budget import BUDGET, Budget
from hypsegcli.confidence.calibration import Calibration
from hypsegcli.errors import setting
from hypsegcli.hierarchy.tree import ClassTree
from hypsegcli.images.shrink import shrink_image
from hypsegcli.inference.engines.base import Engine
from hypsegcli.inference.keep_embeddings import keep_embeddings
from hypsegcli.inference.lanes import Lanes, torch_threads
from hypsegcli.inference.nearest import nearest_prototypes
from hypsegcli.inference.nodata import leave_void
from hypsegcli.inference.prediction import RGB, Labels, Prediction
from hypsegcli.inference.reduce import Reducer
from hypsegcli.inference.request import Request
from hypsegcli.inference.sampled import Samples, labels_seen
from hypsegcli.inference.strips import Rows, Strip, feature_mean, join, pad_to_cells, strips
from hypsegcli.inference.upsample import Placement, Size, lay_cells
from hypsegcli.inference.windows import Tiling, axis_windows, goes_in_windows
from hypsegcli.network.model import NetworkOutput
from hypsegcli.network.prototypes import PrototypeHead


class _Clock(threading.local):
    seconds = 0.0  # one number a thread


class Segmenter:
    """Holds one engine; `predict` may be called any number of times, from any thread."""

    def __init__(
        self,
        engine: Engine,
        tree: ClassTree,
        *,
        request: Request | None = None,
        tiling: Tiling | None = None,
        calibration: Calibration | None = None,
        budget: Budget = BUDGET,
    ) -> None:
        self.engine = engine
        self.tree = tree
        self.request = request or Request()
        self.tiling = tiling
        self._clock, self._budget, self._threads = _Clock(), budget, torch.get_num_threads()
        self._reduce = Reducer(tree, engine.config, self.request, calibration=calibration, budget=budget)

    @property
    def lanes(self) -> Lanes:
        """In which it may run, for whoever has several images: all of them hold at most a window's pixels."""
        window = self._budget.window**2
        whole = window if self.tiling is None else min(self.tiling.above, window)
        return Lanes(self.engine.lanes, whole // self.engine.lanes, self._threads)

    @property
    def forward_seconds(self) -> float:
        """What the calling thread has spent in the engine so far."""
        return self._clock.seconds

    def predict(self, images: Sequence[RGB], truths: Sequence[Labels] | None = None) -> list[Prediction]:
        """Segment images (H, W, 3) of one size together; large ones go one by one, window by window.

        With `truths`, (H, W) class ids of each image, predictions carry the probability of the true class; ids that
        are no class, void ones say, may hold any number there. MemoryError for a large one that is to be refined.
        """
        height, width = images[0].shape[:2]
        if self.shrinks(height, width):
            with self._threads_for(images):
                return self._run_shrunk(images, truths)
        if self.tiling is not None and self.cuts(height, width):
            if self.request.refine is not None:
                raise MemoryError("to be refined, it is needed whole")
            every = truths if truths is not None else [None] * len(images)
            pairs = zip(images, every, strict=True)
            return [join(self._strips(image, truth, self.tiling), height) for image, truth in pairs]
        return self._predict_whole(images, truths, images)

    def shrinks(self, height: int, width: int) -> bool:
        """Whether an image of that size is shrunk on its way into the network."""
        return self.request.shrinks(height, width)

    def cuts(self, height: int, width: int) -> bool:
        """Whether an image of that size goes in windows."""
        return goes_in_windows(height, width, self.tiling, self.request)

    def leave_void(self, prediction: Prediction, valid: NDArray[np.bool_] | None) -> Prediction:
        """A prediction of this one without answers where an image has no data, as `inference.nodata` says."""
        config = self.engine.config
        prototypes = config.prototypes * self.tree.classes if config.has_prototypes else 0
        return leave_void(prediction, valid, nodes=self.tree.nodes, prototypes=prototypes)

    def strips(self, image: Rows) -> Iterator[Strip]:
        """What `predict` says of an image that is too large to be in memory, from top to bottom.

        Where a network takes its mean, rows are read twice, first for that; how many at a time, the tiling says,
        whatever the image's size. ValueError without a tiling, or with a request for which the image is needed whole.
        """
        if self.tiling is None or self.request.needs_whole:
            raise ValueError("strips need a tiling, no longest side and nothing that is refined")
        return self._strips(image, None, self.tiling)

    def predict_tiled(self, image: RGB, tiling: Tiling, truth: Labels | None = None) -> Prediction:
        """Segment one image (H, W, 3) in windows, however small it is: where it does not fit into memory whole."""
        return join(self._strips(image, truth, tiling), image.shape[0])

    def _predict_whole(
        self,
        images: Sequence[RGB],
        truths: Sequence[Labels] | None,
        photographs: Sequence[RGB],
        mean: Tensor | None = None,
    ) -> list[Prediction]:
        with self._threads_for(photographs):
            return self._run(images, truths, photographs, mean)

    def _threads_for(self, photographs: Sequence[RGB]) -> AbstractContextManager[None]:
        lanes, pixels = self.lanes, photographs[0].shape[0] * photographs[0].shape[1]
        as_in_lane = len(photographs) == 1 and lanes.takes(pixels)
        return torch_threads(lanes.share) if as_in_lane else nullcontext()

    def _run_shrunk(self, images: Sequence[RGB], truths: Sequence[Labels] | None) -> list[Prediction]:
        limit, guide_side = self.request.longest_side, self.request.guide_side
        if limit is None or guide_side is None:
            return self._run([shrink_image(image, limit) for image in images], truths, images)
        samples, config = Samples(images, longest_side=limit), self.engine.config
        guides = [shrink_image(image, guide_side) for image in images]
        seen, padded = self._ask(guides)
        guide = _size(guides[0])
        samples.place(labels_seen(seen, config, self.tree, guide=guide, padded=padded, size=samples.size))
        output, padded = self._ask(samples.pixels())
        predictions = []
        for index, image in enumerate(images):
            own = NetworkOutput(*(part[index : index + 1] for part in output))
            cell = samples.placement(index, config, grid=_grid(own), padded=padded)
            truth = None if truths is None else truths[index : index + 1]
            predictions += self._reduced(own, truth, [image], cell, went_in=samples.size)
        return predictions

    def _run(
        self,
        images: Sequence[RGB],
        truths: Sequence[Labels] | None,
        photographs: Sequence[RGB],
        mean: Tensor | None = None,
    ) -> list[Prediction]:
        output, padded = self._ask(images, mean)
        cell = lay_cells(self.engine.config.kind, _grid(output), padded, _size(images[0]), _size(photographs[0]))
        predictions = self._reduced(output, truths, photographs, cell, went_in=_size(images[0]))
        if not self.request.embeddings:
            return predictions
        kept = keep_embeddings(output, self.engine.config, *_size(images[0]), cell=cell)
        return [replace(prediction, embeddings=own) for prediction, own in zip(predictions, kept, strict=True)]

    def _ask(self, images: Sequence[RGB], mean: Tensor | None = None) -> tuple[NetworkOutput, Size]:
        """What the network says of images of one size, and the size to which they were padded for it."""
        batch = pad_to_cells(np.stack(images), self.engine.config.kind.alignment)
        started = time.perf_counter()
        output = self.engine(batch, mean)
        if not output.is_finite():
            raise FloatingPointError(
                f"its answer holds NaN or infinity; where it ran in bf16, try {setting('precision', 'fp32')}, else "
                "another checkpoint"
            )
        self._clock.seconds += time.perf_counter() - started  # after the check, which waits for the device
        return output, (batch.shape[1], batch.shape[2])

    def _reduced(
        self,
        output: NetworkOutput,
        truths: Sequence[Labels] | None,
        photographs: Sequence[RGB],
        cell: Placement,
        *,
        went_in: Size,
    ) -> list[Prediction]:
        (rows, columns), (height, width) = went_in, _size(photographs[0])
        truth = None if truths is None else torch.from_numpy(np.stack(truths).astype(np.int64))
        scale = math.sqrt(height * width / (rows * columns))
        predictions = self._reduce(output, truth, height, width, cell=cell, photographs=photographs, scale=scale)
        if not self.request.prototypes:
            return predictions
        return [
            replace(prediction, prototypes=self._nearest(output, prediction.labels, index, cell))
            for index, prediction in enumerate(predictions)
        ]

    def _nearest(self, output: NetworkOutput, labels: Labels, index: int, cell: Placement) -> Labels:
        head, budget = cast(PrototypeHead, self.engine.head), self._budget.band_bytes
        return nearest_prototypes(head, output, labels, index, cell=cell, budget=budget)

    def _strips(self, image: Rows, truth: Labels | None, tiling: Tiling) -> Iterator[Strip]:
        height, width = image.shape[:2]
        down = axis_windows(height, tile=tiling.tile, overlap=tiling.overlap)
        across = axis_windows(width, tile=tiling.tile, overlap=tiling.overlap)
        mean = None
        if len(down) * len(across) > 1 and self.engine.config.takes_mean:
            started = time.perf_counter()
            mean = feature_mean(self.engine, image, down, across)
            self._clock.seconds += time.perf_counter() - started

        def predict(part: RGB, seen: Labels | None) -> Prediction:
            truths = None if seen is None else [seen]
            return self._predict_whole([part], truths, [part], mean)[0]

        return strips(image, truth, down, across, predict)


def _size(image: RGB) -> Size:
    return image.shape[0], image.shape[1]


def _grid(output: NetworkOutput) -> Size:
    return output.logits.shape[2], output.logits.shape[3]
