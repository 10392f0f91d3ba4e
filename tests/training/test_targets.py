"""Targets that are no class."""

from hypsegcli.training.targets import OTHER, inner_node, of_node


def test_inner_nodes_have_targets_of_their_own_and_come_back() -> None:
    targets = [of_node(node, 11) for node in range(17)]
    assert targets[:11] == list(range(11))
    assert len({*targets, OTHER}) == 18
    assert all(target < OTHER for target in targets[11:])
    assert [inner_node(target, 11) for target in targets[11:]] == list(range(11, 17))
