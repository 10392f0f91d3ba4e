"""What the options of where to look first are read as, and refused."""

from __future__ import annotations

import re

import pytest

from hypsegcli.cli.looking import parse_quota
from hypsegcli.errors import UsageError
from hypsegcli.hierarchy.tree import flat_tree

TREE = flat_tree(["sky", "road = wet", "car"])


@pytest.mark.parametrize(
    ("text", "quota"),
    [
        ("0.25", 0.25),
        ("1", 1.0),
        ("sky=.05", {"sky": 0.05}),
        ("sky=0.1, road = wet=1", {"sky": 0.1, "road = wet": 1.0}),
    ],
)
def test_a_quota_is_one_for_all_or_for_some(text: str | None, quota: object) -> None:
    assert parse_quota(text, TREE) == quota


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("0", "expected a share above 0, up to 1, such as 0.2"),
        ("25%", "expected a share above 0"),
        ("nan", "expected a share above 0"),
        ("sky=2", "expected a share above 0"),
        ("tree=0.5", "'tree' is no class; expected CLASS=P, of sky, road = wet, car"),
        ("sky=0.1,car", "'car' is no class"),
        ("sky=0.1,sky=0.2", "sky is named twice"),
    ],
)
def test_a_quota_that_is_none_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(UsageError, match=rf"^--quota {re.escape(text)}: {re.escape(sentence)}"):
        parse_quota(text, TREE)
