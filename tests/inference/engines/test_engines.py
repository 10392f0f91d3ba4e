"""What runs OpenVINO, ONNX Runtime or NNCF, in processes of their own.

Beside the libraries that the other tests load, OpenVINO and ONNX Runtime together have brought the interpreter down.
"""

from __future__ import annotations

import subprocess
import sys

import pytest
from support import REPOSITORY

OPTIONS = ("-q", "-rs", "--show-capture=no", "-p", "no:cacheprovider")


@pytest.mark.parametrize("tests", ["engines_apart", "quantise_apart"])
def test_in_a_process_of_its_own(tests: str) -> None:
    command = [sys.executable, "-m", "pytest", *OPTIONS, f"tests/inference/engines/{tests}.py"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode in {0, 5}, done.stdout[-20_000:] + done.stderr[-2_000:]  # 5: all of it is skipped
    if skipped := [line for line in done.stdout.splitlines() if line.startswith("SKIPPED")]:
        pytest.skip("; ".join(skipped))
