"""The settings beside OpenMMLab's weights are read as far as they are values written out."""

from typing import Any

import pytest

from hypsegcli.checkpoint.converters.mm_config import read_config, read_names

TEXT = """
norm_cfg = dict(type='SyncBN', requires_grad=True)
model = dict(
    backbone=dict(strides=(1, 2, 1, 1), multi_grid=None, **more),
    decode_head={'align_corners': False, 'dilations': [1, 12], 'loss': open('x')})
lr = -0.5
import os
a.b = 1
"""


@pytest.mark.parametrize("key", ["config", "cfg"])
def test_settings_are_read(key: str) -> None:
    found = read_config({"meta": {key: TEXT}})
    assert found["norm_cfg"] == {"type": "SyncBN", "requires_grad": True}
    assert found["model"]["backbone"] == {"strides": [1, 2, 1, 1], "multi_grid": None}
    assert found["model"]["decode_head"] == {"align_corners": False, "dilations": [1, 12], "loss": None}
    assert found["lr"] is None


@pytest.mark.parametrize(
    "meta",
    [
        None,
        1,
        {},
        {"config": 3},
        {"cfg": "a = ("},
        {"cfg": "a\0"},
        {"cfg": "a = " + "(" * 5000},
        {"cfg": " " * 2_000_000},
    ],
)
def test_what_is_no_such_text_has_no_settings(meta: Any) -> None:
    assert read_config({"meta": meta}) == {}
    assert read_config({}) == {}


def test_the_names_of_the_classes_are_where_either_version_puts_them() -> None:
    assert read_names({"meta": {"CLASSES": ["road", "sky"]}}) == ("road", "sky")
    assert read_names({"meta": {"dataset_meta": {"classes": ("road", "sky"), "palette": []}}}) == ("road", "sky")
    strange: list[Any] = [None, {}, {"CLASSES": None}, {"CLASSES": [1, 2]}, {"CLASSES": "road"}, {"dataset_meta": {}}]
    for meta in strange:
        assert read_names({"meta": meta}) == ()
