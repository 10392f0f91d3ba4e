"""Videos of a run's maps: of the frames of each video among the inputs, the overlays as one video, and the doubt.

They are made at the end of the files of the frames, so that they are the same however often the run was stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cached_property, partial
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from hypsegcli.files.books import film_of, is_of_all_images
from hypsegcli.files.digest import Digest
from hypsegcli.files.kinds import FILMED
from hypsegcli.images.frames import Clip, key_of_frame
from hypsegcli.run.accounts import read_manifest
from hypsegcli.run.manifest import Line, outputs_of


class _Source(NamedTuple):
    """What of a video among the inputs decides what those of its maps are."""

    key: str
    numbers: range  # of its frames that are images of the run
    rate: float  # of these, a second


class Films:
    """What a run makes of the frames of its videos, once all of them are done."""

    def __init__(self, out: Path, clips: Sequence[Clip], kinds: Collection[str]) -> None:
        self._out = out
        self._sources = [_Source(str(clip.key), clip.numbers(), clip.rate / clip.every) for clip in clips]
        self._kinds = [kind for kind in FILMED if kind in kinds]

    @property
    def names(self) -> list[str]:
        """Of the files, from the run's folder on."""
        return [film_of(kind, source.key) for source in self._sources for kind in self._kinds]

    def further(self) -> dict[str, Callable[[Path, str], Digest | None]]:
        """What writes each, for a Job."""
        pairs = ((kind, source) for source in self._sources for kind in self._kinds)
        return {film_of(kind, source.key): partial(self._write, kind, source) for kind, source in pairs}

    @cached_property
    def _lines(self) -> Mapping[str, Line]:
        return read_manifest(self._out)  # as it is when the first one is written, which is when no line is added

    def _write(self, kind: str, source: _Source, out: Path, recipe: str) -> Digest | None:
        return _write(self._lines, kind, source, out, recipe)


def of_clips(clips: Sequence[Clip]) -> dict[str, Any]:
    """What run.json says of the videos among the inputs; nothing where there are none."""
    said = [
        {
            "key": str(clip.key),
            "input": str(clip.path),
            "frames": clip.frames,
            "claimed": clip.claimed,
            "rate": clip.rate,
            "every": clip.every,
        }
        for clip in clips
    ]
    return {"clips": said} if said else {}


def frames_in(run: Mapping[str, Any]) -> dict[str, int]:
    """How many frames each video has that a run.json tells of, by its key."""
    return {source.key: source.numbers.stop for source in _sources_in(run)}


def films_in(run: Mapping[str, Any], lines: Mapping[str, Line]) -> dict[str, Callable[[Path, str], Digest | None]]:
    """What writes each, by name, that a run.json tells of and these lines have frames for."""
    pairs = ((kind, source) for source in _sources_in(run) for kind in FILMED)
    return {
        name: partial(_write, lines, kind, source)
        for kind, source in pairs
        if is_of_all_images(name := film_of(kind, source.key))
        and any(_files(kind, source, lines, str(run.get("recipe"))))
    }


def _sources_in(run: Mapping[str, Any]) -> Iterator[_Source]:
    clips = run.get("clips")
    for clip in clips if isinstance(clips, list) else ():
        try:
            numbers = range(0, int(clip["frames"]), int(clip["every"]))
            yield _Source(str(clip["key"]), numbers, float(clip["rate"]) / numbers.step)
        except (KeyError, OverflowError, TypeError, ValueError):  # somebody has edited it
            continue


def _write(lines: Mapping[str, Line], kind: str, source: _Source, out: Path, recipe: str) -> Digest | None:
    """Write a video of what a recipe has made of a kind; None, and nothing is written, where that is nothing."""
    from hypsegcli.images.video_write import write_video

    files = _files(kind, source, lines, recipe)
    first = next(files, None)
    if first is None:
        return None
    paths = (out / path for path in chain([first], files))
    return write_video(out / film_of(kind, source.key), paths, rate=source.rate)


def _files(kind: str, source: _Source, lines: Mapping[str, Line], recipe: str) -> Iterator[PurePosixPath]:
    """The files of a kind that are made of the frames, in their order, without those of frames that failed."""
    for number in source.numbers:
        line = lines.get(str(key_of_frame(source.key, number)))
        if line is not None and line["status"] == "done" and line["recipe"] == recipe and kind in outputs_of(line):
            yield outputs_of(line)[kind][0]
