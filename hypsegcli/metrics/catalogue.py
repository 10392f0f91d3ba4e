"""Every metric, once: its name, its title, how it is printed, which way is better, where it stands and what it means.

Summary, tables, page, bounds and comparison read this list. A new metric is an entry here, a field of a record in
`records` and its formula in `metrics`, all under one name. Definitions go into report.json and report.html as they
stand here.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from pydantic import BaseModel

Better = Literal["higher", "lower"]
Place = Literal["means", "segmentation", "boundaries", "hierarchy", "answers", "probabilities", "measure", "class"]


class Unit(NamedTuple):
    """How a number is printed."""

    factor: float
    decimals: int
    sign: str

    def text(self, value: float) -> str:
        """The number without its sign, as columns have it."""
        return f"{self.factor * value:.{self.decimals}f}"


PERCENT = Unit(100.0, 1, " %")
NUMBER = Unit(1.0, 3, "")
DEPTH = Unit(1.0, 2, "")
SMALL = Unit(1.0, 4, "")  # a number that is usually a few hundredths


@dataclass(frozen=True)
class Metric:
    """One number of the report."""

    name: str  # in report.json; in the summary auroc:MEASURE and iou:CLASS
    title: str  # in tables
    place: Place  # the record of report.json whose field it is
    unit: Unit
    better: Better
    definition: str
    _: KW_ONLY
    field: str = ""  # in that record, where it is not called by the name
    short: str = ""  # at the head of a column, where the title is too long
    in_summary: bool = True  # what bounds and compare know
    in_terminal: bool = True  # in the terminal's table of the summary, or of the measures
    in_page: bool = True  # in the page's table of measures
    largest: float | None = 1.0  # that it can be, none being below 0; None: there is no largest
    interval: Literal["exact", "coarse"] | None = None  # replicates: from all counts, from fewer levels of confidence
    over_classes: bool = False  # a mean over classes, to which the chosen mean applies

    @property
    def heading(self) -> str:
        """At the head of a column."""
        return self.short or self.title


# A table: what is printed and where it stands first, what it means below.
# fmt: off
METRICS = (
    Metric("miou", "mIoU", "means", PERCENT, "higher",
           "mean over the classes that masks or answers hold of IoU, TP / (TP + FP + FN), counted over all images "
           "together",
           interval="exact", over_classes=True),
    Metric("iou", "IoU", "class", PERCENT, "higher",
           "TP / (TP + FP + FN) of one class, counted over all images together",
           interval="exact"),
    Metric("recall", "recall", "class", PERCENT, "higher",
           "TP / (TP + FN) of one class, counted over all images together",
           in_summary=False),
    Metric("precision", "precision", "class", PERCENT, "higher",
           "TP / (TP + FP) of one class, counted over all images together",
           in_summary=False),
    Metric("f1", "F1", "class", PERCENT, "higher",
           "2 TP / (2 TP + FP + FN) of one class, the Dice score, counted over all images together",
           in_summary=False),
    Metric("pixel_accuracy", "pixel accuracy", "means", PERCENT, "higher",
           "right pixels / labelled pixels",
           interval="exact"),
    Metric("class_accuracy", "class accuracy", "means", PERCENT, "higher",
           "mean recall over classes; which classes take part is the convention's",
           over_classes=True),
    Metric("mean_precision", "mean precision", "means", PERCENT, "higher",
           "mean over classes of TP / (TP + FP); which classes take part is the convention's",
           in_terminal=False, over_classes=True),
    Metric("mean_f1", "mean F1", "means", PERCENT, "higher",
           "mean over classes of 2 TP / (2 TP + FP + FN), the Dice score; which classes take part is the convention's",
           in_terminal=False, over_classes=True),
    Metric("fwiou", "frequency-weighted IoU", "means", PERCENT, "higher",
           "frequency-weighted IoU: mean IoU weighted by the classes' shares of the labelled pixels",
           short="fwIoU", interval="exact"),
    Metric("image_miou", "image-level mIoU", "segmentation", PERCENT, "higher",
           "mean over images of the image's own mIoU, over the classes that its mask or its answer holds",
           interval="exact"),
    Metric("image_miou_pairs", "mean IoU of images' classes", "segmentation", PERCENT, "higher",
           "mean IoU over all pairs of an image and a class that its mask or its answer holds "
           "(torchmetrics.segmentation.MeanIoU)",
           in_summary=False),
    Metric("boundary_iou", "Boundary IoU", "boundaries", PERCENT, "higher",
           "Boundary IoU (Cheng et al. 2021), semantic: each class's pixels within the tolerance (Chebyshev) of its "
           "edge, the image's border included; counted over all images together; pixels within the tolerance of void "
           "ones are left out; mean over classes",
           interval="exact"),
    Metric("boundary_f", "Boundary F", "boundaries", PERCENT, "higher",
           "F of label edges of any class, matched within the tolerance (Euclidean), counted over all images "
           "together; edges within the tolerance of void pixels are left out on both sides",
           field="f", interval="exact"),
    Metric("correlation", "correlation with distance", "boundaries", NUMBER, "higher",
           "Pearson correlation, in each image, of confidence with the distance to the nearest pixel of another "
           "class; mean over images",
           in_summary=False),
    Metric("mistake_distance", "tree distance of mistakes", "hierarchy", NUMBER, "lower",
           "mean number of edges of the class tree between the true and the answered class, over wrong pixels; "
           "not defined by a flat tree, where it would always be 2",
           largest=None),
    Metric("answered", "answered", "answers", PERCENT, "higher",
           "share of the labelled pixels whose answer is a class or another node of the class tree; the others are "
           "undecided",
           in_terminal=False, interval="exact"),
    Metric("answer_accuracy", "right answers", "answers", PERCENT, "higher",
           "share of the answers that are the true class or a node above it",
           short="right", interval="exact"),
    Metric("class_share", "answers that are classes", "answers", PERCENT, "higher",
           "share of the labelled pixels whose answer is a class and no inner node",
           short="a class", in_terminal=False, interval="exact"),
    Metric("answer_depth", "depth of answers", "answers", DEPTH, "higher",
           "mean depth of the answers in the class tree, 1 being the coarsest",
           short="depth", interval="exact", largest=None),
    Metric("hierarchical_precision", "hierarchical precision", "answers", PERCENT, "higher",
           "nodes that answers and true classes have in common / nodes of the answers, summed over all pixels, where a "
           "node stands for itself and all above it but the root (Kiritchenko et al. 2006)",
           short="hP", interval="exact"),
    Metric("hierarchical_recall", "hierarchical recall", "answers", PERCENT, "higher",
           "nodes that answers and true classes have in common / nodes of the true classes, summed likewise; undecided "
           "pixels have none in common",
           short="hR", interval="exact"),
    Metric("hierarchical_f1", "hierarchical F1", "answers", PERCENT, "higher",
           "harmonic mean of hierarchical precision and recall",
           short="hF1", interval="exact"),
    Metric("information", "information kept", "answers", PERCENT, "higher",
           "mean over labelled pixels of 1 - ln(classes at or below the answer) / ln(classes) where the answer is "
           "right, of 0 where it is not: the pixel accuracy where all answers are classes (Deng et al. 2012)",
           short="information", in_terminal=False, interval="exact"),
    Metric("auroc", "AUROC", "measure", NUMBER, "higher",
           "probability that a wrong pixel has less confidence than a right one, ties half",
           interval="coarse"),
    Metric("aupr", "AUPR", "measure", NUMBER, "higher",
           "average precision of finding wrong pixels by low confidence, not interpolated, ties grouped"),
    Metric("fpr95", "FPR95", "measure", NUMBER, "lower",
           "share of the right pixels that are flagged when at least 95 % of the wrong ones are"),
    Metric("aurc", "AURC", "measure", SMALL, "lower",
           "mean over k of the share of wrong pixels among the k surest; the expected value where confidences tie",
           interval="coarse"),
    Metric("eaurc", "E-AURC", "measure", SMALL, "lower",
           "AURC minus that of the best possible order of the same pixels",
           in_summary=False, in_terminal=False),
    Metric("augrc", "AUGRC", "measure", SMALL, "lower",
           "area under the generalised risk, wrong pixels among the k surest / all pixels (Traub et al. 2024)"),
    Metric("ause", "AUSE", "measure", NUMBER, "lower",
           "area between the mean error of what remains as the least sure pixels are removed and the same for the "
           "best possible order, as a share of the error with none removed (Ilg et al. 2018)",
           largest=None),
    Metric("ause_mass", "AUSE of all errors", "measure", NUMBER, "lower",
           "the same for the remaining errors as a share of all errors (torch-uncertainty)",
           in_summary=False, in_terminal=False, in_page=False),
    Metric("ece", "ECE", "measure", NUMBER, "lower",
           "expected calibration error: 15 equal bins [a, b) of confidence / full scale, read as the probability of "
           "being right, the last closed; of the measures of hypseg only the calibrated one and the largest "
           "probability claim to be one",
           interval="exact"),
    Metric("pavpu", "PAvPU", "measure", NUMBER, "higher",
           "share of pixels that are right and certain, or wrong and uncertain, at the best threshold (Mukhoti and "
           "Gal 2018), per pixel",
           in_summary=False, in_terminal=False, in_page=False),  # the page has it with its threshold
    Metric("nll", "NLL", "probabilities", NUMBER, "lower",
           "mean of -ln p(true class), with p no smaller than 2^-24",
           interval="exact", largest=None),
    Metric("brier", "Brier score", "probabilities", NUMBER, "lower",
           "mean squared distance of the class probabilities to 1 for the true class and 0 for the others",
           interval="exact", largest=2.0),
)
# fmt: on

BY_NAME = {metric.name: metric for metric in METRICS}

# What a report says that is no single number.
_TERMS = {
    "confidence_boundary": "the boundary map of the confidence plane, thinned to ridges, against the masks' edges at "
    "every threshold; precision over ridge pixels, recall over edge pixels",
    "zones": "boundary: labelled pixels within 10 pixels of another class; background: other pixels of the background "
    "class, if one is named; interior: the rest",
    "levels": "truth and answer replaced by their ancestors at a depth of the class tree; classes that end above it "
    "stand for themselves",
    "relaxed": "sibling: mistakes below the same parent are forgiven; cousin: below the same grandparent. 'mapped' "
    "replaces truth and answer by that node and scores there (the reference's TensorFlow metrics), 'moved' counts such "
    "mistakes as hits of the true class (its NumPy metrics)",
    "per_class": "a measure's scores per class are over the pixels of that true class, from 4,096 levels of confidence",
    "unseen": "masks and answers are restricted to the classes named as unseen; confidence, NLL and Brier score remain "
    "those of the answer among all classes",
    "interval": "95 % interval over images: percentiles of bootstrap replicates in which every image takes part as "
    "often as a Poisson(1) variate says; AUROC and AURC of a replicate from 1,024 levels of "
    "confidence, and without interval where that is too coarse; none for a single image",
}

DEFINITIONS = {metric.name: metric.definition for metric in METRICS} | _TERMS


def metric_of(score: str) -> Metric | None:
    """The metric of a name of the summary, such as auroc:entropy; None where another hypseg named it."""
    return BY_NAME.get(score.partition(":")[0])


def metrics_in(record: type[BaseModel]) -> list[Metric]:
    """The metrics among the fields of a record, in their order there."""
    return [BY_NAME[name] for name in record.model_fields if name in BY_NAME]
