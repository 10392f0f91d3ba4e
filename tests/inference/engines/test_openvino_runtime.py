"""OpenVINO may be used from several threads at once, also for the first time."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec

import pytest

PATIENCE = 60  # seconds, in which threads that do not wait for each other have long ended

MEETING = """
import sys, threading
import numpy as np
from hypsegcli.inference.engines.openvino_runtime import import_openvino

openvino, meeting = import_openvino(), threading.Barrier(2)
sys.setswitchinterval(1e-6)

def first_use():
    meeting.wait()
    openvino.Type.f32.to_dtype()
    openvino.Tensor(np.ones(3, np.float32), shared_memory=True)

threads = [threading.Thread(target=first_use) for _ in range(2)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""


@pytest.mark.skipif(find_spec("openvino") is None, reason="has no OpenVINO")
def test_threads_may_use_it_for_the_first_time_at_once() -> None:
    subprocess.run([sys.executable, "-c", MEETING], check=True, timeout=PATIENCE)
