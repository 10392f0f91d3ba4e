"""What every format gives of what a labelling tool wrote."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection
from pathlib import Path

from hypsegcli.annotation.labels import LabelMap


class Export(ABC):
    """Labels of images, by the images' paths without suffix."""

    tool: str  # what it is, as in `COCO JSON`
    origin: Path  # the file or folder
    labels: tuple[str, ...]  # their names, numbered from 1
    keys: tuple[str, ...]  # of the images that somebody labelled
    empty: tuple[str, ...] = ()  # of images in which nobody has labelled anything, so that they may still wait
    blank: Collection[str] = ()  # of images that are listed without labels, and are as large as their photographs
    may_overlap = True  # of masks in one image the later one counts
    notes: tuple[str, ...] = ()  # on what was left out

    @abstractmethod
    def decode(self, key: str) -> LabelMap:
        """(H, W) the label of each pixel, 0 where nobody labelled it; ImageError for what is damaged."""

    def file_of(self, key: str) -> Path:
        """The file that holds the labels of an image."""
        return self.origin

    @property
    def legend(self) -> Path | None:
        """The file beside those of labels that says what they mean; None where they say it themselves."""
        return None

    def whose(self, key: str) -> str:
        """What messages call the labels of an image."""
        return f"{self.origin}, {key}"
