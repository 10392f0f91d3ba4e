"""Which class each cluster stands for: laws, an independent search, and what is refused."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from PIL import Image

from hypsegcli.errors import UsageError
from hypsegcli.scores.matching import (
    ClusterSource,
    Method,
    count_clusters,
    describe_match,
    match_clusters,
    refuse_method,
    table_of,
)
from hypsegcli.scores.sources import StoredSource
from hypsegcli.truth.pairs import pair_files

Counts = NDArray[np.int64]


def tables(clusters: tuple[int, int], classes: tuple[int, int]) -> st.SearchStrategy[Counts]:
    shapes = st.tuples(st.integers(*clusters), st.integers(*classes))
    return shapes.flatmap(lambda shape: arrays.arrays(np.int64, shape, elements=st.integers(0, 10**9)))


def hits(counts: Counts, table: Counts) -> int:
    """Pixels that are right by a match, counted one by one."""
    return sum(int(row[target]) for row, target in zip(counts, table, strict=True) if target < len(row))


@settings(deadline=None)
@given(tables((1, 5), (5, 5)))
def test_hungarian_is_the_best_of_all_assignments(counts: Counts) -> None:
    clusters, classes = counts.shape
    table = match_clusters(counts, "hungarian")
    every = itertools.permutations(range(classes), clusters)
    assert hits(counts, table) == max(sum(int(counts[k, c]) for k, c in enumerate(one)) for one in every)
    named = [target for target in table.tolist() if target < classes]
    assert len(set(named)) == len(named)


@given(tables((1, 8), (1, 6)))
def test_majority_is_the_best_for_each_cluster_alone(counts: Counts) -> None:
    table = match_clusters(counts, "majority")
    assert hits(counts, table) == int(counts.max(1).sum())
    for row, target in zip(counts, table.tolist(), strict=True):
        assert (target == len(row)) == (not row.any())  # what was never seen stands for nothing


@settings(deadline=None)
@given(tables((1, 5), (5, 5)), st.integers(0, 10**6))
def test_clusters_may_be_renamed(counts: Counts, seed: int) -> None:
    order = np.random.default_rng(seed).permutation(len(counts))
    methods: tuple[Method, ...] = ("hungarian", "majority")
    for method in methods:
        assert hits(counts[order], match_clusters(counts[order], method)) == hits(
            counts, match_clusters(counts, method)
        )


def test_of_equal_classes_the_first_is_taken() -> None:
    assert match_clusters(np.array([[2, 3, 3], [0, 0, 0]]), "majority").tolist() == [1, 3]


def test_more_clusters_than_classes_are_no_case_for_hungarian() -> None:
    with pytest.raises(UsageError, match=r"5 clusters for 4 classes.*majority"):
        match_clusters(np.ones((5, 4), np.int64), "hungarian")
    refuse_method(5, 4, "majority")


def test_without_scipy_hungarian_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hypsegcli.scores.matching.find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"pip install 'hypseg\[cluster\]'.*majority"):
        refuse_method(2, 4, "hungarian")
    refuse_method(2, 4, "majority")


CLUSTERS, CLASSES = ("cluster 0", "cluster 1", "cluster 2"), ("sky", "road")
COUNTS = np.array([[1, 9], [4, 0], [0, 0]])


def test_a_match_is_described_and_read_back() -> None:
    table = match_clusters(COUNTS, "majority")
    made = describe_match(COUNTS, table, "majority", clusters=CLUSTERS, classes=CLASSES, images=7, checkpoint="abc")
    assert [(row.matched, row.pixels, row.share) for row in made.clusters] == [
        ("road", 10, 0.9),
        ("sky", 4, 1.0),
        (None, 0, None),
    ]
    again = table_of(made, clusters=CLUSTERS, classes=CLASSES, checkpoint="abc")
    assert again.tolist() == table.tolist() == [1, 0, 2]
    # The classes are known by their names: in another order they have other ids, and more of them change nothing.
    assert table_of(made, clusters=CLUSTERS, classes=("tree", "road", "sky"), checkpoint=None).tolist() == [1, 2, 3]


def test_a_match_of_others_is_refused() -> None:
    table = match_clusters(COUNTS, "majority")
    made = describe_match(
        COUNTS, table, "majority", clusters=CLUSTERS, classes=CLASSES, images=7, checkpoint="abc"
    ).model_copy(update={"made_by": "report"})
    with pytest.raises(UsageError, match=r"another checkpoint's clusters"):
        table_of(made, clusters=CLUSTERS, classes=CLASSES, checkpoint="def")
    with pytest.raises(UsageError, match=r"3 clusters.*here are 2"):
        table_of(made, clusters=CLUSTERS[:2], classes=CLASSES, checkpoint="abc")
    with pytest.raises(UsageError, match="'road', which is none"):
        table_of(made, clusters=CLUSTERS, classes=("sky", "tree"), checkpoint="abc")


def test_labels_become_classes_and_what_is_no_cluster_none(tmp_path: Path) -> None:
    """Counted here once more; with more classes than clusters, whose ids the label maps do not know."""
    rng = np.random.default_rng(0)
    labels = rng.choice([0, 1, 255], (2, 9, 7)).astype(np.uint8)
    truth = rng.choice([0, 1, 2, 3, 255], (2, 9, 7)).astype(np.uint8)
    for kind, maps in (("maps", labels), ("masks", truth)):
        (tmp_path / kind).mkdir()
        for index, one in enumerate(maps):
            Image.fromarray(one).save(tmp_path / kind / f"{index}.png")
    pairs = pair_files(masks=str(tmp_path / "masks"), images=None, predictions=tmp_path / "maps")
    stored = StoredSource(
        (), labels_folder=tmp_path / "maps", probabilities=None, classes=2, ignore_index=255, id_map=None, among=None
    )
    counts = count_clusters(pairs, stored, clusters=2, classes=4, ignore_index=255, workers=0)
    assert counts.tolist() == [[int(((labels == k) & (truth == c)).sum()) for c in range(4)] for k in range(2)]
    source = ClusterSource(stored, clusters=2, classes=4, table=np.array([3, 1]))
    void_is_four = np.where(truth[0] == 255, 4, truth[0])
    sample = source.read(pairs[0], void_is_four)().sample
    assert np.array_equal(sample.labels, np.select([labels[0] == 0, labels[0] == 1], [3, 1], 4))
    assert np.array_equal(sample.truth, void_is_four)
    assert sample.proper is None
