"""The scores of a header and what a card says of them."""

from __future__ import annotations

import math

from hypsegcli.checkpoint.bundled import MODELS, bundled_checkpoint
from hypsegcli.checkpoint.read_header import read_header
from hypsegcli.cli.card.scores import SCORES, scores_of
from hypsegcli.training.validate import Scores


def test_every_score_that_a_training_writes_has_its_meaning() -> None:
    assert tuple(SCORES) == Scores._fields
    for model in MODELS:
        found = read_header(bundled_checkpoint(model.name)).provenance.scores
        assert set(found) <= set(SCORES)


def test_they_come_in_order_with_those_of_others_and_without_what_is_no_number() -> None:
    found = list(scores_of({"mean_iou": 0.5, "pixel_accuracy": math.nan, "theirs": 2.0}, flat=False))
    assert [(score.name, score.value) for score in found] == [("mean_iou", 0.5), ("theirs", 2.0)]
    assert found[0].meaning
    assert found[1].meaning == ""


def test_of_a_flat_tree_families_say_nothing() -> None:
    values = dict.fromkeys(SCORES, 0.5)
    assert {score.name for score in scores_of(values, flat=False)} == set(SCORES)
    left_out = set(SCORES) - {score.name for score in scores_of(values, flat=True)}
    assert left_out == {"sibling_mean_iou", "cousin_mean_iou"}


def test_those_of_quality_are_told_from_the_others() -> None:
    found = scores_of(dict.fromkeys(SCORES, 0.5), flat=False)
    assert [score.name for score in found if not score.is_quality] == ["distance_q05", "distance_q50", "distance_q95"]
