"""Options of `hypseg train` against the settings they are made from."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import Any

import pytest
from support import Hypseg

from hypsegcli.cli.options.training import Settings
from hypsegcli.training.config import TrainConfig


def words(text: str) -> list[str]:
    """The words of a text, wherever its lines end."""
    return text.split()


@pytest.mark.parametrize("name", [field.name for field in fields(Settings)])
def test_help_has_the_meaning_of_the_setting(hypseg: Hypseg, name: str) -> None:
    meaning = TrainConfig.model_fields[name].description
    assert meaning
    assert " ".join(words(meaning)) in " ".join(words(hypseg("train", "--help").stdout))


def test_what_is_not_given_is_none() -> None:
    settings: Any = Settings()
    assert {getattr(settings, field.name) for field in fields(Settings)} == {None}


def test_the_list_of_commands_says_what_train_says_itself(hypseg: Hypseg) -> None:
    listed = re.search(r"train (Train a .*?) Examples:", " ".join(words(hypseg("--help").stdout)))
    assert listed
    assert listed.group(1) in " ".join(words(hypseg("train", "--help").stdout))
