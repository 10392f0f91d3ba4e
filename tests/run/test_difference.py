"""In what runs differ, whatever a run.json holds."""

from __future__ import annotations

from typing import Any

import pytest

from hypsegcli.errors import setting
from hypsegcli.run.difference import differences

RUN: dict[str, Any] = {
    "versions": {"hypseg": "0.2.0", "torch": "2.10"},
    "checkpoint": {"path": "a", "sha256": "0123456789"},
    "options": {
        "command": "predict",
        "request": {"measures": ["distance"], "main": "distance", "level": None},
        "outputs": ["labels", "overlay"],
        "tiling": {"tile": 1024, "overlap": 128, "above": 4},
        "precision": "fp32",
        "batch_size": 1,
    },
}


def changed(**options: object) -> dict[str, Any]:
    return RUN | {"options": RUN["options"] | options}


def test_equal_runs_do_not_differ_nor_do_those_that_come_out_alike() -> None:
    assert differences(RUN, RUN) == []
    assert differences(changed(batch_size=8, workers=3), RUN) == []
    assert differences(changed(tiling={"tile": 1024, "overlap": 128, "above": 9}), RUN) == []
    assert differences(RUN | {"checkpoint": {"path": "elsewhere", "sha256": "0123456789"}}, RUN) == []


@pytest.mark.parametrize(
    ("before", "words"),
    [
        (changed(precision="bf16"), "bf16 (now fp32)"),
        (changed(tiling=None), "off (now 1024)"),
        (changed(tiling={"tile": 1024, "overlap": 64}), "'overlap': 64} (now {'tile': 1024, 'overlap': 128})"),
        (changed(outputs=["labels"]), "labels (now labels,overlay)"),
        (changed(command="uncertainty"), "command uncertainty (now predict)"),
        (changed(request={"measures": ["entropy"], "main": "entropy", "level": None}), "entropy (now distance)"),
        (RUN | {"versions": {"hypseg": "0.1.0"}}, "version 0.1.0 (now 0.2.0)"),
        (RUN | {"checkpoint": {"sha256": "ffffffffff"}}, "checkpoint of SHA-256 ffffffff (now 01234567)"),
    ],
)
def test_each_difference_is_told_once(before: dict[str, Any], words: str) -> None:
    (found,) = differences(before, RUN)
    assert found.endswith(words)


def test_what_one_of_two_commands_does_not_have_was_not_changed_by_anybody() -> None:
    before = changed(command="uncertainty", legend=True)
    assert [sentence.split()[0] for sentence in differences(before, RUN)] == ["command"]
    assert differences(changed(legend=True), RUN) == [f"{setting('legend')} True (now none)"]


@pytest.mark.parametrize(
    "before", [{}, {"options": 3}, {"options": {"request": [1]}}, {"versions": [], "checkpoint": 1}]
)
def test_whatever_stands_there_is_another_run(before: dict[str, Any]) -> None:
    assert differences(before, RUN)


def test_a_long_value_is_shortened() -> None:
    (found,) = differences(changed(outputs="x" * 10_000), RUN)
    assert len(found) < 200
