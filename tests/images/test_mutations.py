"""Pictures with something wrong: each is decoded, or refused in a short sentence, soon and with nothing else said."""

from __future__ import annotations

import random
import time
import warnings
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support.mutations import mutated_bytes

from hypsegcli.errors import ImageError
from hypsegcli.images.beside_pixels import read_text_chunks
from hypsegcli.images.decode import decode_image, decode_mask

LONGEST, SLOWEST, PIXELS = 1_000, 2.0, 10_000  # characters of a sentence, seconds of a picture, its most pixels

FILES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "jpeg": ("RGB", "JPEG", {"exif": b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"}),
    "progressive jpeg": ("RGB", "JPEG", {"progressive": True}),
    "png": ("RGBA", "PNG", {}),
    "png with a palette": ("P", "PNG", {"bits": 4, "transparency": 0}),
    "deep png": ("I;16", "PNG", {}),
    "tiff": ("RGB", "TIFF", {}),
    "deflated tiff": ("RGB", "TIFF", {"compression": "tiff_adobe_deflate"}),
    "lzw tiff": ("L", "TIFF", {"compression": "tiff_lzw"}),
    "jpeg tiff": ("RGB", "TIFF", {"compression": "jpeg"}),
    "webp": ("RGBA", "WEBP", {"lossless": True}),
    "lossy webp": ("RGB", "WEBP", {}),
    "bmp": ("RGB", "BMP", {}),
    "ppm": ("RGB", "PPM", {}),
    "gif": ("P", "GIF", {}),
    "jpeg 2000": ("RGB", "JPEG2000", {}),
}


def whole(mode: str, kind: str, options: dict[str, Any]) -> bytes:
    coarse = np.random.default_rng(0).integers(0, 256, (4, 5, 3), dtype=np.uint8)
    smooth = Image.fromarray(coarse).resize((24, 20), Image.Resampling.BICUBIC)
    image = Image.fromarray(np.asarray(smooth.convert("L")).astype(np.uint16) * 257) if mode == "I;16" else smooth
    buffer = BytesIO()
    image.convert(mode).save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("case", FILES)
def test_a_mutated_picture_is_decoded_or_refused(case: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    data = whole(*FILES[case])
    chance, path = random.Random(case), tmp_path / "picture"
    path.write_bytes(data)
    decode_image(path)
    sentences = []
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for number in range(300):
            path.write_bytes(mutated_bytes(data, chance, first=None if number % 2 else 128))
            started = time.process_time()
            for read in (decode_image, decode_mask, read_text_chunks):
                try:
                    if read is decode_image:
                        pixels = decode_image(path, max_pixels=PIXELS).pixels
                        assert pixels.dtype == np.uint8
                        assert pixels.shape[2:] == (3,)
                        assert 0 < pixels.size <= 3 * PIXELS
                    else:
                        read(path)
                except ImageError as error:
                    sentences.append(str(error).removeprefix(str(path)))
            assert time.process_time() - started < SLOWEST
    assert len(sentences) > 100
    assert max(map(len, sentences)) < LONGEST
    assert not any("\n" in sentence for sentence in sentences)
    assert all("/PIL/" in each.filename for each in said), "what Pillow warns of, the command line does not print"
    if "tiff" not in case:  # libtiff writes to standard error by itself, as some damaged headers are counted
        assert capfd.readouterr() == ("", "")
