"""Help as a person with 80 columns reads it."""

from __future__ import annotations

import re
from typing import Any

import pytest
import typer
from support import Hypseg

from hypsegcli.cli.app import app
from hypsegcli.training.config import TrainConfig

GROUP: Any = typer.main.get_command(app)
CONTEXT = typer.Context(GROUP, info_name="hypseg")
COMMANDS = tuple(GROUP.commands)
each_command = pytest.mark.parametrize("name", COMMANDS)


def parameters(name: str) -> list[Any]:
    command: Any = GROUP.resolve_command(CONTEXT, [name])[1]
    return [each for each in command.params if "--help" not in each.opts]


def text_of(hypseg: Hypseg, name: str) -> str:
    outcome = hypseg(name, "--help")
    assert (outcome.code, outcome.stderr) == (0, "")
    return outcome.stdout


@pytest.mark.parametrize("columns", ["80", "300"])
@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_nothing_is_broken_or_cut_or_wider_than_eighty_columns(
    hypseg: Hypseg, monkeypatch: pytest.MonkeyPatch, name: str, columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    text = text_of(hypseg, name) if name else hypseg("--help").stdout
    lines = [line for line in text.partition("\nExamples:")[0].splitlines() if " " in line.strip()]
    assert max(map(len, lines)) <= 80
    assert not set("…│╭╰") & set(text)
    assert "\x1b" not in text
    words = text.split()
    for parameter in parameters(name) if name else []:
        meant = (parameter.help or "").split()
        assert meant == [word for word in meant if word in words], parameter.name


@each_command
def test_no_option_shows_a_type(hypseg: Hypseg, name: str) -> None:
    assert not re.search(r"<\w+", text_of(hypseg, name))
    for parameter in parameters(name):
        flag = getattr(parameter, "is_flag", False)
        assert flag or parameter.metavar, parameter.name
        assert not flag or parameter.metavar is None


@each_command
def test_every_default_is_told(hypseg: Hypseg, name: str) -> None:
    text = " ".join(text_of(hypseg, name).split())
    for parameter in parameters(name):
        if isinstance(parameter.show_default, str):
            assert f"[default: {parameter.show_default}]" in text
        elif isinstance(parameter.default, str | int | float) and parameter.default not in ("", False):
            assert "[default: " in text
        assert not parameter.required or "[required]" in text


def test_the_defaults_of_a_training_are_those_of_its_settings(hypseg: Hypseg) -> None:
    text = " ".join(text_of(hypseg, "train").split())
    for name in ("epochs", "backbone", "learning_rate", "softmax", "class_weights"):
        default = TrainConfig.model_fields[name].default
        assert re.search(rf"--{name.replace('_', '-')} .*?\[default: {re.escape(str(default))}\]", text), name
    assert "[default: 240 320]" in text


def test_what_is_typed_most_has_one_short_name_in_every_command() -> None:
    found: dict[str, set[str]] = {}
    for name in COMMANDS:
        for parameter in parameters(name):
            long = [option for option in parameter.opts if option.startswith("--")]
            short = [option for option in parameter.opts if re.fullmatch(r"-\w", option)]
            for option in long:
                found.setdefault(option, set()).add("".join(short))
    assert {option: names for option, names in found.items() if names != {""}} == {
        "--out": {"-o"},
        "--checkpoint": {"-c"},
        "--quiet": {"-q"},
    }


def test_short_names_are_the_long_ones(hypseg: Hypseg) -> None:
    assert hypseg("-h").stdout == hypseg("--help").stdout
    assert hypseg("predict", "-h").stdout == hypseg("predict", "--help").stdout


def test_the_list_of_commands_shows_each_one_s_meaning_whole(hypseg: Hypseg) -> None:
    text = " ".join(hypseg("--help").stdout.split())
    for name, command in GROUP.commands.items():
        assert f"{name} {' '.join(command.help.split())}" in text
