"""Whether a folder lies in another one, however either is named."""

from __future__ import annotations

from pathlib import Path

from hypsegcli.files.place import locate, real


def folders_around(place: Path) -> tuple[Path, ...]:
    """The folder itself, as it is meant through links, and all above it."""
    meant = locate(real(place))
    return (meant, *meant.parents)


def is_within(place: Path, folder: Path) -> bool:
    """Whether a place, which may not be there yet, is a folder that is there or lies below it.

    Told by identity, which also sees through links, mounts and file systems that ignore case.
    """
    return any(folder.samefile(around) for around in folders_around(place) if around.exists())
