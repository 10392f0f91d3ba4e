"""Rules: how answers are called, and which stand beside the one that was asked for."""

from __future__ import annotations

import pytest

from hypsegcli.hierarchy.rule import THRESHOLDS, Rule, rules_beside
from hypsegcli.hierarchy.tree import ClassTree, flat_tree

TREE = ClassTree(names=("a", "b", "c", "ab", "all"), parents=(3, 3, 4, 4, -1), classes=3)


def test_a_rule_is_called_what_it_does() -> None:
    assert [str(rule) for rule in (Rule(2), Rule("auto", 0.75), Rule("auto"))] == ["level 2", "auto, 0.75", "auto"]


@pytest.mark.parametrize("chosen", [Rule("auto", 0.5), Rule("auto", 0.72), Rule(1), Rule(3)])
def test_the_chosen_rule_comes_first_and_all_others_once(chosen: Rule) -> None:
    found = rules_beside(chosen, TREE)
    assert found[0] == chosen
    assert len(set(found)) == len(found)
    usual = {Rule(1), Rule(2), *(Rule("auto", threshold) for threshold in THRESHOLDS)}
    assert set(found) == usual | {chosen}


def test_a_flat_tree_has_no_coarser_level() -> None:
    assert {rule.level for rule in rules_beside(Rule("auto", 0.5), flat_tree("ab"))} == {"auto"}
