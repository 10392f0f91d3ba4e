"""Laws of a folder into which runs come in any order, stopped anywhere: a few histories of benchmarks/histories.py."""

import subprocess
import sys

from support import REPOSITORY


def test_every_law_holds_in_a_few_histories() -> None:
    """In a process of its own, which forks for every command: this one may have threads."""
    script = REPOSITORY / "benchmarks" / "histories.py"
    command = [sys.executable, str(script), "--histories", "5", "--steps", "6"]
    ended = subprocess.run(command, check=False, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert ended.stdout.startswith("| histories of ")
