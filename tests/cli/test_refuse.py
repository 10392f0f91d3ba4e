"""Options that cannot be meant together."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import pytest

from hypsegcli.cli.options.computing import Computing
from hypsegcli.cli.options.running import Input, OutputFolder
from hypsegcli.cli.options.scoring import Dropout, StoredMaps
from hypsegcli.cli.refuse import refuse_contradictions, refuse_idle_refinement, refuse_what_does_nothing
from hypsegcli.errors import UsageError

MAPS = Path("maps")


@pytest.mark.parametrize(
    ("inputs", "computing", "output", "sentence"),
    [
        (Input(), Computing(), OutputFolder(out=MAPS, overwrite=True, resume=True), "--overwrite and --resume"),
        (Input(longest_side="99"), Computing(tile="256"), None, "longest_side=99 .* leave out tile"),
        (Input(), Computing(tile="255"), None, "tile=255: expected"),
    ],
)
def test_contradictions_are_refused(
    inputs: Input, computing: Computing, output: OutputFolder | None, sentence: str
) -> None:
    with pytest.raises(UsageError, match=sentence):
        refuse_contradictions(inputs, computing, output)


def test_what_goes_together_is_not_refused() -> None:
    refuse_contradictions(Input(longest_side="99"), Computing(tile="off"), OutputFolder(out=MAPS, overwrite=True))
    refuse_what_does_nothing(
        StoredMaps(), Dropout(mc_dropout=3, dropout_rate=0.5), Input(longest_side="9"), Computing()
    )
    refuse_what_does_nothing(
        StoredMaps(predictions=MAPS, full_scale=5.0, confidence=["a=b"]),
        Dropout(),
        Input(checkpoint=str(MAPS), max_pixels=5),
        Computing(workers=3),
    )


@pytest.mark.parametrize(
    ("stored", "option"),
    [
        (StoredMaps(confidence=["a=b"]), "--confidence"),
        (StoredMaps(uncertainty=["a=b"]), "--uncertainty"),
        (StoredMaps(full_scale=5.0), "--full-scale"),
        (StoredMaps(prediction_map=MAPS), "--prediction-map"),
        (StoredMaps(prediction_colors=MAPS), "--prediction-colors"),
    ],
)
def test_options_of_maps_need_maps(stored: StoredMaps, option: str) -> None:
    with pytest.raises(UsageError, match=f"^{option} is about maps"):
        refuse_what_does_nothing(stored, Dropout(), Input(), Computing())


@pytest.mark.parametrize(
    ("dropout", "inputs", "computing", "option"),
    [
        (Dropout(mc_dropout=2), Input(), Computing(), "--mc-dropout"),
        (Dropout(), Input(longest_side="99"), Computing(), "--longest-side"),
        (Dropout(), Input(interpolate="points"), Computing(), "--interpolate"),
        (Dropout(), Input(), Computing(engine="torch"), "--engine"),
        (Dropout(), Input(), Computing(device="cpu"), "--device"),
        (Dropout(), Input(), Computing(precision="fp32"), "--precision"),
        (Dropout(), Input(), Computing(tile="off"), "--tile"),
    ],
)
def test_options_of_a_network_need_one(dropout: Dropout, inputs: Input, computing: Computing, option: str) -> None:
    with pytest.raises(UsageError, match=f"^{option} needs a network"):
        refuse_what_does_nothing(StoredMaps(predictions=MAPS), dropout, inputs, computing)


def test_maps_that_were_written_are_not_refined() -> None:
    with pytest.raises(UsageError, match=r"^--refine needs a network"):
        refuse_what_does_nothing(StoredMaps(predictions=MAPS), Dropout(), Input(), Computing(), "edges")


@pytest.mark.parametrize(
    ("kinds", "measures", "is_idle"),
    [
        (("labels",), ("distance",), False),
        (("boundary", "overlay"), ("calibrated",), False),
        (("confidence",), ("distance", "margin"), False),
        (("confidence", "boundary"), ("distance", "calibrated"), True),
        ((), ("norm",), True),
    ],
)
def test_refining_is_refused_where_nothing_comes_of_it(
    kinds: tuple[str, ...], measures: tuple[str, ...], is_idle: bool
) -> None:
    refuse_idle_refinement(None, kinds, measures)
    with pytest.raises(UsageError, match=r"^--refine edges is of class probabilities") if is_idle else nullcontext():
        refuse_idle_refinement("edges", kinds, measures)


@pytest.mark.parametrize(
    ("dropout", "computing", "sentence"),
    [
        (Dropout(mc_dropout=2), Computing(engine="openvino"), "leave out --engine"),
        (Dropout(dropout_rate=0.2), Computing(), "--dropout-rate belongs to --mc-dropout"),
    ],
)
def test_dropout_has_its_own(dropout: Dropout, computing: Computing, sentence: str) -> None:
    with pytest.raises(UsageError, match=sentence):
        refuse_what_does_nothing(StoredMaps(), dropout, Input(), computing)


def test_dropout_is_not_compared_with_what_is_refined() -> None:
    with pytest.raises(UsageError, match="leave out --refine"):
        refuse_what_does_nothing(StoredMaps(), Dropout(mc_dropout=2), Input(), Computing(), "edges")
