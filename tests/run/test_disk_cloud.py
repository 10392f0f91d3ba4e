"""From images to points: every cell once, true classes from the middle of cells, samples that are always the same."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from support import make_checkpoint, photograph

from hypsegcli.checkpoint.store import Checkpoint, load_checkpoint
from hypsegcli.errors import DataError, ImageError
from hypsegcli.hierarchy.tree import flat_tree
from hypsegcli.images.decode import decode_image
from hypsegcli.inference.device import Device
from hypsegcli.inference.embed import embed
from hypsegcli.inference.engines.torch_engine import TorchEngine
from hypsegcli.run.disk_cloud import Gatherer, Placed, at_cells, place_images
from hypsegcli.truth.masks import read_mask

CPU = Device(torch.device("cpu"))
TREE = flat_tree(["sky", "road", "car"])


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    return load_checkpoint(make_checkpoint(tmp_path_factory.mktemp("flat") / "d2.safetensors", TREE, embedding_size=2))


def engine_of(checkpoint: Checkpoint) -> TorchEngine:
    return TorchEngine(checkpoint.model, checkpoint.header.input, CPU)


def place(checkpoint: Checkpoint, sources: list[tuple[Path, Path | None]], longest_side: int = 64) -> list[Placed]:
    return list(
        place_images(
            sources,
            engine_of(checkpoint),
            TREE,
            longest_side=longest_side,
            max_pixels=10**6,
            read_truth=partial(read_mask, classes=3, ignore_index=255),
        )
    )


def test_a_cell_s_class_is_that_of_its_middle() -> None:
    truth = np.arange(48).reshape(6, 8).astype(np.uint8)
    assert at_cells(truth, (6, 8), (2, 2)).tolist() == [[18, 22], [42, 46]], "the last row reaches beyond the image"
    shrunk = at_cells(truth.repeat(4, 0).repeat(4, 1), (6, 8), (2, 2))
    assert shrunk.tolist() == [[18, 22], [42, 46]]
    assert at_cells(np.array([[7]], np.uint8), (1, 1), (1, 1)).tolist() == [[7]]


def test_predicted_classes_and_points_are_those_of_each_image(checkpoint: Checkpoint, tmp_path: Path) -> None:
    paths = [photograph(tmp_path / f"{seed}.png", seed=seed) for seed in range(3)]
    found = place(checkpoint, [(path, None) for path in paths])
    for path, placed in zip(paths, found, strict=True):
        expected = embed(engine_of(checkpoint), TREE, decode_image(path).pixels)
        np.testing.assert_array_equal(placed.points, expected.points)
        np.testing.assert_array_equal(placed.classes, expected.classes)


def test_true_classes_are_those_of_the_mask(checkpoint: Checkpoint, tmp_path: Path) -> None:
    path = photograph(tmp_path / "a.png", size=(128, 96))
    cells = np.random.default_rng(0).choice([0, 1, 2, 255], (12, 16)).astype(np.uint8)
    Image.fromarray(cells.repeat(8, 0).repeat(8, 1)).save(tmp_path / "mask.png")
    (placed,) = place(checkpoint, [(path, tmp_path / "mask.png")])
    np.testing.assert_array_equal(placed.classes, np.where(cells == 255, 3, cells))


def test_a_mask_of_another_size_and_an_answer_that_is_no_number_are_named(
    checkpoint: Checkpoint, tmp_path: Path
) -> None:
    path = photograph(tmp_path / "a.png")
    Image.fromarray(np.zeros((20, 64), np.uint8)).save(tmp_path / "mask.png")
    with pytest.raises(DataError, match=r"a\.png and .*mask\.png: the image is 64 x 48 pixels, the mask 64 x 20"):
        place(checkpoint, [(path, tmp_path / "mask.png")])
    broken = load_checkpoint(checkpoint.path)
    with torch.no_grad():
        broken.model.get_parameter("decoder.embed.bias").fill_(3e38)
    with pytest.raises(
        ImageError, match=r"a\.png: its answer holds NaN or infinity; where it ran in bf16, try precision=fp32"
    ):
        place(broken, [(path, None)])


def test_one_image_s_points_are_all_there() -> None:
    rng = np.random.default_rng(0)
    points, classes = rng.uniform(-0.5, 0.5, (6, 5, 2)), rng.integers(0, 3, (6, 5))
    gatherer = Gatherer(images=1, classes=3, most=30)
    gatherer.add(points, classes)
    cloud = gatherer.cloud(truth=False)
    np.testing.assert_array_equal(cloud.points, points.reshape(-1, 2))
    np.testing.assert_array_equal(cloud.classes, classes.ravel())
    assert cloud.counts.tolist() == np.bincount(classes.ravel(), minlength=3).tolist()
    assert (cloud.images, cloud.truth) == (1, False)


def test_of_many_images_each_gives_its_share_and_always_the_same() -> None:
    rng = np.random.default_rng(0)
    images = [(rng.uniform(-0.5, 0.5, (40, 50, 2)), rng.integers(0, 3, (40, 50))) for _ in range(3)]
    images.append((rng.uniform(-0.5, 0.5, (2, 5, 2)), np.zeros((2, 5), np.intp)))

    def gathered() -> Gatherer:
        gatherer = Gatherer(images=4, classes=3, most=1000)
        for points, classes in images:
            gatherer.add(points, classes)
        return gatherer

    cloud, again = gathered().cloud(truth=True), gathered().cloud(truth=True)
    np.testing.assert_array_equal(cloud.points, again.points)
    assert len(cloud.points) == len(cloud.classes) == 3 * 250 + 10
    assert cloud.counts.sum() == 3 * 2000 + 10
    for number, (points, classes) in enumerate(images[:3]):
        of = {tuple(point): int(node) for point, node in zip(points.reshape(-1, 2), classes.ravel(), strict=True)}
        own = slice(250 * number, 250 * (number + 1))
        assert all(
            of[tuple(point)] == node for point, node in zip(cloud.points[own], cloud.classes[own], strict=True)
        ), "a point has another's class"
        assert len(np.unique(cloud.points[own], axis=0)) == 250
        rows = np.flatnonzero(np.isin(points.reshape(-1, 2)[:, 0], cloud.points[own, 0])) // 50
        assert np.bincount(rows // 10, minlength=4).min() > 40, "picked from all of the image"


def test_cells_without_a_class_count_for_nothing() -> None:
    gatherer = Gatherer(images=2, classes=2, most=100)
    gatherer.add(np.arange(8.0).reshape(2, 2, 2) / 10, np.array([[0, 2], [2, 1]]))
    gatherer.add(np.zeros((1, 1, 2)), np.array([[2]]))
    cloud = gatherer.cloud(truth=True)
    np.testing.assert_array_equal(cloud.points, [[0.0, 0.1], [0.6, 0.7]])
    assert cloud.counts.tolist() == [1, 1]
