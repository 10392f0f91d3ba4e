"""What stores say of objects, beside what they hold: by it a run knows them again without reading them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from hypsegcli.files.place import StorePath
from hypsegcli.run.manifest import Line, input_of, outputs_of, source_of
from hypsegcli.run.plan import PlannedImage

_ETAGS, _PHOTOGRAPH = "etags", "input"  # of a line, and what the photograph's is called among them


def etags_of(planned: PlannedImage) -> dict[str, Any]:
    """What a line adds on an image that is done: the ETags of its files by kind, and of its photograph, in stores."""
    files = {**planned.outputs, _PHOTOGRAPH: planned.source}
    places = {name: path for name, path in files.items() if isinstance(path, StorePath)}
    if not places:
        return {}
    from hypsegcli.files.stores.objects import take_tag

    found = {name: take_tag(path) for name, path in places.items()}
    return {_ETAGS: {name: etag for name, etag in found.items() if etag}}


def note_etags(out: Path, lines: Iterable[Line]) -> None:
    """Take objects that have the ETags of the lines of a run's folder for what the lines say; see `looking_ahead`."""
    for line in lines:
        etags = line.get(_ETAGS)
        if line["status"] != "done" or not isinstance(etags, dict):
            continue
        files = {kind: (out / path, digest) for kind, (path, digest) in outputs_of(line).items()}
        for name, (path, digest) in (files | {_PHOTOGRAPH: (input_of(line), source_of(line))}).items():
            if isinstance(path, StorePath) and isinstance(etags.get(name), str):
                from hypsegcli.files.stores.listing import note_digest

                note_digest(path, etags[name], *digest)
