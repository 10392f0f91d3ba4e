"""Workers that are actors on a Ray cluster: each holds the network, and is given small blocks of images.

Plain actors, and not Ray Data: there a block that kills its worker is tried for ever, its results arrive when all of it
is done, and it needs pandas and pyarrow. Here images that kill actors fail, as they do in processes.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hypsegcli.errors import DeviceError, HypsegError, PlanError, UsageError, first_line, setting
from hypsegcli.files.regular import is_there
from hypsegcli.files.words import count_of, first_of
from hypsegcli.inference.windows import Tiling
from hypsegcli.run.actor import Actor
from hypsegcli.run.crew import Crew, at_work
from hypsegcli.run.hand import Gone, Message
from hypsegcli.run.order import Order
from hypsegcli.run.plan import PlannedImage
from hypsegcli.run.results import Failed
from hypsegcli.run.source import Facts

_STARTS = 4  # of a cluster on this machine, which now and then is not there in time
_PATIENCE = 5.0  # seconds, for an answer of a cluster, and for files to be seen by other machines
_ANSWER = 45  # seconds, for a cluster to be joined
_LISTED = 3  # places
_CPUS = 4  # of an actor without a GPU: as many images go through the network side by side


@dataclass(frozen=True)
class Place:
    """What an actor has of a node."""

    node: str  # its name
    node_id: str
    cpus: float
    gpus: int
    sharing: int  # actors that have the device's memory together

    def __str__(self) -> str:
        return f"{self.node} ({'a GPU' if self.gpus else f'{self.cpus:g} CPUs'})"


@contextmanager
def actors(order: Order, *, address: str | None, tell: Callable[[str], None]) -> Iterator[Crew]:
    """A source whose images go to actors on a Ray cluster, one a GPU, or else one for every four CPUs.

    `address` is that of its head, `auto` for the one that this machine belongs to; None starts one on this machine, or
    takes that of the environment's RAY_ADDRESS. UsageError where there is no such cluster, or it is of another version;
    else raises as `at_work` does.
    """
    if order.device not in {"auto", "cpu", "cuda"}:
        raise DeviceError(
            f"{setting('device', order.device)}: on a Ray cluster expected auto, cpu, or cuda, which is every GPU of it"
        )
    ray = import_ray()
    with _connected(ray, address or os.environ.get("RAY_ADDRESS") or None, tell):
        places = list_places(ray.nodes(), order.device)
        orders = [_order_for(order, place) for place in places]
        tell(f"Ray: {count_of(len(places), 'actor')}: {first_of(list(map(str, places)), _LISTED)}")

        def hire(number: int, report: Callable[[Message], None]) -> _RayActor:
            return _RayActor(ray, places[number], orders[number], report)

        at_once = 2 * order.work.batch_size if order.work.batch_size else 16 if places[0].gpus else 4
        with at_work(hire, list(map(str, places)), out=order.swept, at_once=at_once, tell=tell) as crew:
            yield crew


def import_ray() -> Any:
    """Ray, which tells its makers nothing of it; UsageError where it is not installed."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError:
        raise UsageError(f"{setting('runner', 'ray')}: not installed here; pip install 'hypseg[ray]'") from None
    return ray


def list_places(nodes: Sequence[dict[str, Any]], device: str) -> list[Place]:
    """Where actors go, of nodes as Ray lists them: to GPUs where there are some, unless a device is named.

    UsageError where nothing is to be had.
    """
    living = [(node, node["Resources"]) for node in nodes if node["Alive"]]
    on_gpus = device == "cuda" or (device == "auto" and any(found.get("GPU", 0) >= 1 for _, found in living))
    places = []
    for node, found in living:
        cpus, gpus = found.get("CPU", 0), int(found.get("GPU", 0))
        count = gpus if on_gpus else max(1, int(cpus) // _CPUS) if cpus >= 1 else 0
        share = 1 if on_gpus else count
        name, of = node.get("NodeManagerHostname") or node["NodeManagerAddress"], int(cpus // count) if count else 0
        places += [Place(name, node["NodeID"], of or cpus / count, int(on_gpus), share) for _ in range(count)]
    if not places:
        raise UsageError(
            f"{setting('device', device)}: the Ray cluster of {count_of(len(living), 'node')} has no "
            f"{'GPU' if on_gpus else 'CPU'}; add nodes that have, or name another device"
        )
    return places


def _order_for(order: Order, place: Place) -> Order:
    workers, threads = order.work.workers, max(1, int(place.cpus))
    work = replace(order.work, workers=min(threads, 16) if workers is None else workers)
    device = "cuda" if place.gpus else "cpu"
    return replace(order, work=work, device=device, threads=threads, sharing=place.sharing)


@contextmanager
def _connected(ray: Any, address: str | None, tell: Callable[[str], None]) -> Iterator[None]:
    """To a cluster for as long as the block lasts; one that is started here ends with it."""
    ours = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    is_main = threading.current_thread() is threading.main_thread()
    options = {"log_to_driver": False, "logging_level": logging.CRITICAL}
    try:
        if address is None or address == "local":
            _start(ray, tell, **options)
        else:
            _join(ray, address, **options)
        if is_main:
            for number, handler in ours.items():
                signal.signal(number, handler)  # Ray's own would end this process without a word
        yield
    finally:
        ray.shutdown()


def _start(ray: Any, tell: Callable[[str], None], **options: Any) -> None:
    for start in range(1, _STARTS + 1):
        try:
            ray.init(address="local", include_dashboard=False, **options)
        except Exception as error:  # of several kinds
            ray.shutdown()
            if start == _STARTS:
                raise HypsegError(
                    f"Ray does not start on this machine ({first_line(error)}); see its logs in /tmp/ray, or name a "
                    f"cluster with {setting('ray_address')}"
                ) from error
            tell(f"Ray was not there in time ({first_line(error)}); started once more")
        else:
            return


def _join(ray: Any, address: str, **options: Any) -> None:
    named = setting("ray_address", address)
    host, _, port = address.rpartition(":")
    if "://" in address or (address != "auto" and not (host and port.isdecimal())):
        raise UsageError(
            f"{named}: expected auto, or HOST:PORT of the cluster's head, such as 10.0.0.1:6379, from a machine of the "
            "cluster"
        )
    if address != "auto":
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=_PATIENCE).close()
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise UsageError(
                f"{named}: no cluster listens there ({reason}); start its head with `ray start`, or leave it out to "
                "run on this machine"
            ) from error
    if reason := _try(address):
        raise UsageError(f"{named}: this machine cannot join a cluster there: {reason}")
    ray.init(address=address, **options)


def _try(address: str) -> str:
    """Why a cluster cannot be joined, in a process of its own: Ray may wait for ever, and then hears nobody."""
    lines = "import ray, sys; ray.init(address=sys.argv[1], log_to_driver=False); ray.shutdown()"
    try:
        tried = subprocess.run(
            [sys.executable, "-c", lines, address], capture_output=True, text=True, timeout=_ANSWER, check=False
        )
    except subprocess.TimeoutExpired:
        return f"nothing answers as Ray does within {_ANSWER} seconds; see whether its head is alive, by `ray status`"
    if tried.returncode == 0:
        return ""
    told = [line.strip() for line in tried.stderr.splitlines() if line.strip()] or [f"exit code {tried.returncode}"]
    mismatch = next((number for number, line in enumerate(told) if "ersion mismatch" in line), None)
    if mismatch is not None:
        versions = " ".join(told[mismatch : mismatch + 5])
        return f"it is of another version ({versions:.300}); run hypseg with the Python and the Ray of the cluster"
    return f"{told[-1]:.200}; see `ray status`, and whether this machine knows the token of the cluster"


class _RayActor:
    """One worker, as `Hand` says."""

    def __init__(self, ray: Any, place: Place, order: Order, report: Callable[[Message], None]) -> None:
        self._ray, self._place, self._report = ray, place, report
        self._probe = order.out / f".hypseg-{os.getpid()}-{secrets.token_hex(8)}.tmp"  # which a sweep knows
        self._asked: queue.SimpleQueue[Any] = queue.SimpleQueue()  # what it was asked for, and then None
        near = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(place.node_id, soft=True)
        self._actor = (
            ray.remote(Actor)
            .options(
                num_cpus=place.cpus,
                num_gpus=place.gpus,
                max_restarts=0,
                max_task_retries=0,
                max_concurrency=4,  # two blocks, of which one waits, and the word to finish
                scheduling_strategy=near,
            )
            .remote()
        )
        self._asked.put(self._actor.get_ready.remote(order, Path.cwd(), self._probe))
        threading.Thread(target=self._listen, daemon=True).start()

    def agree(self, tiling: Tiling | None) -> None:
        """As in `Hand`."""
        self._asked.put(self._actor.agree.remote(tiling))

    def give(self, images: Sequence[PlannedImage]) -> None:
        """As in `Hand`."""
        self._asked.put(self._actor.segment.remote(list(images)))

    def finish(self) -> None:
        """As in `Hand`."""
        self._asked.put(self._actor.finish.remote())
        self._asked.put(None)

    def end(self) -> None:
        """As in `Hand`."""
        self._asked.put(None)
        with contextlib.suppress(Exception):  # the cluster may be gone
            self._ray.kill(self._actor)
        self._probe.unlink(missing_ok=True)

    def _listen(self) -> None:
        while (asked := self._asked.get()) is not None:
            try:
                for message in self._ray.get(asked):
                    self._report(self._checked(message))
            except Exception as error:  # of Ray: the actor died, or its node, or none could be made
                self._report(Gone(_how(error)))
                return
        self._report(Gone("done"))

    def _checked(self, message: Message) -> Message:
        """The same, or what is wrong where the actor and this process see other files."""
        if isinstance(message, Facts) and not _is_seen(self._probe):
            return PlanError(
                f"{self._probe.parent}: what the node {self._place.node} writes there is not seen here; every node has "
                f"to see the same output folder: choose another {setting('out')}"
            )
        if isinstance(message, Failed) and message.code == "missing" and is_there(message.planned.source):
            return HypsegError(
                f"{message.planned.source}: is not there on the node {self._place.node}, and is here; every node needs "
                f"the same paths, on a file system that they share. The run has ended; go on with {setting('resume')}"
            )
        return message


def _is_seen(probe: Path) -> bool:
    """Whether a file is there, now or soon: file systems of networks look again after some seconds."""
    until = time.monotonic() + _PATIENCE
    while not probe.is_file():
        if time.monotonic() > until:
            return False
        with contextlib.suppress(OSError):
            next(probe.parent.iterdir(), None)  # which makes some of them look
        time.sleep(0.1)
    probe.unlink(missing_ok=True)
    return True


def _how(error: Exception) -> str:
    """Why there is no actor, as Ray tells it in many lines."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    reason = next((line for line in lines if line.startswith(("The actor is dead", "ModuleNotFoundError"))), lines[0])
    return f"{reason:.160}"
