"""A worker as a process: what it hears, what it answers, and that it ends with whoever it works for."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support import make_checkpoint
from support.deadly import Deadly, nothing

from hypsegcli.checkpoint.store import load_checkpoint
from hypsegcli.hierarchy.tree import flat_tree
from hypsegcli.inference.request import Request
from hypsegcli.products.outputs import Outputs
from hypsegcli.run.order import Order
from hypsegcli.run.source import Facts, Work


@pytest.mark.skipif(os.name == "nt", reason="it ends in another way there")
@pytest.mark.parametrize("fails", [False, True])
def test_it_ends_when_nobody_is_there_any_more_to_work_for(tmp_path: Path, fails: bool) -> None:
    checkpoint = make_checkpoint(tmp_path / "c.safetensors", flat_tree(["a", "b"]))
    order = Order(
        checkpoint=checkpoint,
        sha256="0" * 64 if fails else load_checkpoint(checkpoint).sha256,
        request=Request(),
        work=Work(outputs=Outputs({"labels": Deadly(tmp_path)}, nothing), max_pixels=10**6),
        out=tmp_path,
        engine="torch",
    )
    lines = f"import sys; sys.path[:] = {sys.path!r}; from hypsegcli.run.worker import serve; serve()"
    with subprocess.Popen([sys.executable, "-c", lines], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as worker:
        assert worker.stdin is not None
        assert worker.stdout is not None
        worker.stdin.write(pickle.dumps(order))
        worker.stdin.flush()
        assert isinstance(pickle.load(worker.stdout), Facts) is not fails
        if not fails:
            worker.stdin.write(pickle.dumps(None))  # no windows
        worker.stdin.close()
        assert worker.wait(30) == -signal.SIGKILL
