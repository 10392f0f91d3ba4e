"""Whether the scans of a JPEG hold all of its picture. ITU-T T.81 (1992), B.2.3 and G.1.1.

Decoders are content with any of them: a colour without a scan comes out grey, a progressive picture without its last
scans comes out coarse, and both end as whole ones do.
"""

from __future__ import annotations

from pathlib import Path

from hypsegcli.errors import ImageError
from hypsegcli.images.jpeg_markers import PROGRESSIVE, SOF, SOS, Part, read_frame, read_part, segments

_MOST = 100  # encoders write up to 14; each costs the decoder a walk over all pixels, however few bytes it has
_COEFFICIENTS = 64  # of a block


def check_scans(path: Path | str, data: bytes) -> None:
    """Raise ImageError for a JPEG of which scans are missing, or that has far more than pictures are written in.

    Every component needs one, and where they are progressive, every coefficient down to its last bit.
    """
    lacking: list[set[int]] = []  # of every component, the coefficients that are still to come
    numbers: list[int] = []
    progressive, found = False, 0
    for kind, _, body in segments(data):
        if kind in SOF:
            progressive = kind == PROGRESSIVE
            numbers = [component.number for component in read_frame(body).components]
            lacking = [set(range(_COEFFICIENTS)) for _ in numbers]
        elif kind == SOS and (part := read_part(body)):
            found += 1
            sent = _sent(part, progressive=progressive)
            for place in _places(part, numbers):
                lacking[place] -= sent
    if found > _MOST:
        raise ImageError(
            f"{path}: this JPEG has {found:,} scans, and more than {_MOST} are not read; save it anew as a usual JPEG "
            "or as PNG",
            "unsupported",
        )
    if coarse := sum(map(bool, lacking)):
        what = "do not refine it to the end" if progressive else "are missing"
        raise ImageError(
            f"{path}: the picture is truncated (scans of {coarse} of its {len(numbers)} colour components {what}); "
            "replace the file",
            "truncated",
        )


def _sent(part: Part, *, progressive: bool) -> set[int]:
    """The coefficients whose last bit a scan brings."""
    if not progressive:
        return set(range(_COEFFICIENTS))  # whatever it says: libjpeg does not look at it
    return set(range(part.first, part.last + 1)) if part.low == 0 else set()


def _places(part: Part, numbers: list[int]) -> list[int]:
    """Which components a scan is of; of several with one number the first that it has not named yet, as in libjpeg."""
    places: list[int] = []
    for number in part.numbers:
        places += [place for place, own in enumerate(numbers) if own == number and place not in places][:1]
    return places
