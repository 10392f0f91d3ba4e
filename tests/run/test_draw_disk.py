"""From a checkpoint and an image to the figure: which gyroplanes, which colours, which cells."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from support import make_checkpoint

from hypsegcli.checkpoint.store import Checkpoint, load_checkpoint
from hypsegcli.geometry.mlr import from_bias
from hypsegcli.hierarchy.tree import ClassTree, flat_tree
from hypsegcli.images.decode import DecodedImage
from hypsegcli.inference.device import Device
from hypsegcli.inference.embed import embed
from hypsegcli.inference.engines.torch_engine import TorchEngine
from hypsegcli.pictures.drawing.figure import FAINT, Circle, Figure, Picture, Text
from hypsegcli.run.disk_cloud import Cloud, Gatherer, Placed
from hypsegcli.run.draw_disk import cells_at, draw_disk, drawn_nodes, geodesics, photograph_of

CPU = Device(torch.device("cpu"))
#  0 sky | 5 ground: 1 road, 6 plants: 2 tree, 3 grass | 4 car
TREE = ClassTree(
    names=("sky", "road", "tree", "grass", "car", "ground", "plants"), parents=(-1, 5, 6, 6, -1, -1, 5), classes=5
)


def drawn(checkpoint: Checkpoint, image: NDArray[np.uint8], *, longest_side: int, photograph: bool = True) -> Figure:
    """The figure of one image, in any letters."""
    header = checkpoint.header
    engine = TorchEngine(checkpoint.model, header.input, CPU)
    found = embed(engine, header.tree, image, longest_side=longest_side)
    placed = Placed(DecodedImage(image, ()), found.points, found.classes)
    gatherer = Gatherer(images=1, classes=header.tree.classes, most=10**6)
    gatherer.add(placed.points, placed.classes)
    shown = photograph_of(placed, header, longest_side=longest_side) if photograph else None
    return draw_disk(checkpoint, gatherer.cloud(truth=False), photograph=shown, letters=True)


def test_cells_are_squares_of_four_pixels_of_what_went_in() -> None:
    classes = np.arange(6).reshape(2, 3)
    same = cells_at(classes, (7, 12), (7, 12))
    np.testing.assert_array_equal(same, classes.repeat(4, 0).repeat(4, 1)[:7])
    np.testing.assert_array_equal(cells_at(classes, (7, 12), (14, 24)), same.repeat(2, 0).repeat(2, 1))
    np.testing.assert_array_equal(cells_at(classes, (8, 12), (2, 3)), classes)
    np.testing.assert_array_equal(cells_at(classes, (8, 12), (3, 2)), [[0, 2], [3, 5], [3, 5]])


def test_what_occurs_comes_first() -> None:
    counts = np.array([0, 5, 0, 9, 0, 0, 0])
    assert drawn_nodes(TREE, 7, counts) == [3, 1, 5, 6, 0, 2, 4]
    assert drawn_nodes(TREE, 5, counts) == [3, 1, 0, 2, 4], "a flat softmax"


def test_of_many_only_those_that_occur_and_their_ancestors_are_drawn() -> None:
    names = [f"class {index}" for index in range(40)]
    parents = [40 if index < 20 else 41 for index in range(40)] + [-1, -1]
    tree = ClassTree(names=(*names, "first", "second"), parents=tuple(parents), classes=40)
    counts = np.zeros(42, int)
    counts[[3, 7]] = 1, 2
    assert drawn_nodes(tree, 42, counts) == [7, 3, 40]
    flat = flat_tree(names)
    assert len(drawn_nodes(flat, 40, counts[:40])) == 40


def test_a_geodesic_has_the_name_and_colour_of_its_node() -> None:
    normals = torch.eye(2, dtype=torch.float64).repeat(4, 1)[:7]
    normals[1] = 0.0
    planes = from_bias(normals, torch.linspace(-1, 1, 7, dtype=torch.float64), c=1.0)
    palette = np.arange(24, dtype=np.uint8).reshape(8, 3)
    found = geodesics(planes, [4, 1, 6], TREE, palette, TREE.names)
    assert [(g.name, g.color, g.inner) for g in found] == [("car", (12, 13, 14), False), ("plants", FAINT, True)]
    for geodesic, node in zip(found, (4, 6), strict=True):
        W, w0 = planes.W[node].numpy(), float(planes.w0[node])
        np.testing.assert_allclose(2 * geodesic.path @ W, w0 * (1 + (geodesic.path**2).sum(1)), atol=1e-12)
        np.testing.assert_allclose(geodesic.side, W - w0 * geodesic.path)


@pytest.mark.parametrize("background", range(3))
def test_the_background_is_clear_in_the_photograph_and_last_in_the_legend(tmp_path: Path, background: int) -> None:
    tree = flat_tree(["one", "two", "three"])
    checkpoint = load_checkpoint(make_checkpoint(tmp_path / "d2.safetensors", tree, embedding_size=2))
    with torch.no_grad():
        checkpoint.model.get_parameter("decoder.embed.bias").zero_()  # or chance would put all pixels in one class
    image = np.random.default_rng(0).integers(0, 256, (96, 128, 3), dtype=np.uint8)
    image[:, 64:] //= 4
    shares = []
    for header in (checkpoint.header, checkpoint.header.model_copy(update={"background": background})):
        figure = drawn(replace(checkpoint, header=header), image, longest_side=128)
        shown = next(mark.pixels for mark in figure.marks if isinstance(mark, Picture))
        shares.append((shown == image).all(axis=-1).mean())
    assert shares[0] < 0.01
    assert 0.01 < shares[1] < 0.7
    legend = [mark for mark in figure.marks if isinstance(mark, Text) and mark.x < 100 and mark.words in tree.names]
    assert [mark.words for mark in sorted(legend, key=lambda mark: mark.y)][-1] == tree.names[background]
    assert len(legend) == 3


@pytest.mark.parametrize(("classes", "photograph"), [(3, True), (60, False)])
def test_the_figure_tells_what_it_shows(tmp_path: Path, classes: int, photograph: bool) -> None:
    tree = flat_tree([f"class {index}" for index in range(classes)])
    path = make_checkpoint(tmp_path / "d2.safetensors", tree, embedding_size=2, curvature=0.25, t_max=4.0)
    image = np.random.default_rng(0).integers(0, 256, (30, 50, 3), dtype=np.uint8)
    figure = drawn(load_checkpoint(path), image, longest_side=40, photograph=photograph)
    words = {mark.words for mark in figure.marks if isinstance(mark, Text)}
    assert words >= {"2", "4", "6", "limit 8"}
    assert "8" not in words
    radii = {round(mark.radius, 3) for mark in figure.marks if isinstance(mark, Circle)}
    assert radii >= {round(500 * math.tanh(t / 2), 3) for t in (1, 2, 3, 4)}
    pictures = [mark for mark in figure.marks if isinstance(mark, Picture)]
    assert len(pictures) == 1 + photograph
    if photograph:
        assert pictures[0].pixels.shape == (30, 50, 3)
        difference = np.abs(pictures[0].pixels - 0.45 * image)  # the classes' colours are nearly black
        assert np.median(difference) < 5
        assert figure.title == "hyperbolic plane of curvature -0.25 (c = 0.25)"
        assert words >= {"class 0", "class 1", "class 2"}
    else:
        shown = sum(word.startswith("class ") for word in words)
        assert f"{shown - 1} of 60 gyroplanes" in figure.title or "of 60 gyroplanes" in figure.title
        assert figure.title in words


def test_prototypes_are_dots_on_one_ring(tmp_path: Path) -> None:
    tree = flat_tree(["one", "two", "three"])
    many: dict[str, Any] = {"head": "prototypes", "prototypes": 4, "curvature": 0.25}
    checkpoint = load_checkpoint(make_checkpoint(tmp_path / "d2.safetensors", tree, embedding_size=2, **many))
    image = np.random.default_rng(0).integers(0, 256, (30, 50, 3), dtype=np.uint8)
    figure = drawn(checkpoint, image, longest_side=40)
    assert figure.title == "hyperbolic plane of curvature -0.25 (c = 0.25); dots: 4 prototypes a class"
    (middle,) = {(mark.x, mark.y) for mark in figure.marks if isinstance(mark, Circle) and mark.radius == 500.0}
    dots = [mark for mark in figure.marks if isinstance(mark, Circle) and mark.fill is not None and mark.stroke]
    assert [dots.count(dot) for dot in dots] == [1] * 13
    key, *dots = dots
    assert key.x < 100
    assert "prototype of a class" in {mark.words for mark in figure.marks if isinstance(mark, Text)}
    for dot in dots:
        assert math.hypot(dot.x - middle[0], dot.y - middle[1]) == pytest.approx(500 * math.tanh(2.0 / 2), rel=1e-5)
    assert len({dot.fill for dot in dots}) == 3


def test_of_many_images_the_legend_counts_all_points_and_the_caption_says_what_they_are(tmp_path: Path) -> None:
    tree = flat_tree(["one", "two", "three"])
    checkpoint = load_checkpoint(make_checkpoint(tmp_path / "d2.safetensors", tree, embedding_size=2))
    points = np.random.default_rng(0).uniform(-0.5, 0.5, (10, 2))
    cloud = Cloud(points, np.array([0] * 5 + [1] * 5), np.array([900, 100, 0]), 7, True)
    figure = draw_disk(checkpoint, cloud, photograph=None, letters=True)
    words = {mark.words for mark in figure.marks if isinstance(mark, Text)}
    assert {"90.0 %", "10.0 %"} <= words
    assert figure.title == "hyperbolic plane of curvature -1 (c = 1); 7 images; colours: true classes"


def test_the_photograph_is_clear_where_no_class_is_known(tmp_path: Path) -> None:
    header = load_checkpoint(make_checkpoint(tmp_path / "d2.safetensors", TREE, embedding_size=2)).header
    image = np.random.default_rng(0).integers(0, 256, (16, 24, 3), dtype=np.uint8)
    classes = np.array([[0, 5, 1, 5, 5, 2]] * 4)
    shown = photograph_of(Placed(DecodedImage(image, ()), np.zeros((4, 6, 2)), classes), header, longest_side=24)
    clear = (shown == image).all(axis=-1)
    np.testing.assert_array_equal(clear[2::4, 2::4], classes == 5)
