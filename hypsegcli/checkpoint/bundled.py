"""The models that come with hypseg, and the files of checkpoints that are named."""

from __future__ import annotations

import os
from collections.abc import Callable
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


class CheckpointFile(NamedTuple):
    """A checkpoint that was named."""

    path: Path
    source: str = ""  # where it was fetched from, as an address that names the same bytes for good; empty for a file


def find_checkpoint(
    given: str | os.PathLike[str] | None,
    *,
    bundled: str = DEFAULT,
    tell: Callable[[str], None] = lambda sentence: None,
    advance: Callable[[int, int | None], None] = lambda here, total: None,
) -> CheckpointFile:
    """The file of a checkpoint that was named, by its path, as a bundled model or an address; else `bundled`.

    A file of that name comes before a bundled model, a folder does not. What an address names is fetched, unless it is
    in the cache; `tell` hears of that in sentences, `advance` of bytes that are here and of all that there will be.
    Raises CheckpointError where there is no such checkpoint, UsageError for what cannot be an address.
    """
    if given is None:
        return CheckpointFile(bundled_checkpoint(bundled))
    from hypsegcli.checkpoint.remote.address import is_address

    name = os.fspath(given)
    if is_address(name):
        from hypsegcli.checkpoint.remote.fetch import fetch

        return CheckpointFile(*fetch(name, tell=tell, advance=advance))
    path = Path(given)
    return CheckpointFile(path if path.is_file() else bundled_checkpoint(name))


def checkpoint_path(given: str | os.PathLike[str] | None, *, bundled: str = DEFAULT) -> Path:
    """The file of a checkpoint that was named, as `find_checkpoint` finds it."""
    return find_checkpoint(given, bundled=bundled).path


def named_from(directory: Path, given: str) -> str:
    """What names, from here, the checkpoint that `given` names in a directory."""
    from hypsegcli.checkpoint.remote.address import is_address

    path = directory / given
    known = any(given in (model.name, *model.aliases) for model in MODELS)
    return given if is_address(given) or (known and not path.is_file()) else str(path)


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
        f"file, an address (hf://OWNER/NAME), or one of {', '.join(known)}"
    )
