"""What decides the scores of an evaluation, and what does not."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError
from support.parts import ASKED
from support.samples import SCHEME

from hypsegcli.metrics.records import CheckpointId, Match, MatchedCluster
from hypsegcli.report.asked import Asked
from hypsegcli.truth.mask_colors import MaskColors
from hypsegcli.truth.masks import IdMap

CHECKPOINT = ASKED.checkpoint
assert CHECKPOINT is not None


def colors(ids: tuple[int, ...], origin: str = "") -> IdMap:
    return IdMap(((65535, None),), MaskColors(origin, (1, 2), ids, ()))


def matched(pixels: int, second: str | None) -> Match:
    rows = [MatchedCluster(cluster="0", matched="a", pixels=pixels, share=0.5)]
    rows += [MatchedCluster(cluster="1", matched=second, pixels=2, share=0.5)]
    return Match(method="majority", images=3, clusters=rows, made_by=f"{pixels}")


BASE = ASKED.model_copy(update={"id_map": colors((0, 1), "here"), "match": matched(5, "b")})

# Where files lie, which of several GPUs it was, and by how many pixels a cluster is a class.
THE_SAME: dict[str, dict[str, Any]] = {
    "images": {"images": "/mnt/photos"},
    "masks": {"masks": "/mnt/masks"},
    "checkpoint's path": {"checkpoint": CheckpointId(path="/mnt/model", sha256=CHECKPOINT.sha256)},
    "map's path": {"options": BASE.options | {"map": "/mnt/map.txt"}},
    "which GPU": {"options": BASE.options | {"device": "cuda:3 (NVIDIA H200), fp32"}},
    "colours' path": {"id_map": colors((0, 1), "there")},
    "match's pixels": {"match": matched(6, "b")},
}
ANOTHER: dict[str, dict[str, Any]] = {
    "maps instead of a network": {"predictions": "maps"},
    "checkpoint": {"checkpoint": CheckpointId(path=CHECKPOINT.path, sha256="0" * 64)},
    "another GPU": {"options": BASE.options | {"device": "cuda:0 (NVIDIA A100), fp32"}},
    "precision": {"options": BASE.options | {"device": "cuda:0 (NVIDIA H200), bf16"}},
    "tile": {"options": BASE.options | {"tile": "512"}},
    "colours": {"id_map": colors((1, 0))},
    "no colours": {"id_map": None},
    "match": {"match": matched(5, "c")},
    "void": {"ignore_index": 0},
    "unseen": {"unseen": ["a", "b"]},
    "bounds": {"bounds": ()},
}


@pytest.mark.parametrize("what", [*THE_SAME, *ANOTHER])
def test_a_recipe_is_all_that_decides(what: str) -> None:
    asked = BASE.model_copy(update={**THE_SAME, **ANOTHER}[what])
    assert (asked.recipe() == BASE.recipe()) is (what in THE_SAME)


def test_the_scheme_is_that_of_the_counts() -> None:
    assert ASKED.scheme == SCHEME._replace(background=1)
    assert ASKED.model_copy(update={"rules": ()}).scheme.answers is None


UNEVEN = {"id_map": {"changes": (), "colors": {"origin": "", "colors": (1, 2), "ids": (1,), "notes": ()}}}


@pytest.mark.parametrize(
    "changes", [{"colors": ((0, 0, 0),)}, {"main": "norm"}, {"background": 4}, {"more": 1}, UNEVEN]
)
def test_what_contradicts_itself_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Asked.model_validate(ASKED.model_dump() | changes)
