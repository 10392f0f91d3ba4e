"""Which images are held back: by their names alone."""

from __future__ import annotations

import random
import unicodedata

from hypsegcli.training.held_back import held_back

KEYS = [f"slide{number // 10}/cell {number}" for number in range(400)]


def test_it_is_neither_the_order_nor_a_share_by_chance() -> None:
    shuffled = random.Random(3).sample(KEYS, len(KEYS))
    assert held_back(shuffled, 20) == held_back(KEYS, 20)
    assert len(held_back(KEYS, 20)) == 20
    assert held_back(KEYS, 10) < held_back(KEYS, 20)
    assert (held_back([], 3), held_back(KEYS, 0)) == (frozenset(), frozenset())


def test_where_images_are_added_few_change_sides() -> None:
    before, after = held_back(KEYS[:200], 40), held_back(KEYS, 80)
    assert len(before & after) >= 32  # a draw of its own would share eight


def test_two_ways_to_write_an_accent_are_one() -> None:
    names = ["é", "b", "c", "d", "f"]
    decomposed = [unicodedata.normalize("NFD", name) for name in names]
    chosen = {unicodedata.normalize("NFC", name) for name in held_back(decomposed, 2)}
    assert chosen == held_back(names, 2)
