"""What an epoch reads is what was looked at, also where masks lie in what a tool exported."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from support.labelled_runs import STREETS, annotate, blobs, make_run

from hypsegcli.errors import DataError
from hypsegcli.images.decode import decode_image
from hypsegcli.training.unchanged import check_pair, digest_pair
from hypsegcli.truth.pairs import pair_folders


@pytest.mark.parametrize("unpacked", [False, True])
def test_an_export_that_changes_is_told_as_a_mask_is(tmp_path: Path, unpacked: bool) -> None:
    out = make_run(tmp_path, STREETS, {"a": blobs(3, seed=1), "b": blobs(3, seed=2)})
    path = annotate(out, "cvat")
    if unpacked:
        with zipfile.ZipFile(path) as archive:
            archive.extractall(tmp_path / "masks")
        path = tmp_path / "masks"
    pair, _ = pair_folders(masks=path, images=tmp_path / "photos")
    assert pair.image is not None
    image = decode_image(pair.image)
    digest = digest_pair(pair, image)
    assert len(digest) == (48 if unpacked else 32)
    check_pair(pair, image, digest)
    changed = path / "SegmentationClass/a.png" if unpacked else path
    changed.write_bytes(changed.read_bytes() + b" ")
    with pytest.raises(DataError, match=f"{pair.mask}: has changed since this training looked at it"):
        check_pair(pair, image, digest)


def test_what_says_what_colours_mean_is_told_too(tmp_path: Path) -> None:
    out = make_run(tmp_path, STREETS, {"a": blobs(3, seed=1)})
    with zipfile.ZipFile(annotate(out, "cvat")) as archive:
        archive.extractall(tmp_path / "masks")
    (pair,) = pair_folders(masks=tmp_path / "masks", images=tmp_path / "photos")
    assert pair.image is not None
    image = decode_image(pair.image)
    digest = digest_pair(pair, image)
    legend = tmp_path / "masks/labelmap.txt"
    legend.write_text(legend.read_text() + "# mended")
    with pytest.raises(DataError, match=f"{legend}: has changed since this training looked at it"):
        check_pair(pair, image, digest)
