"""Bounds that no score can keep, or none can miss."""

from __future__ import annotations

from typing import Literal

import pytest

from hypsegcli.errors import setting
from hypsegcli.report.bounds import Bound, impossible_bound


@pytest.mark.parametrize(
    ("name", "kind", "value", "sentence"),
    [
        ("miou", "under", 90.0, "fail_under=miou=90: miou is a number from 0 to 1; 90 % is 0.9"),
        ("iou:sky", "over", 1.01, "fail_over=iou:sky=1.01: iou:sky is a number from 0 to 1; 1.01 % is 0.0101"),
        ("auroc:distance", "under", -0.1, "fail_under=auroc:distance=-0.1: auroc:distance is a number from 0 to 1"),
        ("ece:calibrated", "over", 300.0, "fail_over=ece:calibrated=300: ece:calibrated is a number from 0 to 1"),
        ("brier", "over", 2.5, "fail_over=brier=2.5: brier is a number from 0 to 2"),
        ("nll", "over", -1.0, "fail_over=nll=-1: nll is a number from 0 on"),
    ],
)
def test_bounds_outside_a_score_s_range(name: str, kind: Literal["under", "over"], value: float, sentence: str) -> None:
    found = impossible_bound([Bound("miou", "under", 0.5), Bound(name, kind, value)])
    assert found is not None
    assert found == spelled(sentence)


def spelled(sentence: str) -> str:
    """With the setting marked, as below the command line."""
    first, colon, rest = sentence.partition(": ")
    name, _, value = first.partition("=")
    return setting(name, value) + colon + rest


def test_bounds_that_can_be_kept_and_missed() -> None:
    kept = [
        Bound("miou", "under", 1.0),
        Bound("nll", "over", 1e9),
        Bound("brier", "over", 2.0),
        Bound("new", "over", 9),
    ]
    assert impossible_bound(kept) is None
