"""TOPICS' networks answer as in its own code, after several steps of training, whatever the order of their rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
import torch
from support.seeded import answer, apart, golden_of, shapes_of, source_of
from torch import Tensor

from hypsegcli.checkpoint.converters import CONVERTERS
from hypsegcli.checkpoint.converters.converted import Told
from hypsegcli.checkpoint.converters.source import Source
from hypsegcli.checkpoint.converters.topics import TopicsConverter
from hypsegcli.checkpoint.converters.topics_tasks import read_tasks
from hypsegcli.errors import CheckpointError, UsageError
from hypsegcli.hierarchy.rule import Factors
from hypsegcli.hierarchy.softmax import class_log_probabilities
from hypsegcli.hierarchy.tree import flat_tree

SIZES = (8, 5, 5)
SIZE = {"projected": 16, "bare": 256}  # of the embedding
GROUPS = (2, 5, 9)  # rows that others lie below


@cache
def trunk() -> Mapping[str, Tensor]:
    return source_of(shapes_of("topics", backbone="resnet101", output_stride=16)).tensors


@cache
def source(kind: str) -> Source:
    golden, size = golden_of("topics"), SIZE[kind]
    shapes: dict[str, tuple[int, ...]] = {
        f"{part}.{step}": (rows, size) for step, rows in enumerate(SIZES) for part in ("offset", "normal")
    }
    if kind == "projected":
        shapes["input_proj.weight"] = (size, 256, 1, 1)
    tensors = {**trunk(), **source_of(shapes).tensors, "logit_scale": torch.tensor(1.5)}
    tensors["manifold.isp_c"] = torch.from_numpy(golden[f"isp_c_{kind}"])
    if kind == "projected":
        tensors["visual_alpha"] = torch.tensor(-0.5)
        tensors["input_proj.weight"] = 0.05 * tensors["input_proj.weight"]
    else:
        tensors |= {name: 0.02 * tensors[name] for name in ("head.red_bn.weight", "head.red_bn.bias")}
    return Source(Path("model_final.pth"), tensors)


def tasks(folder: Path) -> Told:
    """Rows of which each behind a group lies below it, up to the next group."""
    lines, above = [",class,gt_id,start,end"], "root"
    for row in range(sum(SIZES)):
        step = 1 + (row >= SIZES[0]) + (row >= SIZES[0] + SIZES[1])
        name = f"{above}--n{row}"
        if row in GROUPS:
            above = name = f"root--n{row}"
        lines.append(f"{row},{name},{'{}' if row in GROUPS else '{1}'},{step},20")
    path = folder / "l6_increment.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    return Told(tasks=read_tasks(path))


@pytest.mark.parametrize("kind", SIZE)
def test_its_answer_is_that_of_its_own_code(kind: str, tmp_path: Path) -> None:
    file = source(kind)
    assert [name for name, converter in CONVERTERS.items() if converter.recognises(file)] == ["topics"]
    converted, output = answer(TopicsConverter(), file, tasks(tmp_path))
    t = 2.0 * converted.config["curvature"] ** 0.5 * output.embedding.norm(dim=1)
    assert (t < converted.config["t_max"]).any()
    order = [*(row for row in range(18) if row not in GROUPS), *GROUPS]
    golden = golden_of("topics")[kind]
    assert apart(output.logits, golden[:, order]) < 1e-4
    assert converted.config["curvature"] == pytest.approx({"projected": 2.0, "bare": 3.0}[kind])
    assert converted.config["embedding_layers"] == (kind == "projected")
    assert "negative" in converted.notes[0]
    # A class's score is the sum along its path, as their code decides where an inner node does not win.
    assert converted.tree is not None
    assert converted.config["softmax"] == "paths"
    best = class_log_probabilities(output.logits, converted.tree, Factors(of_siblings=False)).argmax(1)
    above = {row: group for group in GROUPS for row in range(group + 1, 18)}
    leaves = [row for row in range(18) if row not in GROUPS]
    sums = torch.from_numpy(golden)
    theirs = torch.stack([sums[:, row] + (sums[:, above[row]] if row in above else 0.0) for row in leaves], 1)
    assert torch.equal(best, theirs.argmax(1))


def test_factors_beyond_their_bounds_are_held_as_its_code_holds_them(tmp_path: Path) -> None:
    file, told = source("projected"), tasks(tmp_path)
    scales = [
        TopicsConverter().convert(replace(file, tensors={**file.tensors, **changed}), told).state
        for changed in (
            {"logit_scale": torch.tensor(9.0), "visual_alpha": torch.tensor(1.0)},
            {"logit_scale": torch.tensor(4.6052), "visual_alpha": torch.tensor(0.0)},
        )
    ]
    for name in ("head.normals", "embedding.weight"):
        torch.testing.assert_close(scales[0][name], scales[1][name])
    assert torch.equal(scales[0]["embedding.weight"], file.tensors["input_proj.weight"])


def test_a_classifier_without_groups_needs_no_task_file() -> None:
    file = source("projected")
    converted = TopicsConverter().convert(file, Told(tree=flat_tree([f"n{row}" for row in range(18)])))
    assert converted.config["softmax"] == "flat"
    (note,) = converted.notes
    assert "mean 0.485, 0.456, 0.406" in note
    with pytest.raises(UsageError, match="18 outputs, not the 3"):
        TopicsConverter().convert(file, Told(tree=flat_tree(["a", "b", "c"])))


def test_what_cannot_be_converted_is_refused(tmp_path: Path) -> None:
    file, told = source("projected"), tasks(tmp_path)
    with pytest.raises(UsageError, match=r"order of the task file.*tasks"):
        TopicsConverter().convert(file, Told())
    with pytest.raises(UsageError, match="output_stride"):
        TopicsConverter().convert(file, replace(told, output_stride=8))
    for name, words in (("manifold.isp_c", "isp_c is missing"), ("normal.1", "of step 1 do not belong together")):
        fewer = {key: tensor for key, tensor in file.tensors.items() if key != name}
        with pytest.raises(CheckpointError, match=words):
            TopicsConverter().convert(replace(file, tensors=fewer), told)
