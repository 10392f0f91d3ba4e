"""What an object store costs a run: `python benchmarks/stores.py` prints processor time and requests of an image.

The images and the network are those of load.py, the store is moto's on this machine, in a process of its own, whose
log tells the requests. A run of a folder into a folder is compared with one of a bucket into a bucket, and each is then
begun again with `--resume`. What a network adds, time on the way above all, is not in it: that is for `--workers`.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from pathlib import Path

import torch
from load import make_run, write_pictures  # type: ignore[import-not-found]  # beside this file

from hypsegcli.files.atomic import write_atomically
from hypsegcli.files.lock import locked
from hypsegcli.files.place import locate

_SERVE = """
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=int(sys.argv[1]))
server.start()
sys.stdin.read()
"""
_ASKED = re.compile(r'"(?:\x1b\[[0-9;]*m)*([A-Z]+) \S+ HTTP')  # some answers in colour


def processor() -> float:
    """Seconds of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def measure(paths: list[Path], out: Path, workers: int) -> tuple[float, float]:
    """Milliseconds an image of a run, and of its being begun again."""
    started = processor()
    with locked(out, "predict"):
        for _ in make_run(paths, out, workers, resume=False).results():
            pass
    done = processor()
    make_run(paths, out, workers, resume=True)
    return 1000 * (done - started) / len(paths), 1000 * (processor() - done) / len(paths)


def main() -> None:
    """See the module's text."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--port", type=int, default=5115)
    given = parser.parse_args()
    torch.set_num_threads(1)
    url = f"http://127.0.0.1:{given.port}"
    os.environ |= {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "a", "AWS_REGION": "us-east-1"}
    os.environ["AWS_ENDPOINT_URL"] = url
    with tempfile.TemporaryDirectory() as folder, Path(folder, "log").open("w+") as log:
        command = [sys.executable, "-c", _SERVE, str(given.port)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log) as server:
            time.sleep(5)
            headers = {"Authorization": "AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/s3/aws4_request"}
            urllib.request.urlopen(urllib.request.Request(f"{url}/bench", method="PUT", headers=headers)).close()
            here = write_pictures(Path(folder, "in"), given.images)
            there = [locate(f"s3://bench/in/{path.parent.name}/{path.name}") for path in here]
            for path, place in zip(here, there, strict=True):
                write_atomically(place, path.read_bytes())
            marks = [log.tell()]
            for name, paths, out in (
                ("files", here, Path(folder, "out")),
                ("objects", there, locate("s3://bench/out")),
            ):
                run, again = measure(paths, out, given.workers)
                print(f"{name}: {run:.2f} ms an image, --resume {again:.2f}")  # noqa: T201
                marks.append(Path(folder, "log").stat().st_size)
            assert server.stdin is not None
            server.stdin.close()
            server.terminate()
        asked = Counter(_ASKED.findall(Path(folder, "log").read_text()[marks[1] :]))
    told = ", ".join(f"{method} {count / given.images:.2f}" for method, count in asked.most_common())
    print(f"requests an image, run and --resume: {told}")  # noqa: T201


if __name__ == "__main__":
    main()
