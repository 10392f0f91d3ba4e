"""Levels of 16 bits: the nearest, and none lost on the way to float32 and back."""

import math

import numpy as np

from hypsegcli.confidence.levels import to_levels


def test_every_level_survives_the_way_to_float32_and_back() -> None:
    levels = np.arange(65536).reshape(256, 256)
    found = to_levels((levels / 65535.0).astype(np.float32))
    assert found.dtype == np.uint16
    np.testing.assert_array_equal(found, levels)


def test_levels_are_the_nearest_and_what_lies_outside_is_cut() -> None:
    plane = np.array([[-math.inf, -1e-3, 0.4 / 65535, 0.6 / 65535, 65534.4 / 65535, 65534.6 / 65535, 1.1, math.inf]])
    assert to_levels(plane.astype(np.float32)).tolist() == [[0, 0, 0, 1, 65534, 65535, 65535, 65535]]
