"""torch.export's own format, for programs that have torch and not hypseg."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from numpy.typing import NDArray
from torch.export import ExportedProgram

from hypsegcli.inference.prediction import RGB

_SUFFIX = ".pt2"


class Pt2File:
    """One .pt2 file; what is known of it are files of their own in it."""

    def __init__(self) -> None:
        self.label = f"torch {torch.__version__}"

    def write(self, program: ExportedProgram, planes: Sequence[str], metadata: Mapping[str, str]) -> dict[str, bytes]:
        """As in `Format`, but that planes have no names, only their order."""
        for node in program.graph.nodes:  # where in whose files it was traced
            node.meta.pop("stack_trace", None)
        file = io.BytesIO()
        torch.export.save(program, file, extra_files=dict(metadata))
        return {_SUFFIX: file.getvalue()}

    def load(self, files: Mapping[str, bytes]) -> Callable[[RGB], list[NDArray[Any]]]:
        """As in `Format`."""
        network = torch.export.load(io.BytesIO(files[_SUFFIX])).module()

        def run(images: RGB) -> list[NDArray[Any]]:
            with torch.inference_mode():
                return [plane.numpy() for plane in network(torch.from_numpy(images))]

        return run
