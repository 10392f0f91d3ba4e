"""Tallies: whole numbers that add up to the same in any order, and are the right ones."""

from __future__ import annotations

import tracemalloc
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.samples import CLASSES, SCHEME, TREE, random_sample

from hypsegcli.metrics.proper import NATS
from hypsegcli.scores.evaluation import Evaluation
from hypsegcli.scores.tally import SHARE, Sample, Tally, Tolerance, count_image

SAMPLES = [random_sample(seed) for seed in range(12)]


def state(evaluation: Evaluation) -> list[bytes]:
    parts = [getattr(evaluation.tally, field.name).tobytes() for field in fields(evaluation.tally)]
    parts += [values.tobytes() for values in evaluation.bootstrap.scores().values()]
    hashes = (evaluation.masks_sha256, evaluation.keys_sha256, str(evaluation.images_sha256))
    return [*parts, *(text.encode() for text in hashes)]


def evaluated(samples: list[Sample]) -> Evaluation:
    evaluation = Evaluation(SCHEME, replicates=50)
    for sample in samples:
        evaluation.add(sample, mark=f"file of {sample.key}")
    return evaluation


WHOLE = state(evaluated(SAMPLES))


@settings(max_examples=10, deadline=None)
@given(st.permutations(range(12)), st.integers(0, 12), st.integers(0, 12))
def test_any_split_in_any_order_gives_the_same_bits(order: list[int], one: int, other: int) -> None:
    first, second = sorted((one, other))
    shards = [order[:first], order[first:second], order[second:]]
    merged = Evaluation(SCHEME, replicates=50)
    for shard in shards:
        merged.merge(evaluated([SAMPLES[index] for index in shard]))
    assert state(merged) == WHOLE


def test_other_images_give_other_bits() -> None:
    assert all(one != other for one, other in zip(state(evaluated(SAMPLES[:-1])), WHOLE, strict=True))


def test_images_have_a_hash_of_keys_and_files_where_every_file_was_seen() -> None:
    def images_sha256(marks: list[str | None]) -> str | None:
        evaluation = Evaluation(SCHEME, replicates=1)
        for sample, mark in zip(SAMPLES, marks, strict=False):
            evaluation.add(sample, mark=mark)
        return evaluation.images_sha256

    assert images_sha256(["x", "y"]) == images_sha256(["x", "y"])
    assert len({images_sha256(["x", "y"]), images_sha256(["y", "x"]), images_sha256(["x", "z"])} - {None}) == 3
    assert images_sha256(["x", None]) is None


def test_everything_is_int64_and_does_not_grow() -> None:
    empty, counted = Tally.zeros(SCHEME), count_image(SAMPLES[0], SCHEME)
    for field in fields(Tally):
        before, after = getattr(empty, field.name), getattr(counted, field.name)
        assert before.dtype == after.dtype == np.int64
        assert before.shape == after.shape
        assert not before.any()


def test_pixels_are_counted_once_wherever_they_are_counted() -> None:
    sample = SAMPLES[3]
    tally = count_image(sample, SCHEME)
    labelled = sample.truth < CLASSES
    right = (sample.labels == sample.truth)[labelled]
    assert int(tally.void[0]) == int((~labelled).sum()) > 0
    assert int(tally.confusion.sum()) == int(labelled.sum())
    for index, name in enumerate(SCHEME.measures):
        assert tally.tables[index].sum(0).tolist() == [int(right.sum()), int((~right).sum())]
        levels = sample.levels[name]
        for level in np.unique(levels[labelled])[::37]:
            here = labelled & (levels == level)
            wrong = int((sample.labels != sample.truth)[here].sum())
            assert tally.tables[index, level].tolist() == [int(here.sum()) - wrong, wrong]
        coarse = tally.tables[index].reshape(4096, 16, 2).sum(1)
        assert (tally.class_tables[index].sum(0) == coarse).all()
        for label in range(CLASSES):
            assert tally.class_tables[index, label].sum() == (sample.truth == label).sum()


def test_answers_are_counted_by_true_class_and_node() -> None:
    sample = SAMPLES[3]
    tally = count_image(sample, SCHEME)
    assert sample.answers is not None
    labelled, nodes = sample.truth < CLASSES, TREE.nodes
    for counts, answers in zip(tally.answers, sample.answers, strict=True):
        for label in range(CLASSES):
            here = np.bincount(answers[sample.truth == label], minlength=nodes + 1)
            assert counts[label].tolist() == here.tolist()
    answers = sample.answers[0]
    paths = [*map(TREE.path, range(CLASSES)), ()]
    right = np.array(
        [[a in paths[t] for t, a in zip(*row, strict=True)] for row in zip(sample.truth, answers, strict=True)]
    )
    for level in np.unique(sample.answer_levels["distance"])[::37]:
        here = labelled & (answers < nodes) & (sample.answer_levels["distance"] == level)
        assert tally.answer_tables[0, level].tolist() == [int((here & right).sum()), int((here & ~right).sum())]
    assert (labelled & (answers == nodes)).any(), "nothing undecided: nothing was left out"
    assert tally.answer_tables.sum() == (labelled & (answers < nodes)).sum()


def test_without_answers_nothing_of_them_is_counted() -> None:
    plain = SCHEME._replace(answers=None)
    tally, with_answers = count_image(SAMPLES[3], plain), count_image(SAMPLES[3], SCHEME)
    assert tally.answers.size == tally.answer_tables.size == 0
    for field in fields(tally):
        if not field.name.startswith("answer"):
            assert (getattr(tally, field.name) == getattr(with_answers, field.name)).all()


def test_image_iou_is_that_of_the_image() -> None:
    sample = SAMPLES[5]
    tally = count_image(sample, SCHEME)
    labelled = sample.truth < CLASSES
    ious = []
    for label in range(CLASSES):
        truth, answer = (sample.truth == label) & labelled, (sample.labels == label) & labelled
        ious.append((truth & answer).sum() / (truth | answer).sum())
    assert tally.image_iou[0] / SHARE == pytest.approx([*ious, np.mean(ious)], abs=1e-9)
    assert tally.image_iou[1].tolist() == [1] * (CLASSES + 1)


def test_a_class_that_is_nowhere_takes_no_part_in_an_images_iou() -> None:
    truth = np.zeros((20, 20), np.uint8)
    truth[:, 10:] = 1
    levels = {name: np.full(truth.shape, 7, np.uint16) for name in SCHEME.measures}
    tally = count_image(Sample("x", truth, np.zeros_like(truth), levels), SCHEME)
    assert tally.image_iou[1].tolist() == [1, 1, 0, 0, 1]
    assert tally.image_iou[0, CLASSES] / SHARE == pytest.approx(0.25, abs=1e-9)  # (1/2 + 0) / 2
    assert not tally.proper.any()


def test_proper_scores_are_those_of_the_probabilities() -> None:
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(CLASSES) * 0.3, (30, 30)).transpose(2, 0, 1)
    truth = rng.integers(0, CLASSES + 1, (30, 30)).astype(np.uint8)
    one_hot = np.stack([truth == label for label in range(CLASSES)]).astype(float)
    true = (probabilities * one_hot).sum(0)
    proper = np.stack([true, (probabilities**2).sum(0)]).astype(np.float32)
    levels = {name: np.zeros(truth.shape, np.uint16) for name in SCHEME.measures}
    tally = count_image(Sample("x", truth, truth, levels, proper), SCHEME)
    for label in range(CLASSES):
        here = truth == label
        assert tally.proper[label, 0] == here.sum()
        nll = -np.log(np.maximum(true[here].astype(np.float32), 2.0**-24)).sum()
        assert tally.proper[label, 1] / NATS == pytest.approx(nll, abs=1e-3)
        brier = ((probabilities - one_hot) ** 2).sum(0)[here].sum()
        assert tally.proper[label, 2] / NATS == pytest.approx(brier, abs=1e-3)


def test_a_probability_of_zero_does_not_make_the_score_infinite() -> None:
    truth = np.zeros((4, 4), np.uint8)
    levels = {name: np.zeros(truth.shape, np.uint16) for name in SCHEME.measures}
    proper = np.zeros((2, 4, 4), np.float32)
    tally = count_image(Sample("x", truth, truth, levels, proper), SCHEME)
    assert tally.proper[0, 1] / NATS / 16 == pytest.approx(24 * np.log(2))


def test_tolerance_is_pixels_or_a_share_of_the_diagonal() -> None:
    assert Tolerance(3, is_share=False).pixels(360, 480) == 3
    assert Tolerance(0.005, is_share=True).pixels(360, 480) == 3
    assert Tolerance(0.005, is_share=True).pixels(1024, 2048) == 11
    assert str(Tolerance(0.005, is_share=True)) == "0.5 % of the diagonal"
    assert str(Tolerance(3, is_share=False)) == "3 pixels"


def test_rows_are_about_the_first_measure() -> None:
    evaluation = Evaluation(SCHEME, replicates=0)
    sample = SAMPLES[2]
    row = evaluation.add(sample)
    labelled = sample.truth < CLASSES
    right = sample.labels == sample.truth
    assert row.labelled_pixels == labelled.sum()
    assert row.wrong_pixels == (labelled & ~right).sum()
    assert row.pixel_accuracy == pytest.approx(right[labelled].mean())
    assert row.uncertainty == pytest.approx(1 - sample.levels["distance"][labelled].mean() / 65535)
    levels = sample.levels["distance"].astype(float)
    good, bad = levels[labelled & right], levels[labelled & ~right]
    pairs = (good[:, None] > bad).mean() + (good[:, None] == bad).mean() / 2
    assert row.auroc == pytest.approx(pairs)


def test_memory_does_not_grow_with_the_number_of_images() -> None:
    palette = np.zeros((CLASSES, 3), np.uint8)

    def peak(count: int) -> int:
        evaluation = Evaluation(SCHEME, replicates=20, palette=palette)
        tracemalloc.start()
        for index in range(count):
            evaluation.add(replace(SAMPLES[index % 12], key=str(index)))
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(20)  # what is loaded on first use
    few, many = peak(80), peak(320)
    assert many < few + 200_000  # a tally has 3 MB


def test_zones_and_correlation_are_about_the_main_measure() -> None:
    sample = SAMPLES[4]
    labelled = sample.truth < CLASSES
    for main in SCHEME.measures:
        tally = count_image(sample, SCHEME._replace(main=main))
        assert tally.zones[:, 0].sum() == labelled.sum()
        assert tally.zones[:, 2].sum() == sample.levels[main][labelled].sum()
    one, other = (count_image(sample, SCHEME._replace(main=main)) for main in SCHEME.measures)
    none = count_image(sample, SCHEME._replace(main=None))
    assert not none.zones.any()
    assert none.tables.any()
    assert one.correlation[0] != other.correlation[0]
    assert (one.ridges != other.ridges).any()


def test_dropout_has_a_confusion_matrix_of_its_own() -> None:
    sample = SAMPLES[6]
    dropped = replace(sample, dropout_labels=np.zeros_like(sample.labels))
    found = count_image(dropped, SCHEME).dropout_confusion
    assert found[:, 0].tolist() == [int((sample.truth == label).sum()) for label in range(CLASSES)]
    assert not found[:, 1:].any()
    assert not count_image(replace(sample, dropout_labels=None), SCHEME).dropout_confusion.any()


def test_strips_show_the_worst_and_the_most_uncertain() -> None:
    evaluation = Evaluation(SCHEME, replicates=0, palette=np.zeros((CLASSES, 3), np.uint8))
    rows = [evaluation.add(sample) for sample in SAMPLES]
    worst = sorted(rows, key=lambda row: row.miou)[:10]
    assert [kept.key for kept in evaluation.worst.kept] == [row.key for row in worst]
    uncertain = sorted(rows, key=lambda row: -row.uncertainty)[:10]
    assert [kept.key for kept in evaluation.uncertain.kept] == [row.key for row in uncertain]
    assert worst != uncertain
