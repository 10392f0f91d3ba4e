"""What an actor does, without Ray: it says what is wrong with its node before it segments anything."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest
from support import make_checkpoint, photograph
from support.deadly import Deadly, nothing

from hypsegcli.checkpoint.store import load_checkpoint
from hypsegcli.errors import CheckpointError, PlanError, UsageError
from hypsegcli.files.lock import locked
from hypsegcli.hierarchy.tree import flat_tree
from hypsegcli.inference.request import Request
from hypsegcli.products.outputs import Outputs
from hypsegcli.run.actor import Actor
from hypsegcli.run.order import Order
from hypsegcli.run.plan import PlannedImage
from hypsegcli.run.results import Written
from hypsegcli.run.source import Facts, Work


@pytest.fixture
def order(tmp_path: Path) -> Iterator[Order]:
    checkpoint = make_checkpoint(tmp_path / "c.safetensors", flat_tree(["a", "b"]))
    before = Path.cwd()
    with locked(tmp_path / "out", "predict") as hold:
        yield Order(
            checkpoint=Path("c.safetensors"),
            sha256=load_checkpoint(checkpoint).sha256,
            request=Request(),
            work=Work(outputs=Outputs({"labels": Deadly(tmp_path)}, nothing), max_pixels=10**6, workers=1),
            out=tmp_path / "out",
            engine="torch",
            device="cpu",
            witness=hold.witness(),
        )
    os.chdir(before)


def test_an_order_is_carried_out_in_the_folder_of_the_command(order: Order, tmp_path: Path) -> None:
    actor, probe = Actor(), order.out / "probe"
    (facts,) = actor.get_ready(order, tmp_path, probe)
    assert isinstance(facts, Facts)
    assert probe.read_text()
    assert actor.agree(None) == []
    photograph(tmp_path / "in" / "a.png")
    plan = [PlannedImage(Path("in/a.png"), PurePosixPath("a"), {"labels": order.out / "labels/a.bin"})]
    (result,) = actor.segment(plan)
    assert isinstance(result, Written)
    assert (order.out / "labels/a.bin").stat().st_size == 64 * 48
    assert actor.finish() == []
    assert actor.segment(plan) == []


def test_a_node_that_sees_something_else_is_refused(order: Order, tmp_path: Path) -> None:
    probe, other = order.out / "probe", tmp_path / "other"
    other.mkdir()
    assert order.witness is not None
    elsewhere = replace(order, out=other, witness=replace(order.witness, folder=other))
    nowhere = replace(order, out=tmp_path / "no", witness=replace(order.witness, folder=tmp_path / "no"))
    for wrong, folder, kind, sentence in (
        (order, tmp_path / "nothing", PlanError, "the folder of the command cannot be entered here"),
        (elsewhere, tmp_path, PlanError, "is another folder here; every node has to see the same output folder"),
        (nowhere, tmp_path, PlanError, "is not there; every node has to see the same output folder"),
        (replace(order, sha256="0" * 64), tmp_path, CheckpointError, "is not the file that this run began with"),
        (replace(order, checkpoint=Path("d.safetensors")), tmp_path, CheckpointError, "d.safetensors"),
        (replace(order, hypseg="0.0"), tmp_path, UsageError, "and 0.0 where the run began"),
    ):
        (problem,) = Actor().get_ready(wrong, folder, probe)
        assert isinstance(problem, kind)
        assert str(problem).startswith("on the node ")
        assert sentence in str(problem)


def test_what_the_folder_is_held_by_is_looked_at_before_files_are_written(order: Order, tmp_path: Path) -> None:
    actor = Actor()
    actor.get_ready(order, tmp_path, order.out / "probe")
    photograph(tmp_path / "a.png")
    (order.out / ".hypseg.lock").write_text("another's")
    plan = [PlannedImage(Path("a.png"), PurePosixPath("a"), {"labels": order.out / "labels/a.bin"})]
    (problem,) = actor.segment(plan)
    assert "is no longer the folder that this run began in" in str(problem)
    assert not (order.out / "labels/a.bin").exists()
