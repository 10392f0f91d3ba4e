"""What a calibration is not one of."""

from __future__ import annotations

import pytest

from hypsegcli.confidence.measures import choose_measures, of_another_precision
from hypsegcli.errors import UsageError


@pytest.mark.parametrize(
    ("in_int8", "precision", "told"),
    [
        (None, "int8", None),
        (True, "int8", None),
        (False, "fp32", None),
        (False, "bf16", None),
        (True, "fp32", "fitted in int8, and it runs in fp32, .*; use precision=int8, or .* and precision=fp32$"),
        (True, "bf16", "fitted in int8, and it runs in bf16, .*; use precision=int8, or .* and precision=bf16$"),
        (
            False,
            "int8",
            "fitted in fp32 or bf16, and it runs in int8, .*; use precision=fp32, or .* and precision=int8$",
        ),
    ],
)
def test_int8_has_distances_of_its_own(in_int8: bool | None, precision: str, told: str | None) -> None:
    found = of_another_precision(in_int8, precision)
    if told is None:
        assert found is None
    else:
        assert found is not None
        with pytest.raises(UsageError, match=told):
            raise UsageError(found)


def test_all_begins_with_what_a_checkpoint_says_best() -> None:
    usual = choose_measures("all", fitted=None, interpolate="scalar")
    assert usual[0] == "distance"
    of_entropy = choose_measures("all", fitted=None, interpolate="scalar", uncalibrated="entropy")
    assert of_entropy[0] == "entropy"
    assert sorted(of_entropy) == sorted(usual)
    calibrated = choose_measures("all", fitted="scalar", interpolate="scalar", uncalibrated="entropy")
    assert calibrated == choose_measures("all", fitted="scalar", interpolate="scalar")
