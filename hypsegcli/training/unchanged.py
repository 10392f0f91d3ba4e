"""Whether what an epoch reads is still what was looked at before the first one."""

from __future__ import annotations

from pathlib import Path

from hypsegcli.annotation.masks import AnnotatedMask
from hypsegcli.errors import DataError, setting
from hypsegcli.files.digest import digest_file, digest_shared, short_digest
from hypsegcli.images.decode import DecodedImage
from hypsegcli.truth.pairs import Pair


def digest_pair(pair: Pair, image: DecodedImage) -> str:
    """What is in the files of a pair's image, which was decoded just now, and of its mask."""
    mask = digest_shared(pair.mask.file) if isinstance(pair.mask, AnnotatedMask) else digest_file(pair.mask)
    return short_digest(image.digest) + short_digest(mask)


def check_pair(pair: Pair, image: DecodedImage, expected: str | None) -> None:
    """Raise DataError where image or mask is another than the `expected` one; None: nobody has looked before.

    It costs next to nothing: the image was digested while it was read, and a mask is a small file in the cache.
    """
    if expected is None or (found := digest_pair(pair, image)) == expected:
        return
    half = len(expected) // 2
    raise _changed(pair.mask if found[:half] == expected[:half] else pair.image)


def check_photograph(path: Path, image: DecodedImage, expected: str) -> None:
    """As `check_pair`, for an image without a mask."""
    if short_digest(image.digest) != expected:
        raise _changed(path)


def _changed(path: Path | None) -> DataError:
    return DataError(
        f"{path}: has changed since this training looked at it, before its first epoch; what was saved after each "
        f"epoch is whole: bring back the file that it was, and go on with {setting('resume')}, or start another run "
        f"from last.safetensors with {setting('init')}"
    )
