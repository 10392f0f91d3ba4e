"""What a graph can be written as: one class a format, and what each needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from typing import Any, Protocol

from numpy.typing import NDArray
from torch.export import ExportedProgram

from hypsegcli.errors import DeviceError, setting
from hypsegcli.export.onnx_file import OnnxFile
from hypsegcli.export.openvino_file import OpenVinoFile
from hypsegcli.export.pt2_file import Pt2File
from hypsegcli.export.request import FormatName
from hypsegcli.inference.engines.choose import EXTRAS, NEEDS
from hypsegcli.inference.prediction import RGB

Planes = list[NDArray[Any]]  # a graph's outputs (B, H, W), in their order


class Format(Protocol):
    """How a graph is written, and what runs it again."""

    label: str  # of what runs it: name and version

    def write(self, program: ExportedProgram, planes: Sequence[str], metadata: Mapping[str, str]) -> dict[str, bytes]:
        """The files of a graph by their suffixes, the one that names all of them first; planes get their names."""

    def load(self, files: Mapping[str, bytes]) -> Callable[[RGB], Planes]:
        """What runs such files on images (B, H, W, 3), in fp32 on the CPU."""


FORMATS: dict[FormatName, Callable[[], Format]] = {"onnx": OnnxFile, "openvino": OpenVinoFile, "pt2": Pt2File}
_ENGINES: dict[FormatName, str] = {"onnx": "onnxruntime", "openvino": "openvino"}


def require(name: FormatName) -> None:
    """Raise DeviceError where what writes a format, or runs it to compare, is not installed."""
    engine = _ENGINES.get(name)
    if engine is None:
        return
    for module in NEEDS[engine]:
        if find_spec(module) is None:
            raise DeviceError(
                f"{setting('to', name)}: {module} is not installed here; pip install '{EXTRAS[engine]}', or use "
                f"{setting('to', 'pt2')}"
            )
