"""The main plane: the one that was named, or the only one there is, and never a guess."""

from __future__ import annotations

import numpy as np
import pytest

from hypsegcli.confidence.planes import Plane
from hypsegcli.inference.prediction import Prediction
from hypsegcli.inference.request import Request

LABELS = np.zeros((1, 2), np.uint8)
PLANES = {name: Plane(np.zeros((1, 2), np.float32), name, 1.0) for name in ("distance", "entropy")}


@pytest.mark.parametrize("name", PLANES)
def test_the_main_plane_is_the_named_or_the_only_one(name: str) -> None:
    assert Prediction(LABELS, PLANES, main_measure=name).main is PLANES[name]
    assert Prediction(LABELS, {name: PLANES[name]}).main is PLANES[name]


def test_there_is_no_guess() -> None:
    with pytest.raises(ValueError, match="which of the measures distance, entropy is the main one"):
        _ = Prediction(LABELS, PLANES).main
    with pytest.raises(ValueError, match=r"\(none\)"):
        _ = Prediction(LABELS, {}).main


def test_a_request_asks_for_its_main_measure() -> None:
    assert Request(measures=("entropy", "distance"), main="distance").main == "distance"
    with pytest.raises(ValueError, match="the main measure norm is none of entropy, distance"):
        Request(measures=("entropy", "distance"), main="norm")
