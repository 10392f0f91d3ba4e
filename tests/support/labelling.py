"""What comes back from people who correct label maps."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_COLOR = np.array([250, 50, 83], np.uint8)


def export_of_cvat(path: Path, masks: Mapping[str, NDArray[np.bool_]], label: str = "nucleus") -> Path:
    """A segmentation mask as CVAT exports it, of one label, with a colour of its own choice; masks (H, W) by key."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        colors = [("background", [0, 0, 0]), (label, _COLOR.tolist())]
        lines = [f"{name}:{','.join(map(str, color))}::\n" for name, color in colors]
        archive.writestr("labelmap.txt", "# label:color_rgb:parts:actions\n" + "".join(lines))
        archive.writestr("ImageSets/Segmentation/default.txt", "".join(f"{key}\n" for key in masks))
        for key, mask in masks.items():
            file = io.BytesIO()
            Image.fromarray(mask[..., None] * _COLOR).save(file, "PNG")
            archive.writestr(f"SegmentationClass/{key}.png", file.getvalue())
    return path
