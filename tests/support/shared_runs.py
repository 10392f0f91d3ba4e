"""Runs whose images several workers share, and what came of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from hypsegcli.checkpoint.store import load_checkpoint
from hypsegcli.files.lock import locked
from hypsegcli.images.discover import find_inputs
from hypsegcli.inference.request import Request
from hypsegcli.products.outputs import Outputs
from hypsegcli.run.occupied import plan_run
from hypsegcli.run.order import Order
from hypsegcli.run.results import FileResult
from hypsegcli.run.run import Job, Run
from hypsegcli.run.source import Source, Work
from support import manifest, photograph
from support.deadly import Deadly, nothing


def pictures(folder: Path, count: int) -> Path:
    """Pictures of widths from 64 on."""
    for number in range(count):
        photograph(folder / f"{number:03}.png", size=(64 + number, 48), seed=number)
    return folder


def files(out: Path) -> dict[str, bytes]:
    """All that was written but the books."""
    return {
        path.relative_to(out).as_posix(): path.read_bytes()
        for path in sorted(out.rglob("*"))
        if path.is_file() and path.name not in {"manifest.jsonl", "run.json"}
    }


def lines(out: Path) -> dict[str, dict[str, object]]:
    """The manifest's lines but for what a clock says."""
    known = manifest(out)
    assert len((out / "manifest.jsonl").read_text().splitlines()) == len(known)
    return {key: {name: value for name, value in line.items() if name != "seconds"} for key, line in known.items()}


@contextmanager
def here(order: Order) -> Iterator[Source]:
    """What carries out an order in this process."""
    yield order.carry_out(print)


def segment(
    given: Path,
    out: Path,
    checkpoint: Path,
    encode: Deadly,
    source: Callable[[Order], AbstractContextManager[Source]],
) -> list[FileResult]:
    """A run of labels alone, with whatever carries out its order."""
    loaded = load_checkpoint(checkpoint)
    with locked(out, "predict") as hold:
        share = plan_run(find_inputs([str(given)]), out, {"labels": ".bin"}, overwrite=True)
        order = Order(
            checkpoint=checkpoint,
            sha256=loaded.sha256,
            request=Request(),
            work=Work(outputs=Outputs({"labels": encode}, nothing), max_pixels=10**6, workers=2),
            out=out,
            engine="torch",
            witness=hold.witness(),
        )
        with source(order) as opened:
            return list(Run(Job(command="predict", share=share, out=out, hold=hold), loaded, opened).results())
