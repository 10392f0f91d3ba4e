"""Which sides of which passes can be, and what is said of the others."""

import pytest
from support.checkpoints import HEADER

from hypsegcli.checkpoint.format import InputSpec
from hypsegcli.confidence.calibration import Calibration
from hypsegcli.errors import UsageError, as_keyword, spell
from hypsegcli.inference.guide import decide_guide_side, of_another_sampling, usual_guide_side
from hypsegcli.sampling.choice import Sampling

EVEN = InputSpec(height=180, width=240)
DENSE = EVEN.model_copy(update={"sampling": "adaptive"})


def test_even_samples_need_no_guide() -> None:
    for trained in (EVEN, DENSE):
        assert decide_guide_side("uniform", None, longest_side=None, trained=trained, tile=512) is None
    with pytest.raises(UsageError, match="guide_side=80 belongs to sampling=adaptive"):
        decide_guide_side("uniform", 80, longest_side=240, trained=DENSE, tile="auto")


def test_the_guide_is_half_or_what_is_said() -> None:
    assert decide_guide_side("adaptive", None, longest_side=240, trained=DENSE, tile="auto") == 120
    assert decide_guide_side("adaptive", 239, longest_side=240, trained=DENSE, tile="off") == 239
    assert usual_guide_side(20) == 16


@pytest.mark.parametrize(
    ("asked", "longest_side", "trained", "tile", "sentence"),
    [
        (None, 240, EVEN, "auto", "has learned from images that were sampled evenly"),
        (None, 240, DENSE, 512, "needs images whole; leave out tile"),
        (80, None, DENSE, "auto", "say to how many with longest_side"),
        (240, 240, DENSE, "auto", "guide_side=240: expected 16 pixels or more, and fewer than the 240"),
        (15, 240, DENSE, "auto", "guide_side=15: expected 16"),
        (None, 16, DENSE, "auto", "fewer than longest_side, which is 16; name more"),
    ],
)
def test_what_cannot_be_is_refused(
    asked: int | None, longest_side: int | None, trained: InputSpec, tile: int, sentence: str
) -> None:
    with pytest.raises(UsageError) as refused:
        decide_guide_side("adaptive", asked, longest_side=longest_side, trained=trained, tile=tile)
    assert sentence in str(refused.value)


@pytest.mark.parametrize("fitted", ["uniform", "adaptive"])
def test_a_calibration_is_one_of_a_way_to_sample(fitted: Sampling) -> None:
    curve = Calibration(distances=(0.0, 5.0), probabilities=(0.2, 0.9), fitted_on="val", sampling=fitted)
    header = HEADER.model_copy(update={"calibration": curve})
    other: Sampling = "adaptive" if fitted == "uniform" else "uniform"
    assert (header.calibrated_when(fitted), header.calibrated_when(other)) == ("scalar", None)
    assert header.calibrated_for == header.calibrated_when("uniform")
    assert of_another_sampling(header, fitted) is None
    sentence = of_another_sampling(header, other)
    assert sentence is not None
    assert f"is one for sampling={fitted}, so that 'calibrated'" in spell(sentence, as_keyword)
    assert of_another_sampling(HEADER, fitted) is None
