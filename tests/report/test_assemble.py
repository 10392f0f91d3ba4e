"""The report's numbers against the pixels they are about."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from support.records import defined
from support.samples import CLASSES, SCHEME, TREE, random_sample

from hypsegcli.hierarchy.tree import ClassTree, flat_tree
from hypsegcli.metrics.catalogue import METRICS
from hypsegcli.metrics.conventions import ConventionName, Over
from hypsegcli.metrics.records import Report, Subject
from hypsegcli.report.assemble import MeasureName, build_report
from hypsegcli.report.summary import summary_names
from hypsegcli.scores.evaluation import Evaluation
from hypsegcli.scores.tally import Sample

SAMPLES = [random_sample(seed) for seed in range(5)]
# One image lacks a class in mask and answer, so that it is the mean over fewer.
SAMPLES[0] = replace(
    SAMPLES[0],
    truth=np.where(SAMPLES[0].truth == 3, 0, SAMPLES[0].truth).astype(np.uint8),
    labels=np.where(SAMPLES[0].labels == 3, 0, SAMPLES[0].labels).astype(np.uint8),
)
DROPPED = [replace(sample, dropout_labels=np.ones_like(sample.labels)) for sample in SAMPLES]
SUBJECT = Subject(
    images=None,
    masks="masks",
    predictions="maps",
    checkpoint=None,
    keys_sha256="",
    masks_sha256="",
    ignore_index=255,
    unseen=None,
    options={},
)


def built(
    samples: list[Sample],
    *,
    tree: ClassTree = TREE,
    convention: ConventionName = "cityscapes",
    over: Over = "present",
    price: float = 0.0,
    answers: bool = True,
) -> Report:
    scheme = SCHEME._replace(background=1, answers=SCHEME.answers if answers else None)
    evaluation = Evaluation(scheme, replicates=200)
    for sample in samples:
        evaluation.add(sample)
    evaluation.seconds = {"network": 1.5, "reduce": 0.5, "dropout": 2.0 * price}
    return build_report(
        evaluation,
        subject=SUBJECT,
        tree=tree,
        measures={"distance": MeasureName("the distance", 7.5), "entropy": MeasureName("the entropy", 1.0)},
        convention=convention,
        over=over,
        dropout=(3, 0.2) if price else None,
    ).report


REPORT = built(DROPPED, price=4.0)
all_truth = np.concatenate([sample.truth.ravel() for sample in SAMPLES])
all_labels = np.concatenate([sample.labels.ravel() for sample in SAMPLES])
labelled_ones = all_truth < CLASSES


def ious(truth: np.ndarray, labels: np.ndarray) -> list[float]:
    labelled = truth < CLASSES
    found = []
    for label in range(CLASSES):
        one, other = (truth == label) & labelled, (labels == label) & labelled
        if (one | other).any():
            found.append((one & other).sum() / (one | other).sum())
    return found


def test_counts_are_those_of_the_pixels() -> None:
    assert REPORT.images == 5
    assert REPORT.labelled_pixels == labelled_ones.sum()
    assert REPORT.void_pixels == (~labelled_ones).sum()
    assert REPORT.classes == ["a", "b", "c", "d"]
    assert [row.truth_pixels for row in REPORT.segmentation.classes] == [(all_truth == i).sum() for i in range(4)]
    assert [row.predicted_pixels for row in REPORT.segmentation.classes] == [
        ((all_labels == i) & labelled_ones).sum() for i in range(4)
    ]
    assert sum(map(sum, REPORT.segmentation.confusion)) == labelled_ones.sum()


def test_image_level_means() -> None:
    of_images = [ious(sample.truth, sample.labels) for sample in SAMPLES]
    assert sorted(map(len, of_images)) == [3, 4, 4, 4, 4]
    assert REPORT.segmentation.image_miou == pytest.approx(np.mean([np.mean(found) for found in of_images]))
    assert REPORT.segmentation.image_miou_pairs == pytest.approx(np.mean(np.concatenate(of_images)))
    assert REPORT.summary["image_miou"].value == REPORT.segmentation.image_miou


def test_the_summary_repeats_what_the_parts_say() -> None:
    summary = {name: score.value for name, score in REPORT.summary.items()}
    assert summary["miou"] == pytest.approx(np.mean(ious(all_truth, all_labels)))
    assert summary["pixel_accuracy"] == pytest.approx((all_truth == all_labels)[labelled_ones].mean())
    assert REPORT.probabilities is not None
    assert summary["nll"] == REPORT.probabilities.nll
    assert summary["brier"] == REPORT.probabilities.brier
    assert summary["boundary_f"] == REPORT.boundaries.f
    assert summary["boundary_iou"] == REPORT.boundaries.boundary_iou
    assert summary["mistake_distance"] == REPORT.hierarchy.mistake_distance
    for measure in REPORT.measures:
        for score in ("auroc", "aupr", "fpr95", "aurc", "augrc", "ause", "ece"):
            assert summary[f"{score}:{measure.name}"] == getattr(measure, score)
    assert len({round(value, 9) for value in summary.values() if value is not None}) == len(summary)


def test_answers_are_those_of_the_scheme() -> None:
    answers = REPORT.hierarchy.answers
    assert answers is not None
    assert answers.rule == "auto, 0.5"
    assert [row.name for row in answers.rows] == ["class", "level 1", "auto, 0.5"]
    assert answers.background == "b"
    assert [measure.name for measure in answers.measures] == ["distance"]
    assert answers.measures[0].title == "the distance"
    for name in ("answered", "answer_accuracy", "hierarchical_f1", "information"):
        assert REPORT.summary[name].value == getattr(answers.chosen, name)
    assert answers.rows[0].answer_accuracy == pytest.approx(
        (all_truth == all_labels)[labelled_ones & (all_labels < CLASSES)].mean()
    )
    said = sum(node.pixels for node in answers.nodes)
    assert answers.measures[0].pixels == said == round(defined(answers.chosen.answered) * REPORT.labelled_pixels)
    wrong = answers.measures[0].errors
    assert 1 - wrong / said == pytest.approx(answers.chosen.answer_accuracy)


def test_without_answers_the_summary_has_none_of_their_scores() -> None:
    plain = built(DROPPED, price=4.0, answers=False)
    assert plain.hierarchy.answers is None
    of_answers = {name for name in REPORT.summary if name not in plain.summary}
    assert of_answers == {metric.name for metric in METRICS if metric.place == "answers"}
    kept = REPORT.model_dump()
    kept["hierarchy"]["answers"] = None
    kept["summary"] = {name: score for name, score in kept["summary"].items() if name not in of_answers}
    assert plain.model_dump() == kept


def test_the_names_of_the_summary_are_known_beforehand() -> None:
    assert list(REPORT.summary) == summary_names(["distance", "entropy"], ["a", "b", "c", "d"])


def test_the_summary_tells_which_way_is_better() -> None:
    lower = {name.partition(":")[0] for name, score in REPORT.summary.items() if score.better == "lower"}
    assert lower == {"mistake_distance", "nll", "brier", "fpr95", "aurc", "augrc", "ause", "ece"}


def test_every_score_lies_in_its_interval() -> None:
    inside = [score for score in REPORT.summary.values() if score.low is not None and score.high is not None]
    assert len(inside) == 8 + 8 + 2 * 3 + 4
    for score in inside:
        low, value, high = map(defined, (score.low, score.value, score.high))
        assert low <= value <= high
        assert low < high
    for row in REPORT.segmentation.classes:
        score = REPORT.summary[f"iou:{row.name}"]
        assert (row.iou, row.iou_low, row.iou_high) == (score.value, score.low, score.high)


def test_no_interval_where_it_would_be_wrong() -> None:
    assert all(score.low is None for score in built(SAMPLES[:1]).summary.values())  # one image
    sliver = [
        replace(sample, levels={**sample.levels, "entropy": 30_000 + sample.levels["entropy"] // 1500})
        for sample in SAMPLES
    ]
    summary = built(sliver).summary
    assert summary["auroc:entropy"].low is summary["aurc:entropy"].low is None
    assert summary["auroc:distance"].low is not None
    assert summary["ece:entropy"].low is not None


def test_proper_scores_are_means_over_pixels() -> None:
    proper = np.concatenate([sample.proper.reshape(2, -1) for sample in SAMPLES if sample.proper is not None], axis=1)
    proper = proper[:, labelled_ones]
    assert REPORT.probabilities is not None
    assert REPORT.probabilities.nll == pytest.approx(-np.log(proper[0]).mean(), abs=1e-5)
    assert REPORT.probabilities.brier == pytest.approx((proper[1] - 2 * proper[0] + 1).mean(), abs=1e-5)
    of_a = all_truth[labelled_ones] == 0
    assert REPORT.probabilities.classes[0].nll == pytest.approx(-np.log(proper[0][of_a]).mean(), abs=1e-5)


def test_zones_and_correlation() -> None:
    levels = np.concatenate([sample.levels["distance"].ravel() for sample in SAMPLES]) / 65535
    zones = {zone.name: zone for zone in REPORT.boundaries.zones}
    assert sum(zone.pixels for zone in zones.values()) == labelled_ones.sum()
    wrong = sum(zone.pixels * zone.error_rate for zone in zones.values() if zone.error_rate is not None)
    assert wrong == pytest.approx((all_truth != all_labels)[labelled_ones].sum())
    confidence = sum(zone.pixels * zone.confidence for zone in zones.values() if zone.confidence is not None)
    assert confidence == pytest.approx(levels[labelled_ones].sum())
    assert REPORT.boundaries.correlation_images == 5
    singly = [defined(built([sample]).boundaries.correlation) for sample in SAMPLES]
    assert REPORT.boundaries.correlation == pytest.approx(float(np.mean(singly)), abs=1e-8)


def test_measures_come_in_order_with_their_names() -> None:
    assert [(m.name, m.title, m.full_scale) for m in REPORT.measures] == [
        ("distance", "the distance", 7.5),
        ("entropy", "the entropy", 1.0),
    ]
    assert REPORT.boundaries.measure == "distance"
    for measure in REPORT.measures:
        assert (measure.pixels, measure.errors) == (labelled_ones.sum(), (all_truth != all_labels)[labelled_ones].sum())
        assert sum(row.pixels for row in measure.classes) == measure.pixels
        assert sum(row.pixels for row in measure.reliability) == measure.pixels
        assert measure.risk_coverage.y[-1] == pytest.approx(measure.errors / measure.pixels)
    rates = [row.error_rate for row in REPORT.measures[0].classes]
    assert rates == pytest.approx([(all_labels != i)[all_truth == i].mean() for i in range(4)])


def test_dropout_is_judged_by_its_own_labels() -> None:
    dropout = REPORT.dropout
    assert dropout is not None
    assert (dropout.passes, dropout.rate, dropout.price) == (3, 0.2, 4.0)
    assert dropout.pixel_accuracy == pytest.approx((all_truth == 1)[labelled_ones].mean())
    assert built(SAMPLES).dropout is None


def test_convention_and_classes_of_the_means() -> None:
    samples = [SAMPLES[0]]  # without class d
    present, over_all = built(samples), built(samples, over="all")
    assert present.summary["miou"].value == pytest.approx(defined(over_all.summary["miou"].value) * 4 / 3)
    assert over_all.segmentation.conventions["mmseg"].miou == over_all.summary["miou"].value
    assert "over all classes" in over_all.summary["miou"].definition
    assert "over all classes" not in present.summary["miou"].definition + over_all.summary["fwiou"].definition
    reference = built(samples, convention="reference")
    assert reference.convention == "reference"
    assert reference.summary["class_accuracy"].value == present.segmentation.conventions["reference"].class_accuracy
    lower, higher = (defined(report.summary["class_accuracy"].value) for report in (reference, present))
    assert lower < higher


def test_a_flat_tree_forgives_nothing() -> None:
    """All of its classes are siblings: merged into the root, every answer would be right."""
    flat = built(SAMPLES, tree=flat_tree(TREE.names[: TREE.classes]), answers=False)
    assert flat.hierarchy.relaxed == []
    assert flat.summary["miou"] == REPORT.summary["miou"]


def test_levels_of_the_tree() -> None:
    assert [level.nodes for level in REPORT.hierarchy.levels] == [["ab", "cd"], ["a", "b", "c", "d"]]
    assert REPORT.hierarchy.levels[1].miou == REPORT.summary["miou"].value
    group = np.where(all_truth < CLASSES, all_truth // 2, 9)
    answered = np.where(all_labels < CLASSES, all_labels // 2, 8)
    assert REPORT.hierarchy.levels[0].pixel_accuracy == pytest.approx((group == answered)[labelled_ones].mean())
    assert {(found.family, found.definition) for found in REPORT.hierarchy.relaxed} == {
        (family, definition) for family in ("sibling", "cousin") for definition in ("mapped", "moved")
    }
