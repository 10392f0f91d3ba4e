"""Sentences that name settings, as Python and as the command line spell them."""

from __future__ import annotations

import pytest

from hypsegcli.cli.console import as_option, error
from hypsegcli.errors import HypsegError, ImageError, as_keyword, first_line, setting, spell


def test_a_setting_is_spelled_as_its_reader_knows_it() -> None:
    message = f"a.png: too large; use {setting('tile', 512)} or {setting('longest_side')}"
    assert spell(message, as_keyword) == "a.png: too large; use tile=512 or longest_side"
    assert spell(message, as_option) == "a.png: too large; use --tile 512 or --longest-side"


def test_an_error_reads_as_python_and_the_command_line_writes_options(capsys: pytest.CaptureFixture[str]) -> None:
    problem = ImageError(f"{{odd}} <name>: allow them with {setting('max_pixels', 7)}")
    assert str(problem) == "{odd} <name>: allow them with max_pixels=7"
    error(problem.message)
    assert capsys.readouterr().err == "hypseg: {odd} <name>: allow them with --max-pixels 7\n"


def test_an_error_without_words_has_an_empty_message() -> None:
    assert HypsegError().message == str(HypsegError()) == ""


@pytest.mark.parametrize(
    ("problem", "line"),
    [(ValueError("one\ntwo"), "one"), (ValueError(), "ValueError"), (OSError(2, "no"), "[Errno 2] no")],
)
def test_the_first_line_of_an_error(problem: Exception, line: str) -> None:
    assert first_line(problem) == line
