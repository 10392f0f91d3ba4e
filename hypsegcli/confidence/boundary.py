"""Boundary map from a confidence plane: where confidence dips in a narrow valley between two surer regions.

No paper or peer gives an algorithm (the paper shows boundaries as dark lines of its confidence map), so this one
is ours. With f the confidence plane, scaled to [0, 1] and smoothed by a Gaussian of half a cell of the network's grid:

    closing(f)   grey-scale morphological closing with a disk of `radius` pixels: fills valleys narrower than
                 the disk, leaves wide doubtful areas and steps as they are
    depth        (closing(f) - f) / max(closing(f), 1/4), the depth of the valley relative to its lower bank
    boundary     min(1, 2 depth)

0 means no dip, 255 that the confidence falls to half of its lower bank or less. The scale is absolute, never
stretched per image, and relative depth shows the boundary between two doubtful regions as clearly as between two
certain ones, as long as either is known at all. Without the smoothing, ripples of a fraction of a cell cover doubtful
areas with a worm-like texture.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from hypsegcli.confidence.planes import Plane

# Pixels. A boundary blurs over about two cells of the network's 4-pixel grid on either side.
RADIUS = 10

# Pixels, the standard deviation of the Gaussian: half a cell of that grid.
SMOOTHING = 2.0

# Share of full scale below which a bank counts as this high: what lies between two regions of which nothing is known,
# such as those of a photograph of another world, is noise, and no boundary.
_FLOOR = 0.25


def boundary_map(
    plane: Plane, valid: NDArray[np.bool_] | None = None, *, radius: int = RADIUS, smoothing: float = SMOOTHING
) -> NDArray[np.uint8]:
    """(H, W) uint8 boundary strength from a plane of confidence, 0 where it is not `valid`, for want of data.

    The edge of what has data is as that of the picture, and no boundary.
    """
    share = np.clip(plane.share(), 0.0, 1.0)
    if valid is not None and not valid.any():
        return np.zeros(share.shape, np.uint8)
    nearest = None if valid is None else _nearest(valid)
    share = _continued(share, nearest)
    if smoothing > 0:
        share = cv2.GaussianBlur(share, (0, 0), smoothing, borderType=cv2.BORDER_REPLICATE).astype(np.float32)
        share = _continued(share, nearest)
    # The plane goes on as it ends beyond the picture's edge: a valley that runs out of the picture stays one, and
    # the dip that zero padding leaves along the edge, with a bank on one side only, is none.
    edge = 2 * radius
    wide = cv2.copyMakeBorder(share, edge, edge, edge, edge, cv2.BORDER_REPLICATE)
    banks = cv2.morphologyEx(wide, cv2.MORPH_CLOSE, round_kernel(radius))[edge:-edge, edge:-edge]
    depth = (banks - share) / np.maximum(banks, np.float32(_FLOOR))
    strength: NDArray[np.uint8] = np.rint(255.0 * np.clip(2.0 * depth, 0.0, 1.0)).astype(np.uint8)
    if valid is not None:
        strength[~valid] = 0
    return strength


def _nearest(valid: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns, each (H, W), of a valid pixel that is the nearest, or all but the nearest, of every pixel."""
    _, own = cv2.distanceTransformWithLabels(
        np.asarray(~valid, np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    places = np.zeros((2, int(own.max()) + 1), np.intp)
    places[:, own[valid]] = np.nonzero(valid)
    return places[0][own], places[1][own]


def _continued(
    plane: NDArray[np.float32], nearest: tuple[NDArray[np.intp], NDArray[np.intp]] | None
) -> NDArray[np.float32]:
    """The plane as it goes on where it has no data, as beyond the picture's edge."""
    return plane if nearest is None else plane[nearest]


def round_kernel(radius: int) -> NDArray[np.uint8]:
    """The disk x^2 + y^2 <= radius^2, (2 radius + 1) square, 1 inside.

    OpenCV's own ellipse is another from version to version, and in some is not even its own transpose.
    """
    y, x = np.ogrid[-radius : radius + 1, -radius : radius + 1]
    return np.asarray(x**2 + y**2 <= radius**2, np.uint8)
