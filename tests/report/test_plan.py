"""Plans: which images, in which order, of which sizes."""

from __future__ import annotations

import json
from pathlib import Path

from hypsegcli.annotation.masks import AnnotatedMask, open_export
from hypsegcli.report.plan import keys_sha256, plan_of
from hypsegcli.truth.pairs import Pair


def pairs_in(folder: Path, *keys: str) -> list[Pair]:
    for kind in ("masks", "images"):
        for key in keys:
            (folder / kind).mkdir(parents=True, exist_ok=True)
            (folder / kind / key).write_bytes(b"x" * len(key))
    return [Pair(key, folder / "masks" / key, folder / "images" / key, None) for key in keys]


def test_the_same_files_elsewhere_are_the_same_plan(tmp_path: Path) -> None:
    here, there = (
        plan_of(pairs_in(folder, "a", "bc", "odd\udcff"), {folder / "masks/bc": "run"})
        for folder in (tmp_path / "here", tmp_path / "there")
    )
    assert here == there
    assert here.images == 3
    assert here.keys_sha256 == keys_sha256(["a", "bc", "odd\udcff"])


def test_other_names_orders_and_sizes_are_another(tmp_path: Path) -> None:
    pairs = pairs_in(tmp_path, "a", "b")
    plan = plan_of(pairs, {})
    assert plan_of(pairs[::-1], {}).keys_sha256 != plan.keys_sha256
    assert keys_sha256(["ab"]) != keys_sha256(["a", "b"])
    (tmp_path / "images/b").write_bytes(b"longer")
    longer = plan_of(pairs, {})
    assert (longer.keys_sha256, longer.sizes_sha256 == plan.sizes_sha256) == (plan.keys_sha256, False)
    (tmp_path / "images/b").unlink()
    assert plan_of(pairs, {}) not in (plan, longer)


def test_maps_that_are_scored_belong_to_it(tmp_path: Path) -> None:
    """Each with its size, and with what made it."""
    pairs = pairs_in(tmp_path, "a", "b")
    map_ = tmp_path / "map"
    map_.write_bytes(b"12")
    plan = plan_of(pairs, {map_: "one"})
    assert plan_of(pairs, {}).sizes_sha256 != plan.sizes_sha256
    made_anew = plan_of(pairs, {map_: "another"})
    assert (made_anew.sizes_sha256, made_anew.origins_sha256 == plan.origins_sha256) == (plan.sizes_sha256, False)
    map_.write_bytes(b"123")
    assert plan_of(pairs, {map_: "one"}).sizes_sha256 != plan.sizes_sha256


def test_files_made_anew_in_their_old_sizes_are_another_plan(tmp_path: Path) -> None:
    """Of many, enough are looked into to tell a run that has made all of them again."""
    pairs = pairs_in(tmp_path, *(f"{number:03}" for number in range(200)))
    maps = {tmp_path / f"{number:03}": "" for number in range(200)}
    for path in maps:
        path.write_bytes(b"one")
    plan = plan_of(pairs, maps)
    for others in ([pair.mask for pair in pairs], [pair.image for pair in pairs if pair.image], list(maps)):
        before = [path.read_bytes() for path in others]
        for path in others:
            path.write_bytes(b"two")
        found = plan_of(pairs, maps)
        assert found.samples_sha256 != plan.samples_sha256
        assert found.model_copy(update={"samples_sha256": plan.samples_sha256}) == plan
        for path, data in zip(others, before, strict=True):
            path.write_bytes(data)
    assert plan_of(pairs, maps) == plan


def test_what_a_labelling_tool_exported_is_looked_into(tmp_path: Path) -> None:
    polygon = {"image_id": 1, "category_id": 1, "segmentation": [[1, 1, 5, 1, 5, 5]], "iscrowd": 0}
    document = {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 8, "height": 8}],
        "categories": [{"id": 1, "name": "cat"}],
        "annotations": [polygon],
    }
    plans = []
    for corner in (5, 6):
        polygon["segmentation"] = [[1, 1, 5, 1, 5, corner]]
        (tmp_path / "masks.json").write_text(json.dumps(document))
        mask = AnnotatedMask.of(open_export(tmp_path / "masks.json"), "a")
        plans.append(plan_of([Pair("a", mask, None, None)], {}))
    assert plans[0].samples_sha256 != plans[1].samples_sha256
    assert plans[0].sizes_sha256 == plans[1].sizes_sha256
