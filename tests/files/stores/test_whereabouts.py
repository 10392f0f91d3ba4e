"""What processes have alike between which the number of a process means the same."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest

from hypsegcli.files.stores.whereabouts import whereabouts

PRINT = """
import json
from hypsegcli.files.stores.whereabouts import whereabouts
print(json.dumps(whereabouts()))
"""
APART = ("unshare", "--pid", "--fork")  # as in another container that has the network of this one


def told(*before: str) -> dict[str, str]:
    done = subprocess.run([*before, sys.executable, "-c", PRINT], capture_output=True, text=True, check=True)
    found: dict[str, str] = json.loads(done.stdout)
    return found


def test_processes_beside_each_other_have_all_alike() -> None:
    assert told() == whereabouts()
    assert all(whereabouts().values()) or sys.platform != "linux"


def may_part() -> bool:
    return (
        bool(shutil.which(APART[0]))
        and subprocess.run([*APART, "true"], capture_output=True, check=False).returncode == 0
    )


@pytest.mark.skipif(not may_part(), reason="needs the right to part namespaces")
def test_containers_of_one_network_do_not() -> None:
    here, there = whereabouts(), told(*APART)
    assert {name for name in here if here[name] != there[name]} == {"processes"}
