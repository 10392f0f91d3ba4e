"""The strips or tiles of a TIFF: how many there have to be, and what each has to hold. TIFF 6.0 (Adobe, 1992)."""

from __future__ import annotations

from dataclasses import dataclass

JPEG, YCBCR = 7, 6  # of Compression, of PhotometricInterpretation


@dataclass(frozen=True, kw_only=True)
class Pieces:
    """How the pixels of a picture lie in pieces: side by side, line by line, plane by plane."""

    width: int  # of the picture
    height: int
    wide: int  # of a piece
    high: int
    planes: int  # 1 where the samples of a pixel lie together
    bits: int  # of a pixel in a piece
    compression: int
    photometric: int | None  # None where it is not said
    subsampling: tuple[int, int]  # of the colours of YCbCr, across and down

    @property
    def number(self) -> int:
        """How many there are of a whole picture."""
        return self._across * -(-self.height // self.high) * self.planes

    @property
    def largest(self) -> int:
        """Bytes that a piece has at most when it is decoded."""
        return self._row * self.high

    def shape(self, index: int) -> tuple[int, int]:
        """Height and width of what a piece holds of the picture; at its edges it may be larger."""
        plane, place = divmod(index, self.number // self.planes)
        down, right = divmod(place, self._across)
        high = min(self.high, self.height - down * self.high)
        wide = min(self.wide, self.width - right * self.wide)
        if plane and self.photometric == YCBCR:
            return -(-high // self.subsampling[1]), -(-wide // self.subsampling[0])
        return high, wide

    def least(self, index: int) -> int:
        """Bytes that a piece has at least when it is decoded."""
        return self._row * self.shape(index)[0]

    @property
    def _across(self) -> int:
        return -(-self.width // self.wide)

    @property
    def _row(self) -> int:
        return -(-self.wide * self.bits // 8)
