"""What programs read of a card: YAML that another implementation reads, whatever a header holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.checkpoints import HEADER

from hypsegcli.checkpoint.bundled import MODELS, bundled_checkpoint
from hypsegcli.checkpoint.format import Header
from hypsegcli.checkpoint.read_header import read_header
from hypsegcli.cli.card.card import write_card
from hypsegcli.cli.card.front import LICENCES, front_matter, licence_lines


def with_provenance(**changes: object) -> Header:
    return HEADER.model_copy(update={"provenance": HEADER.provenance.model_copy(update=changes)})


def read(text: str) -> dict[str, Any]:
    """The keys, as a program that knows YAML reads them."""
    yaml = pytest.importorskip("yaml")
    start, keys, rest = text.split("---\n", maxsplit=2)
    assert (start, rest) == ("", "")
    return dict(yaml.safe_load(keys))


@pytest.mark.parametrize("model", [model.name for model in MODELS])
def test_the_hub_s_own_reader_takes_it(model: str, tmp_path: Path) -> None:
    cards = pytest.importorskip("huggingface_hub.repocard")
    header = read_header(bundled_checkpoint(model))
    (tmp_path / "README.md").write_text(write_card(header, model), encoding="utf-8")
    data = cards.ModelCard.load(tmp_path / "README.md").data
    facts = data.to_dict()
    said = [facts[name] for name in ("license", "library_name", "pipeline_tag")]
    assert said == ["mit", "hypseg", "image-segmentation"]
    assert {"hypseg", "semantic-segmentation", "hyperbolic"} <= set(data.tags)
    assert ("hierarchical" in data.tags) is not header.tree.is_flat
    assert data.model_name == model
    found = {result.metric_type: result.metric_value for result in data.eval_results}
    assert found["mean_iou"] == header.provenance.scores["mean_iou"]
    assert {result.dataset_name for result in data.eval_results} == {header.provenance.validated_on}
    assert not {name for name in found if name.startswith("distance")}, "those are no scores"


def test_without_scores_there_is_no_index() -> None:
    assert "model-index" not in read(front_matter(HEADER, "a"))


@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=60))
def test_no_text_of_a_header_is_more_than_a_text(name: str, data: str, licence: str) -> None:
    header = with_provenance(validated_on=data, licence=licence, scores={"mean_iou": 0.5, "pixel_accuracy": 0.75})
    keys = read(front_matter(header, name))
    assert set(keys) <= {"license", "license_name", "library_name", "pipeline_tag", "tags", "model-index"}
    (index,) = keys["model-index"]
    assert isinstance(index["name"], str)
    assert [metric["value"] for metric in index["results"][0]["metrics"]] == [0.5, 0.75]


@pytest.mark.parametrize(
    ("licence", "lines"),
    [
        ("MIT", ["license: mit"]),
        ("MIT; trained on images for research use", ["license: mit"]),
        ("Apache-2.0", ["license: apache-2.0"]),
        ("Apache 2.0 License", ["license: apache-2.0"]),
        ("CC BY-NC 4.0", ["license: cc-by-nc-4.0"]),
        ("CC0 1.0 (public domain)", ["license: cc0-1.0"]),
        ("unknown", ["license: unknown"]),
        ("research use only", ["license: other", 'license_name: "research-use-only"']),
        ("", ["license: other", 'license_name: "unnamed"']),
    ],
)
def test_a_licence_has_the_name_that_the_hub_knows(licence: str, lines: list[str]) -> None:
    assert licence_lines(licence) == lines
    assert lines[0].removeprefix("license: ") in {*LICENCES, "other"}
