"""Actors on a Ray cluster of one machine, which has eight processors by its own account: two actors."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import Hypseg, make_checkpoint
from support.deadly import Deadly
from support.shared_runs import files, here, lines, pictures, segment

from hypsegcli.errors import UsageError
from hypsegcli.hierarchy.tree import flat_tree
from hypsegcli.run.ray_actors import Place, actors, import_ray, list_places

CLUSTER = """
import logging, os, sys
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
import ray
for start in range(4):  # on a busy machine it is not always there in time
    try:
        found = ray.init(address="local", num_cpus=8, include_dashboard=False, logging_level=logging.CRITICAL)
        break
    except Exception:
        ray.shutdown()
print(found["gcs_address"], flush=True)
sys.stdin.read()
"""

pytestmark = pytest.mark.ray

NODE = {"Alive": True, "NodeID": "1", "NodeManagerHostname": "one", "Resources": {"CPU": 10.0}}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_checkpoint(tmp_path_factory.mktemp("c") / "c.safetensors", flat_tree(["a", "b", "c"]))


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    pytest.importorskip("ray", reason="Ray is not installed here")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_MODE", "disabled")  # the cluster has no token that this process would know
        patch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
        cluster = subprocess.Popen(
            [sys.executable, "-c", CLUSTER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        with cluster:
            assert cluster.stdin is not None
            assert cluster.stdout is not None
            found = cluster.stdout.readline().strip()
            if not found:
                pytest.skip("no Ray cluster starts here")
            yield found
            cluster.stdin.close()


@pytest.mark.filterwarnings("ignore")  # Ray's own
def test_an_actor_is_killed_and_an_image_kills_all_that_touch_it(
    tmp_path: Path, checkpoint: Path, address: str
) -> None:
    given = pictures(tmp_path / "in", 14)
    marks = tmp_path / "marks"
    marks.mkdir()
    told: list[str] = []
    results = segment(
        given,
        tmp_path / "out",
        checkpoint,
        Deadly(marks, always=66, once=75),
        lambda order: actors(order, address=address, tell=told.append),
    )
    assert told[0].startswith("Ray: 2 actors: ")
    assert sum("died (The actor is dead" in sentence for sentence in told) == 3
    assert len(results) == 14
    found = lines(tmp_path / "out")
    assert {key: line["code"] for key, line in found.items() if line["status"] == "failed"} == {"002": "worker"}
    assert sorted(path.name.partition("-")[0] for path in marks.iterdir()) == ["66", "66", "75"]
    segment(given, tmp_path / "whole", checkpoint, Deadly(marks), here)
    whole = files(tmp_path / "whole")
    assert whole.pop("labels/002.bin")
    assert files(tmp_path / "out") == whole  # and no hidden file


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C cannot be sent to one process there")
def test_ctrl_c_finishes_what_is_begun_and_one_process_goes_on(
    hypseg: Hypseg, tmp_path: Path, checkpoint: Path, address: str
) -> None:
    given, out = pictures(tmp_path / "in", 48), tmp_path / "out"
    command = ["predict", given, "--out", out, "--checkpoint", checkpoint, "--engine", "torch", "--resume"]
    start = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    start += "from hypsegcli.__main__ import run_and_leave; run_and_leave()"
    process = subprocess.Popen(
        [sys.executable, "-c", start, *map(str, command), "--runner", "ray", "--ray-address", address],
        stderr=subprocess.PIPE,
        text=True,
    )
    books, until = out / "manifest.jsonl", time.monotonic() + 100
    while not books.is_file() or books.read_bytes().count(b'"done"') < 3:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130, told
    done = sum(line["status"] == "done" for line in lines(out).values())
    assert 3 <= done < 48
    assert f"interrupted after {done} of 48 images; the same command with --resume continues" in told
    assert "Traceback" not in told
    assert len(files(out)) == 4 * done
    outcome = hypseg(*command)
    assert outcome.code == 0
    assert f"{done} of 48 images done already" in outcome.stderr
    assert hypseg("verify", out).code == 0


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--ray-address", "127.0.0.1:9"), "--ray-address 127.0.0.1:9: no cluster listens there"),
        (("--ray-address", "head"), "--ray-address head: expected auto, or HOST:PORT of the cluster's head"),
        (("--ray-address", "ray://head:10001"), "expected auto, or HOST:PORT of the cluster's head"),
        (("--device", "cpu,cpu"), "--device cpu,cpu: on a Ray cluster expected auto, cpu, or cuda"),
    ],
)
def test_clusters_that_cannot_be_are_refused(
    hypseg: Hypseg, photos: Path, tmp_path: Path, checkpoint: Path, options: tuple[str, ...], sentence: str
) -> None:
    pytest.importorskip("ray", reason="Ray is not installed here")
    out = tmp_path / "out"
    outcome = hypseg("predict", photos, "--out", out, "--checkpoint", checkpoint, "--runner", "ray", *options)
    assert outcome.code == 2
    assert sentence in outcome.stderr
    assert not out.exists()


OTHER_RAY = """
def init(**_):
    raise RuntimeError("Version mismatch: The cluster was started with:\\n    Ray: 2.9.0\\n    Python: 3.8.1")
"""


def test_a_cluster_of_another_version_is_refused(
    hypseg: Hypseg, photos: Path, tmp_path: Path, checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ray", reason="Ray is not installed here")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "ray.py").write_text(OTHER_RAY)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "other"))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"127.0.0.1:{listening.getsockname()[1]}"
        command = ("predict", photos, "--out", tmp_path / "out", "--checkpoint", checkpoint, "--runner", "ray")
        outcome = hypseg(*command, "--ray-address", address)
    assert outcome.code == 2
    assert f"--ray-address {address}: this machine cannot join a cluster there: it is of another" in outcome.stderr
    assert "Ray: 2.9.0 Python: 3.8.1); run hypseg with the Python and the Ray of the cluster" in outcome.stderr


def test_an_address_without_the_runner_is_refused(hypseg: Hypseg, photos: Path, tmp_path: Path) -> None:
    outcome = hypseg("uncertainty", photos, "--out", tmp_path / "out", "--ray-address", "auto")
    assert (outcome.code, "--ray-address belongs to --runner ray" in outcome.stderr) == (2, True)


def test_where_ray_is_not_installed_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError, match=r"runner=ray: not installed here; pip install 'hypseg\[ray\]'"):
        import_ray()


def test_actors_go_to_gpus_or_to_four_processors_each() -> None:
    gpus = NODE | {"NodeID": "2", "NodeManagerHostname": "two", "Resources": {"CPU": 16.0, "GPU": 2.0}}
    gone = NODE | {"Alive": False}
    head = NODE | {"Resources": {"CPU": 0.0}}
    small = NODE | {"Resources": {"CPU": 1.0}}
    assert list_places([NODE, gone, head], "auto") == [Place("one", "1", 5, 0, 2)] * 2
    assert list_places([NODE, gpus], "auto") == [Place("two", "2", 8, 1, 1)] * 2
    assert list_places([NODE, gpus], "cpu") == [Place("one", "1", 5, 0, 2)] * 2 + [Place("two", "2", 4, 0, 4)] * 4
    assert list_places([small], "auto") == [Place("one", "1", 1, 0, 1)]
    with pytest.raises(UsageError, match=r"device=cuda: the Ray cluster of 1 node has no GPU; add nodes"):
        list_places([NODE], "cuda")
    with pytest.raises(UsageError, match="of 1 node has no CPU"):
        list_places([head], "auto")
