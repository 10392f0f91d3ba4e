"""Maps that somebody has worked on since a run wrote them."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import Hypseg

from hypsegcli.errors import PlanError
from hypsegcli.images.discover import find_inputs
from hypsegcli.run.corrected import find_corrected, refuse_corrected
from hypsegcli.run.plan import PlannedImage, plan_outputs

SUFFIXES = {"labels": ".png", "overlay": ".png"}


def planned(photos: Path, out: Path) -> list[PlannedImage]:
    return plan_outputs(find_inputs([str(photos)]), out, SUFFIXES)


def test_files_that_hold_something_else_are_named(hypseg: Hypseg, photos: Path, tmp_path: Path) -> None:
    """Those that are gone are nobody's work, nor are those of other images looked at."""
    out = tmp_path / "out"
    assert find_corrected(out, planned(photos, out)) == []
    assert hypseg("predict", photos, "--out", out, "--save", "labels,overlay").code == 0
    refuse_corrected(out, planned(photos, out))
    (out / "labels/a.png").unlink()
    changed = [out / name for name in ("overlay/b.png", "labels/sub/c.png")]
    for path in changed:
        path.write_bytes(path.read_bytes() + b" ")
    assert find_corrected(out, planned(photos, out)) == changed
    with pytest.raises(PlanError, match=r"out: 2 maps changed since .* \(overlay/b\.png, labels/sub/c\.png\)"):
        refuse_corrected(out, planned(photos, out))
    assert find_corrected(out, planned(photos / "a.jpg", out)) == []


def test_those_of_images_that_are_to_be_made_again_are_found_too(hypseg: Hypseg, photos: Path, tmp_path: Path) -> None:
    """A run that was stopped before it came to an image has left a line that tells what the files held."""
    out = tmp_path / "out"
    assert hypseg("predict", photos, "--out", out, "--save", "labels,overlay").code == 0
    text = (out / "manifest.jsonl").read_text()
    (out / "manifest.jsonl").write_text(text.replace('"status": "done"', '"status": "stale"'))
    assert '"stale"' in (out / "manifest.jsonl").read_text()
    (out / "labels/b.png").write_bytes(b"mine")
    assert find_corrected(out, planned(photos, out)) == [out / "labels/b.png"]
