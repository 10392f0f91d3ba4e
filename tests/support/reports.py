"""A report such as an evaluation on street scenes gives, with made-up numbers that hang together."""

from __future__ import annotations

import io
import math
from typing import Literal

import numpy as np
from PIL import Image

from hypsegcli.metrics import records as r
from hypsegcli.report.page.page import Strip

STREET = ("sky", "building", "pole", "road", "pavement", "tree", "sign", "fence", "car", "pedestrian", "bicyclist")
MEASURES = ("distance", "norm", "entropy", "margin", "max-probability", "mc-entropy")
_IOU = (0.912, 0.804, 0.236, 0.958, 0.781, 0.748, 0.104, 0.318, 0.772, 0.417, 0.289)
_PIXELS = (1_900_000, 2_600_000, 110_000, 3_100_000, 870_000, 1_150_000, 130_000, 140_000, 420_000, 75_000, 60_000)


def fake_report(
    names: tuple[str, ...] = STREET, measures: tuple[str, ...] = MEASURES, *, bare: bool = False
) -> r.Report:
    """`bare` leaves out all that can be absent."""
    C = len(names)
    iou = _IOU if len(_IOU) == C else tuple(0.95 - 0.9 * i / max(C - 1, 1) for i in range(C))
    pixels = _PIXELS if len(_PIXELS) == C else tuple(4_000_000 // (i + 1) for i in range(C))
    classes = [_class_row(i, names[i], pixels[i], iou[i]) for i in range(C)]
    miou = sum(iou) / C
    convention = {
        name: _means(miou - 0.0013 * place, name)
        for place, name in enumerate(("cityscapes", "mmseg", "torchmetrics", "reference"))
    }
    zones = [
        r.Zone(name=name, pixels=count, error_rate=error, confidence=sure)
        for name, count, error, sure in (
            ("boundary", 2_900_000, 0.312, 0.541),
            ("interior", 5_700_000, 0.043, 0.836),
            ("background", 1_955_000, 0.018, 0.914),
        )
    ]
    thresholds = list(range(0, 256, 5))
    recall: list[float | None] = [0.93 * (1 - t / 260) ** 1.7 for t in thresholds]
    precision: list[float | None] = [0.14 + 0.72 * (t / 255) ** 0.55 for t in thresholds]
    f = [2 * p * q / (p + q) for p, q in zip(precision, recall, strict=True) if p is not None and q is not None]
    best = int(np.argmax(f))
    ridges = r.ConfidenceBoundary(
        thresholds=thresholds, precision=precision, recall=recall, f=f, best_f=f[best], best_threshold=thresholds[best]
    )
    levels = [_level(1, ("nature", "construction", "object", "road user"), 0.846), _level(2, names, miou)]
    return r.Report(
        hypseg_version="0.1.0",
        subject=r.Subject(
            images="camvid/test/images",
            masks="camvid/test/masks",
            predictions=None,
            checkpoint=None if bare else r.CheckpointId(path="camvid-hyperbolic.safetensors", sha256="5b" * 32),
            keys_sha256="0c" * 32,
            masks_sha256="9f" * 32,
            ignore_index=11,
            unseen=None,
            options={} if bare else {"convention": "cityscapes", "limit": None, "tta": False, "passes": 10},
        ),
        classes=list(names),
        images=233,
        labelled_pixels=sum(pixels),
        void_pixels=389_120,
        convention="cityscapes",
        summary={
            "miou": _score(miou, 0.026, "higher", "mean over classes of IoU, TP / (TP + FP + FN), all images together"),
            "pixel_accuracy": _score(0.893, 0.011, "higher", "share of labelled pixels that are right"),
            "boundary_f": _score(0.648, 0.014, "higher", "F of the edges of the label maps"),
            "auroc:distance": _score(
                0.873, 0.009, "higher", "chance that a wrong pixel has less confidence than a right one"
            ),
            "aurc:distance": _score(0.0238, 0.0031, "lower", "mean risk over all coverages"),
            "mistake_distance": r.Score(value=float("nan"), better="lower", definition="edges of the class tree"),
        },
        segmentation=r.Segmentation(
            confusion=_confusion(pixels, iou),
            classes=classes,
            conventions=convention,
            image_miou=miou - 0.021,
            image_miou_pairs=miou + 0.034,
        ),
        boundaries=r.Boundaries(
            tolerance="0.75 % of the image's diagonal, 5 pixels at 480 x 360",
            boundary_iou=0.417,
            precision=0.671,
            recall=0.627,
            f=0.648,
            measure=None if bare else measures[0],
            confidence=None if bare else ridges,
            correlation=None if bare else 0.412,
            correlation_images=0 if bare else 233,
            zones=[] if bare else zones,
        ),
        hierarchy=r.Hierarchy(
            levels=levels[1:] if bare else levels,
            relaxed=[
                r.Relaxed(
                    family=family,
                    definition=f"A mistake for a {family} counts as right.",
                    miou=value,
                    pixel_accuracy=0.94,
                    class_accuracy=0.81,
                )
                for family, value in (("sibling", 0.694), ("cousin", 0.722))
            ],
            mistake_distance=3.417,
            answers=None if bare else fake_answers(),
        ),
        measures=[] if bare else [_measure(place, name, classes) for place, name in enumerate(measures)],
        probabilities=None
        if bare
        else r.Proper(nll=0.371, brier=0.162, classes=[r.ProperRow(name=name, nll=0.4, brier=0.2) for name in names]),
        dropout=None if bare else r.Dropout(passes=10, rate=0.2, miou=miou + 0.0042, pixel_accuracy=0.896, price=9.84),
        definitions={}
        if bare
        else {
            "IoU": "Intersection over union of a class, TP / (TP + FP + FN), counted over all images together.",
            "AUROC": "Probability that a wrong pixel has less confidence than a right one; ties count half.",
            "AURC": "Area under the risk-coverage curve: mean share of wrong pixels among the k surest, over all k.",
            "ECE": "Expected calibration error: mean over pixels of |accuracy - mean confidence| of their bin.",
            "PAvPU": "Share of pixels that are right and certain, or wrong and uncertain, at the best threshold.",
        },
    )


def fake_answers() -> r.Answers:
    """Of five rules; the more often right, the less deep."""
    made = [
        ("class", None, 1.0, 0.883, 1.0, 2.71),
        ("level 1", None, 1.0, 0.941, 0.083, 1.0),
        ("auto, 0.5", 0.5, 0.994, 0.907, 0.91, 2.62),
        ("auto, 0.7", 0.7, 0.968, 0.945, 0.78, 2.44),
        ("auto, 0.99", 0.99, 0.871, 0.989, 0.41, 1.83),
    ]
    rows = [
        r.AnswerRow(
            name=name,
            threshold=threshold,
            answered=answered,
            answer_accuracy=right,
            class_share=classes,
            answer_depth=depth,
            hierarchical_precision=right + 0.004,
            hierarchical_recall=0.3 * depth,
            hierarchical_f1=0.75,
            information=0.31 * depth,
        )
        for name, threshold, answered, right, classes, depth in made
    ]
    return r.Answers(
        rule="auto, 0.7",
        chosen=rows[3],
        rows=rows,
        foreground=[],
        background=None,
        nodes=[
            r.AnsweredNode(name="road", depth=2, is_class=True, pixels=3_200_000, right=0.981),
            r.AnsweredNode(name="ground", depth=1, is_class=False, pixels=54_321, right=0.888),
        ],
        measures=[],
    )


def class_names(count: int) -> tuple[str, ...]:
    """Names of any length, those of streets where there are as many."""
    return STREET if count == len(STREET) else tuple(f"class {i} " + "mmmm" * (i % 9) for i in range(count))


def fake_strips(count: int = 2) -> list[Strip]:
    """Strips of coarse noise."""
    made = []
    for index in range(count):
        noise = np.random.default_rng(index).integers(0, 256, (9, 48, 3), np.uint8)
        file = io.BytesIO()
        Image.fromarray(noise).resize((1440, 270), Image.Resampling.BICUBIC).save(file, "JPEG", quality=60)
        group: Literal["worst", "uncertain"] = "worst" if index % 2 == 0 else "uncertain"
        made.append(Strip(group, f"0001TP_{index:05d}", f"mIoU 0.{31 + index}, mean confidence 0.62", file.getvalue()))
    return made


def fake_colors(count: int = len(STREET)) -> list[tuple[int, int, int]]:
    return [(red, green, blue) for red, green, blue in np.random.default_rng(4).integers(30, 240, (count, 3)).tolist()]


def _score(value: float, reach: float, better: Literal["higher", "lower"], definition: str) -> r.Score:
    return r.Score(value=value, low=value - reach, high=value + reach, better=better, definition=definition)


def _class_row(index: int, name: str, pixels: int, iou: float) -> r.ClassRow:
    recall = min(1.0, iou + 0.06)
    precision = 1 / (1 / iou - 1 / recall + 1)
    return r.ClassRow(
        name=name,
        truth_pixels=pixels,
        predicted_pixels=round(pixels * recall / precision),
        iou=iou,
        iou_low=max(0.0, iou - 0.03 - 0.004 * (index % 7)),
        iou_high=min(1.0, iou + 0.02 + 0.005 * (index % 5)),
        recall=recall,
        precision=precision,
        f1=2 * iou / (1 + iou),
        boundary_iou=iou * 0.6,
    )


def _means(miou: float, name: str) -> r.Means:
    return r.Means(
        pixel_accuracy=0.893,
        miou=miou,
        class_accuracy=miou + 0.08,
        mean_precision=miou + 0.11,
        mean_f1=miou + 0.12,
        fwiou=0.817,
        definition=f"As {name} has it: classes that occur in neither truth nor answers are left out of the mean.",
    )


def _level(level: int, nodes: tuple[str, ...], miou: float) -> r.Level:
    return r.Level(
        level=level, nodes=list(nodes), iou=[miou] * len(nodes), miou=miou, pixel_accuracy=0.93, class_accuracy=0.88
    )


def _confusion(pixels: tuple[int, ...], iou: tuple[float, ...]) -> list[list[int]]:
    rng, C = np.random.default_rng(1), len(pixels)
    rows = []
    for i in range(C):
        share = rng.dirichlet(np.full(C + 1, 0.25)) * (1 - min(1.0, iou[i] + 0.06))
        share[C] = 0.0
        row = np.floor(share * pixels[i]).astype(int)
        row[i] += pixels[i] - row.sum()
        rows.append([int(count) for count in row])
    return rows


def _measure(place: int, name: str, classes: list[r.ClassRow]) -> r.MeasureReport:
    pixels = sum(row.truth_pixels for row in classes)
    weights = [
        0.4 + 0.1 * i + 9.0 * math.exp(-(14 - i) / 1.2) + 0.6 * place * math.exp(-((i - 9) ** 2) / 6) for i in range(15)
    ]
    counts = [0 if i < 1 else round(pixels * w / sum(weights)) for i, w in enumerate(weights)]
    bins = [
        r.ReliabilityRow(
            lower=i / 15,
            upper=(i + 1) / 15,
            pixels=counts[i],
            confidence=(i + 0.5) / 15 if counts[i] else float("nan"),
            accuracy=min(1.0, ((i + 0.5) / 15) ** (0.7 + 0.12 * place)) if counts[i] else float("nan"),
        )
        for i in range(15)
    ]
    coverage = [(i + 1) / 200 for i in range(200)]
    risk: list[float | None] = [
        0.107 * (c ** (1.5 + 0.22 * place)) + (0.3 if i == 0 else 0.004) for i, c in enumerate(coverage)
    ]
    return r.MeasureReport(
        name=name,
        title={"distance": "distance to the origin"}.get(name, f"{name} of the answer"),
        full_scale=1.0,
        pixels=pixels,
        errors=round(0.107 * pixels),
        auroc=0.873 + 0.011 * place,
        aupr=0.431 + 0.017 * place,
        fpr95=0.471 - 0.013 * place,
        aurc=0.0298 - 0.0012 * place,
        eaurc=0.0238 - 0.0012 * place,
        augrc=0.0181 - 0.0004 * place,
        ause=0.211 - 0.01 * place,
        ause_mass=0.124,
        ece=0.084 + 0.021 * (5 - place),
        pavpu=r.ThresholdScore(
            value=0.902, threshold=0.338, p_accurate_given_certain=0.94, p_uncertain_given_inaccurate=0.51, mean=0.7
        ),
        reliability=bins,
        risk_coverage=r.Curve(x=coverage, y=risk),
        classes=[
            r.ClassMeasureRow(name=row.name, pixels=row.truth_pixels, error_rate=0.1, auroc=0.8, aurc=0.03, ece=0.1)
            for row in classes
        ],
    )
