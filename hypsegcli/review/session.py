"""A run that is being reviewed: what the page asks for, answered from the run's folder."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hypsegcli.checkpoint.read_header import is_torch_file, read_header
from hypsegcli.confidence.measures import MEASURES
from hypsegcli.confidence.regions import Bounds
from hypsegcli.errors import CheckpointError, HypsegError, ImageError, PlanError
from hypsegcli.files.books import MANIFEST, REGIONS, REVIEW, holds_a_run
from hypsegcli.files.place import StorePath, refuse_address
from hypsegcli.files.regular import is_there, state_of
from hypsegcli.files.table import as_cell
from hypsegcli.files.words import as_text, count_of, printable
from hypsegcli.review.pictures import ZOOMS, Layer, Pictures, window_around
from hypsegcli.review.places import VERDICTS, Mark, Place, Wanted, read_places
from hypsegcli.review.verdicts import Verdicts
from hypsegcli.run.accounts import read_manifest, read_run, shards_of
from hypsegcli.run.manifest import Line, input_of
from hypsegcli.run.seen import seen_in

_FOLDERS = 500  # that the page offers; others can be typed
_PAGE = 100  # places that are sent at once


class Session:
    """The places of a run, their pictures and their verdicts. Any number of threads may ask."""

    def __init__(self, out: Path) -> None:
        """Raises PlanError for a folder that is no run's, or cannot be reviewed, before anything is decoded."""
        refuse_address(out)
        if not is_there(out):
            raise PlanError(f"{out}: is not there; name a folder that hypseg uncertainty wrote")
        if not holds_a_run(out):
            raise PlanError(f"{out}: holds no {MANIFEST} of a run; name a folder that hypseg uncertainty wrote")
        if len(shards_of(out)) > 1:
            raise PlanError(f"{out}: the run is in shards, of which hypseg merge makes one; review that")
        self.out = out
        self._lines = read_manifest(out)
        self._key_of = {cell: key for key in self._lines if (cell := as_cell(key)) != key}
        self._state = _state_at(out / REGIONS)
        self.places, self.notices = read_places(out)
        self._seen: dict[str, str] = {}  # by keys of places, what there is to be seen of the images
        self.verdicts = Verdicts(out / REVIEW, self._seen_of)
        self._given = np.zeros(len(self.places), np.int8)
        self._generation = -1
        self._lock = threading.Lock()
        self.notices += self._missing_photographs()
        run = read_run(out)
        self._told = _told_by(run)
        self._pictures = Pictures(out, below=1 - self._told["doubtful"] if _is_chance(run) else None)
        if (status := run.get("status")) != "finished":
            self.notices.append(f"{out}: the run is {status}; the places are those of the images that it has done")
        self._catch_up()
        self.notices += self._uncounted()

    def facts(self) -> dict[str, Any]:
        """What the page says and offers as a whole."""
        return {
            "out": printable(as_text(self.out)),
            "places": len(self.places),
            "images": len({place.mark.key for place in self.places}),
            "classes": self.places.class_counts(),
            "folders": self.places.folder_counts(_FOLDERS),
            "zooms": ZOOMS,
            **self._told,
            "notices": [printable(as_text(notice)) for notice in self._notices()],
            **self.progress(),
        }

    def _notices(self) -> list[str]:
        return [*self.notices, *self.verdicts.notices(), *self.outdated()]

    def outdated(self) -> list[str]:
        """A sentence where a run has listed other places since."""
        if _state_at(self.out / REGIONS) == self._state:
            return []
        return [f"{self.out / REGIONS}: is another list by now; start hypseg review again to see its places"]

    def progress(self) -> dict[str, int]:
        """How many places of the run have which verdict."""
        with self._lock:
            self._catch_up()
            given = np.bincount(self._given, minlength=len(VERDICTS))
        return dict(zip(VERDICTS[1:], given[1:].tolist(), strict=True))

    def page(self, wanted: Wanted, *, after: int = -1, before: int | None = None) -> dict[str, Any]:
        """Places of those that are wanted: the first behind the place `after`, or the last before `before`."""
        with self._lock:
            self._catch_up()
            given = self._given.copy()
        chosen = self.places.select(wanted, given)
        if before is None:
            first = int(np.searchsorted(chosen, after, side="right"))
        else:
            first = max(0, int(np.searchsorted(chosen, before)) - _PAGE)
        page = chosen[first : first + _PAGE]
        return {
            "places": [self._listed(int(number), given) for number in page],
            "first": first,
            "total": len(chosen),
            **self.progress(),
        }

    def _listed(self, number: int, given: NDArray[np.int8]) -> dict[str, Any]:
        place = self.places[number]
        return {
            "id": number,
            "rank": place.rank,
            "key": place.mark.key,
            "class": place.name,
            "expected": place.expected,
            "verdict": VERDICTS[given[number]],
        }

    def place(self, number: int, zoom: int) -> dict[str, Any]:
        """All about a place, its window, and the classes in that; a `problem` where there is one."""
        place = self.places[number]
        told = {
            "id": number,
            "rank": place.rank,
            "image": place.image,
            "key": place.mark.key,
            "box": place.mark[1:],
            "area": place.area,
            "expected": place.expected,
            "class": place.name,
            "classes": place.classes,
            "verdict": self.verdicts.of(place.mark),
        }
        try:
            line = self._line(place)
        except HypsegError as error:
            return told | {"problem": printable(as_text(error))}
        windows = [window_around(place.mark, line["height"], line["width"], step) for step in range(ZOOMS)]
        window = windows[zoom]
        told |= {"size": [line["width"], line["height"]], "window": window, "windows": windows}
        try:
            labels = self._pictures.labels(line)
        except HypsegError as error:
            return told | {"problem": printable(as_text(error))}
        counts = np.bincount(window.of(labels.ids).ravel())
        order = [int(number) for number in np.argsort(-counts, kind="stable") if counts[number]]
        return told | {
            "legend": [
                [
                    printable(labels.name(number)),
                    "#" + bytes(labels.palette[number]).hex(),
                    counts[number] / counts.sum(),
                ]
                for number in order
            ]
        }

    def picture(self, number: int, layer: Layer, zoom: int, *, fine: bool = False) -> tuple[bytes, str]:
        """A layer of the window of a place, as `Pictures.encode` has it; HypsegError where it cannot be shown."""
        place = self.places[number]
        return self._pictures.encode(self._line(place), place.mark, layer, zoom, area=place.area, fine=fine)

    def judge(self, number: int, verdict: str) -> dict[str, Any]:
        """Give a place a verdict, empty to take it back; see `Verdicts.give`.

        HypsegError where its label map is another by now: the line in the file says on which one the verdict is.
        """
        key = self.places[number].mark.key
        line = self._lines.get(self._key_of.get(key, key))
        if verdict and line is not None:
            self._pictures.check(line)
        with self._lock:
            before = self.verdicts.give(self.places[number].mark, verdict)
            self._given[number] = VERDICTS.index(verdict)
        return {"id": number, "verdict": verdict, "before": before, **self.progress()}

    def close(self) -> None:
        """Wait for a verdict that is being written."""
        self.verdicts.close()

    def _line(self, place: Place) -> Line:
        key = self._key_of.get(place.mark.key, place.mark.key)
        line = self._lines.get(key)
        if line is None or line["status"] != "done":
            raise ImageError(
                f"{place.mark.key}: {MANIFEST} has no such image that is done; it has been removed, or has failed, "
                "since the list of places was written",
                "missing",
            )
        return line

    def _catch_up(self) -> None:
        """Take over what other servers, and editors, have written."""
        self.verdicts.refresh()
        if self._generation != self.verdicts.generation:
            self._generation = self.verdicts.generation
            self._given[:] = 0
            for mark in self.verdicts.marks():
                if (number := self.places.number_of.get(mark)) is not None:
                    self._given[number] = VERDICTS.index(self.verdicts.of(mark))

    def _seen_of(self, mark: Mark) -> str:
        if mark.key not in self._seen:
            self._seen[mark.key] = seen_in(self._lines.get(self._key_of.get(mark.key, mark.key)))
        return self._seen[mark.key]

    def _uncounted(self) -> list[str]:
        """Sentences on verdicts that are of no place of this run, or of one that was another."""
        other = self.verdicts.of_something_else()
        unknown = {mark for mark in (*self.verdicts.marks(), *other) if mark not in self.places.number_of}
        changed = sum(mark in self.places.number_of for mark in other)
        whose = "a place" if len(unknown) == 1 else "places"
        return [
            f"{self.verdicts.path}: {count_of(count, 'verdict')} {of} {'stays' if count == 1 else 'stay'} there and "
            f"{'counts' if count == 1 else 'count'} for nothing here"
            for count, of in (
                (len(unknown), f"of {whose} that this run does not list, of an earlier one perhaps,"),
                (changed, "on other label maps, or photographs, than the run has by now"),
            )
            if count
        ]

    def _missing_photographs(self) -> list[str]:
        """A sentence where some photographs are not where they were; PlanError where none is."""
        sources = self._sources({place.mark.key: place for place in self.places}.values())
        here = [path for path in sources if not isinstance(path, StorePath)]  # a store would be asked for each
        missing = [path for path in here if not is_there(path)]
        if not missing:
            return []
        if len(missing) == len(sources):
            raise PlanError(
                f"{self.out}: none of its {count_of(len(sources), 'photograph')} is where it was, such as "
                f"{missing[0]}; put them back there, so that a person can see what there is"
            )
        of = f"of {count_of(len(sources), 'photograph')}"
        if len(missing) == 1:
            return [f"1 {of} is not where it was, {missing[0]}; its places show classes and doubt alone"]
        return [
            f"{len(missing)} {of} are not where they were, such as {missing[0]}; their places show classes and doubt "
            "alone"
        ]

    def _sources(self, places: Iterable[Place]) -> list[Path]:
        found = dict[Path, None]()
        for place in places:
            try:
                found[input_of(self._line(place))] = None
            except ImageError:  # which its place says
                continue
        return list(found)


def _told_by(run: Mapping[str, Any]) -> dict[str, Any]:
    """Of a run.json, what the page shows otherwise: from which doubt on a place is one, and what is no thing at all."""
    options, checkpoint = run.get("options"), run.get("checkpoint")
    below = options.get("below") if isinstance(options, dict) else None
    request = options.get("request") if isinstance(options, dict) else None
    main = request.get("main") if isinstance(request, dict) else None
    path = checkpoint.get("path") if isinstance(checkpoint, dict) else None
    return {
        "doubtful": 1 - (below if isinstance(below, float) and 0 < below < 1 else Bounds().below),
        "doubt": MEASURES[main].doubt_title if main in MEASURES else "",
        "background": _background_of(Path(path)) if isinstance(path, str) else None,
    }


def _is_chance(run: Mapping[str, Any]) -> bool:
    """Whether the planes of doubt may be what regions were found in: how likely pixels are to be wrong."""
    options = run.get("options")
    request = options.get("request") if isinstance(options, dict) else None
    return isinstance(request, dict) and request.get("main") in ("calibrated", "max-probability")


def _background_of(checkpoint: Path) -> str | None:
    """The class that is the rest of the world, which overlays leave clear; None where nobody knows of one any more."""
    try:
        header = None if is_torch_file(checkpoint) else read_header(checkpoint)  # that alone needs no torch
    except (CheckpointError, OSError, ValueError):
        return None
    return None if header is None or header.background is None else printable(header.tree.names[header.background])


def _state_at(path: Path) -> tuple[int, ...] | None:
    """What is another once a file has been replaced, or written into; None where there is none."""
    try:
        return state_of(path.stat())
    except OSError:
        return None
