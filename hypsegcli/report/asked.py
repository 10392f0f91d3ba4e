"""What was asked of an evaluation: all that decides its report, but for the images."""

from __future__ import annotations

import re
from typing import Any

from pydantic import model_validator

from hypsegcli.checkpoint.format import Color
from hypsegcli.hierarchy.rule import Rule
from hypsegcli.hierarchy.tree import ClassTree
from hypsegcli.metrics.conventions import ConventionName, Over
from hypsegcli.metrics.record import Record
from hypsegcli.metrics.records import CheckpointId, Match, Subject
from hypsegcli.report.assemble import MeasureName
from hypsegcli.report.bounds import Bound
from hypsegcli.scores.evaluation import Evaluation
from hypsegcli.scores.tally import AnswerScheme, Scheme, Tolerance
from hypsegcli.truth.masks import IdMap

# Options that name files, which may be called otherwise on another machine: what stands in them decides.
_OF_FILES = frozenset({"map", "mask_colors", "prediction_map", "prediction_colors", "match"})
_PLACE = re.compile(r"cuda:[0-9]+", re.ASCII)


class Asked(Record):
    """The same for every shard of an evaluation; with their counts it makes the report."""

    images: str | None
    masks: str
    predictions: str | None
    checkpoint: CheckpointId | None
    ignore_index: int
    unseen: list[str] | None  # the classes that truth and answers are restricted to
    options: dict[str, str | int | float | bool | None]
    tree: ClassTree
    colors: tuple[Color, ...]  # of the classes
    probabilities: bool  # whether those of classes are there, for their own scores
    inverted: tuple[str, ...]  # measures whose planes hold uncertainty
    measures: dict[str, MeasureName]  # of classes, in the order in which they are shown
    answer_measures: dict[str, MeasureName]
    main: str | None
    tolerance: Tolerance
    background: int | None
    rules: tuple[Rule, ...]  # by which nodes of the tree are answered
    maps_of_nodes: Rule | None  # by which stored label maps hold them
    id_map: IdMap | None  # of the masks
    prediction_map: IdMap | None  # of label maps
    convention: ConventionName
    over: Over
    replicates: int
    dropout: tuple[int, float] | None
    match: Match | None
    bounds: tuple[Bound, ...]
    known: tuple[str, ...]  # sentences on kinds of images that the checkpoint was made with

    @model_validator(mode="after")
    def _fits(self) -> Asked:
        if len(self.colors) != self.tree.classes:
            raise ValueError(f"{len(self.colors)} colours for {self.tree.classes} classes")
        if self.main is not None and self.main not in self.measures:
            raise ValueError("the main measure is none of the measures")
        colors = None if self.id_map is None else self.id_map.colors
        if colors is not None and len(colors.colors) != len(colors.ids):
            raise ValueError(f"{len(colors.colors)} colours of masks for {len(colors.ids)} ids")
        if self.background is not None and not 0 <= self.background < self.tree.classes:
            raise ValueError("the background is no class")
        return self

    @property
    def scheme(self) -> Scheme:
        """What is counted of an image."""
        answers = AnswerScheme(self.tree, self.rules, tuple(self.answer_measures)) if self.rules else None
        return Scheme(self.tree.classes, tuple(self.measures), self.tolerance, self.background, self.main, answers)

    def subject(self, evaluation: Evaluation) -> Subject:
        """What was scored against what, with the sums that tell it."""
        return Subject(
            images=self.images,
            masks=self.masks,
            predictions=self.predictions,
            checkpoint=self.checkpoint,
            keys_sha256=evaluation.keys_sha256,
            masks_sha256=evaluation.masks_sha256,
            images_sha256=evaluation.images_sha256,
            ignore_index=self.ignore_index,
            unseen=self.unseen,
            options=self.options,
        )

    def recipe(self) -> dict[str, Any]:
        """All that decides scores, by name, as JSON has it: no paths, and of several like GPUs not which one it was.

        Of a match, which class each cluster is: how many pixels said so may differ in the last digits of a network.
        """
        told: dict[str, Any] = self.model_dump(
            mode="json", exclude={"images", "masks", "predictions", "checkpoint", "options"}
        )
        for name in ("id_map", "prediction_map"):
            if told[name] is not None and told[name]["colors"] is not None:
                told[name]["colors"] = {key: told[name]["colors"][key] for key in ("colors", "ids")}
        if self.match is not None:
            told["match"] = [self.match.method, [(row.cluster, row.matched) for row in self.match.clusters]]
        options = {name: value for name, value in self.options.items() if name not in _OF_FILES}
        options["device"] = _PLACE.sub("cuda", str(self.options.get("device")))
        return {
            **told,
            **options,
            "predictions": self.predictions is not None,
            "checkpoint": None if self.checkpoint is None else self.checkpoint.sha256,
        }
