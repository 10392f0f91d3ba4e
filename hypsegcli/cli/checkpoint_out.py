"""The checkpoint that a command writes of another: what may lie at its place."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from hypsegcli.errors import UsageError
from hypsegcli.files.atomic import already_there, refuse_unwritable
from hypsegcli.files.books import refuse_in_a_run

if TYPE_CHECKING:
    from hypsegcli.files.digest import Digest


def checkpoint_to_write(out: Path, *, overwrite: bool) -> Digest | None:
    """What lies at `--out`, if it may be replaced; UsageError or PlanError where no checkpoint can be written there."""
    from hypsegcli.files.digest import digest_file

    if out.suffix != ".safetensors":
        raise UsageError(f"--out {out}: expected a name that ends in .safetensors")
    refuse_in_a_run(out, "a checkpoint")
    if os.path.lexists(out) and not overwrite:
        raise already_there(out)
    refuse_unwritable(out.parent)
    found = digest_file(out)
    if found is None and os.path.lexists(out):
        raise UsageError(f"--out {out}: is there, and is no file that can be read; choose another, or remove it")
    return found
