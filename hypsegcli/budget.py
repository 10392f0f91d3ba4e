"""Every number that bounds memory, each once. They are handed down as arguments, so that a caller can be stingier."""

from __future__ import annotations

from dataclasses import dataclass

MAX_PIXELS = 178_956_970  # of a picture; where Pillow itself refuses by default: 2 * (1 GiB / 4 bytes / 3 channels)
LARGEST_CHECKPOINT = 8 * 10**9  # bytes of one that is fetched; timm's largest networks have four thousand million
LARGEST_SHARD = 2**31  # bytes of the sums in the file of an evaluation's shard; those of 7 measures have 0.2 * 10^9
LARGEST_EXPORT = 2**31  # bytes of the JSON of a labelling tool; ten thousand images with brush masks have half of it
LARGEST_TEXT = 2**28  # bytes of a list, class list, tree or other text of a person: a million long paths


@dataclass(frozen=True, kw_only=True)
class Budget:
    """How much is held at once."""

    # Pixels on a window's side where none is given. Smaller images go in whole: a window takes as much memory. So do
    # larger ones where it is known that there is memory.
    window: int = 2048

    # Share of the machine's memory that one image may take on its way through the network; the rest is for those that
    # wait and those that are being encoded, and for whatever else runs there.
    network_share: float = 0.4

    # Pixels on a window's side, tried one after the other where an image does not fit into memory.
    smaller_windows: tuple[int, ...] = (1024, 512)

    # Pixels up to which a picture is taken whole, as any other; above, a TIFF passes by in strips.
    whole_pixels: int = 50_000_000

    # Pixels that one stage of a pipeline holds, unless a single image has more. Encoding an image takes some 40 bytes
    # a pixel for a moment, so that this is less than 3 GB.
    stage_pixels: int = 2**26

    # Bytes of float32 planes in a band of rows between the network's grid and the image, unless one row has more. Small
    # enough to stay near the cache, large enough that the loop costs nothing; memory does not depend on the classes.
    band_bytes: int = 16 * 2**20

    # Bytes of the largest piece of a TIFF, a tile or a strip, that is decoded at once.
    tiff_piece_bytes: int = 2**28


BUDGET = Budget()
