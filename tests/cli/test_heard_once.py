"""Which of several processes says what ended them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import typer

from hypsegcli.cli.heard_once import heard_once
from hypsegcli.errors import DataError, HypsegError, UsageError
from hypsegcli.training.launched import LostError, Place, ToldError

FIRST, SECOND, OF_OTHER_MACHINE = (
    Place(0, 4, 0, 2), Place(1, 4, 1, 2), Place(2, 4, 0, 2)
)  # fmt: skip


def told(cause: Exception) -> ToldError:
    error = ToldError("no")
    error.__cause__ = cause
    return error


def ending(place: Place, error: BaseException) -> BaseException:
    """What the block is left with."""
    try:
        with heard_once(place):
            raise error
    except BaseException as left:
        return left


@pytest.mark.parametrize("make", [lambda: UsageError("no"), KeyboardInterrupt, lambda: LostError("gone")])
def test_the_first_says_everything(make: Callable[[], BaseException]) -> None:
    error = make()
    assert ending(FIRST, error) is error


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (KeyboardInterrupt(), 130),
        (told(UsageError("no")), 2),
        (told(DataError("no")), 1),
        (told(FloatingPointError("no")), 1),
        (UsageError("no"), 2),
    ],
)
def test_another_leaves_without_a_word_and_with_the_same_code(error: BaseException, code: int) -> None:
    left = ending(SECOND, error)
    assert isinstance(left, typer.Exit)
    assert left.exit_code == code


def test_what_only_another_knows_it_says() -> None:
    lost, of_machine = LostError("gone"), HypsegError("this machine has no such file")
    assert ending(SECOND, lost) is lost
    assert ending(OF_OTHER_MACHINE, of_machine) is of_machine
    assert isinstance(ending(OF_OTHER_MACHINE, told(UsageError("no"))), typer.Exit)
