"""What the arguments of a run name: pictures, and the frames of videos."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hypsegcli.cli.console import talk
from hypsegcli.cli.show.run import tell_of_clips, tell_of_skipped
from hypsegcli.images.discover import Inputs, find_inputs
from hypsegcli.images.frames import take_frames
from hypsegcli.images.pages import PageChoice, take_pages

if TYPE_CHECKING:
    from hypsegcli.images.frames import Clip


def find_images(
    paths: Sequence[str], *, every: int | None, max_pixels: int, quiet: bool, pages: str | None = None
) -> tuple[Inputs, Sequence[Clip]]:
    """The images of a run, frames and pages among them, and the videos that frames are of; says what is left out.

    A person at a terminal is told what takes a while.
    """

    def say_what_is_read(path: Path) -> None:
        if not quiet and sys.stderr.isatty():
            talk(f"{path}: counting frames ...")

    choice = None if pages is None else PageChoice.parse(pages)
    found = find_inputs(paths, videos=True)
    tell_of_skipped(found, quiet=quiet)
    found, clips = take_frames(found, every=every, max_pixels=max_pixels, before=say_what_is_read)
    tell_of_clips(clips, quiet=quiet)
    return take_pages(found, choice), clips
