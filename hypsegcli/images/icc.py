"""Colours by an embedded ICC profile to sRGB, which networks are trained on; lcms does it, through Pillow."""

from __future__ import annotations

from io import BytesIO
from typing import Literal

import numpy as np
from PIL import Image, ImageCms

_LARGEST = 2**24  # bytes; those of presses have 3 MB
_SPACES = {"RGB ": "RGB", "GRAY": "L", "CMYK": "CMYK"}
_SAME = 2  # of 255, within which a profile is sRGB: the many that are differ in their rounding
_DAMAGED = "damaged colour profile ignored"


class ToSrgb:
    """What a profile asks for, for pictures of one mode; `note` says it, None where they are sRGB already."""

    def __init__(self, profile: object, mode: Literal["RGB", "L", "CMYK"]) -> None:
        """Of the bytes of a profile; None and empty ones say nothing, damaged ones and those of other modes a note."""
        self.note: str | None = None
        self._transform: ImageCms.ImageCmsTransform | None = None
        if not isinstance(profile, bytes) or not profile:
            return
        try:
            if len(profile) > _LARGEST:
                raise ValueError("it is too large")
            source = ImageCms.ImageCmsProfile(BytesIO(profile))
            if _SPACES.get(source.profile.xcolor_space) != mode:
                self.note = f"colour profile for {source.profile.xcolor_space.strip()} ignored"
                return
            transform = ImageCms.buildTransform(
                source,
                ImageCms.createProfile("sRGB"),
                mode,
                "RGB",
                ImageCms.Intent.RELATIVE_COLORIMETRIC,
                ImageCms.Flags.BLACKPOINTCOMPENSATION | (ImageCms.Flags.NOOPTIMIZE if mode == "L" else 0),
            )
            if mode != "CMYK" and _changes_nothing(transform, mode):
                return
            self._transform, self.note = transform, "colours converted to sRGB from the profile in the file"
        except Exception:  # of lcms, and of what reads a hostile description
            self.note = _DAMAGED

    def __bool__(self) -> bool:
        return self._transform is not None

    def apply(self, image: Image.Image) -> Image.Image:
        """An image of that mode as sRGB, RGB; where it is RGB, it is changed itself, so that there is no second one."""
        assert self._transform is not None, "it asks for nothing"
        if image.mode == "RGB":
            ImageCms.applyTransform(image, self._transform, inPlace=True)
            return image
        converted = ImageCms.applyTransform(image, self._transform)
        assert converted is not None
        return converted


def _changes_nothing(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    steps = np.linspace(0, 255, 16 if mode == "RGB" else 256).round().astype(np.uint8)
    colors = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(-1, 16, 3) if mode == "RGB" else steps[None]
    converted = ImageCms.applyTransform(Image.fromarray(colors), transform)
    wanted = colors if mode == "RGB" else np.repeat(colors[:, :, None], 3, axis=2)
    return int(np.abs(np.asarray(converted).astype(int) - wanted).max()) <= _SAME
