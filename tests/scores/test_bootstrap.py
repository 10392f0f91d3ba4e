"""Intervals over images: reproducible, paired, and wide enough."""

from __future__ import annotations

import numpy as np
import pytest
from support.samples import SCHEME, TREE, random_sample

from hypsegcli.metrics.answers import answer_sums, scores_of_sums
from hypsegcli.metrics.detection import measure_report
from hypsegcli.scores.bootstrap import COARSE_BINS, Bootstrap, coarse_edges, coarse_misses, image_weights, interval
from hypsegcli.scores.evaluation import Evaluation
from hypsegcli.scores.tally import SHARE, Tally, count_image


def test_weights_are_poisson_and_depend_on_the_key_alone() -> None:
    weights = np.stack([image_weights(f"image {index}", 1000) for index in range(400)])
    assert weights.mean() == pytest.approx(1.0, abs=0.01)
    assert weights.var() == pytest.approx(1.0, abs=0.02)
    share = np.bincount(weights.ravel(), minlength=4) / weights.size
    assert share[:4] == pytest.approx(np.exp(-1) / np.array([1, 1, 2, 6]), abs=0.003)
    assert (image_weights("image 3", 1000) == weights[3]).all()
    # These very numbers pair an evaluation with one made years before: they must never change.
    assert image_weights("a", 12).tolist() == [1, 2, 3, 2, 1, 0, 1, 1, 1, 2, 1, 2]


def test_replicates_are_sums_of_weighted_images() -> None:
    samples = [random_sample(seed) for seed in range(70)]  # more than one matrix product takes
    bootstrap = Bootstrap(SCHEME, replicates=5)
    tallies = [count_image(sample, SCHEME) for sample in samples]
    for sample, tally in zip(samples, tallies, strict=True):
        bootstrap.add(sample.key, tally)
    scores = bootstrap.scores()
    weights = np.stack([image_weights(sample.key, 5) for sample in samples])
    for replicate in range(5):
        total = Tally.zeros(SCHEME)
        for weight, tally in zip(weights[:, replicate], tallies, strict=True):
            for _ in range(int(weight)):
                total.add(tally)
        confusion = total.confusion
        hit = np.diag(confusion)
        iou = hit / (confusion.sum(1) + confusion[:, :-1].sum(0) - hit)
        assert scores["miou"][replicate] == pytest.approx(iou.mean())
        assert scores["iou:2"][replicate] == pytest.approx(iou[2])
        assert scores["pixel_accuracy"][replicate] == pytest.approx(hit.sum() / confusion.sum())
        weighted = (confusion.sum(1) * iou).sum() / confusion.sum()
        assert scores["fwiou"][replicate] == pytest.approx(weighted)
        sums, images = total.image_iou[:, -1]
        assert scores["image_miou"][replicate] == pytest.approx(sums / images / SHARE)
        assert scores["boundary_iou"][replicate] == pytest.approx(
            (total.bands[0] / (total.bands[1] + total.bands[2] - total.bands[0])).mean()
        )
        predicted, matched, true, found = total.edges
        p, r = matched / predicted, found / true
        assert scores["boundary_f"][replicate] == pytest.approx(2 * p * r / (p + r))
        assert scores["nll"][replicate] == pytest.approx(total.proper[:, 1].sum() / total.proper[:, 0].sum() / 2**20)
        assert scores["brier"][replicate] == pytest.approx(total.proper[:, 2].sum() / total.proper[:, 0].sum() / 2**20)
        for name, value in scores_of_sums(answer_sums(total.answers[0], TREE)).items():
            assert scores[name][replicate] == pytest.approx(float(value))
        for index, name in enumerate(SCHEME.measures):
            exact = measure_report(total.tables[index], {}, name=name, title=name, full_scale=1.0)
            # 1,024 levels instead of 65,536, fine at both ends
            assert scores[f"auroc:{name}"][replicate] == pytest.approx(exact.auroc, abs=1e-3)
            assert scores[f"aurc:{name}"][replicate] == pytest.approx(exact.aurc, rel=1e-2)
            assert scores[f"ece:{name}"][replicate] == pytest.approx(exact.ece, abs=1e-9)


def test_mean_over_all_classes_counts_absent_ones_as_zero() -> None:
    bootstrap = Bootstrap(SCHEME, replicates=3)
    tally = count_image(random_sample(1), SCHEME)
    tally.confusion[2] = 0
    tally.confusion[:, 2] = 0
    bootstrap.add("k3", tally)
    assert image_weights("k3", 3).tolist() == [1, 0, 1]
    present, over_all = bootstrap.scores()["miou"], bootstrap.scores("all")["miou"]
    assert np.isnan([present[1], over_all[1]]).all()  # no image, no mean
    assert over_all[[0, 2]] == pytest.approx(present[[0, 2]] * 3 / 4)


def test_coarse_levels_cover_all_levels_and_are_fine_at_the_ends() -> None:
    edges = coarse_edges()
    widths = np.diff(edges)
    assert len(widths) == COARSE_BINS
    eight_bit = np.searchsorted(edges, np.arange(256) * 257, side="right")
    assert len(set(eight_bit.tolist())) == 256
    assert edges[0] == 0
    assert edges[-1] == 65536
    assert widths.min() == 1
    assert max(*widths[:5], *widths[-5:]) <= 2
    assert widths.max() < 150


def test_bins_are_told_to_be_too_coarse_where_they_are() -> None:
    def table(spread: float) -> np.ndarray:
        rng = np.random.default_rng(1)
        found = np.zeros((65536, 2), np.int64)
        for column, middle in ((0, 0.5 + spread / 2), (1, 0.5 - spread / 2)):
            levels = np.clip(rng.normal(middle, spread, 20_000) * 65535, 0, 65535).astype(int)
            np.add.at(found[:, column], levels, 1)
        return found

    assert not coarse_misses(table(0.2))
    assert not coarse_misses(table(0.02))
    assert coarse_misses(table(0.0005))


def test_an_interval_holds_the_middle_of_the_defined_values() -> None:
    values = np.concatenate([np.arange(1001) / 1000.0, [np.nan] * 50])
    assert interval(values) == pytest.approx((0.025, 0.975))
    assert np.isnan(interval(np.array([np.nan]))).all()
    assert np.isnan(interval(np.empty(0))).all()


def test_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    """Pixel accuracy of 40 images, drawn 300 times from a known population."""
    rng = np.random.default_rng(5)
    covered = 0
    for trial in range(300):
        accuracy = rng.beta(8, 2, 40)  # of images of equal size; the mean of the population is 0.8
        weights = np.stack([image_weights(f"{trial}/{index}", 400) for index in range(40)], axis=1).astype(float)
        low, high = interval(weights @ accuracy / weights.sum(1))
        covered += low <= 0.8 <= high
    assert 0.90 <= covered / 300 <= 0.98


def test_no_replicates_no_intervals() -> None:
    evaluation = Evaluation(SCHEME, replicates=0)
    evaluation.add(random_sample(0))
    assert all(len(values) == 0 for values in evaluation.bootstrap.scores().values())
