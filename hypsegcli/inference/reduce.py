"""From the network's answer on its grid to planes of the image, one band of rows at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hypsegcli.budget import BUDGET, Budget
from hypsegcli.confidence.calibration import Calibration
from hypsegcli.confidence.compute import AnswerChances, compute_confidence
from hypsegcli.confidence.measures import MEASURES, full_scales
from hypsegcli.confidence.planes import Plane
from hypsegcli.hierarchy.softmax import (
    answer_chances,
    class_log_probabilities,
    decide_as_deep_as_sure,
    decide_at_level,
    decide_by_rules,
)
from hypsegcli.hierarchy.tree import ClassTree
from hypsegcli.inference.ball_points import blend_distance, points_to_blend
from hypsegcli.inference.prediction import RGB, Labels, Prediction, label_type
from hypsegcli.inference.refine import RefinedProbabilities
from hypsegcli.inference.request import Request
from hypsegcli.inference.upsample import Placement, bands
from hypsegcli.network.config import ModelConfig
from hypsegcli.network.model import NetworkOutput


class Reducer:
    """Decides, and measures confidence, as a Request asks for it."""

    def __init__(
        self,
        tree: ClassTree,
        config: ModelConfig,
        request: Request,
        *,
        calibration: Calibration | None = None,
        budget: Budget = BUDGET,
    ) -> None:
        self._band_bytes = budget.band_bytes
        self.tree = tree
        self.config = config
        self.request = request
        self._calibration = calibration
        self._full_scales = full_scales(request.measures, max_distance=config.max_distance)
        self._of_nodes = [name for name in request.measures if MEASURES[name].formula_of_node]

    @torch.inference_mode()
    def __call__(
        self,
        output: NetworkOutput,
        truth: Tensor | None,
        height: int,
        width: int,
        *,
        cell: Placement,
        photographs: Sequence[RGB] = (),
        scale: float = 1.0,
    ) -> list[Prediction]:
        """Planes of height x width pixels, over which the grid lies as `cell` says. `truth` (B, H, W) class ids.

        To be refined, (B, H, W, 3) `photographs`, with `scale` of their pixels, along a side, to one that went in.
        """
        request, count = self.request, output.logits.shape[0]
        config = self.config
        points = points_to_blend(output, config) if request.interpolate == "points" else None
        need = request.level is not None or request.probabilities or truth is not None or bool(request.rules)
        need = need or any(map(self._needs_probabilities, request.measures))
        scores = self._scores(output.logits, decide=not need and request.refine is None)
        refined = self._refine(scores, photographs, cell, scale) if request.refine is not None else None
        labels = np.empty((count, height, width), label_type(self.tree.nodes))
        at_once = not need and (request.among is None or refined is not None)
        if at_once:
            self._decide_at_once(scores, refined, cell, labels)
        smooth = None if at_once or refined is None else torch.cat([image.every() for image in refined])
        planes = {name: np.empty((count, height, width), np.float32) for name in request.measures}
        stacks = np.empty((count, scores.shape[1], height, width), np.float16) if request.probabilities else None
        proper = None if truth is None else np.empty((2, count, height, width), np.float32)
        answers = np.empty((len(request.rules), count, height, width), labels.dtype) if request.rules else None
        of_answers = {
            name: np.empty((count, height, width), np.float32) for name in self._of_nodes if answers is not None
        }
        channels = count * max(1 if at_once else scores.shape[1], points.shape[1] if points is not None else 0)
        for start, stop in bands(height, width, channels=channels, budget=self._band_bytes):

            def rows(grid: Tensor, start: int = start, stop: int = stop) -> Tensor:
                return cell.rows(grid, start, stop, width)

            logits = None if at_once or (smooth is not None and not self._is_fitted_to_probabilities) else rows(scores)
            if logits is not None and self._blends_probabilities:
                logits = logits.clamp_min(torch.finfo(logits.dtype).tiny).log()
            fitted = probabilities = logits.softmax(1) if logits is not None and need else None
            if smooth is not None:
                logits = probabilities = smooth[:, :, start:stop].to(scores.device)
            chances = None
            if logits is not None:
                decided = self._decide(logits, probabilities)
                labels[:, start:stop] = decided.cpu().numpy()
                if request.level is not None and probabilities is not None and self._of_nodes:
                    chances = self._chances(probabilities, decided)
            distance = rows(output.distance[:, None])[:, 0] if points is None else blend_distance(rows(points), config)
            measure = partial(self._measure, distance, probabilities, fitted)
            for name, plane in planes.items():
                plane[:, start:stop] = measure(name, chances).cpu().numpy()
            if answers is not None and probabilities is not None:
                for index, nodes in enumerate(decide_by_rules(probabilities, self.tree, request.rules)):
                    answers[index, :, start:stop] = nodes.cpu().numpy()
                    chances = self._chances(probabilities, nodes) if index == 0 and of_answers else None
                    for name, plane in of_answers.items() if chances else ():
                        plane[:, start:stop] = measure(name, chances).cpu().numpy()
            if stacks is not None and probabilities is not None:
                stacks[:, :, start:stop] = probabilities.cpu().numpy()
            if proper is not None and truth is not None and probabilities is not None:
                true = truth[:, start:stop].clamp(0, probabilities.shape[1] - 1).to(probabilities.device)
                proper[0, :, start:stop] = probabilities.gather(1, true[:, None])[:, 0].cpu().numpy()
                proper[1, :, start:stop] = probabilities.square().sum(1).cpu().numpy()

        def of_image(planes: Mapping[str, NDArray[np.float32]], index: int) -> dict[str, Plane]:
            return {name: Plane(plane[index], name, self._full_scales[name]) for name, plane in planes.items()}

        return [
            Prediction(
                labels[index],
                of_image(planes, index),
                None if stacks is None else stacks[index],
                None if proper is None else proper[:, index],
                request.main,
                answers=None if answers is None else answers[:, index],
                answer_confidence=of_image(of_answers, index),
            )
            for index in range(count)
        ]

    def _refine(
        self, scores: Tensor, photographs: Sequence[RGB], cell: Placement, scale: float
    ) -> Iterator[RefinedProbabilities]:
        """One image after the other."""
        for own, photograph in zip(scores.split(1), photographs, strict=True):
            yield RefinedProbabilities(
                own,
                photograph,
                are_logs=not self._blends_probabilities,
                cell=cell,
                scale=scale,
                budget=self._band_bytes,
            )

    def _decide_at_once(
        self, scores: Tensor, refined: Iterator[RefinedProbabilities] | None, cell: Placement, labels: Labels
    ) -> None:
        """Fill (B, H, W) labels with classes, for which nobody wants all probabilities."""
        if refined is None:
            height, width = labels.shape[1:]
            best = cell.best(scores, height, width, self._band_bytes)
            labels[:] = best.cpu().numpy()
            return
        for plane, image in zip(labels, refined, strict=True):
            plane[:] = image.best(self.request.among)

    @property
    def _is_fitted_to_probabilities(self) -> bool:
        return "calibrated" in self.request.measures and self._needs_probabilities("calibrated")

    def _needs_probabilities(self, measure: str) -> bool:
        if measure == "calibrated" and self._calibration is not None:
            measure = self._calibration.measure
        return MEASURES[measure].needs_probabilities

    @property
    def _blends_probabilities(self) -> bool:
        return self.config.kind.blended == "probabilities"

    def _scores(self, logits: Tensor, *, decide: bool) -> Tensor:
        """(B, K, h, w) what is blended between the points of the grid, which may be only to decide."""
        # Of a flat softmax, logits and log-probabilities differ by one number a cell: blends of either decide alike.
        if decide and logits.shape[1] == self.tree.classes and not self._blends_probabilities:
            return logits
        scores = class_log_probabilities(logits, self.tree, self.config.factors)
        return scores.exp() if self._blends_probabilities else scores

    def _measure(
        self,
        distance: Tensor,
        probabilities: Tensor | None,
        fitted: Tensor | None,
        name: str,
        chances: AnswerChances | None,
    ) -> Tensor:
        """A measure of confidence; `fitted` are the probabilities that a calibration knows, the network's own."""
        return compute_confidence(
            name,
            distance=distance,
            c=self.config.curvature,
            probabilities=fitted if name == "calibrated" else probabilities,
            calibration=self._calibration,
            chances=chances,
        )

    def _chances(self, probabilities: Tensor, answers: Tensor) -> AnswerChances:
        return AnswerChances(*answer_chances(probabilities, self.tree, answers))

    def _decide(self, logits: Tensor, probabilities: Tensor | None) -> Tensor:
        level = self.request.level
        if self.request.among is not None:
            among = torch.tensor(self.request.among, device=logits.device)
            return among[logits.index_select(1, among).max(1).indices]
        if level is None or probabilities is None:
            return logits.max(1).indices  # on a CPU several times as fast as argmax
        if level == "auto":
            return decide_as_deep_as_sure(probabilities, self.tree, self.request.threshold)
        return decide_at_level(probabilities, self.tree, level)
