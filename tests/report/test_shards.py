"""Shards of an evaluation, merged: the very evaluation that one process would have made."""

from __future__ import annotations

import dataclasses
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.parts import ASKED, leave, part_of, plan_of_samples, samples

from hypsegcli.errors import DataError, PlanError, UsageError
from hypsegcli.files.lock import locked
from hypsegcli.files.shard import Shard
from hypsegcli.metrics.records import CheckpointId
from hypsegcli.report.part import Part
from hypsegcli.report.shards import (
    find_shards,
    merge_shards,
    missing_shards,
    refuse_other_shards,
    remove_other_shards,
    shard_file,
)

SAMPLES = samples(14)  # more than a gallery keeps, with ties
WHOLE = part_of(SAMPLES)


def state(part: Part) -> list[object]:
    """All that reports are made of."""
    evaluation = part.evaluation
    arrays = [getattr(evaluation.tally, field.name) for field in fields(evaluation.tally)]
    arrays += [evaluation.bootstrap.sums, part.witness.counts, part.agreement.counts, part.known]
    return [
        *(values.tobytes() for values in arrays),
        [value.tobytes() for value in evaluation.bootstrap.scores().values()],
        evaluation.hashes,
        evaluation.images_sha256,
        sorted(evaluation.marks),
        evaluation.worst.kept,
        evaluation.uncertain.kept,
        evaluation.seconds,
        np.array([row[1:] for row in part.rows]).tobytes(),
        [row.key for row in part.rows],
        part.doubts,
        part.changed,
        part.asked,
    ]


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(1, 17), st.randoms(use_true_random=False))
def test_any_number_of_shards_in_any_order_is_one_run(
    tmp_path_factory: pytest.TempPathFactory, of: int, random: object
) -> None:
    """More shards than images among them, some of which are empty."""
    folder = tmp_path_factory.mktemp("shards")
    shards = [Shard(index, of) for index in range(of)]
    random.shuffle(shards)  # type: ignore[attr-defined]
    for shard in shards:
        leave(folder, SAMPLES, shard)
    assert find_shards(folder) == sorted(shards, key=lambda shard: shard.index)
    assert missing_shards(folder, find_shards(folder)) is None
    merged = merge_shards(folder, shards)
    assert state(merged.part) == state(WHOLE)
    assert merged.files.keys() == {path.name for path in folder.iterdir()}


def test_a_shard_less_is_another_evaluation() -> None:
    assert all(one != other for one, other in zip(state(part_of(SAMPLES[:9]))[:3], state(WHOLE)[:3], strict=True))


def test_results_are_replaced_where_all_shards_were_to(tmp_path: Path) -> None:
    for second, expected in ((True, True), (False, False)):
        for shard, replace in ((Shard(0, 2), True), (Shard(1, 2), second)):
            shard_file(tmp_path, shard).unlink(missing_ok=True)
            leave(tmp_path, SAMPLES[:2], shard, replace=replace)
        assert merge_shards(tmp_path, find_shards(tmp_path)).replace is expected


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    leave(tmp_path, SAMPLES[:2], Shard(1, 4))
    with locked(tmp_path, "evaluate", Shard(3, 4)):
        told = missing_shards(tmp_path, find_shards(tmp_path))
    assert told is not None
    assert "3 of 4 shards are missing: 0/4, 2/4, 3/4 (at work); evaluate with shard=0/4 and so on" in str(
        PlanError(told)
    )
    for index in (0, 2):
        leave(tmp_path, SAMPLES[:2], Shard(index, 4))
    told = str(PlanError(missing_shards(tmp_path, find_shards(tmp_path))))
    assert "1 of 4 shards is missing: 3/4; evaluate with shard=3/4, then" in told


def test_names_that_are_no_shard_s_are_no_matter(tmp_path: Path) -> None:
    for name in ("shard.1-of-1.npz", "shard.01-of-2.npz", "shard.npz", "shard.0-of-2.npz.bak", "manifest.0-of-2.jsonl"):
        (tmp_path / name).touch()
    assert find_shards(tmp_path) == []
    assert find_shards(tmp_path / "nowhere") == []


def test_shards_of_different_numbers_do_not_belong_together(tmp_path: Path) -> None:
    leave(tmp_path, SAMPLES[:2], Shard(0, 2))
    leave(tmp_path, SAMPLES[:2], Shard(2, 3))
    with pytest.raises(PlanError, match=r"such as shard\.0-of-2\.npz and shard\.2-of-3\.npz, which do not belong"):
        missing_shards(tmp_path, find_shards(tmp_path))
    remove_other_shards(tmp_path, Shard(1, 2))
    assert find_shards(tmp_path) == [Shard(0, 2)]


CHECKPOINT = CheckpointId(path="elsewhere/model.safetensors", sha256="ab" * 32)
DIFFERENT: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {  # in what is asked, and in the plan
    "device (cuda (NVIDIA H200), fp32 and cpu, bf16)": ({"options": ASKED.options | {"device": "cpu, bf16"}}, {}),
    "engine (torch 2 and openvino 2026)": ({"options": ASKED.options | {"engine": "openvino 2026"}}, {}),
    "convention (cityscapes and mmseg)": ({"convention": "mmseg"}, {}),
    "replicates (20 and 30)": ({"replicates": 30}, {}),
    "checkpoint (5b5b5b": ({"checkpoint": CHECKPOINT}, {}),
    "the number of images (4 and 5)": ({}, {"images": 5}),
    "the names of images": ({}, {"keys_sha256": "1" * 64}),
    "the sizes of the files": ({}, {"sizes_sha256": "1" * 64}),
    "what the files hold that are evaluated": ({}, {"samples_sha256": "6" * 64}),
    "the maps that are scored, some of which a run has made anew": ({}, {"origins_sha256": "2" * 64}),
    "inverted ([] and ['tilt'])": ({"inverted": ("tilt",)}, {}),
    "probabilities (True and False)": ({"probabilities": False}, {}),
}


@pytest.mark.parametrize("difference", DIFFERENT)
def test_shards_of_other_evaluations_are_told_apart(tmp_path: Path, difference: str) -> None:
    """Before the images of one are scored, and where they are merged."""
    changes, of_plan = DIFFERENT[difference]
    asked = ASKED.model_copy(update=changes)
    leave(tmp_path, SAMPLES[:4], Shard(0, 2))
    plan = plan_of_samples(SAMPLES[:4]).model_copy(update=of_plan)
    with pytest.raises(PlanError) as early:
        refuse_other_shards(tmp_path, Shard(1, 2), plan, asked.recipe())
    leave(tmp_path, SAMPLES[:4], Shard(1, 2), asked=asked, **of_plan)
    with pytest.raises(PlanError, match="do not belong together, for they differ in") as late:
        merge_shards(tmp_path, find_shards(tmp_path))
    for told in (str(early.value), str(late.value)):
        assert f"differ in {difference}" in told


def test_probabilities_of_some_images_do_not_pass_for_those_of_all(tmp_path: Path) -> None:
    without = [
        dataclasses.replace(sample, proper=None) if index == 1 else sample for index, sample in enumerate(SAMPLES[:4])
    ]
    for index in range(2):
        leave(tmp_path, without, Shard(index, 2))
    with pytest.raises(DataError, match="the shards are not of the probabilities that they say; evaluate all of them"):
        merge_shards(tmp_path, find_shards(tmp_path))


def test_what_would_never_merge_is_refused_before_it_is_scored(tmp_path: Path) -> None:
    plan, recipe = plan_of_samples(SAMPLES[:4]), ASKED.recipe()
    refuse_other_shards(tmp_path, Shard(1, 2), plan, recipe)
    leave(tmp_path, SAMPLES[:4], Shard(0, 2))
    refuse_other_shards(tmp_path, Shard(1, 2), plan, recipe)
    with pytest.raises(PlanError, match=r"shard\.0-of-2\.npz: is there already"):
        refuse_other_shards(tmp_path, Shard(0, 2), plan, recipe)
    with pytest.raises(PlanError, match="is of an evaluation in 2 shards, and this is one of 3"):
        refuse_other_shards(tmp_path, Shard(1, 3), plan, recipe)
    shard_file(tmp_path, Shard(0, 2)).write_bytes(b"cut")
    refuse_other_shards(tmp_path, Shard(1, 2), plan, recipe)  # which is told when they are merged
    with pytest.raises(DataError, match="cannot be read as a shard"):
        merge_shards(tmp_path, find_shards(tmp_path))


def test_a_shard_under_the_name_of_another_is_refused(tmp_path: Path) -> None:
    leave(tmp_path, SAMPLES[:4], Shard(0, 2))
    shard_file(tmp_path, Shard(1, 2)).write_bytes(shard_file(tmp_path, Shard(0, 2)).read_bytes())
    with pytest.raises(UsageError, match=r"shard\.1-of-2\.npz: is that of shard 0/2 by what it says itself"):
        merge_shards(tmp_path, find_shards(tmp_path))


def test_images_that_are_not_those_of_the_plan_are_refused(tmp_path: Path) -> None:
    for index in range(2):
        leave(tmp_path, SAMPLES[:4], Shard(index, 2), keys_sha256="1" * 64)
    with pytest.raises(DataError, match="not of the images that they say"):
        merge_shards(tmp_path, find_shards(tmp_path))
