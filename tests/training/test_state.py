"""What a run that goes on compares with what it was started with: also what says what pixels of masks mean."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from shutil import copytree, rmtree
from typing import Any

import pytest
import torch
from PIL import Image
from support.tiny_data import NAMES, make_data

from hypsegcli.errors import UsageError
from hypsegcli.inference.device import Device
from hypsegcli.training.config import TrainConfig
from hypsegcli.training.run import Job, prepare
from hypsegcli.training.state import State, read_state, restore, save_state

COLORS = {name: (9 * number, 200, 7) for number, name in enumerate(NAMES, start=1)}


def start(data: Path, out: Path, **options: Any) -> Job:
    """A run that was stopped before its first epoch."""
    small = {"backbone": "mobilenet_v3_small", "embedding_size": 4, "batch_size": 2, "workers": 0}
    job = Job(data, out, TrainConfig.model_validate(small | options), Device(torch.device("cpu")))
    out.mkdir()
    save_state(prepare(job), 0, best=-1.0)
    return job


def go_on(job: Job, change: Callable[[State], State] = lambda state: state) -> None:
    state = read_state(job)
    assert state is not None
    restore(prepare(job, state.header), change(state))


def as_cvat(folder: Path) -> Path:
    """Exchange masks for CVAT's folder of them; the file comes back that says what colours mean."""
    masks = folder / "masks"
    palette = [channel for name in NAMES for channel in COLORS[name]]
    (masks / "SegmentationClass").mkdir()
    for path in sorted(masks.glob("*.png")):
        with Image.open(path) as image:
            ids = image.point([value if value < len(NAMES) else 255 for value in range(256)])
        ids.putpalette([*palette, *[0] * (3 * (256 - len(NAMES)))])
        ids.save(masks / "SegmentationClass" / path.name)
        path.unlink()
    text = "".join(f"{name}:{red},{green},{blue}::\n" for name, (red, green, blue) in COLORS.items())
    (masks / "labelmap.txt").write_text(text)
    return masks / "labelmap.txt"


def exchange(path: Path, one: str, other: str) -> None:
    text = path.read_text().replace(one, "@").replace(other, one).replace("@", other)
    assert text != path.read_text()
    path.write_text(text)


def test_a_label_map_that_has_changed_is_told(data: Path, tmp_path: Path) -> None:
    as_cvat(data / "val")
    label_map = as_cvat(data / "train")
    job = start(data, tmp_path / "run")
    go_on(job)
    exchange(label_map, *NAMES[:2])
    told = r"train: 6 pairs whose ids mean something else by classes\.txt, labelmap\.txt or the like \("
    with pytest.raises(UsageError, match=told):
        go_on(job)
    exchange(label_map, *NAMES[:2])
    go_on(job)


@pytest.mark.parametrize("exported", [False, True])
def test_what_says_what_further_masks_mean_is_compared(data: Path, tmp_path: Path, exported: bool) -> None:
    more = make_data(tmp_path / "more")
    changed = as_cvat(more / "train") if exported else more / "classes.txt"
    if exported:
        rmtree(more / "val")
        (more / "classes.txt").unlink()
    job = start(data, tmp_path / "run", more_data=[str(more)], more_share=0.3)
    go_on(job)
    exchange(changed, *NAMES[:2])
    with pytest.raises(UsageError, match="more_data: 6 files whose ids mean something else by"):
        go_on(job)


def test_a_state_of_an_earlier_version_does_not_tell_it(data: Path, tmp_path: Path) -> None:
    as_cvat(data / "train"), as_cvat(data / "val")
    more = Path(copytree(data, tmp_path / "more"))
    job = start(data, tmp_path / "run", more_data=[str(more)], more_share=0.3)

    def earlier(state: State) -> State:
        digests = {part: {key: digest[:32] for key, digest in each.items()} for part, each in state.digests.items()}
        return state._replace(digests=digests)

    go_on(job, earlier)
