"""The settings of a clustering: those of a training that mean something without masks, and its own."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from hypsegcli.checkpoint.bundled import bundled_checkpoint
from hypsegcli.checkpoint.read_header import read_header
from hypsegcli.errors import UsageError
from hypsegcli.training.clustering.config import USED, USUAL, ClusterConfig, usual_settings
from hypsegcli.training.config_file import check_against, to_toml


def test_a_start_brings_its_network_and_chance_brings_nothing() -> None:
    model = read_header(bundled_checkpoint(USUAL)).model
    brought = usual_settings(USUAL)
    assert brought["backbone"] == model.backbone
    assert set(brought) <= set(USED)
    assert usual_settings("random") == usual_settings("imagenet") == {}
    assert ClusterConfig(init="random").source == ""
    assert ClusterConfig().source == USUAL


def test_the_second_head_has_five_times_as_many_clusters_unless_told() -> None:
    assert ClusterConfig(clusters=7).over == 35
    assert ClusterConfig(clusters=7, over_clusters=9).over == 9


def test_every_setting_that_is_used_is_one_and_is_shown() -> None:
    assert set(USED) <= set(ClusterConfig.model_fields)
    lines = to_toml(ClusterConfig(), USED).splitlines()
    assert [line.partition(" = ")[0] for line in lines] == list(USED)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"clusters": 1}, "--clusters: expected a whole number from 2 to 1000, found 1"),
        ({"view_share": 0}, r"view_share: expected a number from 0\.3 to 1"),
        ({"epochs": -1}, "epochs: expected a whole number from 0 on"),
        ({"head": "hyperbolic-reference"}, "head: expected hyperbolic or euclidean"),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(settings: dict[str, object], sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        check_against(ClusterConfig, settings, {"clusters": "--clusters"})
    with pytest.raises(ValidationError):
        ClusterConfig.model_validate(settings)
