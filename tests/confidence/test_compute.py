"""Limits and orders of the confidence measures."""

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from hypsegcli.confidence.calibration import Calibration
from hypsegcli.confidence.compute import AnswerChances, compute_confidence
from hypsegcli.confidence.measures import MEASURES, Interpolation, available, choose_measures, full_scale
from hypsegcli.errors import UsageError


def calibration(distances: tuple[float, ...], probabilities: tuple[float, ...]) -> Calibration:
    return Calibration(distances=distances, probabilities=probabilities, fitted_on="a test")


OF_PROBABILITIES = [name for name, measure in MEASURES.items() if measure.needs_probabilities]
NOWHERE = torch.zeros(1, 1, 1)


def of(name: str, probabilities: list[float] | Tensor) -> float:
    p = torch.as_tensor(probabilities, dtype=torch.float32).reshape(1, -1, 1, 1)
    return float(compute_confidence(name, distance=NOWHERE, c=1.0, probabilities=p))


@pytest.mark.parametrize("K", [2, 3, 11, 171])
@pytest.mark.parametrize("name", OF_PROBABILITIES)
def test_uniform_is_no_confidence_and_one_hot_is_all(name: str, K: int) -> None:
    nothing = 1 / K if name == "max-probability" else 0.0
    assert of(name, torch.full((K,), 1 / K)) == pytest.approx(nothing, abs=1e-6)
    assert of(name, torch.eye(K)[K // 2]) == 1.0


@settings(max_examples=100, deadline=None)
@given(p=st.floats(0.0, 1.0), q=st.floats(0.0, 1.0))
def test_two_classes_leave_one_order(p: float, q: float) -> None:
    """With two classes every measure depends on the larger probability alone, and rises with it."""
    p, q = max(p, 1 - p), max(q, 1 - q)
    for name in OF_PROBABILITIES:
        if p > q + 1e-3:
            assert of(name, [p, 1 - p]) > of(name, [q, 1 - q])
        assert of(name, [p, 1 - p]) == of(name, [1 - p, p])


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(-30, 30), min_size=2, max_size=12))
def test_range_and_indifference_to_order(logits: list[float]) -> None:
    p = torch.tensor(logits).softmax(0)
    for name in OF_PROBABILITIES:
        value = of(name, p)
        assert 0.0 <= value <= full_scale(name, max_distance=7.6) + 1e-6
        assert value == pytest.approx(of(name, p.flip(0)), abs=1e-6)
    assert of("margin", p) <= of("max-probability", p)


def test_no_uniform_distribution_is_below_nothing() -> None:
    """Rounding alone would put a third of them there."""
    assert min(of("entropy", torch.full((K,), 1 / K)) for K in range(2, 200)) == 0.0


@pytest.mark.parametrize("c", [0.1, 1.0, 4.0])
def test_norm_and_distance_agree(c: float) -> None:
    distance = torch.linspace(0, 12 / math.sqrt(c), 50)[None, None]
    assert compute_confidence("distance", distance=distance, c=c, probabilities=None) is distance
    norm = compute_confidence("norm", distance=distance, c=c, probabilities=None).flatten().double()
    assert norm[0] == 0.0
    assert ((norm >= 0) & (norm < 1 + 1e-6)).all()
    assert all(one < two for one, two in itertools.pairwise(norm.tolist()[:40]))
    back = 2 / math.sqrt(c) * torch.atanh(norm[:20])  # further out float32 has no digits left
    torch.testing.assert_close(back, distance.flatten()[:20].double(), rtol=1e-3, atol=1e-6)


def test_shapes() -> None:
    p, knots = torch.rand(2, 3, 4, 5).softmax(1), calibration((0.0, 1.0), (0.2, 0.9))
    for name in MEASURES:
        plane = compute_confidence(name, distance=torch.rand(2, 4, 5), c=1.0, probabilities=p, calibration=knots)
        assert (plane.shape, plane.dtype) == ((2, 4, 5), torch.float32)


def test_a_calibration_is_linear_between_knots_and_flat_beyond() -> None:
    knots = calibration((1.0, 2.0, 4.0), (0.2, 0.6, 0.6))
    distance = torch.tensor([0.0, 1.0, 1.25, 1.5, 2.0, 3.0, 4.0, 9.0])
    found = compute_confidence("calibrated", distance=distance, c=1.0, probabilities=None, calibration=knots)
    torch.testing.assert_close(found, torch.tensor([0.2, 0.2, 0.3, 0.4, 0.6, 0.6, 0.6, 0.6]))
    many = torch.linspace(0, 8, 301)
    curve = calibration(tuple(range(8)), tuple(np.linspace(0.1, 1.0, 8) ** 2))
    found = compute_confidence("calibrated", distance=many, c=1.0, probabilities=None, calibration=curve)
    np.testing.assert_allclose(found, np.interp(many, curve.distances, curve.probabilities), rtol=1e-5)
    with pytest.raises(ValueError, match="needs a calibration"):
        compute_confidence("calibrated", distance=many, c=1.0, probabilities=None)


def test_a_calibration_to_the_entropy_is_one_of_that_measure() -> None:
    knots = calibration((0.0, 1.0), (0.1, 0.9)).model_copy(update={"measure": "entropy"})
    p = torch.rand(2, 3, 4, 5).mul(5).softmax(1)
    entropy, found = (
        compute_confidence(name, distance=torch.zeros(2, 4, 5), c=1.0, probabilities=p, calibration=knots)
        for name in ("entropy", "calibrated")
    )
    torch.testing.assert_close(found, 0.1 + 0.8 * entropy)
    with pytest.raises(ValueError, match="the measure entropy needs class probabilities"):
        compute_confidence("calibrated", distance=torch.zeros(2, 4, 5), c=1.0, probabilities=None, calibration=knots)


def test_only_a_calibration_adds_a_measure() -> None:
    assert available(calibrated=True) == tuple(MEASURES)
    assert set(MEASURES) - set(available(calibrated=False)) == {"calibrated"}


@pytest.mark.parametrize(("fitted", "other"), [("scalar", "points"), ("points", "scalar")])
def test_a_calibration_is_one_of_a_way_to_interpolate(fitted: Interpolation, other: Interpolation) -> None:
    assert choose_measures(None, fitted=fitted, interpolate=fitted) == ("calibrated",)
    assert choose_measures("all", fitted=fitted, interpolate=fitted) == tuple(MEASURES)
    assert choose_measures(None, fitted=fitted, interpolate=other) == ("distance",)
    assert "calibrated" not in choose_measures("all", fitted=fitted, interpolate=other)
    with pytest.raises(UsageError, match=f"one for interpolate={fitted}.* hypseg calibrate and interpolate={other}"):
        choose_measures(["entropy", "calibrated"], fitted=fitted, interpolate=other)


def test_full_scale_is_the_checkpoints_for_distance_alone() -> None:
    assert [full_scale(name, max_distance=7.6) for name in MEASURES] == [1.0, 7.6, 1.0, 1.0, 1.0, 1.0]


@pytest.mark.parametrize("name", OF_PROBABILITIES)
def test_missing_probabilities_are_an_error(name: str) -> None:
    with pytest.raises(ValueError, match=f"the measure {name} needs class probabilities"):
        compute_confidence(name, distance=NOWHERE, c=1.0, probabilities=None)


def test_an_unknown_measure_is_an_error() -> None:
    with pytest.raises(ValueError, match="unknown measure variance; known are calibrated, distance, norm"):
        compute_confidence("variance", distance=NOWHERE, c=1.0, probabilities=torch.ones(1, 2, 1, 1))


# Of four classes the softmax says 0.5 and 0.3, which have one parent, 0.15 and 0.05, which have another. The share of
# each answer, and whether the most probable class is in it:
ANSWERS = {
    "the class": (0.5, True),
    "its parent": (0.8, True),
    "its sibling": (0.3, False),
    "the other parent": (0.2, False),
    "everything": (1.0, True),
}


def of_answer(answer: str, probability: float, knots: Calibration) -> float:
    """Where the distance alone says a probability, which is the distance in these calibrations."""
    share, holds = ANSWERS[answer]
    chances = AnswerChances(torch.full((1, 1, 1), share), torch.full((1, 1, 1), 0.5), torch.tensor([[[holds]]]))
    distance = torch.full((1, 1, 1), probability)
    return float(
        compute_confidence(
            "calibrated", distance=distance, c=1.0, probabilities=None, calibration=knots, chances=chances
        )
    )


def test_a_calibrated_answer_divides_the_rest_as_the_softmax_does() -> None:
    knots = calibration((0.0, 0.2, 0.2000001, 1.0), (0.0, 0.2, 0.2, 1.0))
    for p in (0.2, 0.37, 0.6, 0.9, 1.0):
        rest = 1 - p  # of it, 0.6 belongs to the sibling, 0.4 to the other parent
        found = {answer: of_answer(answer, p, knots) for answer in ANSWERS}
        assert found == pytest.approx(
            {
                "the class": p,
                "its parent": p + 0.6 * rest,
                "its sibling": 0.6 * rest,
                "the other parent": 0.4 * rest,
                "everything": 1.0,
            },
            abs=1e-6,
        )


def test_of_other_worlds_nothing_is_known_in_coarse_words_neither() -> None:
    knots = calibration((0.0, 0.2, 1.0), (0.0, 0.2, 1.0))
    for p in (0.0, 0.05, 0.1, 0.2):
        assert of_answer("the class", p, knots) == pytest.approx(p, abs=1e-6)
        assert of_answer("everything", p, knots) == pytest.approx(p / 0.2, abs=1e-6)
        assert of_answer("its parent", p, knots) == pytest.approx(p / 0.2 * (0.2 + 0.8 * 0.6), abs=1e-6)


def test_without_a_fall_to_nothing_every_distance_is_of_the_own_world() -> None:
    knots = calibration((0.0, 0.4, 1.0), (0.4, 0.4, 1.0))
    assert of_answer("everything", 0.0, knots) == pytest.approx(1.0, abs=1e-6)
    assert of_answer("its parent", 0.0, knots) == pytest.approx(0.4 + 0.6 * 0.6, abs=1e-6)


def test_a_sure_class_is_not_lost_in_rounding() -> None:
    knots = calibration((0.0, 1.0), (0.3, 0.3))
    above = torch.tensor([[[1.0 + 2**-23]]])
    chances = AnswerChances(above, torch.tensor([[[1.0]]]), torch.tensor([[[True]]]))
    found = compute_confidence(
        "calibrated", distance=NOWHERE, c=1.0, probabilities=None, calibration=knots, chances=chances
    )
    assert float(found) == pytest.approx(0.3, abs=0.1)
    found = compute_confidence("max-probability", distance=NOWHERE, c=1.0, probabilities=above[None], chances=chances)
    assert float(found) == 1.0


def test_what_is_no_probability_does_not_ask_for_the_answer() -> None:
    p = torch.tensor([0.5, 0.3, 0.15, 0.05]).reshape(1, 4, 1, 1)
    chances = AnswerChances(torch.full((1, 1, 1), 0.8), torch.full((1, 1, 1), 0.5), torch.tensor([[[True]]]))
    distance = torch.full((1, 1, 1), 2.0)
    for name, measure in MEASURES.items():
        options = {"distance": distance, "c": 1.0, "probabilities": p, "calibration": calibration((0, 4), (0.2, 1.0))}
        plain, of_node = (compute_confidence(name, **options, chances=given) for given in (None, chances))  # type: ignore[arg-type]
        assert (plain.item() != of_node.item()) == bool(measure.formula_of_node)
    assert compute_confidence("max-probability", distance=distance, c=1.0, probabilities=p, chances=chances).item() == (
        pytest.approx(0.8)
    )
