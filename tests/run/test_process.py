"""Decoding, network and writing overlap, and without workers take turns; nothing else differs."""

from __future__ import annotations

import threading
from collections.abc import Generator
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
from support import Hypseg, manifest, photograph

from hypsegcli.files.digest import digest_of
from hypsegcli.images.decode import DecodedImage
from hypsegcli.inference.lanes import Lanes
from hypsegcli.inference.prediction import RGB, Prediction
from hypsegcli.inference.request import Request
from hypsegcli.products.outputs import Outputs
from hypsegcli.run import process as module
from hypsegcli.run.plan import PlannedImage
from hypsegcli.run.process import process
from hypsegcli.run.results import Failed, Written

PATIENCE = 20  # seconds, until a wait counts as one that never ends


class Batches:
    """Stand-ins for the three stages, which tell when they begin an image, and may wait for each other."""

    tiling, request, forward_seconds, lanes = None, Request(), 0.0, Lanes()

    def __init__(self, folder: Path, images: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.images = folder, images
        self.begun = {(stage, n): threading.Event() for stage in ("decode", "network", "encode") for n in range(images)}
        self.order: list[tuple[str, int]] = []
        self.wait_for: dict[tuple[str, int], tuple[str, int]] = {}
        self.waited: list[bool] = []
        self.threads: dict[str, set[int]] = {"decode": set(), "network": set(), "encode": set()}
        monkeypatch.setattr(module, "decode_image", self.decode)

    def shrinks(self, *_: int) -> bool:
        return False

    def begin(self, stage: str, number: int) -> None:
        self.order.append((stage, number))
        self.threads[stage].add(threading.get_ident())
        self.begun[stage, number].set()
        if (stage, number) in self.wait_for:
            self.waited.append(self.begun[self.wait_for[stage, number]].wait(PATIENCE))

    def decode(self, path: Path, *, max_pixels: int) -> DecodedImage:
        self.begin("decode", int(path.stem))
        return DecodedImage(np.full((16, 16, 3), int(path.stem), np.uint8), (), digest_of(path.name.encode()))

    def predict(self, images: list[RGB], _: None) -> list[Prediction]:
        self.begin("network", int(images[0][0, 0, 0]))
        return [Prediction(image[..., 0], {}) for image in images]

    def encode(self, pixels: RGB, _: Prediction) -> bytes:
        self.begin("encode", int(pixels[0, 0, 0]))
        return b"map"

    def run(self, workers: int, batch_size: int = 1) -> Generator[Written | Failed, None, None]:
        plan = [
            PlannedImage(Path(f"{n}.png"), PurePosixPath(str(n)), {"labels": self.folder / f"{n}.png"})
            for n in range(self.images)
        ]
        outputs = Outputs({"labels": self.encode}, lambda _: {})
        sizes = {"batch_size": batch_size, "max_pixels": 10**6, "workers": workers}
        return process(plan, self, outputs, **sizes)  # type: ignore[arg-type]


def test_stages_overlap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stages = Batches(tmp_path, 8, monkeypatch)
    stages.wait_for = {
        ("network", 3): ("decode", 4),  # decoding goes on while the network runs
        ("encode", 3): ("network", 4),  # the network goes on while maps are encoded
        ("network", 5): ("encode", 4),
    }
    results = list(stages.run(workers=1))
    assert stages.waited == [True] * 3
    assert [result.planned.key for result in results] == [PurePosixPath(str(n)) for n in range(8)]
    assert all(isinstance(result, Written) for result in results)
    assert stages.threads["network"] == {threading.get_ident()}
    assert stages.threads["network"].isdisjoint(stages.threads["decode"] | stages.threads["encode"])


def test_the_next_batch_is_decoded_while_the_network_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stages = Batches(tmp_path, 12, monkeypatch)
    stages.wait_for = {("network", 4): ("decode", 11)}
    assert len(list(stages.run(workers=1, batch_size=4))) == 12
    assert stages.waited == [True]
    assert [number for stage, number in stages.order if stage == "network"] == [0, 4, 8]


def test_results_tell_what_was_decoded_and_what_was_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for result in Batches(tmp_path, 4, monkeypatch).run(workers=2):
        assert isinstance(result, Written)
        assert result.source == digest_of(result.planned.source.name.encode())
        assert result.files == {"labels": digest_of(b"map")}


def test_without_workers_stages_take_turns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stages = Batches(tmp_path, 3, monkeypatch)
    assert len(list(stages.run(workers=0))) == 3
    assert stages.order == [(stage, n) for n in range(3) for stage in ("decode", "network", "encode")]
    assert set.union(*stages.threads.values()) == {threading.get_ident()}


@pytest.mark.parametrize("workers", [0, 3])
@pytest.mark.parametrize("read", [0, 1, 4])
def test_stopped_early_it_leaves_whole_files_and_no_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int, read: int
) -> None:
    before = threading.active_count()
    stages = Batches(tmp_path, 30, monkeypatch)
    results = stages.run(workers)
    for _ in range(read):
        next(results)
    results.close()
    assert threading.active_count() == before
    written = sorted(int(path.stem) for path in tmp_path.iterdir())
    assert written == list(range(len(written)))
    assert read <= len(written) <= read + 2 * workers + 2
    assert all(path.read_bytes() == b"map" for path in tmp_path.iterdir())


def test_ctrl_c_in_the_network_leaves_no_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = threading.active_count()
    stages = Batches(tmp_path, 30, monkeypatch)

    def interrupted(images: list[RGB], _: None) -> list[Prediction]:
        if images[0][0, 0, 0] == 5:
            raise KeyboardInterrupt
        return [Prediction(image[..., 0], {}) for image in images]

    stages.predict = interrupted  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        list(stages.run(workers=2))
    assert threading.active_count() == before
    assert {path.read_bytes() for path in tmp_path.iterdir()} <= {b"map"}
    assert len(list(tmp_path.iterdir())) <= 5


@pytest.mark.parametrize("batch_size", [1, 2])
def test_workers_change_no_byte(hypseg: Hypseg, photos: Path, tmp_path: Path, batch_size: int) -> None:
    (photos / "bad.png").touch()
    photograph(photos / "d.png", seed=4)
    written = []
    for workers in (0, 3):
        out = tmp_path / f"out{workers}"
        assert hypseg("predict", photos, "--out", out, "--workers", workers, "--batch-size", batch_size).code == 3
        written.append({path.relative_to(out): path.read_bytes() for path in sorted(out.rglob("*.png"))})
        lines = manifest(out)
        assert list(lines) == ["a", "b", "bad", "d", "sub/c"]
        assert lines["bad"]["status"] == "failed"
    assert written[0] == written[1]
    assert len(written[0]) == 16


def test_order_and_neighbours_change_no_byte(hypseg: Hypseg, photos: Path, tmp_path: Path) -> None:
    """One by one, an image's maps are its own, whatever is segmented before it."""
    paths = [photos / "a.jpg", photos / "b.png", photos / "sub" / "c.png"]
    written = []
    for number, order in enumerate((paths, paths[::-1], paths[1:2])):
        out = tmp_path / f"out{number}"
        options = ("--batch-size", 1, "--workers", number, "--save", "labels,confidence,boundary")
        assert hypseg("predict", *order, "--out", out, *options).code == 0
        written.append({path.relative_to(out): path.read_bytes() for path in sorted(out.rglob("*.png"))})
    assert written[0] == written[1]
    assert len(written[2]) == 3
    assert written[2].items() <= written[0].items()
