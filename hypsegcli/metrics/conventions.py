"""Whose way of taking means over classes. Imports no numpy, so that help is instant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ConventionName = Literal["cityscapes", "mmseg", "torchmetrics", "reference"]
Over = Literal["present", "all"]  # the classes that occur, or all with absent ones as 0
Which = Literal["true", "predicted", "either", "hit", "every"]

_WORDS: dict[Which, str] = {
    "true": "the classes that the truth has",
    "predicted": "the classes that were predicted",
    "either": "the classes that the truth has or that were predicted, 0/0 counting as 0",
    "hit": "the classes with at least one right pixel",
    "every": "all classes, 0/0 counting as 0",
}


@dataclass(frozen=True)
class Convention:
    """Which classes a tool takes its means over. Pixel accuracy, mIoU and fwIoU are the same in all of them."""

    name: ConventionName
    class_accuracy: Which
    mean_precision: Which
    mean_f1: Which
    source: str  # what it equals, what of it that tool does not have, and how it counts pixels without a class

    def definition(self, over: Over = "present") -> str:
        """Over which classes each mean is taken, and whose way that is."""
        means = (("recall", self.class_accuracy), ("precision", self.mean_precision), ("F1 (Dice)", self.mean_f1))
        sentences = [f"Mean {score} over {_WORDS['every' if over == 'all' else which]}." for score, which in means]
        return " ".join([*sentences, self.source])


CONVENTIONS: dict[ConventionName, Convention] = {
    convention.name: convention
    for convention in (
        Convention(
            "cityscapes",
            class_accuracy="true",
            mean_precision="predicted",
            mean_f1="either",
            source="mIoU as cityscapesScripts takes it, where a label outside the evaluated ones is a miss; "
            "it has no other means, so they are each taken over the classes for which they are defined.",
        ),
        Convention(
            "mmseg",
            class_accuracy="true",
            mean_precision="predicted",
            mean_f1="hit",
            source="As MMSegmentation's IoUMetric takes aAcc, mIoU, mAcc, mPrecision and mFscore, where a class "
            "without a right pixel has no F1, and a label outside the classes is a miss; it has no fwIoU.",
        ),
        Convention(
            "torchmetrics",
            class_accuracy="either",
            mean_precision="either",
            mean_f1="either",
            source="As TorchMetrics' multiclass metrics with average='macro', and 'weighted' for fwIoU; it has no "
            "pixels without a class, which are counted as misses.",
        ),
        Convention(
            "reference",
            class_accuracy="every",
            mean_precision="either",
            mean_f1="either",
            source="As the code of 'Hyperbolic Image Segmentation' takes them: class accuracy is TensorFlow's "
            "mean_per_class_accuracy, mean precision what its NumPy part calls cacc; it has no F1, no fwIoU and no "
            "pixels without a class, which are counted as misses.",
        ),
    )
}
