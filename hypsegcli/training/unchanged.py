"""Whether what an epoch reads is still what was looked at before the first one.

A digest of a pair is that of its image, of its mask, and of what says what the mask means where that is not the mask
itself; each has as many digits.
"""

from __future__ import annotations

from pathlib import Path

from hypsegcli.annotation.masks import AnnotatedMask
from hypsegcli.errors import DataError, setting
from hypsegcli.files.digest import DIGITS, digest_file, digest_shared, short_digest
from hypsegcli.images.decode import DecodedImage
from hypsegcli.truth.pairs import Pair

_FILES = 2 * DIGITS  # of image and mask


def digest_pair(pair: Pair, image: DecodedImage) -> str:
    """What is in the files of a pair's image, which was decoded just now, and of its mask."""
    if not isinstance(pair.mask, AnnotatedMask):
        return short_digest(image.digest) + short_digest(digest_file(pair.mask))
    files = [path for path in (pair.mask.file, pair.mask.export.legend) if path is not None]
    return short_digest(image.digest) + "".join(short_digest(digest_shared(path)) for path in files)


def same_files(one: str, other: str) -> bool:
    """Whether digests of a pair are of one image and one mask, whatever the mask is said to mean."""
    return one[:_FILES] == other[:_FILES]


def check_pair(pair: Pair, image: DecodedImage, expected: str | None) -> None:
    """Raise DataError where image or mask is another than the `expected` one; None: nobody has looked before.

    It costs next to nothing: the image was digested while it was read, and a mask is a small file in the cache.
    """
    if expected is None or (found := digest_pair(pair, image)) == expected:
        return
    if same_files(found, expected) and isinstance(pair.mask, AnnotatedMask):
        raise _changed(pair.mask.export.legend)
    half = _FILES // 2
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
