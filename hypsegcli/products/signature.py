"""A signature: what an image looks like, in numbers so few that a run's books can hold them.

Near-identical images have nearly the same, and the Euclidean distance of two says how different they are. Photograph
and classes are both in it: among frames of a drive, a second apart, they find the frame before or after more often
together than either alone, or than the mean embedding, which is as many numbers and has to be asked of the network.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from hypsegcli.inference.prediction import RGB, Labels

_SIDE, _CLASSES = 4, 16
SIZE = 3 * _SIDE**2 + _CLASSES  # numbers


def signature(photograph: RGB, labels: Labels) -> NDArray[np.uint8]:
    """(64,) of an image (H, W, 3) and its labels (H, W).

    48 numbers are the mean colours of 4 x 4 parts of the photograph, row by row, from 0 to 85: a third, so that
    photograph and classes count for about as much. 16 are 255 times the root of the share of each class, of which those
    with the same remainder by 16 count as one.
    """
    small = cv2.resize(photograph, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA) // 3
    pixels = np.bincount(labels.ravel())
    pixels = np.append(pixels, np.zeros(-len(pixels) % _CLASSES, pixels.dtype)).reshape(-1, _CLASSES).sum(0)
    shares = np.rint(255 * np.sqrt(pixels / labels.size))
    return np.concatenate([small.ravel(), shares]).astype(np.uint8)
