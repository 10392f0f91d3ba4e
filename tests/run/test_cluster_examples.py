"""Examples of clusters: which images show each best, and the sheets of them."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image
from support import make_checkpoint, photograph

from hypsegcli.checkpoint.read_header import read_header
from hypsegcli.hierarchy.tree import flat_tree
from hypsegcli.run.cluster_examples import choose_examples, count_labels, draw_sheets, sheet_names
from hypsegcli.run.plan import PlannedImage


def planned(folder: Path, name: str, labels: np.ndarray | None, seed: int = 0) -> PlannedImage:
    """A photograph and, where there is one, its label map."""
    size = (40, 30) if labels is None else labels.shape[::-1]
    source = photograph(folder / f"{name}.jpg", size=size, seed=seed)
    target = folder / "labels" / f"{name}.png"
    if labels is not None:
        target.parent.mkdir(exist_ok=True)
        Image.fromarray(labels.astype(np.uint8)).save(target)
    return PlannedImage(source, PurePosixPath(name), {"labels": target})


def test_pixels_are_counted_and_images_without_a_map_have_none(tmp_path: Path) -> None:
    labels = np.random.default_rng(0).integers(0, 3, (30, 40))
    plan = [planned(tmp_path, "a", labels), planned(tmp_path, "b", None)]
    assert count_labels(plan, 4).tolist() == [[int((labels == k).sum()) for k in range(3)] + [0], [0, 0, 0, 0]]


def test_each_part_of_the_images_gives_the_one_that_shows_a_cluster_best() -> None:
    """Frames that follow each other are alike: five from one moment would show one thing."""
    shares = np.array([[9, 1], [8, 2], [2, 8], [0, 10], [7, 3], [6, 4]])
    assert choose_examples(shares, most=3) == [[0, 4, 2], [3, 5, 1]]
    # By share, not by pixels: a large image does not show it better.
    assert choose_examples(np.array([[50, 50], [9, 1]]), most=1) == [[1], [0]]
    assert choose_examples(np.array([[0, 5], [0, 5]]), most=5)[0] == []


def test_the_sheet_shows_a_cluster_in_colour_and_the_rest_grey(tmp_path: Path) -> None:
    labels = np.zeros((90, 120), np.uint8)
    labels[:, 60:] = 1
    plan = [planned(tmp_path, name, labels, seed) for seed, name in enumerate("abc")]
    plan.append(planned(tmp_path, "gone", labels))
    (tmp_path / "gone.jpg").unlink()
    header = read_header(make_checkpoint(tmp_path / "c.safetensors", flat_tree(["one", "two", "three"])))
    (sheet,), pixels = draw_sheets(plan, header)
    assert pixels.tolist() == [4 * 5400, 4 * 5400, 0]
    colored = np.ptp(sheet.astype(int), axis=2) > 30
    # Three lines; in the first the left halves have colours, in the second the right ones, in the third there are none.
    first, second, third = (colored[top : top + 120, 170:].sum(0) for top in (12, 138, 264))
    assert first[:80].sum() > 1000
    assert second[80:160].sum() > 1000
    assert first[95:150].sum() == 0
    assert second[10:70].sum() == 0
    assert third.sum() == 0


def test_many_clusters_take_several_sheets(tmp_path: Path) -> None:
    names = [f"cluster {k}" for k in range(60)]
    header = read_header(make_checkpoint(tmp_path / "c.safetensors", flat_tree(names)))
    sheets, _ = draw_sheets([planned(tmp_path, "a", np.full((30, 40), 59))], header)
    assert len(sheets) == 2
    assert sheets[0].shape[0] > sheets[1].shape[0]
    assert sheet_names(60) == ("clusters.png", "clusters-2.png")
    assert sheet_names(50) == ("clusters.png",)
