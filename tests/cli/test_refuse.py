"""Options that cannot be meant together."""

from __future__ import annotations

from pathlib import Path

import pytest

from hypsegcli.cli.options.running import Computing, Input, OutputFolder
from hypsegcli.cli.options.scoring import Dropout, StoredMaps
from hypsegcli.cli.refuse import refuse_contradictions, refuse_what_does_nothing
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
