"""The bytes of a file that may be a picture, and what is wrong with such a file as one kind of error."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hypsegcli.errors import ImageError, setting
from hypsegcli.files.regular import open_regular, size_of
from hypsegcli.images.identify import HEAD, refuse_unknown

_BYTES_A_PIXEL, _BESIDE = 16, 2**26  # that a file may have at most, and what it may have beside its pixels
_UNREAD = re.compile("[Uu]nsupported|not yet supported|unknown raw mode")  # of what Pillow says


def read_file(path: Path, *, max_pixels: int) -> bytes:
    """All of a file that may be a picture: of others no more than the first bytes are looked at."""
    try:
        with open_regular(path) as file:
            data = file.read(HEAD)
            size = size_of(file)
            if data:
                refuse_unknown(path, data)
            if size > max_pixels * _BYTES_A_PIXEL + _BESIDE:
                raise ImageError(
                    f"{path}: the file has {size:,} bytes, more than any picture of {max_pixels:,} pixels; if it is "
                    f"meant to be so large, allow more with {setting('max_pixels')}",
                    "too_large",
                )
            data += file.read()
    except (OSError, ValueError, MemoryError) as error:
        raise _unreadable(path, error) from error
    if not data:
        raise ImageError(f"{path}: the file is empty (0 bytes); replace it", "empty")
    return data


def check_size(path: Path | str, height: int, width: int, *, max_pixels: int) -> None:
    """ImageError for a picture with no pixels, or with more than `max_pixels`."""
    if width < 1 or height < 1:
        raise ImageError(f"{path}: the picture is {width} x {height} pixels, so there is nothing in it", "empty")
    if width * height > max_pixels:
        raise ImageError(
            f"{path}: the picture is {width} x {height} = {width * height:,} pixels; at most {max_pixels:,} are "
            f"allowed; if it is meant to be so large, allow them with {setting('max_pixels', width * height)}, else "
            "cut it into smaller pictures",
            "too_large",
        )


@contextmanager
def image_errors(path: Path | str) -> Iterator[None]:
    """Turn any exception into an ImageError that names `path`: Pillow raises nearly every kind there is."""
    try:
        yield
    except ImageError:
        raise
    except MemoryError as error:
        raise ImageError(
            f"{path}: there is not enough memory to decode this picture; make it smaller", "out_of_memory"
        ) from error
    except Exception as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise _unreadable(path, error) from error
        reason = str(error) or type(error).__name__
        if _UNREAD.search(reason):
            raise ImageError(
                f"{path}: pictures of this kind are not read ({reason}); save it as PNG, as JPEG, or as a TIFF of RGB",
                "unsupported",
            ) from error
        raise ImageError(
            f"{path}: the picture is damaged and cannot be decoded ({reason}); replace the file",
            "truncated" if "truncated" in reason.lower() else "damaged",
        ) from error


def _unreadable(path: Path | str, error: OSError | ValueError | MemoryError) -> ImageError:
    """What the system says of a file that it does not give out."""
    if isinstance(error, FileNotFoundError):
        return ImageError(f"{path}: there is no such file; check the name", "missing")
    if isinstance(error, IsADirectoryError):
        return ImageError(f"{path}: this is a folder, not a picture; name the pictures in it", "unreadable")
    if isinstance(error, OSError) and error.errno == errno.ESTALE:
        return ImageError(f"{path}: it changed while it was read; segment it again", "changed")
    reason = getattr(error, "strerror", None) or str(error) or "not enough memory"
    return ImageError(
        f"{path}: the file cannot be read ({reason}); check its name and permissions",
        "out_of_memory" if isinstance(error, MemoryError) else "unreadable",
    )
