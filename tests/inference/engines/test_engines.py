"""Every engine against torch: `engines_apart.py`, in a process of its own.

Beside the libraries that the other tests load, OpenVINO and ONNX Runtime together have brought the interpreter down.
"""

from __future__ import annotations

import subprocess
import sys

import pytest
from support import REPOSITORY

OPTIONS = ("-q", "-rs", "--show-capture=no", "-p", "no:cacheprovider")


def test_engines_apart() -> None:
    command = [sys.executable, "-m", "pytest", *OPTIONS, "tests/inference/engines/engines_apart.py"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
    if skipped := [line for line in done.stdout.splitlines() if line.startswith("SKIPPED")]:
        pytest.skip("; ".join(skipped))
