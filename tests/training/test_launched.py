"""What an environment says of a process, and what it may not say."""

from __future__ import annotations

import pytest

from hypsegcli.errors import UsageError
from hypsegcli.training.launched import Place, place_of, refuse_crowd, refuse_several

TORCHRUN = {
    "RANK": "5", "WORLD_SIZE": "8", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "4", "MASTER_ADDR": "node0",
    "MASTER_PORT": "29500",
}  # fmt: skip


def test_torchrun_says_it() -> None:
    place = place_of(TORCHRUN)
    assert place == Place(index=5, count=8, local=1, here=4)
    assert not place.is_first
    assert place_of(TORCHRUN | {"TORCHELASTIC_RESTART_COUNT": "2"}) == Place(5, 8, 1, 4, start=2)
    assert place_of(TORCHRUN | {"RANK": "0", "LOCAL_RANK": "0"}).is_first


@pytest.mark.parametrize(
    "environment", [{}, {"WORLD_SIZE": "4"}, {"RANK": "1"}, {"RANK": "0", "WORLD_SIZE": "1"}, {"LOCAL_RANK": "3"}]
)
def test_a_process_is_alone_where_nothing_says_otherwise(environment: dict[str, str]) -> None:
    assert place_of(environment) == Place()


def test_without_torchrun_a_machine_has_one_process_unless_it_says_so() -> None:
    others = {name: value for name, value in TORCHRUN.items() if not name.startswith("LOCAL")}
    assert place_of(others) == Place(index=5, count=8, local=0, here=1)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"MASTER_ADDR": ""}, "this is one of 8 processes, but MASTER_ADDR, where the first of them listens, is not"),
        ({"MASTER_PORT": ""}, "but MASTER_PORT, where"),
        ({"RANK": "8"}, "RANK=8 of WORLD_SIZE=8, and LOCAL_RANK=1 of LOCAL_WORLD_SIZE=4, name no process"),
        ({"LOCAL_RANK": "4"}, "LOCAL_RANK=4 of LOCAL_WORLD_SIZE=4, name no process"),
        ({"WORLD_SIZE": "0"}, "WORLD_SIZE=0"),
        ({"RANK": "-1"}, "RANK=-1: expected a whole number, as torchrun sets it"),
        ({"WORLD_SIZE": "many"}, "WORLD_SIZE=many: expected a whole number"),
    ],
)
def test_what_contradicts_itself_is_refused(change: dict[str, str], sentence: str) -> None:
    with pytest.raises(UsageError) as caught:
        place_of(TORCHRUN | change)
    assert sentence in str(caught.value)


def test_commands_that_know_no_others_are_refused() -> None:
    refuse_several(Place(), "cluster")
    with pytest.raises(
        UsageError, match="hypseg cluster runs in one process, and this is one of 8: hypseg train alone"
    ):
        refuse_several(place_of(TORCHRUN), "cluster")


def test_a_batch_has_an_image_for_everybody() -> None:
    refuse_crowd(Place(count=8), batch_size=8, accumulate=1)
    refuse_crowd(Place(count=4), batch_size=8, accumulate=2)
    with pytest.raises(UsageError, match="8 processes share a batch of 7 images: it takes 8 at least; start fewer"):
        refuse_crowd(Place(count=8), batch_size=7, accumulate=1)
    with pytest.raises(UsageError, match="of 8 images, and accumulate=3 divides what is each one's: it takes 12"):
        refuse_crowd(Place(count=4), batch_size=8, accumulate=3)
