"""The models that come with hypseg, and the files of checkpoints that are named."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from hypsegcli.errors import CheckpointError, setting


class BundledModel(NamedTuple):
    """A checkpoint in `weights/`; beside it lie its card, its recipe and the log of its training, under its name."""

    name: str
    world: str  # what it knows, in a few words
    aliases: tuple[str, ...] = ()  # what it may be called too

    @property
    def file(self) -> str:
        """The name of its checkpoint."""
        return f"{self.name}.safetensors"


MODELS = (
    BundledModel("streets", "streets by day, from a car or on foot", ("camvid",)),
    BundledModel("clothing", "what one standing person wears", ("fashion",)),
    BundledModel("nuclei", "cell nuclei under the microscope", ("cells",)),
    BundledModel("disk", "streets in two dimensions, for pictures of the Poincaré disk", ("streets-disk",)),
)

# What is taken where no checkpoint is named: to segment, and to draw the Poincaré disk.
DEFAULT, DISK = "streets", "disk"


def checkpoint_path(given: str | os.PathLike[str] | None, *, bundled: str = DEFAULT) -> Path:
    """The file of a checkpoint that was named, by its path or as a bundled model; without one, that of `bundled`.

    A file of that name comes before a bundled model, a folder does not. Raises CheckpointError where there is neither.
    """
    if given is None:
        return bundled_checkpoint(bundled)
    path = Path(given)
    return path if path.is_file() else bundled_checkpoint(os.fspath(given))


def bundled_checkpoint(name: str = DEFAULT) -> Path:
    """The file of a bundled model, by its name or an alias: inside the package, or in `weights/` beside it in a clone.

    Raises CheckpointError where no model is called so, or where its file is missing.
    """
    model = next((model for model in MODELS if name in (model.name, *model.aliases)), None)
    if model is None:
        raise CheckpointError(_no_such(name))
    package = Path(__file__).parents[1]
    for folder in (package / "weights", package.parent / "weights"):
        if (folder / model.file).is_file():
            return folder / model.file
    raise CheckpointError(
        f"the bundled checkpoint {model.file} is missing from this installation; pass {setting('checkpoint', 'FILE')}"
    )


def _no_such(name: str) -> str:
    from difflib import get_close_matches

    known = [called for model in MODELS for called in (model.name, *model.aliases)]
    near = get_close_matches(name, known, n=1)
    meant = f" (did you mean {near[0]}?)" if near else ""
    return (
        f"{name}: no such checkpoint file, and no bundled model is called so{meant}; give the path of a .safetensors "
        f"file, or one of {', '.join(known)}"
    )
