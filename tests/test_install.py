"""What can be known of the Dockerfile and of docs/install.md without Docker."""

from __future__ import annotations

import re
import shlex
import tomllib
from fnmatch import fnmatch

import pytest
from support import REPOSITORY

DOCKERFILE = (REPOSITORY / "Dockerfile").read_text(encoding="utf-8")
INSTALL = (REPOSITORY / "docs" / "install.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
COPIED = [path for line in re.findall(r"^COPY (.*) \S+$", DOCKERFILE, re.M) for path in shlex.split(line)]


def instruction(name: str) -> str:
    (found,) = re.findall(rf"^{name} (.*)$", DOCKERFILE, flags=re.MULTILINE)
    return str(found)


def test_what_is_copied_is_there_and_not_ignored() -> None:
    ignored = (REPOSITORY / ".dockerignore").read_text(encoding="utf-8").split()
    assert len(COPIED) == 5
    for path in COPIED:
        assert (REPOSITORY / path).exists(), path
        assert f"!{path}" in ignored
    assert sorted(COPIED) == sorted(line[1:] for line in ignored if line.startswith("!"))


def test_all_that_the_package_is_built_from_is_copied() -> None:
    wheel = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert {*wheel["packages"], *wheel["force-include"], PROJECT["project"]["readme"], "pyproject.toml"} <= {*COPIED}


def test_python_and_the_extra_are_those_of_the_project() -> None:
    minor = re.fullmatch(r"python:3\.(\d+)-slim", instruction("FROM"))
    assert minor is not None
    assert f">=3.{minor[1]}" >= PROJECT["project"]["requires-python"]
    (extra,) = re.findall(r"'\.\[(\w+)\]'", instruction("RUN"))
    assert extra in PROJECT["project"]["optional-dependencies"]
    assert instruction("ENTRYPOINT") == '["hypseg"]'
    assert "hypseg" in PROJECT["project"]["scripts"]


def test_it_is_short_and_takes_pytorch_for_the_cpu() -> None:
    assert len(DOCKERFILE.splitlines()) <= 12
    assert "UV_TORCH_BACKEND=cpu uv pip install" in instruction("RUN")
    assert "UV_TORCH_BACKEND=cpu uv pip install ." in INSTALL


def test_the_page_lists_every_extra() -> None:
    named = re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`.*?) \|", INSTALL, flags=re.MULTILINE)))
    assert sorted(named) == sorted(PROJECT["project"]["optional-dependencies"])


@pytest.mark.parametrize("path", ["hypsegcli/__pycache__", "hypsegcli/cli/__pycache__"])
def test_nothing_that_was_compiled_goes_in(path: str) -> None:
    patterns = [line for line in (REPOSITORY / ".dockerignore").read_text(encoding="utf-8").split() if line[0] != "!"]
    assert any(fnmatch(path, pattern) for pattern in patterns[1:])
